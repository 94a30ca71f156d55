package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pegel/internal/engine"
	"pegel/probes/browser"
	"pegel/scenarios"
)

// Exit codes. 99, 104 and 105 mean what k6 users expect.
const (
	exitOK          = 0
	exitFailure     = 1   // pegel's own failure, a full disk included
	exitUsage       = 2   // unknown verb, flag or argument
	exitObjective   = 99  // an objective was broken at a load that is live now
	exitScenario    = 104 // the scenario is invalid
	exitInterrupted = 105
	exitNoStart     = 107 // the run could not start: platform unreachable, login refused, Chromium missing
	exitGenerator   = 120 // the generator was the bottleneck; the result is invalid
	exitNoGo        = 121
	exitCaution     = 122 // also: not determined
)

// environment is what a command has of the world.
type environment struct {
	stdout, stderr io.Writer
	getenv         func(string) (string, bool)
	signals        <-chan os.Signal // interrupts; the first ends a run gently, the second at once
	typed          <-chan string    // lines that the operator types while a run goes on; nil: nobody does
	interrupts     *interrupts      // set by run
}

// exitError ends the command with a code. err may be nil where everything has been said.
type exitError struct {
	code int
	err  error
	hint string
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// run executes the command and returns its exit code.
func run(ctx context.Context, args []string, env environment) int {
	env.interrupts = new(interrupts)
	root := rootCommand(env)
	root.SetArgs(args)
	root.SetOut(env.stdout)
	root.SetErr(env.stderr)
	done := make(chan error, 1)
	go func() { done <- root.ExecuteContext(ctx) }()
	var err error
	for ended := false; !ended; {
		select {
		case err = <-done:
			ended = true
		case s := <-env.signals:
			if !env.interrupts.pass(s) { // nothing under way that could be lost: the archive is complete or not begun
				fmt.Fprintln(env.stderr, "pegel: interrupted")
				return exitInterrupted
			}
		}
	}
	code, hint := codeOf(err)
	if err != nil && err.Error() != "" {
		fmt.Fprintf(env.stderr, "pegel: %v\n", err)
	}
	if hint != "" {
		fmt.Fprintf(env.stderr, "hint: %s\n", hint)
	}
	return code
}

// notEmpty refuses flags whose value is empty: mostly a shell variable that is not set, and then another question would be
// answered than the one that was meant.
func notEmpty(cmd *cobra.Command, _ []string) error {
	var err error
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Value.Type() == "string" && f.Value.String() == "" {
			err = usage("--%s is empty", f.Name)
		}
	})
	return err
}

// codeOf finds the exit code and the hint that belong to an error.
func codeOf(err error) (code int, hint string) {
	var (
		exit      *exitError
		invalid   *scenarios.Errors
		problem   *scenarios.Problem
		preflight *engine.PreflightError
	)
	switch {
	case err == nil:
		return exitOK, ""
	case errors.As(err, &exit):
		return exit.code, exit.hint
	case errors.As(err, &invalid), errors.As(err, &problem):
		return exitScenario, ""
	case errors.Is(err, browser.ErrNoChromium):
		return exitNoStart, "apt-get install chromium, or leave the browser persona out"
	case errors.As(err, &preflight):
		return exitNoStart, preflightHint(preflight)
	case errors.Is(err, engine.ErrStopped), errors.Is(err, context.Canceled):
		return exitInterrupted, ""
	}
	return exitFailure, ""
}

func usage(format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...)}
}

func rootCommand(env environment) *cobra.Command {
	root := &cobra.Command{
		PersistentPreRunE: notEmpty,
		Use:               "pegel",
		Short:             "forecast at what load a groupware platform degrades, before the next batch is migrated",
		Long: `pegel drives simulated users across web UI, IMAP, SMTP, CalDAV and CardDAV while a migration wave
ramps, records honest latencies, fits a capacity model, and says before the next batch is
scheduled at what number of users the platform degrades, why, and whether the batch is safe.

Start with: pegel demo`,
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown verb %q%s", args[0], suggestion(cmd, args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &exitError{code: exitUsage, err: err, hint: fmt.Sprintf("%s --help lists the flags", cmd.CommandPath())}
	})
	root.AddCommand(canaryCommand(env), benchCommand(env), demoCommand(env), runCommand(env), validateCommand(env), schemaCommand(env), explainCommand(env), forecastCommand(env), diagnoseCommand(env), reportCommand(env),
		exportCommand(env), testenvCommand(env), scenariosCommand(env), scoreCommand(env), selftestCommand(env), learnCommand(env), recordCommand(env), compareCommand(env), corpusCommand(env), thresholdsCommand(env))
	return root
}

func suggestion(cmd *cobra.Command, word string) string {
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return fmt.Sprintf("; did you mean %q?", near[0])
	}
	return ""
}

// exactly is cobra.ExactArgs with our exit code.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("%s wants %s, got %d arguments", cmd.CommandPath(), what, len(args))
		}
		return nil
	}
}

// colours tells whether w is a terminal that wants colours.
func colours(w io.Writer, env environment) bool {
	_, no := env.getenv("NO_COLOR")
	return !no && terminal(w)
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
