package main

import (
	"github.com/spf13/cobra"

	"pegel/internal/diagnosis"
	"pegel/reports"
)

func diagnoseCommand(env environment) *cobra.Command {
	var (
		asJSON bool
		lang   string
	)
	cmd := &cobra.Command{
		Use:   "diagnose RUN…",
		Short: "say what probably limits the platform, with the evidence for and against it",
		Long: `diagnose reads one archive, or several of one scenario together, and ranks what probably limits
the platform: each hypothesis with what speaks for it and against it, where that was seen, what to
check, and the run that would settle it. A platform whose objectives hold and are forecast to hold far
beyond what was measured is not accused of anything.

Scores are in decibans: +10 means that what was seen is ten times as likely with that cause as without.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("pegel diagnose wants the directory of a run, got none")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := knownLanguage(lang); err != nil {
				return err
			}
			r, show, err := answer(args, question{})
			if err != nil {
				return err
			}
			d := diagnosis.Diagnose(r, args...)
			if asJSON {
				err = reports.WriteDiagnosisJSON(env.stdout, d, args)
			} else {
				show.lang = lang
				o := options(show)
				o.Colour = colours(env.stdout, env)
				err = reports.WriteDiagnosis(env.stdout, r, d, o)
			}
			if err == nil && d.Held {
				return &exitError{code: exitGenerator}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the diagnosis as JSON")
	cmd.Flags().StringVar(&lang, "lang", "en", "language: en or de")
	return cmd
}
