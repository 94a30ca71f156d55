package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pegel/internal/archive"
	"pegel/internal/engine"
	"pegel/internal/judge"
	"pegel/scenarios"
	"pegel/testenv/real"
)

func runCommand(env environment) *cobra.Command {
	var (
		out, lang string
		sets      []string
		next      int
		asJSON    bool
	)
	cmd := &cobra.Command{
		Use:   "run SCENARIO",
		Short: "drive a scenario, forecast, and write the report",
		Args:  exactly(1, "one scenario file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := loadScenario(args[0], sets, env)
			if err != nil {
				return err
			}
			d, err := prepare(s, out, env)
			if err != nil {
				return err
			}
			d.quiet = asJSON
			if len(sets) > 0 {
				d.labels["set"] = encode(sets)
			}
			stopServers, err := startServers(cmd.Context(), d)
			if err != nil {
				return err
			}
			ended := d.drive(cmd.Context())
			stopServers()
			if err := notJudged(ended); err != nil {
				return err
			}
			show := presentation{json: asJSON, lang: lang}
			r, err := judged(d.dir, s, judge.Options{NextBatch: next})
			if err != nil {
				return err
			}
			if err := store(d.dir, r, show); err != nil {
				return err
			}
			if err := print(env, d.dir, r, show); err != nil {
				return err
			}
			return outcome(r, ended)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "directory of the archive (default runs/NAME-TIME)")
	cmd.Flags().StringArrayVar(&sets, "set", nil, "override a value of the scenario, path=value; may be repeated")
	cmd.Flags().IntVar(&next, "next-batch", 0, "accounts of the next batch to be judged")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the forecast as JSON")
	cmd.Flags().StringVar(&lang, "lang", "en", "language of report and summary: en or de")
	return cmd
}

// notJudged passes on what ended a run before there was anything to judge.
func notJudged(ended error) error {
	var aborted *engine.AbortError
	if ended == nil || errors.As(ended, &aborted) || errors.Is(ended, engine.ErrStopped) && !errors.Is(ended, errNothingDriven) {
		return nil
	}
	return ended
}

// errNothingDriven marks an interrupt that came before the archive was begun.
var errNothingDriven = errors.New("nothing was driven")

// loadScenario reads a scenario file, or a shipped scenario by its name.
func loadScenario(name string, sets []string, env environment) (*scenarios.Scenario, error) {
	opt := scenarios.Options{Set: sets, Getenv: testPasswords(env)}
	s, err := scenarios.Load(name, opt)
	if !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	for _, shipped := range scenarios.Shipped() {
		if shipped == name {
			return openShipped(name, opt)
		}
	}
	near := scenarios.Nearest(name, scenarios.Shipped())
	hint := "pegel scenarios lists the shipped ones"
	if near != "" {
		hint = fmt.Sprintf("did you mean the shipped scenario %q?", near)
	}
	return nil, &exitError{code: exitUsage, err: err, hint: hint}
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

// rejudge judges an archive by the scenario that it holds, overrides included.
func rejudge(dir string, opt judge.Options) (*judge.Result, error) {
	run, err := archive.Open(dir)
	if err != nil {
		return nil, err
	}
	s, err := archivedScenario(run, dir)
	if err != nil {
		return nil, err
	}
	return judge.Judge(run, s, opt)
}
