package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"pegel/internal/stock"
)

func corpusCleanCommand(env environment) *cobra.Command {
	c := stocking{env: env}
	var dry bool
	cmd := &cobra.Command{
		Use:   "clean SCENARIO",
		Short: "remove the mail that corpus fill put into accounts, and nothing else",
		Long: `Removes the messages of the scenario's corpus from its accounts, in whatever of their own folders they
are now. A message is removed only if its signature is right. Folders stay.`,
		Args: exactly(1, "one scenario file"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.clean(cmd.Context(), args[0], dry) },
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "count what would be removed, and change nothing")
	cmd.Flags().StringVar(&c.state, "state", "", "state file of corpus fill; removed, because its accounts are empty then")
	return cmd
}

func (c *stocking) clean(ctx context.Context, file string, dry bool) error {
	s, o, err := c.options(file)
	if err != nil {
		return err
	}
	if c.state != "" && !dry { // first: a file that says too little costs time only
		if err := os.Remove(c.state); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("removing the state file: %w", err)
		}
	}
	t := o.Tally
	verb := "removed"
	if dry {
		verb = "would be removed"
	}
	failed, ended := c.work(ctx, s, o, func(w io.Writer) {
		fmt.Fprintf(w, "clean: %d of %d accounts, %d messages %s\n", t.Accounts.Load(), len(o.Accounts), t.Removed.Load(), verb)
	}, func(ctx context.Context, o stock.Options) ([]stock.Failure, error) { return stock.Clean(ctx, o, dry) })
	if c.json {
		err = c.printJSON(struct {
			Format   int           `json:"format"`
			Run      string        `json:"run"`
			DryRun   bool          `json:"dry_run"`
			Accounts int           `json:"accounts"`
			Complete int64         `json:"complete"`
			Removed  int64         `json:"removed"`
			Astray   int64         `json:"astray"`   // of those removed, the ones that belong to another account
			Unsigned int64         `json:"unsigned"` // left alone: they claim to be of the corpus, but their signature is wrong
			Failed   []failureJSON `json:"failed"`
		}{1, o.Prefix, dry, len(o.Accounts), t.Accounts.Load(), t.Removed.Load(), t.Astray.Load(), t.Unsigned.Load(), failuresJSON(failed)})
	} else {
		_, err = fmt.Fprintf(c.env.stdout, "%d of %d accounts: %d messages %s\n", t.Accounts.Load(), len(o.Accounts), t.Removed.Load(), verb)
	}
	if err != nil {
		return err
	}
	if n := t.Astray.Load(); n > 0 {
		fmt.Fprintf(c.env.stderr, "warning: %d of them belong to another account than the one they lay in\n", n)
	}
	if n := t.Unsigned.Load(); n > 0 {
		fmt.Fprintf(c.env.stderr, "warning: %d messages claim to be of this corpus, but their signature is not that of this seed and %s; they are left alone\n", n, corpusSecretVariable)
	}
	return c.outcome(failed, ended)
}
