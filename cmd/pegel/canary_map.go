package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pegel/internal/ownership"
)

func canaryMapCommand(env environment) *cobra.Command {
	var (
		plan, directory, deferred string
		asJSON                    bool
	)
	cmd := &cobra.Command{
		Use:   "map --plan batch.csv --directory dir.csv",
		Short: "check a batch's source→target map before it is migrated",
		Long: `Checks that the map is one to one, agrees with the directory, and is the same for the deferred pass
(--deferred). Nothing is connected to. Exit code 99 where mail would move to the wrong person, or
nobody can tell that it would not.

Columns of the plan and of --deferred: source, target; name, alias if there are any.
Columns of the directory: address, name; alias if there are any. Aliases are separated by |.
Other columns are left alone.`,
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(*cobra.Command, []string) error {
			if plan == "" || directory == "" {
				return usage("--plan and --directory are both needed")
			}
			moves, err := readCSV(plan, ownership.ReadBatch)
			if err != nil {
				return err
			}
			people, err := readCSV(directory, ownership.ReadDirectory)
			if err != nil {
				return err
			}
			var later []ownership.Move
			if deferred != "" {
				if later, err = readCSV(deferred, ownership.ReadBatch); err != nil {
					return err
				}
			}
			return tellMap(env, moves, ownership.CheckMap(moves, later, people), deferred != "", asJSON)
		},
	}
	cmd.Flags().StringVar(&plan, "plan", "", "CSV file of the batch")
	cmd.Flags().StringVar(&directory, "directory", "", "CSV file of the directory: whose each address is")
	cmd.Flags().StringVar(&deferred, "deferred", "", "CSV file of the map that the deferred pass uses, if it is another file")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the defects as JSON")
	return cmd
}

func tellMap(env environment, moves []ownership.Move, defects []ownership.Defect, deferred, asJSON bool) error {
	type defect struct {
		Code   string `json:"code"`
		File   string `json:"file"`
		Line   int    `json:"line"`
		Column int    `json:"column"`
		Text   string `json:"text"`
	}
	if asJSON {
		list := []defect{}
		for _, d := range defects {
			list = append(list, defect{d.Code, d.Place.File, d.Place.Line, d.Place.Column, d.Text})
		}
		err := writeIndented(env.stdout, struct {
			Format   int      `json:"format"`
			Accounts int      `json:"accounts"`
			OK       bool     `json:"ok"`
			Defects  []defect `json:"defects"`
		}{1, len(moves), len(defects) == 0, list})
		if err != nil {
			return err
		}
	} else {
		var b strings.Builder
		for _, d := range defects {
			fmt.Fprintln(&b, d)
		}
		if len(defects) == 0 {
			fmt.Fprintf(&b, "%d accounts: the map is one to one and agrees with the directory", len(moves))
			if deferred {
				b.WriteString(", and the deferred pass goes the same way")
			}
			b.WriteByte('\n')
		}
		if _, err := fmt.Fprint(env.stdout, b.String()); err != nil {
			return err
		}
	}
	if len(defects) == 0 {
		return nil
	}
	return &exitError{code: exitObjective, err: fmt.Errorf("%d defects in the map: do not migrate this batch", len(defects))}
}
