package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
)

func validateCommand(env environment) *cobra.Command {
	var sets []string
	cmd := &cobra.Command{
		Use:   "validate SCENARIO...",
		Short: "check scenario files, with the place of every error and the nearest right name",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("pegel validate wants scenario files")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			bad := 0
			for _, path := range args {
				p, err := validate(path, sets, env)
				if err == nil {
					fmt.Fprintf(env.stdout, "%s: valid, %s, %d journeys\n", path, shapeOf(p), len(p.Scenario.Journeys))
					continue
				}
				if errors.Is(err, os.ErrNotExist) {
					return &exitError{code: exitUsage, err: err}
				}
				bad++
				fmt.Fprintln(env.stderr, err)
			}
			if bad > 0 {
				return &exitError{code: exitScenario, err: fmt.Errorf("%d of %d scenarios are not valid", bad, len(args))}
			}
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&sets, "set", nil, "override a value of the scenario, path=value; may be repeated")
	return cmd
}

// validate loads a scenario and compiles its plan. Secrets and account files need not be there; where they are, they are
// checked by pegel run.
func validate(path string, sets []string, env environment) (*plan.Plan, error) {
	opt := scenarios.Options{Set: sets, Getenv: env.getenv, SkipSecrets: true}
	s, err := scenarios.Load(path, opt)
	if err != nil {
		for _, shipped := range scenarios.Shipped() {
			if shipped == path {
				s, err = openShipped(path, opt)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return plan.Build(s, probes.All())
}

func openShipped(name string, opt scenarios.Options) (*scenarios.Scenario, error) {
	src, err := scenarios.Open(name)
	if err != nil {
		return nil, err
	}
	return scenarios.Parse(name+".yaml", src, opt)
}

func scenariosCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use:   "scenarios [NAME]",
		Short: "list the scenarios that ship with pegel, or print one",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("pegel scenarios wants at most one name")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				src, err := scenarios.Open(args[0])
				if err != nil {
					return &exitError{code: exitUsage, err: err}
				}
				_, err = env.stdout.Write(src)
				return err
			}
			for _, name := range scenarios.Shipped() {
				s, err := openShipped(name, scenarios.Options{SkipSecrets: true})
				if err != nil {
					return err
				}
				fmt.Fprintf(env.stdout, "%-15s %s\n", name, s.Description)
			}
			return nil
		},
	}
}
