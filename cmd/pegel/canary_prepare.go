package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"pegel/internal/ownership"
)

func canaryPlantCommand(env environment) *cobra.Command {
	var (
		flags  canaryFlags
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "plant SCENARIO --accounts batch.csv",
		Short: "put signed items into each source account of a batch",
		Long: `Appends four small signed messages to the INBOX of each source account (target imap.source): two that
the core pass carries over and two older ones that the deferred pass does, each with its original
date, marked as read. Where the scenario has the targets caldav.source and caldav, two signed events
come into a calendar, one ahead and one long past; with carddav.source and carddav a contact into an
address book. What is there already is not planted again. Plant right before the batch: younger
items grow older.`,
		Args: exactly(1, "one scenario file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, work, err := flags.work(env, args[0])
			if err != nil {
				return err
			}
			side, err := flags.platform(s, oldPlatform, work.Moves)
			if err != nil {
				return err
			}
			ctx, release := untilInterrupt(cmd.Context(), env)
			defer release()
			outcomes := ownership.Plant(ctx, side, work, time.Now(), nil)
			if ctx.Err() != nil {
				return &exitError{code: exitInterrupted, err: fmt.Errorf("interrupted; the command may be repeated, what is planted is not planted again")}
			}
			if err := flags.refused(); err != nil {
				return err
			}
			return tellOutcomes(env, outcomes, asJSON, "planted", "there before")
		},
	}
	flags.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was done for each account as JSON")
	return cmd
}

func canaryFingerprintCommand(env environment) *cobra.Command {
	var (
		flags  canaryFlags
		out    string
		sample int
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "fingerprint SCENARIO --accounts batch.csv --out FILE",
		Short: "take keyed hashes of the Message-IDs of each source account, read-only",
		Long: `Reads the Message-IDs of all mailboxes of each source account (target imap.source) with EXAMINE, and
writes a file of keyed hashes from which nothing can be read without the key, not even the accounts'
names. Of mailboxes with more than --sample messages an even sample is kept.`,
		Args: exactly(1, "one scenario file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return usage("--out is missing: the file for the fingerprints")
			}
			if folder, err := os.Stat(filepath.Dir(out)); err != nil || !folder.IsDir() {
				return usage("--out %s: there is no folder %s", out, filepath.Dir(out))
			}
			if at, err := os.Stat(out); err == nil && at.IsDir() {
				return usage("--out %s is a folder", out)
			}
			if sample < 16 || sample > 1<<20 {
				return usage("--sample %d: give a number from 16 to %d", sample, 1<<20)
			}
			flags.items = []string{string(ownership.Mail)}
			s, work, err := flags.work(env, args[0])
			if err != nil {
				return err
			}
			side, err := flags.platform(s, oldPlatform, work.Moves)
			if err != nil {
				return err
			}
			ctx, release := untilInterrupt(cmd.Context(), env)
			defer release()
			now := time.Now()
			sketches, outcomes := ownership.Fingerprint(ctx, side[ownership.Mail], work, sample, now, nil)
			if ctx.Err() != nil {
				return &exitError{code: exitInterrupted, err: fmt.Errorf("interrupted; %s was not written", out)}
			}
			if err := flags.refused(); err != nil {
				return err
			}
			if len(sketches) > 0 {
				err := writeTo(out, func(w io.Writer) error {
					return ownership.WriteFingerprints(w, work.Key, &ownership.Fingerprints{Made: now, Limit: work.Limit, Sketches: sketches})
				})
				if err != nil {
					return err
				}
			}
			return tellOutcomes(env, outcomes, asJSON, "hashes kept", "messages seen")
		},
	}
	flags.register(cmd)
	_ = cmd.Flags().MarkHidden("items") // fingerprints are of mail
	cmd.Flags().StringVar(&out, "out", "", "file for the fingerprints")
	cmd.Flags().IntVar(&sample, "sample", ownership.UsualSample, "messages of each account to keep at most")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was done for each account as JSON")
	return cmd
}

func tellOutcomes(env environment, outcomes []ownership.Outcome, asJSON bool, made, found string) error {
	var failures []error
	sum := ownership.Outcome{}
	for _, o := range outcomes {
		sum.Made += o.Made
		sum.Found += o.Found
		if o.Err != nil {
			failures = append(failures, o.Err)
		}
	}
	var err error
	if asJSON {
		err = writeIndented(env.stdout, struct {
			Format   int                 `json:"format"`
			Accounts []ownership.Outcome `json:"accounts"`
		}{1, outcomes})
	} else {
		_, err = fmt.Fprintf(env.stdout, "%d accounts: %d %s, %d %s\n", len(outcomes)-len(failures), sum.Made, made, sum.Found, found)
	}
	if err != nil {
		return err
	}
	return tellFailures(env, failures, len(outcomes))
}
