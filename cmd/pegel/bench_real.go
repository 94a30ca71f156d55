package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"pegel/cmd/pegel/accuracy"
	"pegel/internal/engine"
	"pegel/testenv/real"
)

// benchReal is one benchmark of forecasts on real software.
type benchReal struct {
	seed  uint64
	cases []string // names of subjects; none: all
	out   string   // where the archives stay; empty: nowhere
	json  bool

	document string // the page of figures whose section of real software is written again; empty: none
}

func benchRealCommand(env environment) *cobra.Command {
	var b benchReal
	cmd := &cobra.Command{
		Use:   "real",
		Short: "hold forecasts against real software whose limit is then measured",
		Long: `Starts real servers on loopback, drives stages up to 70 % of what a configured limit carries,
forecasts from the servers' own counters and stores that, and only then drives stages around
the forecast until the objective breaks. All cases are tried at the same time, which takes
some five minutes; figures depend on what else the machine does.`,
		Args: exactly(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, name := range b.cases {
				if !slices.Contains(subjectNames(), name) {
					return usage("unknown case %q: %s", name, strings.Join(subjectNames(), ", "))
				}
			}
			trials, held, err := b.run(cmd.Context(), env)
			if err != nil {
				return err
			}
			if b.document != "" {
				page, err := os.ReadFile(b.document)
				if err != nil {
					return err
				}
				if err := writeTo(b.document, func(w io.Writer) error { return accuracy.ReplaceReal(w, page, trials, held) }); err != nil {
					return err
				}
			}
			if !b.json {
				return accuracy.WriteReal(env.stdout, trials, held)
			}
			out := json.NewEncoder(env.stdout)
			out.SetIndent("", "  ")
			out.SetEscapeHTML(false)
			return out.Encode(struct {
				Case   accuracy.Case   `json:"case"`
				Seed   uint64          `json:"seed"`
				Trials []accuracy.Real `json:"trials"`
			}{held, b.seed, trials})
		},
	}
	cmd.Flags().Uint64Var(&b.seed, "seed", 1, "draws what users do")
	cmd.Flags().StringSliceVar(&b.cases, "case", nil, "only these cases: "+strings.Join(subjectNames(), ", ")+" (default: all)")
	cmd.Flags().StringVar(&b.out, "out", "", "keep the archives in this directory")
	cmd.Flags().BoolVar(&b.json, "json", false, "print the case and its trials as JSON")
	cmd.Flags().StringVar(&b.document, "document", "", "write the section of real software in this page of figures again")
	return cmd
}

// run makes the trials and holds them against their goal. What keeps one from being made is said in the case; only an
// interrupt is an error. Nothing is left running.
func (b *benchReal) run(ctx context.Context, env environment) (trials []accuracy.Real, held accuracy.Case, err error) {
	if missing := real.Missing(); len(missing) > 0 {
		return nil, accuracy.RealCase(nil, notInstalled(missing)), nil
	}
	dir := b.out
	if dir == "" {
		if dir, err = os.MkdirTemp("", "pegel-bench-"); err != nil {
			return nil, held, err
		}
		defer os.RemoveAll(dir)
	}
	ctx, env, release := stoppable(ctx, env)
	defer release()
	var tried []*subject
	for _, s := range subjects() {
		if len(b.cases) == 0 || slices.Contains(b.cases, s.name) {
			tried = append(tried, &s)
		}
	}
	// All at the same time: each leaves the machine mostly idle, and none shares a server with another.
	done, errs := make([]accuracy.Real, len(tried)), make([]error, len(tried))
	var wg sync.WaitGroup
	for i, s := range tried {
		wg.Go(func() { done[i], errs[i] = s.trial(ctx, b.seed, dir, env) })
	}
	wg.Wait()
	var wrong []string
	for i, err := range errs {
		switch {
		case ctx.Err() != nil || errors.Is(err, engine.ErrStopped) || errors.Is(err, errNothingDriven):
			return nil, held, &exitError{code: exitInterrupted, err: errors.New("interrupted; the real servers are stopped")}
		case err != nil:
			wrong = append(wrong, fmt.Sprintf("%s: %v", tried[i].what, err))
		default:
			trials = append(trials, done[i])
		}
	}
	return trials, accuracy.RealCase(trials, strings.Join(wrong, "; ")), nil
}

func notInstalled(missing []string) string {
	verb := "are"
	if len(missing) == 1 {
		verb = "is"
	}
	text := strings.Join(missing, ", ") + " " + verb + " missing"
	packages := slices.DeleteFunc(slices.Clone(missing), func(m string) bool { return strings.Contains(m, " ") }) // others are in words
	if len(packages) > 0 {
		text += " (apt-get install " + strings.Join(packages, " ") + ")"
	}
	return text
}

// stoppable handles interrupts until release is called: one goes to the run under way, which it ends gently, and one that
// comes between runs ends the returned context. So the command never ends before what it started has been stopped.
func stoppable(ctx context.Context, env environment) (context.Context, environment, func()) {
	ctx, cancel := context.WithCancel(ctx)
	signals, back := env.interrupts.take()
	env.interrupts = new(interrupts)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case s := <-signals:
				if !env.interrupts.pass(s) {
					cancel()
				}
			case <-done:
				return
			}
		}
	}()
	return ctx, env, func() { back(); close(done); <-ended; cancel() }
}
