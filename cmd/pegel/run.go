package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pegel/internal/archive"
	"pegel/internal/engine"
	"pegel/internal/judge"
	"pegel/reports"
	"pegel/scenarios"
	"pegel/testenv/real"
)

func runCommand(env environment) *cobra.Command {
	c := running{env: env}
	cmd := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "drive a scenario, forecast, and write the report",
		Long: `Drives the scenario against its platform, forecasts the capacity, and writes the report.

--find-capacity chooses the loads during the run by the forecast so far, whatever the file says, and
stops when the capacity is known well enough. --experiment tells the effects of copy traffic, mix and
drift from that of the number of users; with a name it plays each load as it is and with one thing
changed, and says what that settles:

  pegel run FILE --experiment bypass      around the balancer, straight at targets.*.behind
  pegel run FILE --experiment sources     from one source address against from many
  pegel run FILE --experiment one-group   on the accounts of one group against on all
  pegel run FILE --experiment copy-off    without copy traffic against with it`,
		Args: exactly(1, "one scenario file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.check(cmd); err != nil {
				return err
			}
			return c.run(cmd.Context(), args[0])
		},
	}
	cmd.Flags().StringVar(&c.out, "out", "", "directory of the archive (default runs/NAME-TIME)")
	c.flags(cmd)
	cmd.Flags().StringArrayVar(&c.switches, "switch", nil, "with environment.start: start the servers with this limit or fault, NAME or NAME=VALUE, too; may be repeated (pegel testenv --list names them)")
	cmd.Flags().StringVar(&c.replay, "replay", "", "let users take the branches (if) that they took in this former run, whatever the platform answers now")
	cmd.Flags().IntVar(&c.next, "next-batch", 0, "accounts of the next batch to be judged")
	cmd.Flags().BoolVar(&c.json, "json", false, "print the forecast as JSON")
	cmd.Flags().BoolVar(&c.force, "force", false, "drive even where this machine seems too small (open files, ports, memory)")
	cmd.Flags().StringVar(&c.lang, "lang", "en", "language of report and summary: en or de")
	experimentFlag(cmd, &c.experiment)
	cmd.Flags().BoolVar(&c.find, "find-capacity", false, "choose the loads during the run, until the capacity is known")
	cmd.Flags().StringVar(&c.search.precision, "precision", "", "with --find-capacity: half-width of the capacity's interval to be reached (default 10%)")
	cmd.Flags().IntVar(&c.search.maxUsers, "max-users", 0, "with --find-capacity: active users at most (default four times the scenario's highest stage)")
	cmd.Flags().IntVar(&c.search.stages, "max-stages", 0, "with --find-capacity: stages at most (default 10)")
	return cmd
}

// running is one `pegel run`.
type running struct {
	env       environment
	out, lang string
	replay    string // directory of the run whose branches are taken; empty: as the platform answers
	changes
	switches    []string // added to environment.switches
	next        int
	json, force bool
	find        bool
	experiment  string // effects, or one with arms; empty: none
	search      search
}

// check refuses flags that make no sense, before anything is read.
func (c *running) check(cmd *cobra.Command) error {
	if err := errors.Join(knownLanguage(c.lang), positive(c.next)); err != nil {
		return err
	}
	if _, err := experimentOf(c.experiment); err != nil {
		return err
	}
	if c.find && c.experiment != "" {
		return usage("--find-capacity and --experiment exclude each other: find the capacity first, then experiment at loads below it")
	}
	for _, name := range []string{"precision", "max-users", "max-stages"} {
		switch given := cmd.Flags().Changed(name); {
		case given && !c.find:
			return usage("--%s belongs to --find-capacity", name)
		case given && name == "precision":
			if err := precisionOf(c.search.precision); err != nil {
				return err
			}
		}
	}
	for name, n := range map[string]int{"max-users": c.search.maxUsers, "max-stages": c.search.stages} {
		if cmd.Flags().Changed(name) && n <= 0 {
			return usage("--%s %d: give a number above 0", name, n)
		}
	}
	return nil
}

func (c *running) run(ctx context.Context, file string) error {
	driven := c.changes
	if set, err := experimentOf(c.experiment); err != nil {
		return err
	} else if set != "" {
		driven = driven.and(set)
	}
	s, err := driven.load(file, c.env, false)
	if err == nil && len(c.switches) > 0 {
		driven = driven.and("environment.switches=[" + strings.Join(slices.Concat(s.Environment.Switches, c.switches), ", ") + "]")
		s, err = driven.load(file, c.env, false)
	}
	if err != nil {
		return err
	}
	wrong := scenarios.NewErrors()
	if checkSwitches(s, wrong); wrong.Err() != nil {
		return wrong
	}
	d, err := prepare(s, c.out, c.env)
	if err != nil {
		return err
	}
	if c.find {
		if driven, d, err = c.finder(file, driven, d); err != nil {
			return err
		}
		s = d.scenario
	}
	if c.replay != "" {
		if d.replay, err = replayOf(c.replay, d.plan); err != nil {
			return err
		}
		d.labels[labelBranches] = c.replay
	}
	d.quiet, d.force = c.json, c.force
	d.remember(driven.sets, c.next, false, c.again(file, driven))
	if d.plan.To > 0 {
		d.labels[labelReplay] = c.command(file, c.next)
	}
	stopServers, err := startServers(ctx, d)
	if err != nil {
		return err
	}
	ended := d.drive(ctx)
	stopServers()
	if err := notJudged(ended); err != nil {
		return err
	}
	r, err := judged(d.dir, s, judge.Options{NextBatch: c.next, Measure: true})
	if err != nil {
		return err
	}
	show := presentation{json: c.json, lang: c.lang, again: d.labels[labelAgain]}
	if d.plan.To > 0 {
		run, err := archive.Open(d.dir)
		if err != nil {
			return err
		}
		show.again = cmp.Or(replay(run, s), show.again)
	}
	if err := store(d.dir, r, show); err != nil {
		return err
	}
	if err := print(c.env, d.dir, r, show); err != nil {
		return err
	}
	return outcome(r, ended)
}

// finder makes the run one that finds the capacity, whatever the scenario says of its load.
func (c *running) finder(file string, driven changes, d *driving) (changes, *driving, error) {
	load, said, err := c.search.override(d.plan)
	if err != nil {
		return driven, nil, err
	}
	driven = driven.and(load)
	if d.scenario.Wave.Copy.Stages == "experiment" {
		driven = driven.and("wave.copy.stages=alternate")
	}
	s, err := driven.load(file, c.env, false)
	if err != nil {
		return driven, nil, err
	}
	fmt.Fprintln(c.env.stderr, "note: "+said)
	d, err = prepare(s, d.dir, c.env)
	return driven, d, err
}

// again is the command that repeats this run as it was asked for.
func (c *running) again(file string, driven changes) string {
	if !c.find {
		return driven.command(file, c.next)
	}
	line := c.command(file, c.next) + " --find-capacity"
	if c.search.precision != "" {
		line += " --precision " + quote(c.search.precision)
	}
	if c.search.maxUsers > 0 {
		line += fmt.Sprintf(" --max-users %d", c.search.maxUsers)
	}
	if c.search.stages > 0 {
		line += fmt.Sprintf(" --max-stages %d", c.search.stages)
	}
	return line
}

// notJudged passes on what ended a run before there was anything to judge.
func notJudged(ended error) error {
	var aborted *engine.AbortError
	if ended == nil || errors.As(ended, &aborted) || errors.Is(ended, engine.ErrStopped) {
		return nil
	}
	return ended
}

// testPasswords adds the passwords of the platforms that pegel starts itself, which are no secrets, where the environment
// does not set them.
func testPasswords(env environment) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if value, ok := env.getenv(name); ok {
			return value, true
		}
		switch name {
		case "PEGEL_DEMO_PASSWORD":
			return demoPassword, true
		case "PEGEL_REAL_PASSWORD":
			return real.DefaultPassword, true
		}
		return "", false
	}
}

// storedTruth is the truth in the archive's own forecast, nil where there is none.
func storedTruth(dir string) *reports.Truth {
	raw, err := os.ReadFile(filepath.Join(dir, archive.ForecastFile))
	if err != nil {
		return nil
	}
	var stored struct {
		Truth *reports.Truth `json:"truth"`
	}
	if json.Unmarshal(raw, &stored) != nil {
		return nil // written by something else; it is only shown, never judged
	}
	return stored.Truth
}

// knownLanguage refuses a language before anything is driven.
func knownLanguage(lang string) error {
	if lang == "" || lang == "en" || lang == "de" {
		return nil
	}
	return usage("unknown language %q: en or de", lang)
}

func positive(batch int) error {
	if batch < 0 {
		return usage("a batch of %d accounts: give a number above 0", batch)
	}
	return nil
}
