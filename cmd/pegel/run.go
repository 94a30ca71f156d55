package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"pegel/internal/archive"
	"pegel/internal/engine"
	"pegel/internal/judge"
	"pegel/reports"
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
			if err := errors.Join(knownLanguage(lang), positive(next)); err != nil {
				return err
			}
			s, err := loadScenario(args[0], sets, env)
			if err != nil {
				return err
			}
			d, err := prepare(s, out, env)
			if err != nil {
				return err
			}
			d.quiet = asJSON
			d.remember(sets, next, false, repeatCommand(args[0], sets, next))
			stopServers, err := startServers(cmd.Context(), d)
			if err != nil {
				return err
			}
			ended := d.drive(cmd.Context())
			stopServers()
			if err := notJudged(ended); err != nil {
				return err
			}
			show := presentation{json: asJSON, lang: lang, again: d.labels["again"]}
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
	if ended == nil || errors.As(ended, &aborted) || errors.Is(ended, engine.ErrStopped) {
		return nil
	}
	return ended
}

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

// rejudge judges an archive by the scenario and the question that it holds, and finds how it was shown: the truth, where
// the archive knows it, and the command that repeats the run.
func rejudge(dir string, opt judge.Options) (*judge.Result, presentation, error) {
	var show presentation
	run, err := archive.Open(dir)
	if err != nil {
		return nil, show, err
	}
	s, err := archivedScenario(run, dir)
	if err != nil {
		return nil, show, err
	}
	show.again = run.Meta.Labels[labelAgain]
	show.truth = storedTruth(dir)
	r, err := judge.Judge(run, s, asked(run, opt))
	return r, show, err
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
