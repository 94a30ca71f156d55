package main

import (
	"fmt"
	"time"

	"pegel/internal/archive"
	"pegel/internal/engine"
)

// checks holds the platform's answers against former ones, and stores what breaks a rule; nil where the scenario asks for none.
func (d *driving) checks(writer *archive.Writer, keep func(error)) *engine.Checks {
	share := d.scenario.Checks.Of()
	if share == 0 {
		return nil
	}
	return engine.NewChecks(share, d.scenario.Seed, func(v engine.Violation) {
		keep(writer.Violation(archive.Violation{
			At: v.At, Rule: v.Rule, Account: v.Account, Persona: d.plan.Personas[v.Persona].Name,
			Mailbox: v.Mailbox, Expected: v.Expected, Came: v.Came, Transcript: v.Transcript,
		}))
	})
}

// tellChecks says what the checks came to, if anything.
func (d *driving) tellChecks(writer *archive.Writer, opt engine.Options) error {
	text := opt.Checks.Summary()
	if text == "" {
		return nil
	}
	fmt.Fprintln(d.env.stderr, "checks: "+text)
	return writer.Event(archive.Event{At: time.Since(opt.Start), Kind: archive.EventNote, Text: text})
}
