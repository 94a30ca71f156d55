package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"pegel/internal/archive"
	"pegel/internal/score"
	"pegel/reports"
)

func forecastCommand(env environment) *cobra.Command {
	var (
		ask    question
		asJSON bool
		lang   string
		csv    tableQuestion
	)
	cmd := &cobra.Command{
		Use:   "forecast RUN…",
		Short: "fit the models to one or more archives again and answer questions",
		Long: `forecast fits the models to an archive again and prints the forecast; what was measured
is not changed. Several runs of one scenario are judged together. It answers besides:

  --next-batch 800              may a batch of 800 accounts come?
  --plan batches.csv            which of these batches (name,date,accounts) is the last safe one?
  --what-if web.servers=6       what if a limit, a demand, an activity or the copy traffic were different?
  --target 44000                what is the smallest change of limits that carries 44,000 accounts?

What production showed joins as facts with --observed users.csv (time,users,ok or p95).

Several assumptions after one --what-if are taken together:

  pegel forecast runs/monday --what-if web.servers=6 db.pool=+20% disk.demand=-20% activity.browser=40% copy=off`,
		Args: csv.arguments(func(cmd *cobra.Command, args []string) error {
			_, _, err := ask.arguments(cmd, args)
			return err
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(knownLanguage(lang), positive(ask.next)); err != nil {
				return err
			}
			if csv.file != "" {
				csv.json = asJSON
				return csv.run(env)
			}
			dirs, more, err := ask.arguments(cmd, args)
			if err != nil {
				return err
			}
			ask.whatIf = append(ask.whatIf, more...)
			r, show, err := answer(dirs, ask)
			if err != nil {
				return err
			}
			show.json, show.lang = asJSON, lang
			noteAnswer(env, dirs, r, show, score.Question{NextBatch: ask.next, Plan: ask.plan != "", Blind: ask.blind})
			if err := print(env, "", r, show); err != nil { // its report is of another question perhaps
				return err
			}
			if r.Generator.Verdict == "invalid" {
				return &exitError{code: exitGenerator}
			}
			return exitOf(r)
		},
	}
	ask.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the forecast as JSON")
	cmd.Flags().StringVar(&lang, "lang", "en", "language of the summary: en or de")
	csv.register(cmd)
	return cmd
}

func reportCommand(env environment) *cobra.Command {
	var (
		ask               question
		out, lang, format string
	)
	cmd := &cobra.Command{
		Use:   "report RUN…",
		Short: "write the report of an archive again, or of several, with the answers to questions",
		Long: `report judges an archive again and writes its report. Several runs of one scenario are judged
together, and the questions are those of pegel forecast, so that the report shows batches,
what-if and target:

  pegel report runs/monday --lang de
  pegel report runs/monday runs/tuesday --plan batches.csv --out plan.html

The report in the run's own directory answers the question that the run was asked; a report on
several runs, or with another question, needs --out.`,
		Args: func(cmd *cobra.Command, args []string) error {
			_, _, err := ask.arguments(cmd, args)
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(knownLanguage(lang), positive(ask.next)); err != nil {
				return err
			}
			dirs, more, err := ask.arguments(cmd, args)
			if err != nil {
				return err
			}
			ask.whatIf = append(ask.whatIf, more...)
			own := len(dirs) == 1 && !ask.asked() // the question that the run was asked
			switch {
			case !slices.Contains([]string{"html", "text", "json", "junit"}, format):
				return usage("unknown format %q: html, text, json or junit", format)
			case format == "html" && out == "" && !own:
				return &exitError{code: exitUsage, err: errors.New("the report in a run's directory is of that run, as it was asked"),
					hint: "name the file for this one: --out FILE"}
			case format == "html" && out == "":
				out = filepath.Join(dirs[0], archive.ReportFile)
			}
			ask.measure = true
			r, show, err := answer(dirs, ask)
			if err != nil {
				return err
			}
			show.lang = lang
			dir := ""
			if own {
				dir = dirs[0]
			}
			write := map[string]func(io.Writer) error{
				"html":  func(w io.Writer) error { return reports.WriteHTML(w, r, options(show)) },
				"text":  func(w io.Writer) error { return reports.WriteText(w, r, options(show)) },
				"json":  func(w io.Writer) error { return reports.WriteForecast(w, r, extra(dir, r, show)) },
				"junit": func(w io.Writer) error { return reports.WriteJUnit(w, r) },
			}[format]
			if out == "" {
				return write(env.stdout)
			}
			if err := writeTo(out, write); err != nil {
				return err
			}
			_, err = fmt.Fprintln(env.stdout, out)
			return err
		},
	}
	ask.register(cmd)
	cmd.Flags().StringVar(&out, "out", "", "file to write (html: default report.html in the run, where nothing else is asked; others: stdout)")
	cmd.Flags().StringVar(&lang, "lang", "en", "language: en or de")
	cmd.Flags().StringVar(&format, "format", "html", "html, text, json or junit")
	return cmd
}

// writeTo writes a file as a whole or not at all, through symbolic links; what is no regular file (a device, a pipe) is
// written to as it is.
func writeTo(path string, write func(io.Writer) error) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	return archive.WriteFile(filepath.Dir(path), filepath.Base(path), write)
}
