package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"pegel/internal/archive"
	"pegel/internal/engine"
	"pegel/internal/judge"
	"pegel/internal/score"
	"pegel/reports"
	"pegel/scenarios"
)

// presentation is how a judged run is shown.
type presentation struct {
	json  bool
	lang  string
	truth *reports.Truth
	again string // the command that repeats the run
}

// judged opens an archive and judges it by the scenario that was driven.
func judged(dir string, s *scenarios.Scenario, opt judge.Options) (*judge.Result, error) {
	run, err := archive.Open(dir)
	if err != nil {
		return nil, err
	}
	return judge.Judge(run, s, opt)
}

// store writes forecast.json and report.html into the archive. The forecast is on disk before anybody asks for the
// truth.
func store(dir string, r *judge.Result, show presentation) error {
	err := archive.WriteFile(dir, archive.ForecastFile, func(w io.Writer) error {
		return reports.WriteForecast(w, r, extra(dir, r, show))
	})
	if err == nil {
		err = score.Append(dir, toBeScored(r, show, score.Question{}))
	}
	if err != nil {
		return err
	}
	return archive.WriteFile(dir, archive.ReportFile, func(w io.Writer) error {
		return reports.WriteHTML(w, r, options(show))
	})
}

func options(show presentation) reports.Options {
	o := reports.Options{Lang: show.lang, Again: show.again}
	if show.truth != nil {
		o.Truth = show.truth.Users
	}
	return o
}

func extra(dir string, r *judge.Result, show presentation) reports.Extra {
	seed := r.Meta.Seed
	e := reports.Extra{Archive: dir, Verdict: reports.Verdict(r), Seed: &seed, Truth: show.truth}
	if dir != "" {
		e.Report = filepath.Join(dir, archive.ReportFile)
	}
	if r.Meta.Compression > 1 {
		e.Compression = r.Meta.Compression
	}
	return e
}

// print writes the result to stdout: text for people, or the forecast as JSON.
func print(env environment, dir string, r *judge.Result, show presentation) error {
	if show.json {
		return reports.WriteForecast(env.stdout, r, extra(dir, r, show))
	}
	o := options(show)
	o.Colour = colours(env.stdout, env)
	if err := reports.WriteText(env.stdout, r, o); err != nil {
		return err
	}
	if dir == "" {
		return nil
	}
	_, err := fmt.Fprintf(env.stdout, "\nreport:  %s\narchive: %s\n", filepath.Join(dir, archive.ReportFile), dir)
	return err
}

// remedy says what to change where the generator was at fault.
func remedy(g *judge.GeneratorView) string {
	switch g.Cause.Code {
	case "cause-steal":
		return "give the generator's machine processors of its own, or run where the hypervisor is less busy; fewer users help where it has some time left"
	case "cause-full":
		return "take fewer users, or divide them among several generators; pegel explain says what a scenario needs, pegel selftest what this machine can do"
	case "cause-others":
		return "let nothing else run on the generator's machine, or move the servers under test away from it"
	case "cause-pause":
		return "give the process more memory (GOMEMLIMIT, GOGC), or take fewer users"
	case "cause-unopened":
		return "raise ulimit -n, or give the users more source addresses (lines.*.sources)"
	}
	return "take fewer users, or a second generator; pegel selftest says what this machine can do"
}

// outcome is the exit code of a finished run, by precedence: interrupted, mail lost or misdelivered, generator at fault, objective broken at a load
// that is live, no-go, caution.
func outcome(r *judge.Result, ended error) error {
	if errors.Is(ended, engine.ErrStopped) {
		return &exitError{code: exitInterrupted}
	}
	// A mail that was lost is lost, whatever the generator's times are worth.
	if d := r.Delivery; d.Broken() {
		return &exitError{code: exitObjective, err: fmt.Errorf("mail was not delivered as it must be: %d lost, %d twice, %d in a wrong mailbox, of %d accepted", d.Lost, d.Twice, d.Wrong, d.Accepted),
			hint: "the report and delivery.json in the archive name the messages"}
	}
	var aborted *engine.AbortError
	switch {
	case r.Generator.Verdict == "invalid":
		return &exitError{code: exitGenerator, err: fmt.Errorf("the generator was the bottleneck in every stage: %s", r.Generator.Why), hint: remedy(&r.Generator)}
	case errors.As(ended, &aborted) && aborted.Refused:
		return &exitError{code: exitNoStart, err: aborted, hint: "check accounts and accounts.auth; the run ended itself before more logins were tried"}
	case errors.As(ended, &aborted):
		return &exitError{code: exitObjective, err: aborted}
	}
	for _, o := range r.Objectives {
		if o.Broken {
			return &exitError{code: exitObjective, err: fmt.Errorf("objective broken at %d active users: %s", o.BrokenAt, o.Text)}
		}
	}
	return exitOf(r)
}

// exitOf is the exit code of a verdict.
func exitOf(r *judge.Result) error {
	switch reports.Verdict(r) {
	case reports.NoGo:
		return &exitError{code: exitNoGo}
	case reports.Caution, reports.NotDetermined:
		return &exitError{code: exitCaution}
	}
	return nil
}
