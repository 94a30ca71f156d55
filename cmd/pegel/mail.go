package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pegel/internal/archive"
	"pegel/internal/delivery"
	"pegel/internal/engine"
)

// ledger is the account that is kept of the run's mail; nil where the scenario asks for none.
func (d *driving) ledger(runID string) *delivery.Ledger {
	if d.plan.Sweep == nil {
		return nil
	}
	return delivery.New(runID, d.plan.Accounts.Len(), func(i int) string { return d.plan.Accounts.Credentials(i).Address })
}

// balance looks for the mail that nobody has seen, and writes the account into the archive. ended is how the run ended: after an
// interrupt nothing is looked for.
func (d *driving) balance(ctx context.Context, writer *archive.Writer, opt engine.Options, ended error) error {
	if opt.Ledger == nil {
		return nil
	}
	var notes []string
	if !errors.Is(ended, engine.ErrStopped) {
		if d.plan.Sweep.Look && !d.quiet {
			fmt.Fprintln(d.env.stderr, "looking for the run's mail in the mailboxes of its recipients")
		}
		var err error
		notes, err = engine.Sweep(ctx, d.plan, opt)
		if errors.Is(err, engine.ErrStopped) {
			notes = append(notes, "the search for the run's mail was interrupted; what was not seen by then does not count as lost")
		}
	}
	at := time.Since(opt.Start)
	for _, text := range notes {
		fmt.Fprintln(d.env.stderr, "note: "+text)
		if err := writer.Event(archive.Event{At: at, Kind: archive.EventNote, Text: text}); err != nil {
			return err
		}
	}
	count := opt.Ledger.Count()
	fmt.Fprintln(d.env.stderr, "mail: "+count.String())
	return archive.WriteDelivery(d.dir, mailFile(&count))
}

// mailFile is a count as the archive has it.
func mailFile(c *delivery.Count) *archive.Delivery {
	out := &archive.Delivery{
		Messages: c.Messages, Accepted: c.Accepted, Delivered: c.Delivered, Late: c.Late, Elsewhere: c.Elsewhere, Lost: c.Lost, Unseen: c.Unseen,
		Twice: c.Twice, Wrong: c.Wrong, Again: c.Again, AgainTwice: c.AgainTwice, Uncertain: c.Uncertain, UncertainArrived: c.UncertainArrived, UncertainTwice: c.UncertainTwice, Untracked: c.Untracked,
	}
	for _, e := range c.Examples {
		out.Examples = append(out.Examples, archive.DeliveryCase(e))
	}
	return out
}
