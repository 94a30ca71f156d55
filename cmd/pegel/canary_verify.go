package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pegel/internal/ownership"
)

// verifying is one `pegel canary verify`.
type verifying struct {
	canaryFlags
	env                environment
	prints, pass, hook string
	follow, json       bool
	every, most        time.Duration
}

func canaryVerifyCommand(env environment) *cobra.Command {
	c := verifying{env: env}
	cmd := &cobra.Command{
		Use:   "verify SCENARIO --accounts batch.csv",
		Short: "look in each target account of a batch for its own items and for foreign ones",
		Long: `Looks in all mailboxes of each target account (target imap), read-only: which of the account's own items are
there, which are missing, which are foreign and whose, and whether shared mailboxes (column shared)
can be opened. Items are those of canary plant and, with --fingerprints, people's own messages. Where
the scenario has caldav.source and caldav, or carddav.source and carddav, calendars and address books
are looked at as well; --items chooses.

A few messages of somebody else's prove nothing without a canary: people resend and move mail. They are
told as not enough evidence, with exit code 122 where nothing else is wrong.

--pass core misses only what the core pass carries over; the default is everything. --follow looks again and
again while a pass runs and stops at the first foreign item; --hook names a command that is called
then, with PEGEL_FINDING, PEGEL_SOURCE, PEGEL_TARGET and PEGEL_OWNER in its environment.

Exit code 99: something is foreign, missing or cannot be reached.`,
		Args: exactly(1, "one scenario file"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.verify(cmd, args[0]) },
	}
	c.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&c.prints, "fingerprints", "", "file that canary fingerprint wrote")
	flags.StringVar(&c.pass, "pass", string(ownership.Deferred), "last pass that is complete: core or deferred")
	flags.BoolVar(&c.follow, "follow", false, "look again and again until something foreign is found, --for is over or an interrupt comes")
	flags.DurationVar(&c.every, "every", 5*time.Second, "with --follow: time from one look to the next")
	flags.DurationVar(&c.most, "for", 12*time.Hour, "with --follow: how long at most; then all is verified once")
	flags.StringVar(&c.hook, "hook", "", "shell command to be called once if something is foreign or missing, at once for the first foreign item")
	flags.BoolVar(&c.json, "json", false, "print the findings as JSON")
	return cmd
}

func (c *verifying) verify(cmd *cobra.Command, file string) error {
	ctx, pass := cmd.Context(), ownership.Pass(c.pass)
	for _, name := range []string{"every", "for"} {
		if cmd.Flags().Changed(name) && !c.follow {
			return usage("--%s says how to follow: add --follow, or leave it out", name)
		}
	}
	switch {
	case pass != ownership.Core && pass != ownership.Deferred:
		return usage("--pass %s: write core or deferred", c.pass)
	case c.every < 100*time.Millisecond || c.every > time.Hour:
		return usage("--every %s: give a time from 100ms to 1h", c.every)
	case c.most <= 0:
		return usage("--for %s: give a time above 0", c.most)
	}
	s, work, err := c.work(c.env, file)
	if err != nil {
		return err
	}
	side, err := c.platform(s, "", work.Moves)
	if err != nil {
		return err
	}
	if _, mail := side[ownership.Mail]; !mail && c.prints != "" {
		return usage("--fingerprints are of mail, which --items leaves out")
	}
	var prints *ownership.Fingerprints
	if c.prints != "" {
		prints, err = readCSV(c.prints, func(name string, r io.Reader) (*ownership.Fingerprints, error) {
			return ownership.ReadFingerprints(name, r, work.Key)
		})
		if errors.Is(err, ownership.ErrOtherKey) {
			return &exitError{code: exitScenario, err: err, hint: "set " + c.key + " to the key that they were made with"}
		}
		if err != nil {
			return err
		}
	}
	v, err := ownership.NewVerifier(side, work, pass, prints)
	if err != nil {
		return &exitError{code: exitScenario, err: err, hint: "take the fingerprints of this batch again"}
	}
	ctx, release := untilInterrupt(ctx, c.env)
	defer release()
	began := time.Now()
	if c.follow {
		if list, found := c.following(ctx, v); found {
			return c.tell(list, pass, time.Since(began), true)
		}
		if err := c.refused(); err != nil {
			return err
		}
	}
	if ctx.Err() == nil {
		list := v.Once(ctx, nil)
		foreign := slices.ContainsFunc(list, func(f ownership.Finding) bool { return len(f.Foreign) > 0 })
		if err := c.refused(); err != nil && ctx.Err() == nil && !foreign {
			return err
		}
		if ctx.Err() == nil {
			return c.tell(list, pass, time.Since(began), false)
		}
	}
	return &exitError{code: exitInterrupted, err: errors.New("interrupted; nothing foreign was found so far, and what is missing was not looked for")}
}

// following follows the pass; found tells whether something foreign ended it.
func (c *verifying) following(ctx context.Context, v *ownership.Verifier) (list []ownership.Finding, found bool) {
	limited, cancel := context.WithTimeout(ctx, c.most)
	defer cancel()
	said := followText{w: c.env.stderr}
	list = v.Follow(limited, c.every, said.tell)
	for i := range list {
		if len(list[i].Foreign) > 0 {
			return list, true
		}
	}
	return nil, false
}

// followText tells how following goes: when it has begun, and when accounts fail, recover or come into doubt, but not the same again and again.
type followText struct {
	w                io.Writer
	failed, doubtful int
}

func (t *followText) tell(r ownership.Round) {
	switch {
	case r.Failed > t.failed:
		fmt.Fprintf(t.w, "look %d: %d accounts could not be looked at, and are tried again; following goes on. One of them: %v\n", r.Look, r.Failed, r.First)
	case r.Failed < t.failed && r.Failed > 0:
		fmt.Fprintf(t.w, "look %d: %d accounts still cannot be looked at\n", r.Look, r.Failed)
	case r.Failed < t.failed:
		fmt.Fprintf(t.w, "look %d: all accounts can be looked at again\n", r.Look)
	case r.Look == 1:
		fmt.Fprintln(t.w, "following; every account has been looked at once")
	}
	if r.Doubtful > t.doubtful {
		fmt.Fprintf(t.w, "look %d: %d accounts have messages of others, not enough evidence yet\n", r.Look, r.Doubtful)
	}
	t.failed, t.doubtful = r.Failed, r.Doubtful
}

// tell prints the findings, calls the hook and makes the exit code. With only, just the accounts with foreign items are told: the others were
// not looked at to the end.
func (c *verifying) tell(list []ownership.Finding, pass ownership.Pass, took time.Duration, only bool) error {
	var wrong, shown []ownership.Finding
	var failures []error
	doubtful, unsigned := 0, 0
	for _, f := range list {
		unsigned += f.Unsigned
		switch {
		case f.Wrong():
			wrong = append(wrong, f)
		case f.Err != nil:
			failures = append(failures, f.Err)
		}
		if f.Wrong() || len(f.Doubtful) > 0 {
			shown = append(shown, f)
		}
		if len(f.Doubtful) > 0 {
			doubtful++
		}
	}
	all := len(list)
	if only {
		list, shown, failures = wrong, wrong, nil
	}
	var err error
	if c.json {
		err = writeIndented(c.env.stdout, struct {
			Format   int                 `json:"format"`
			Pass     ownership.Pass      `json:"pass"`
			Stopped  bool                `json:"stopped"` // at the first foreign item; accounts are those with one
			OK       bool                `json:"ok"`
			Verified int                 `json:"verified"`
			Doubtful int                 `json:"doubtful"` // accounts with messages of others, but not enough evidence
			Seconds  float64             `json:"seconds"`
			Accounts []ownership.Finding `json:"accounts"`
		}{1, pass, only, len(wrong)+len(failures)+doubtful == 0, all - len(failures), doubtful, took.Seconds(), list})
	} else {
		err = writeFindings(c.env.stdout, shown, len(wrong), all-len(failures), pass, took, only)
	}
	if err != nil {
		return err
	}
	hint := ""
	if unsigned > 0 {
		hint = otherKeyHint
		fmt.Fprintf(c.env.stderr, "warning: %d items look like canaries of this batch, but are signed with another key or changed; they count for nobody\n", unsigned)
	}
	if len(wrong) == 0 {
		if failed := tellFailures(c.env, failures, all); failed != nil || doubtful == 0 {
			return failed
		}
		return &exitError{code: exitCaution, err: fmt.Errorf("%d of %d accounts have messages of others: not enough evidence of a wrong pass", doubtful, all),
			hint: "people may have resent or moved these themselves; look at the accounts, or plant canaries before the next pass"}
	}
	c.call(wrong)
	failed := tellFailures(c.env, failures, all)
	text := fmt.Sprintf("%d of %d accounts are wrong", len(wrong), all)
	if only {
		text = fmt.Sprintf("foreign items in %d of %d accounts: stop the migration", len(wrong), all)
	}
	if failed != nil {
		text += "; " + failed.Error()
	}
	return &exitError{code: exitObjective, err: errors.New(text), hint: hint}
}

// hookLimit is how long a hook may take.
const hookLimit = time.Minute

// call runs the hook for the first finding, foreign items before all else. What it prints goes to standard error. That it fails is told and changes nothing. The
// names go by the environment, never into the command's text; the key and the variables with the scenario's secrets are taken out of it.
func (c *verifying) call(wrong []ownership.Finding) {
	if c.hook == "" {
		return
	}
	first, what, owner := wrong[0], "missing", ""
	for _, f := range wrong {
		if len(f.Foreign) > 0 {
			first, what, owner = f, "foreign", ownerText(f.Foreign[0])
			break
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), hookLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-c", c.hook)
	cmd.WaitDelay = time.Second
	cmd.Stdout, cmd.Stderr = c.env.stderr, c.env.stderr
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); !slices.Contains(c.secrets, name) {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "PEGEL_FINDING="+what, "PEGEL_SOURCE="+first.Source, "PEGEL_TARGET="+first.Target, "PEGEL_OWNER="+owner)
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(c.env.stderr, "warning: the hook failed: %v\n", err)
	}
}

func ownerText(f ownership.Foreign) string {
	if f.Owner == "" {
		return "one of " + strings.Join(f.Candidates, ", ")
	}
	return f.Owner
}

// writeFindings is the table of the accounts that are wrong.
func writeFindings(w io.Writer, shown []ownership.Finding, wrong, verified int, pass ownership.Pass, took time.Duration, only bool) error {
	var b strings.Builder
	if len(shown) > 0 {
		t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "ACCOUNT\tOWN\tMISSING\tFOREIGN\tWHOSE\tFIRST\tSHARED")
		for _, f := range shown {
			sum := f.Own()
			own, missing := fmt.Sprintf("%d of %d", sum.Present, sum.Expected), fmt.Sprint(f.Missing)
			if only || f.Err != nil {
				missing = "?"
			}
			rows := [][3]string{}
			for _, x := range f.Foreign {
				rows = append(rows, foreignCells(x, ""))
			}
			for _, x := range f.Doubtful {
				rows = append(rows, foreignCells(x, "not enough evidence: "))
			}
			if len(rows) == 0 {
				rows = append(rows, [3]string{"0"})
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.Target, own, missing, rows[0][0], rows[0][1], rows[0][2], sharedText(f.Shared))
			for _, row := range rows[1:] {
				fmt.Fprintf(t, "\t\t\t%s\t%s\t%s\t\n", row[0], row[1], row[2])
			}
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	switch {
	case only:
		fmt.Fprintf(&b, "stopped after %.1f s at the first foreign item\n", took.Seconds())
	case verified == 0:
		b.WriteString("no account could be verified\n")
	case wrong == 0 && len(shown) > 0:
		fmt.Fprintf(&b, "%d accounts verified after the %s pass in %.1f s: not enough evidence about %d of them\n", verified, pass, took.Seconds(), len(shown))
	case wrong == 0:
		fmt.Fprintf(&b, "%d accounts verified after the %s pass in %.1f s: own items present, none foreign\n", verified, pass, took.Seconds())
	default:
		fmt.Fprintf(&b, "%d accounts verified after the %s pass in %.1f s, %d wrong\n", verified, pass, took.Seconds(), wrong)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// foreignCells are how many items, whose they are and where the first lies.
func foreignCells(x ownership.Foreign, doubt string) [3]string {
	whose := doubt + ownerText(x)
	if x.Target != "" {
		whose += " (belongs to " + x.Target + ")"
	}
	first := x.First.Mailbox
	if x.First.Kind == ownership.Mail {
		first += fmt.Sprintf(" uid %d", x.First.UID)
	}
	return [3]string{fmt.Sprint(x.Canaries + x.Fingerprints), whose, first}
}

func sharedText(list []ownership.Shared) string {
	var bad []string
	for _, s := range list {
		if s.State != "ok" {
			bad = append(bad, s.Mailbox+" "+s.State)
		}
	}
	switch {
	case len(bad) > 0:
		return strings.Join(bad, ", ")
	case len(list) > 0:
		return "ok"
	}
	return ""
}
