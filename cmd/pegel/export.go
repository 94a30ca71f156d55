package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"pegel/internal/archive"
)

func exportCommand(env environment) *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "write an archive as standard histogram logs (hlog) and CSV",
		Args:  exactly(1, "one run directory"),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := archive.Open(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(args[0], "export")
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return err
			}
			files := map[string]func(io.Writer) error{
				"actions.csv":    func(w io.Writer) error { return archive.ExportCSV(w, run) },
				"metrics.csv":    func(w io.Writer) error { return archive.ExportMetricsCSV(w, run) },
				"dimensions.csv": func(w io.Writer) error { return archive.ExportDimensionsCSV(w, run) },
			}
			names := []string{"actions.csv", "metrics.csv", "dimensions.csv"}
			for _, action := range run.Meta.Actions {
				name := strings.ReplaceAll(action, ".", "-") + ".hlog"
				files[name] = func(w io.Writer) error { return archive.ExportHlog(w, run, action) }
				names = append(names, name)
			}
			for _, name := range names {
				if err := archive.WriteFile(out, name, files[name]); err != nil {
					return err
				}
				fmt.Fprintln(env.stdout, filepath.Join(out, name))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "directory to write to (default export in the run)")
	return cmd
}
