package main

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"pegel/internal/archive"
	"pegel/internal/judge"
	"pegel/scenarios"
)

// question is what a forecast is asked, as written on the command line.
type question struct {
	next         int
	plan, target string
	whatIf       []string
	observed     string
	blind        bool

	measure bool // look for what carries all batches
}

// register adds the flags of the questions.
func (ask *question) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.IntVar(&ask.next, "next-batch", 0, "accounts of the next batch to be judged (default: as the run was asked)")
	flags.StringVar(&ask.plan, "plan", "", "CSV file of the batches to come, with the columns name,date,accounts")
	flags.StringArrayVar(&ask.whatIf, "what-if", nil, "assumption NAME.limit=N, NAME.demand=-20%, activity.PERSONA=40% or copy=off; more may follow")
	flags.StringVar(&ask.target, "target", "", "accounts, or users:N active users, that the platform should carry")
	flags.StringVar(&ask.observed, "observed", "", "CSV file of how the platform did in real use, with the columns time,users and ok or p95: facts that join the runs")
	flags.BoolVar(&ask.blind, "blind", false, "leave the platform's counters out")
}

// asked tells whether anything is asked beyond what the run itself was.
func (ask *question) asked() bool {
	return ask.next > 0 || ask.plan != "" || ask.target != "" || ask.observed != "" || len(ask.whatIf) > 0 || ask.blind
}

// arguments tells run directories from further assumptions, which have an equals sign and are no directory; they may
// follow a first --what-if only.
func (ask question) arguments(cmd *cobra.Command, args []string) (dirs, assumptions []string, err error) {
	for _, arg := range args {
		if _, missing := os.Stat(arg); missing != nil && strings.Contains(arg, "=") {
			assumptions = append(assumptions, arg)
		} else {
			dirs = append(dirs, arg)
		}
	}
	switch {
	case len(dirs) == 0:
		return nil, nil, usage("%s wants one or more run directories", cmd.CommandPath())
	case len(assumptions) > 0 && len(ask.whatIf) == 0:
		return nil, nil, usage("%s is no run directory; to assume it, write --what-if %s", assumptions[0], quote(assumptions[0]))
	}
	return dirs, assumptions, nil
}

// answer judges one archive, or several together, and answers the question.
func answer(dirs []string, ask question) (*judge.Result, presentation, error) {
	var show presentation
	opt := judge.Options{NextBatch: ask.next, Blind: ask.blind, Measure: ask.measure}
	sources, err := openRuns(dirs)
	if err != nil {
		return nil, show, err
	}
	newest := slices.MaxFunc(sources, func(a, b judge.Source) int { return a.Run.Meta.Started.Compare(b.Run.Meta.Started) })
	if err := ask.options(newest.Scenario, &opt); err != nil {
		return nil, show, err
	}
	if opt.Observed, err = ask.joined(newest); err != nil {
		return nil, show, err
	}
	for _, s := range sources {
		opt = asked(s.Run, opt)
	}
	if len(dirs) == 1 {
		show.again, show.truth = cmp.Or(replay(newest.Run, newest.Scenario), newest.Run.Meta.Labels[labelAgain]), storedTruth(dirs[0])
		r, err := judge.Judge(newest.Run, newest.Scenario, opt)
		return r, show, err
	}
	show.again = repeatForecast(dirs, ask)
	r, err := judge.Pool(sources, opt)
	if errors.Is(err, judge.ErrPool) {
		err = &exitError{code: exitUsage, err: err, hint: "forecast them one by one"}
	}
	return r, show, err
}

func openRuns(dirs []string) ([]judge.Source, error) {
	var list []judge.Source
	for _, dir := range dirs {
		run, err := archive.Open(dir)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil, &exitError{code: exitUsage, err: err, hint: "name the directory that a run has written, or --csv FILE for a table"}
		} else if err != nil {
			return nil, err
		}
		s, err := archivedScenario(run, dir)
		if err != nil {
			return nil, err
		}
		list = append(list, judge.Source{Run: run, Scenario: s})
	}
	return list, nil
}

// options reads the question.
func (ask question) options(s *scenarios.Scenario, opt *judge.Options) error {
	var err error
	if ask.plan != "" {
		if ask.next > 0 {
			return usage("--plan and --next-batch exclude each other")
		}
		if opt.Plan, err = scenarios.ReadBatches(ask.plan); errors.Is(err, os.ErrNotExist) {
			return &exitError{code: exitUsage, err: err, hint: "--plan names a CSV file with the columns name,date,accounts"}
		} else if err != nil {
			return err
		}
		opt.Measure = true
	}
	if opt.WhatIf, err = judge.Assume(s, ask.whatIf); err != nil {
		return usage("%w", err)
	}
	if ask.target != "" {
		if opt.Goal, err = goal(ask.target); err != nil {
			return err
		}
	}
	return nil
}

// goal reads accounts, or users:N.
func goal(text string) (judge.Goal, error) {
	const most = 1_000_000_000
	digits, users := strings.CutPrefix(text, "users:")
	n, err := strconv.Atoi(digits)
	if err != nil || n <= 0 || n > most {
		return judge.Goal{}, usage("target %q: write a number of accounts, such as 44000, or of active users, such as users:9000", text)
	}
	if users {
		return judge.Goal{Users: float64(n)}, nil
	}
	return judge.Goal{Accounts: n}, nil
}

// repeatForecast is the command line that forecasts several runs again.
func repeatForecast(dirs []string, ask question) string {
	line := "pegel forecast"
	for _, dir := range dirs {
		line += " " + quote(dir)
	}
	if ask.next > 0 {
		line += " --next-batch " + strconv.Itoa(ask.next)
	}
	if ask.plan != "" {
		line += " --plan " + quote(ask.plan)
	}
	for _, text := range ask.whatIf {
		line += " --what-if " + quote(text)
	}
	if ask.target != "" {
		line += " --target " + quote(ask.target)
	}
	if ask.observed != "" {
		line += " --observed " + quote(ask.observed)
	}
	if ask.blind {
		line += " --blind"
	}
	return line
}
