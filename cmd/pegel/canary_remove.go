package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pegel/internal/ownership"
)

func canaryRemoveCommand(env environment) *cobra.Command {
	var (
		flags       canaryFlags
		from        []string
		dry, asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "remove SCENARIO --accounts batch.csv",
		Short: "take the signed items of a batch out of its accounts again",
		Long: `Removes the canaries of the batch, wherever in the accounts' own mailboxes, calendars and address books
they are now, on both platforms or those of --from. An item is removed only if its signature is
right, it is of this batch and its owner's. Canaries of other owners are evidence: they are left alone,
and the exit code is 99, as for items that look like canaries of the batch but are signed with another key. The command may be interrupted and repeated.`,
		Args: exactly(1, "one scenario file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, work, err := flags.work(env, args[0])
			if err != nil {
				return err
			}
			ctx, release := untilInterrupt(cmd.Context(), env)
			defer release()
			places := []removal{}
			for _, name := range from { // all is known to be in order before the first packet
				p := removal{Platform: name}
				switch name {
				case "source":
					p.side = oldPlatform
				case "target":
				default:
					return usage("--from %.40q is neither source nor target", name)
				}
				if p.at, err = flags.platform(s, p.side, work.Moves); err != nil {
					return err
				}
				places = append(places, p)
			}
			for i := range places {
				if flags.guard.Ended() != nil {
					places = places[:i]
					break
				}
				places[i].Accounts = ownership.Remove(ctx, places[i].at, work, accountOn(places[i].side), dry)
			}
			err = tellRemoved(env, places, dry, asJSON)
			if ctx.Err() == nil {
				return cmp.Or(flags.refused(), err)
			}
			return &exitError{code: exitInterrupted, err: fmt.Errorf("interrupted; the command may be repeated, what is removed stays so")}
		},
	}
	flags.register(cmd)
	cmd.Flags().StringSliceVar(&from, "from", []string{"source", "target"}, "platforms: source, target")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "count what would be removed, and change nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print what was done for each account as JSON")
	return cmd
}

// removal is what was removed from one platform.
type removal struct {
	Platform string              `json:"platform"`
	Accounts []ownership.Removed `json:"accounts"`

	side string
	at   ownership.Platform
}

func tellRemoved(env environment, places []removal, dry, asJSON bool) error {
	var (
		b                                 strings.Builder
		failures                          []error
		accounts, foreign, unsigned, left int
	)
	verb := "removed"
	if dry {
		verb = "would be removed"
	}
	for _, p := range places {
		var sum ownership.Removed
		for _, r := range p.Accounts {
			sum.Mail, sum.Events, sum.Contacts = sum.Mail+r.Mail, sum.Events+r.Events, sum.Contacts+r.Contacts
			foreign, unsigned = foreign+r.Foreign, unsigned+r.Unsigned
			accounts++
			if r.Foreign > 0 {
				left++
				fmt.Fprintf(env.stderr, "%s on the %s: %d canaries of other owners, left alone\n", r.Account, p.Platform, r.Foreign)
			}
			if r.Err != nil {
				failures = append(failures, r.Err)
			}
		}
		fmt.Fprintf(&b, "%s: %d accounts, %d messages, %d events, %d contacts %s\n", p.Platform, len(p.Accounts), sum.Mail, sum.Events, sum.Contacts, verb)
	}
	var err error
	if asJSON {
		err = writeIndented(env.stdout, struct {
			Format    int       `json:"format"`
			DryRun    bool      `json:"dry_run"`
			Platforms []removal `json:"platforms"`
		}{1, dry, places})
	} else {
		_, err = fmt.Fprint(env.stdout, b.String())
	}
	if err != nil {
		return err
	}
	if unsigned > 0 {
		fmt.Fprintf(env.stderr, "warning: %d items look like canaries of this batch, but their signature is wrong or gone; they are left alone\n", unsigned)
	}
	failed := tellFailures(env, failures, accounts)
	if foreign > 0 {
		text := fmt.Sprintf("%d accounts hold canaries of other owners", left)
		if failed != nil {
			text += "; " + failed.Error()
		}
		return &exitError{code: exitObjective, err: fmt.Errorf("%s", text), hint: "pegel canary verify says whose; remove them only when the mailboxes are in order again"}
	}
	if unsigned > 0 {
		text := fmt.Sprintf("%d items that look like canaries of this batch stay, signed with another key or changed", unsigned)
		if failed != nil {
			text += "; " + failed.Error()
		}
		return &exitError{code: exitObjective, err: fmt.Errorf("%s", text), hint: otherKeyHint}
	}
	return failed
}

// otherKeyHint is for items that look like canaries but have no right signature.
const otherKeyHint = "check that the key is the one that canary plant had"
