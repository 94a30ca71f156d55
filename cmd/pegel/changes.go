package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
)

// changes are what a command line changes in a scenario: profiles first, then single values.
type changes struct{ profiles, sets []string }

func (c *changes) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&c.profiles, "profile", nil, "apply a profile of the scenario; may be repeated")
	cmd.Flags().StringArrayVar(&c.sets, "set", nil, "override a value of the scenario, path=value; may be repeated")
}

// and is c with one more override.
func (c changes) and(set string) changes {
	c.sets = append(slices.Clone(c.sets), set)
	return c
}

// command is the command line that repeats a run with these changes.
func (c changes) command(scenario string, next int) string {
	line := "pegel run " + quote(scenario)
	for _, p := range c.profiles {
		line += " --profile " + quote(p)
	}
	for _, s := range c.sets {
		line += " --set " + quote(s)
	}
	if next > 0 {
		line += fmt.Sprintf(" --next-batch %d", next)
	}
	return line
}

// load reads a scenario file, or a shipped scenario by its name. Where it is wrong, the error is *scenarios.Errors with all
// that is wrong, unknown actions and parameters included. Without secrets it needs neither them nor the accounts.
func (c changes) load(name string, env environment, secretless bool) (*scenarios.Scenario, error) {
	s, err := c.read(name, env, secretless)
	if err != nil {
		return nil, allWrong(s, err)
	}
	return s, nil
}

// allWrong is the error of loading a scenario, with what the table of protocols says of it as far as it was understood.
func allWrong(s *scenarios.Scenario, err error) error {
	var wrong *scenarios.Errors
	if s != nil && errors.As(err, &wrong) {
		wrong.Add(plan.Check(s, probes.All()))
	}
	return err
}

// read is load without what the table of protocols says; a scenario that is wrong comes with the error as far as it was
// understood.
func (c changes) read(name string, env environment, secretless bool) (*scenarios.Scenario, error) {
	opt := scenarios.Options{Profiles: c.profiles, Set: c.sets, Getenv: testPasswords(env), SkipSecrets: secretless}
	s, err := scenarios.Load(name, opt)
	if !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	if slices.Contains(scenarios.Shipped(), name) {
		return openShipped(name, opt)
	}
	hint := "pegel scenarios lists the shipped ones"
	if near := scenarios.Nearest(name, scenarios.Shipped()); near != "" {
		hint = fmt.Sprintf("did you mean the shipped scenario %q?", near)
	}
	return nil, &exitError{code: exitUsage, err: err, hint: hint}
}
