package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"pegel/internal/archive"
	"pegel/internal/judge"
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
			switch reports.Verdict(r) {
			case reports.NoGo:
				return &exitError{code: exitNoGo}
			case reports.Caution, reports.NotDetermined:
				return &exitError{code: exitCaution}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&ask.next, "next-batch", 0, "accounts of the next batch to be judged")
	flags.StringVar(&ask.plan, "plan", "", "CSV file of the batches to come, with the columns name,date,accounts")
	flags.StringArrayVar(&ask.whatIf, "what-if", nil, "assumption NAME.limit=N, NAME.demand=-20%, activity.PERSONA=40% or copy=off; more may follow")
	flags.StringVar(&ask.target, "target", "", "accounts, or users:N active users, that the platform should carry")
	flags.BoolVar(&asJSON, "json", false, "print the forecast as JSON")
	flags.BoolVar(&ask.blind, "blind", false, "leave the platform's counters out")
	flags.StringVar(&lang, "lang", "en", "language of the summary: en or de")
	csv.register(cmd)
	return cmd
}

func reportCommand(env environment) *cobra.Command {
	var (
		out, lang, format string
		next              int
	)
	cmd := &cobra.Command{
		Use:   "report RUN",
		Short: "write the report of an archive again",
		Args:  exactly(1, "one run directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(knownLanguage(lang), positive(next)); err != nil {
				return err
			}
			r, show, err := rejudge(args[0], judge.Options{NextBatch: next, Measure: true})
			if err != nil {
				return err
			}
			show.lang = lang
			writers := map[string]func(io.Writer) error{
				"html":  func(w io.Writer) error { return reports.WriteHTML(w, r, options(show)) },
				"text":  func(w io.Writer) error { return reports.WriteText(w, r, options(show)) },
				"json":  func(w io.Writer) error { return reports.WriteForecast(w, r, extra(args[0], r, show)) },
				"junit": func(w io.Writer) error { return reports.WriteJUnit(w, r) },
			}
			write, ok := writers[format]
			if !ok {
				return usage("unknown format %q: html, text, json or junit", format)
			}
			if format == "html" && out == "" {
				out = filepath.Join(args[0], archive.ReportFile)
			}
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
	cmd.Flags().StringVar(&out, "out", "", "file to write (html: default report.html in the run; others: stdout)")
	cmd.Flags().StringVar(&lang, "lang", "en", "language: en or de")
	cmd.Flags().IntVar(&next, "next-batch", 0, "accounts of the next batch to be judged (default: as the run was asked)")
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
