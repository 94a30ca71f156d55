package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"pegel/internal/doubt"
	"pegel/internal/expect"
	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
)

func validateCommand(env environment) *cobra.Command {
	c := validating{env: env}
	cmd := &cobra.Command{
		Use:   "validate SCENARIO|DIRECTORY...",
		Short: "check scenario files, with the place of every error and the nearest right name",
		Long: `Checks scenario files without touching the platform, and reports all that is wrong at once: unknown
actions and parameters too. What is legal but hardly meant is a warning. A directory stands for all
*.yaml in it but those that another one of them includes. Secrets and the accounts' file need not be
there. Exit code 104 means that a scenario is not valid.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("pegel validate wants scenario files or directories")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return c.run(args) },
	}
	c.flags(cmd)
	cmd.Flags().BoolVar(&c.json, "json", false, "print errors and warnings as JSON")
	cmd.Flags().BoolVar(&c.strict, "strict", false, "take warnings as errors")
	return cmd
}

// validating is one `pegel validate`.
type validating struct {
	env environment
	changes
	json, strict bool
}

// validated is what one scenario came to.
type validated struct {
	file     string
	plan     *plan.Plan // nil: not valid
	errors   *scenarios.Errors
	warnings []doubt.Warning
	includes []string // paths of the files that it includes
}

func (c *validating) run(args []string) error {
	var all []validated
	for _, arg := range args {
		found, err := c.argument(arg)
		if err != nil {
			return err
		}
		all = append(all, found...)
	}
	bad := 0
	for i := range all {
		if all[i].plan == nil || c.strict && len(all[i].warnings) > 0 {
			bad++
		}
	}
	if c.json {
		if err := c.printJSON(all, bad); err != nil {
			return err
		}
	} else {
		c.print(all)
	}
	if bad == 0 {
		return nil
	}
	failed := &exitError{code: exitScenario}
	if !c.json {
		failed.err = fmt.Errorf("%d of %d scenarios are not valid", bad, len(all))
	}
	return failed
}

// argument checks a file, a shipped scenario, or all files of a directory.
func (c *validating) argument(arg string) ([]validated, error) {
	if info, err := os.Stat(arg); err != nil || !info.IsDir() {
		one, err := c.file(arg)
		return []validated{one}, err
	}
	files, err := filepath.Glob(filepath.Join(escapeGlob(arg), "*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, usage("there is no *.yaml in the directory %s", arg)
	}
	var all []validated
	included := map[string]bool{}
	for _, file := range files {
		one, err := c.file(file)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
		for _, path := range one.includes {
			included[path] = true
		}
	}
	return slices.DeleteFunc(all, func(v validated) bool { return included[v.file] }), nil
}

// escapeGlob makes a path a pattern that matches itself.
func escapeGlob(path string) string {
	var out []rune
	for _, r := range path {
		if slices.Contains([]rune(`*?[\`), r) {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}

// file checks one scenario. The error says that it could not be read at all.
func (c *validating) file(path string) (validated, error) {
	v := validated{file: path, errors: scenarios.NewErrors()}
	s, err := c.read(path, c.env, true)
	if s != nil {
		for _, in := range s.Included() {
			v.includes = append(v.includes, filepath.Join(filepath.Dir(path), filepath.FromSlash(in.Name)))
		}
	}
	var wrong *scenarios.Errors
	var load *expect.Load
	p := (*plan.Plan)(nil)
	if err == nil {
		p, err = plan.Build(s, probes.All())
	}
	if err == nil {
		load, err = expect.Of(p, expect.Options{Day: expect.All})
	}
	switch {
	case errors.As(err, &wrong):
		v.errors = wrong
		if s != nil { // what the plan refuses first need not be all
			v.errors.Add(plan.Check(s, probes.All()))
		}
		return v, nil
	case err != nil:
		return v, err
	}
	// Also in journeys that nobody plays.
	v.errors.Add(plan.Check(s, probes.All()))
	if checkSwitches(s, v.errors); v.errors.Err() != nil {
		return v, nil
	}
	v.plan, v.warnings = p, doubt.Of(p, load, thisMachine())
	return v, nil
}

// print says of each file whether it is valid; errors and warnings go to standard error.
func (c *validating) print(all []validated) {
	for _, v := range all {
		for i := range v.warnings {
			fmt.Fprintln(c.env.stderr, v.warnings[i].Error())
		}
		if v.plan == nil {
			fmt.Fprintln(c.env.stderr, v.errors)
			continue
		}
		fmt.Fprintf(c.env.stdout, "%s: valid, %s, %d journeys", v.file, shapeOf(v.plan), len(v.plan.Scenario.Journeys))
		switch n := len(v.warnings); n {
		case 0:
		case 1:
			fmt.Fprint(c.env.stdout, ", 1 warning")
		default:
			fmt.Fprintf(c.env.stdout, ", %d warnings", n)
		}
		fmt.Fprintln(c.env.stdout)
	}
}

// problemJSON is a problem as others may rely on it.
type problemJSON struct {
	Code    string `json:"code,omitempty"` // of a warning
	File    string `json:"file"`
	Line    int    `json:"line"`   // from 1; 0: the place is not in a file
	Column  int    `json:"column"` // in characters, from 1
	Text    string `json:"text"`
	Hint    string `json:"hint,omitempty"`
	Excerpt string `json:"excerpt,omitempty"`
	See     string `json:"see,omitempty"`
}

// validatedJSON is one scenario in the output of validate --json.
type validatedJSON struct {
	File     string        `json:"file"`
	Name     string        `json:"name,omitempty"`
	Valid    bool          `json:"valid"`
	Errors   []problemJSON `json:"errors"`
	Warnings []problemJSON `json:"warnings"`
}

func (c *validating) printJSON(all []validated, bad int) error {
	out := struct {
		Format int             `json:"format"`
		Valid  bool            `json:"valid"` // with --strict: no warnings either
		Files  []validatedJSON `json:"files"`
	}{1, bad == 0, []validatedJSON{}}
	for _, v := range all {
		one := validatedJSON{File: v.file, Valid: v.plan != nil, Errors: []problemJSON{}, Warnings: []problemJSON{}}
		if v.plan != nil {
			one.Name = v.plan.Scenario.Name
		}
		for _, p := range v.errors.Problems {
			one.Errors = append(one.Errors, problemJSON{"", p.File, p.Line, p.Column, p.Text, p.Hint, p.Excerpt, p.See})
		}
		for _, w := range v.warnings {
			p := w.Problem
			one.Warnings = append(one.Warnings, problemJSON{w.Code, p.File, p.Line, p.Column, p.Text, p.Hint, p.Excerpt, p.See})
		}
		out.Files = append(out.Files, one)
	}
	enc := json.NewEncoder(c.env.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(out)
}
