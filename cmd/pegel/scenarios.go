package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"pegel/scenarios"
)

func scenariosCommand(env environment) *cobra.Command {
	list := func(*cobra.Command, []string) error { return listShipped(env) }
	cmd := &cobra.Command{
		Use:   "scenarios",
		Short: "list the scenarios that ship with pegel, or show one",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("pegel scenarios wants list, or show NAME")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return showShipped(env, args[0], "")
			}
			return list(cmd, args)
		},
	}
	cmd.AddCommand(&cobra.Command{Use: "list", Short: "list the scenarios that ship with pegel", Args: exactly(0, "nothing"), RunE: list})
	var out string
	show := &cobra.Command{
		Use:   "show NAME",
		Short: "print a scenario that ships with pegel, or write it with all its files into a directory",
		Args:  exactly(1, "the name of one scenario"),
		RunE:  func(_ *cobra.Command, args []string) error { return showShipped(env, args[0], out) },
	}
	show.Flags().StringVar(&out, "out", "", "directory to write the scenario and the files that it reads into; nothing is overwritten")
	cmd.AddCommand(show)
	return cmd
}

func listShipped(env environment) error {
	for _, name := range scenarios.Shipped() {
		s, err := openShipped(name, scenarios.Options{SkipSecrets: true})
		if err != nil {
			return err
		}
		fmt.Fprintf(env.stdout, "%-20s %s\n", name, s.Description)
	}
	return nil
}

// openShipped loads a scenario that ships with pegel; what it reads is taken from there too.
func openShipped(name string, opt scenarios.Options) (*scenarios.Scenario, error) {
	src, err := scenarios.Open(name)
	if err != nil {
		return nil, err
	}
	opt.Files = scenarios.ShippedFS()
	return scenarios.Parse(name+".yaml", src, opt)
}

// showShipped prints a shipped scenario, or writes it and what it reads into a directory.
func showShipped(env environment, name, dir string) error {
	files, err := scenarios.ShippedFiles(name)
	if err != nil {
		return &exitError{code: exitUsage, err: err, hint: "pegel scenarios list shows them"}
	}
	if dir == "" {
		if _, err := env.stdout.Write(files[0].Text); err != nil {
			return err
		}
		for _, f := range files[1:] {
			fmt.Fprintf(env.stderr, "it reads %s; pegel scenarios show %s --out DIR writes both\n", f.Name, name)
		}
		return nil
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("writing shipped scenario: %w", err)
	}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return fmt.Errorf("writing shipped scenario: %w", err)
		}
		if err := writeNew(path, f.Text); err != nil {
			return fmt.Errorf("writing shipped scenario: %w", err)
		}
		fmt.Fprintln(env.stdout, path)
	}
	return nil
}

// writeNew writes a file that is not there yet.
func writeNew(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
