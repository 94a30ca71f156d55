package main

import (
	"errors"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"pegel/probes"
	"pegel/scenarios"
)

func schemaCommand(env environment) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "print the JSON Schema of scenario files, for editors that complete and check them",
		Long: `Prints the JSON Schema (2020-12) of scenario files, with every action and its parameters. An editor
with a YAML language server completes and checks a scenario whose first line is

  # yaml-language-server: $schema=PATH/scenario.schema.json`,
		Args: exactly(0, "nothing"),
		RunE: func(*cobra.Command, []string) error {
			raw, err := scenarios.Schema(actionParams())
			if err != nil {
				return err
			}
			_, err = env.stdout.Write(raw)
			return err
		},
	}
}

var errShown = errors.New("the parameters were only asked for")

// actionParams are all actions with what they take: each is asked to decode its parameters, and shows the struct with its
// defaults.
func actionParams() []scenarios.ActionParams {
	var list []scenarios.ActionParams
	for _, p := range probes.All() {
		for _, verb := range slices.Sorted(maps.Keys(p.Actions)) {
			one := scenarios.ActionParams{Name: p.Name + "." + verb}
			_, _ = p.Actions[verb](func(params any) error { // fails as it is told to
				one.Params = params
				return errShown
			})
			list = append(list, one)
		}
	}
	return list
}
