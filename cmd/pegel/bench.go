package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pegel/cmd/pegel/accuracy"
	"pegel/testenv"
)

func benchCommand(env environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "measure pegel itself",
		Args:  exactly(0, "the name of a benchmark: forecast, real or diagnose"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(benchForecastCommand(env), benchRealCommand(env), benchDiagnoseCommand(env))
	return cmd
}

// benchForecast is one benchmark of forecasts.
type benchForecast struct {
	seed      uint64
	platforms int
	families  []string
	json      bool
	document  string
	published string
	trials    string
	simulated bool // no real software
}

func benchForecastCommand(env environment) *cobra.Command {
	var b benchForecast
	cmd := &cobra.Command{
		Use:   "forecast",
		Short: "hold forecasts against simulated platforms whose capacity is known",
		Long: `Draws platforms of every family, finds their true capacity by simulation, simulates a
measurement up to 60 % and 80 % of it, forecasts with and without the platform's counters,
and counts errors, coverage of the intervals, wrong verdicts and refusals against the goals.
The same seed and number of platforms give the same figures on every machine.

Real software comes last and apart, as "pegel bench real" does it, whose figures depend on the machine.`,
		Args: exactly(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error { return b.run(cmd, env) },
	}
	cmd.Flags().Uint64Var(&b.seed, "seed", 1, "draws the platforms and the measurements")
	cmd.Flags().IntVar(&b.platforms, "platforms", 30, "platforms of each family")
	cmd.Flags().StringSliceVar(&b.families, "family", nil, "only these families, and no real software (default: all)")
	cmd.Flags().BoolVar(&b.json, "json", false, "print the cases as JSON")
	cmd.Flags().StringVar(&b.published, "published", "", "directory with the published tables; with --document, hold the scalability law against them too")
	cmd.Flags().StringVar(&b.document, "document", "", "write the figures as a Markdown page to this file")
	cmd.Flags().StringVar(&b.trials, "trials", "", "write every single trial as JSON lines to this file")
	cmd.Flags().BoolVar(&b.simulated, "simulated-only", false, "leave real software out")
	return cmd
}

func (b *benchForecast) run(cmd *cobra.Command, env environment) error {
	if b.platforms < 1 {
		return usage("--platforms %d: at least 1", b.platforms)
	}
	for _, name := range b.families {
		if !slices.ContainsFunc(testenv.Families(), func(f testenv.Family) bool { return f.Name == name }) {
			return usage("unknown family %q: %s", name, strings.Join(familyNames(), ", "))
		}
	}
	start := time.Now()
	show := terminal(env.stderr)
	trials, err := accuracy.Run(cmd.Context(), accuracy.Options{
		Seed: b.seed, Platforms: b.platforms, Families: b.families, Workers: runtime.GOMAXPROCS(0),
		Progress: func(done, of int) {
			if show || done%50 == 0 {
				fmt.Fprintf(env.stderr, "%d of %d platforms, %v\n", done, of, time.Since(start).Round(time.Second))
			}
		},
	})
	if err != nil {
		return err
	}
	seconds := time.Since(start).Seconds()
	cases := accuracy.Goals(trials)
	var (
		onReal   []accuracy.Real
		realCase *accuracy.Case
	)
	all := cases
	if !b.simulated && len(b.families) == 0 {
		var held accuracy.Case
		if onReal, held, err = (&benchReal{seed: b.seed}).run(cmd.Context(), env); err != nil {
			return err
		}
		realCase = &held
		all = append(cases[:len(cases):len(cases)], held)
	}
	met := !slices.ContainsFunc(all, func(c accuracy.Case) bool { return !c.Met })
	if b.trials != "" {
		if err := writeTo(b.trials, func(w io.Writer) error { return eachLine(w, trials) }); err != nil {
			return err
		}
	}
	if b.document != "" {
		var backtests []accuracy.Backtest
		if b.published != "" {
			if backtests, err = accuracy.Backtests(b.published); err != nil {
				return err
			}
		}
		err := writeTo(b.document, func(w io.Writer) error {
			return accuracy.WriteDocument(w, accuracy.Document{Seed: b.seed, Platforms: b.platforms, Seconds: seconds, Version: version, Trials: trials, Cases: cases, Real: onReal, RealCase: realCase, Published: backtests})
		})
		if err != nil {
			return err
		}
	}
	if b.json {
		out := json.NewEncoder(env.stdout)
		out.SetIndent("", "  ")
		out.SetEscapeHTML(false)
		return out.Encode(struct {
			GoalsMet  bool            `json:"goals_met"`
			Seconds   float64         `json:"seconds"`
			Seed      uint64          `json:"seed"`
			Platforms int             `json:"platforms"`
			Cases     []accuracy.Case `json:"cases"`
			Rows      []accuracy.Row  `json:"rows"`
			Real      []accuracy.Real `json:"real,omitempty"`
		}{met, seconds, b.seed, b.platforms, all, accuracy.Rows(trials), onReal})
	}
	if err := accuracy.WriteText(env.stdout, trials, cases, seconds); err != nil || realCase == nil {
		return err
	}
	fmt.Fprintln(env.stdout, "\nreal software")
	return accuracy.WriteReal(env.stdout, onReal, *realCase)
}

func familyNames() []string {
	var names []string
	for _, f := range testenv.Families() {
		names = append(names, f.Name)
	}
	return names
}

// eachLine writes values as JSON, one on each line.
func eachLine[T any](w io.Writer, values []T) error {
	out := json.NewEncoder(w)
	for i := range values {
		if err := out.Encode(values[i]); err != nil {
			return err
		}
	}
	return nil
}
