package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pegel/internal/corpus"
	"pegel/internal/stock"
)

func corpusFillCommand(env environment) *cobra.Command {
	c := filling{stocking: stocking{env: env}}
	cmd := &cobra.Command{
		Use:   "fill SCENARIO",
		Short: "fill accounts with signed mail over IMAP, with dates over ten years",
		Long: `Fills the scenario's accounts with mail over IMAP: German and English, threads, HTML, attachments,
invitations, dates over ten years, flags. Each message bears the name of the corpus, its owner and a
signature. What is there is found by that: the same command again adds only what is missing, after
an interrupt as well, and the messages are the same as if it had not been interrupted.`,
		Args: exactly(1, "one scenario file"),
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(cmd.Context(), cmd, args[0]) },
	}
	c.flags(cmd)
	cmd.Flags().IntVar(&c.messages, "messages", 200, "messages for each account")
	cmd.Flags().StringVar(&c.bytes, "bytes", "", "bytes for each account instead, such as 50MB or 10GB")
	cmd.Flags().StringSliceVar(&c.folders, "folders", []string{"INBOX", "Sent", "Archive"}, "folders, made where needed; INBOX gets half of the messages")
	cmd.Flags().StringVar(&c.size, "size", "mix", "sizes of messages: mix, 4KB, uniform(1KB, 20KB), exponential(10KB) or lognormal(20KB, 300KB)")
	cmd.Flags().StringVar(&c.until, "until", "", "day of the youngest message, such as 2026-03-31 (default that of what is there, else today)")
	cmd.Flags().Float64Var(&c.rate, "rate", 0, "messages a second at most, all connections together")
	cmd.Flags().StringVar(&c.state, "state", "", "file that remembers complete accounts, so that a rerun need not look into them")
	return cmd
}

// filling is one `pegel corpus fill`.
type filling struct {
	stocking
	messages           int
	bytes, size, until string
	folders            []string
	rate               float64
}

const (
	mostMessages = 10_000_000
	mostBytes    = 1 << 40
)

// content reads what accounts are filled with.
func (c *filling) content(cmd *cobra.Command) (stock.Content, error) {
	now := time.Now
	if c.now != nil {
		now = c.now
	}
	out := stock.Content{Messages: c.messages, Folders: c.folders, Rate: c.rate, Today: now().UTC().Truncate(24 * time.Hour).Add(24*time.Hour - time.Second)}
	var err error
	if cmd.Flags().Changed("bytes") {
		if cmd.Flags().Changed("messages") {
			return out, usage("--messages and --bytes exclude each other")
		}
		n, ok := corpus.ParseBytes(c.bytes)
		if !ok || n > mostBytes {
			return out, usage("--bytes %.40q is no amount such as 50MB or 10GB, 1 TiB at most", c.bytes)
		}
		out.Bytes = int64(n)
	}
	if c.messages < 1 || c.messages > mostMessages {
		return out, usage("--messages %d is not between 1 and %d", c.messages, mostMessages)
	}
	if out.Sizes, err = corpus.ParseSizes(c.size); err != nil {
		return out, usage("--size: %v", err)
	}
	if math.IsNaN(c.rate) || c.rate != 0 && (c.rate < 0.1 || c.rate > 1e6) {
		return out, usage("--rate %v is not between 0.1 and 1000000 messages a second", c.rate)
	}
	if c.until != "" {
		day, err := time.Parse(time.DateOnly, c.until)
		if err != nil || day.Year() < 1990 || day.Year() > 2100 {
			return out, usage("--until %.40q is no day such as 2026-03-31", c.until)
		}
		if now := now(); c.until > max(now.UTC().Format(time.DateOnly), now.Format(time.DateOnly)) {
			return out, usage("--until %s is a day to come: the youngest message is of today at most", c.until)
		}
		out.Until = day.Add(24*time.Hour - time.Second)
	}
	for i, name := range c.folders {
		switch {
		case name == "" || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '*' || r == '%' }):
			return out, usage("--folders: %.40q cannot be the name of a folder", name)
		case slices.Contains(c.folders[:i], name):
			return out, usage("--folders: %s stands there twice", name)
		}
	}
	if len(c.folders) == 0 {
		return out, usage("--folders names no folder")
	}
	return out, nil
}

func (c *filling) run(ctx context.Context, cmd *cobra.Command, file string) error {
	content, err := c.content(cmd)
	if err != nil {
		return err
	}
	s, o, err := c.options(file)
	if err != nil {
		return err
	}
	all := len(o.Accounts)
	if c.state != "" {
		state, err := openState(c.state, stateHead{
			Format: 1, Target: c.target, Run: o.Prefix, Messages: content.Messages, Bytes: content.Bytes, Size: content.Sizes.String(), Folders: c.folders, Until: c.until,
		})
		if err != nil {
			return err
		}
		defer state.close()
		o.Accounts = state.missing(o.Accounts)
		content.Done = state.done
	}
	remembered := all - len(o.Accounts)
	began := time.Now()
	failed, ended := c.work(ctx, s, o, func(w io.Writer) { c.progress(w, o, time.Since(began)) }, func(ctx context.Context, o stock.Options) ([]stock.Failure, error) {
		return stock.Fill(ctx, o, content)
	})
	took := time.Since(began)
	t := o.Tally
	if c.json {
		err = c.printJSON(struct {
			Format     int           `json:"format"`
			Run        string        `json:"run"` // what the names of the corpora begin with
			Accounts   int           `json:"accounts"`
			Complete   int           `json:"complete"`
			Remembered int           `json:"remembered"` // of those complete, taken from the state file
			Added      int64         `json:"added"`
			Present    int64         `json:"present"`
			Bytes      int64         `json:"bytes"` // of those added
			Seconds    float64       `json:"seconds"`
			Failed     []failureJSON `json:"failed"`
		}{1, o.Prefix, all, remembered + int(t.Accounts.Load()), remembered, t.Added.Load(), t.Present.Load(), t.Bytes.Load(), took.Seconds(), failuresJSON(failed)})
	} else {
		_, err = fmt.Fprintf(c.env.stdout, "%d of %d accounts complete: %d messages added (%s), %d were there, in %s\n",
			remembered+int(t.Accounts.Load()), all, t.Added.Load(), megabytes(t.Bytes.Load()), t.Present.Load(), took.Round(100*time.Millisecond))
	}
	if err != nil {
		return err
	}
	return c.outcome(failed, ended)
}

func (c *filling) progress(w io.Writer, o stock.Options, since time.Duration) {
	t := o.Tally
	fmt.Fprintf(w, "fill: %d of %d accounts, %d messages added, %d were there, %s, %s/s\n", t.Accounts.Load(), len(o.Accounts), t.Added.Load(), t.Present.Load(),
		megabytes(t.Bytes.Load()), megabytes(int64(float64(t.Bytes.Load())/since.Seconds())))
}
