package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"pegel/reports"
)

func thresholdsCommand(env environment) *cobra.Command {
	var (
		out, format, lang string
		match             []string
		rules             = reports.RuleOptions{For: -1}
		lasting           time.Duration
	)
	cmd := &cobra.Command{
		Use:   "thresholds RUN…",
		Short: "what the platform's own metrics read at 70, 85 and 100 % of the forecast capacity",
		Long: `thresholds fits the models to one or more archives of a scenario and prints what the platform's own
metrics read at 70, 85 and 100 % of the capacity: as a table, as JSON, or as alert rules for Prometheus
on the very series by which each resource was read.

  pegel thresholds runs/monday
  pegel thresholds runs/monday --format prometheus --match instance=lb1:8404 --out pegel.rules.yml

Where the capacity is not determined there are no thresholds, and the exit code is 122.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("%s wants one or more run directories", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := knownLanguage(lang); err != nil {
				return err
			}
			if !slices.Contains([]string{"table", "prometheus", "json"}, format) {
				return usage("unknown format %q: table, prometheus or json", format)
			}
			if rules.Window < time.Second {
				return usage("--window %v: a second or more", rules.Window)
			}
			if cmd.Flags().Changed("for") {
				if rules.For = lasting; lasting < 0 {
					return usage("--for %v: not below 0", lasting)
				}
			}
			for _, text := range match {
				m, err := reports.ParseMatcher(text)
				if err != nil {
					return usage("%w", err)
				}
				rules.Match = append(rules.Match, m)
			}
			r, _, err := answer(args, question{})
			if err != nil {
				return err
			}
			for _, m := range rules.Match {
				known := m.Page == ""
				for _, v := range r.Resources {
					known = known || v.Page == m.Page
				}
				if !known {
					return usage("--match names the page %q, which the run does not have", m.Page)
				}
			}
			t := r.Forecast.Thresholds
			determined := t != nil && t.Determined
			write := map[string]func(io.Writer) error{
				"table":      func(w io.Writer) error { return reports.WriteThresholds(w, r, reports.Options{Lang: lang}) },
				"prometheus": func(w io.Writer) error { return reports.WriteRules(w, r, rules) },
				"json":       func(w io.Writer) error { return reports.WriteThresholdsJSON(w, r, rules) },
			}[format]
			if format == "prometheus" && !determined {
				return &exitError{code: exitCaution, err: write(io.Discard), hint: "pegel forecast says what the run lacks"}
			}
			if out == "" {
				err = write(env.stdout)
			} else if err = writeTo(out, write); err == nil {
				_, err = fmt.Fprintln(env.stdout, out)
			}
			if err == nil && !determined {
				return &exitError{code: exitCaution}
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&format, "format", "table", "table, prometheus (alert rules) or json")
	flags.StringVar(&out, "out", "", "file to write (default: stdout)")
	flags.StringVar(&lang, "lang", "en", "language of the table: en or de")
	flags.DurationVar(&rules.Window, "window", time.Minute, "time over which rules average a metric")
	flags.DurationVar(&lasting, "for", 0, "how long a value must last before an alert fires (default 10m, 5m and 2m at 70, 85 and 100 %)")
	flags.StringArrayVar(&match, "match", nil, "[PAGE:]LABEL=VALUE, a further condition on the series of all pages or of one, such as instance=lb1:8404; may be repeated")
	flags.BoolVar(&rules.All, "all", false, "rules for all resources, not only for those that may well give way first")
	return cmd
}
