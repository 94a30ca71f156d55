package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"pegel/internal/corpus"
	"pegel/internal/engine"
	"pegel/internal/stock"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// corpusSecretVariable names the environment variable with the operator's secret, for the signatures of everything that pegel
// puts into accounts.
const corpusSecretVariable = "PEGEL_CORPUS_SECRET"

// corpusSecret is the key that content of a scenario is signed with.
func corpusSecret(s *scenarios.Scenario, env environment) corpus.Secret {
	operator, _ := env.getenv(corpusSecretVariable)
	return corpus.NewSecret(operator, s.Seed)
}

func corpusCommand(env environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "corpus",
		Short: "fill accounts with mail that pegel makes, and remove it again",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown verb %q%s", args[0], suggestion(cmd, args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(corpusFillCommand(env), corpusCleanCommand(env))
	return cmd
}

// stocking is what `corpus fill` and `corpus clean` share.
type stocking struct {
	env environment
	changes
	target, accounts, state string
	connections             int
	json                    bool
	now                     func() time.Time // nil: that of the machine
}

func (c *stocking) flags(cmd *cobra.Command) {
	c.changes.flags(cmd)
	cmd.Flags().StringVar(&c.target, "target", "imap", "target of the scenario whose accounts are meant, such as imap.source")
	cmd.Flags().StringVar(&c.accounts, "accounts", "", "accounts by their place in the scenario's list, such as 1-800 or 17 (default all)")
	cmd.Flags().IntVar(&c.connections, "connections", 4, "connections at a time, 1 to 100")
	cmd.Flags().BoolVar(&c.json, "json", false, "print the result as JSON")
}

// options reads the scenario and says whose accounts are worked on. Tally and Stop are set by work.
func (c *stocking) options(file string) (*scenarios.Scenario, stock.Options, error) {
	none := stock.Options{}
	if c.connections < 1 || c.connections > 100 {
		return nil, none, usage("--connections %d is not between 1 and 100", c.connections)
	}
	s, err := c.load(file, c.env, false)
	if err != nil {
		return nil, none, err
	}
	targets, err := engine.Targets(s)
	if err != nil {
		return nil, none, &exitError{code: exitScenario, err: err}
	}
	target, ok := targets[c.target]
	if !ok {
		names := []string{}
		for name := range targets {
			names = append(names, name)
		}
		return nil, none, usage("the scenario has no target %q%s", c.target, didYouMean(c.target, names))
	}
	if scheme := target.URL.Scheme; scheme != "imap" && scheme != "imaps" {
		return nil, none, usage("the target %q is of %s; accounts are filled over imap or imaps", c.target, scheme)
	}
	list, err := s.AccountList()
	if err != nil {
		return nil, none, err
	}
	from, to, err := accountRange(c.accounts, list.Len())
	if err != nil {
		return nil, none, err
	}
	o := stock.Options{
		Target: target, Prefix: corpus.RunPrefix(s.Name, s.Seed), Seed: s.Seed, Secret: corpusSecret(s, c.env),
		Connections: c.connections, Tally: new(stock.Tally),
	}
	for i := from; i <= to; i++ {
		a := list.Credentials(i - 1)
		o.Accounts = append(o.Accounts, probe.Account{Index: i - 1, Login: a.Login, Address: a.Address, Password: a.Password, AppPassword: a.AppPassword, Token: a.Token})
	}
	return s, o, nil
}

func didYouMean(word string, among []string) string {
	if near := scenarios.Nearest(word, among); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// accountRange reads "1-800", "17" or nothing: places in a list, from 1.
func accountRange(text string, of int) (from, to int, err error) {
	if text == "" {
		return 1, of, nil
	}
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err1 := strconv.Atoi(first)
	to, err2 := strconv.Atoi(last)
	switch {
	case err1 != nil || err2 != nil || from < 1 || to < from:
		return 0, 0, usage("--accounts %.40q is neither a place in the list, from 1, nor a range of them such as 1-800", text)
	case to > of:
		return 0, 0, usage("--accounts %s: the scenario has %d accounts", text, of)
	}
	return from, to, nil
}

// work does it with progress on standard error, until it is done, a blackout begins or somebody interrupts: the first interrupt
// lets messages that are under way arrive, the second ends at once.
func (c *stocking) work(ctx context.Context, s *scenarios.Scenario, o stock.Options, progress func(io.Writer), do func(context.Context, stock.Options) ([]stock.Failure, error)) ([]stock.Failure, error) {
	d := &driving{scenario: s, env: c.env, clock: c.now}
	if until, silent := s.Load.Silent(d.wall()); silent {
		return nil, &exitError{code: exitNoStart, err: fmt.Errorf("nothing may be sent now: load.blackout; it may begin from %s on", until.Format(wallForm))}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	halt := sync.OnceFunc(func() { close(stop) })
	defer d.watchSignals(ctx, cancel, halt)()
	defer d.watchBlackout(ctx, halt)()
	o.Stop = stop

	var showing sync.WaitGroup
	done := make(chan struct{})
	showing.Go(func() {
		tick := time.NewTicker(2 * time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				progress(c.env.stderr)
			case <-done:
				return
			}
		}
	})
	failed, err := do(ctx, o)
	close(done)
	showing.Wait()
	return failed, err
}

// outcome is the command's error: of a work that was interrupted, given up, or left accounts behind.
func (c *stocking) outcome(failed []stock.Failure, err error) error {
	const shown = 5
	for i, f := range failed {
		if i == shown {
			fmt.Fprintf(c.env.stderr, "and %d more accounts\n", len(failed)-shown)
			break
		}
		fmt.Fprintf(c.env.stderr, "%s: %v\n", f.Account, f.Err)
	}
	var start *stock.StartError
	switch {
	case errors.Is(err, stock.ErrStopped), errors.Is(err, context.Canceled):
		return &exitError{code: exitInterrupted, err: stock.ErrStopped}
	case errors.As(err, &start):
		return &engine.PreflightError{Target: c.target, Action: "logging in as " + start.Account, Err: start.Err}
	case err != nil:
		return err
	case len(failed) > 0:
		return &exitError{code: exitFailure, err: fmt.Errorf("%d accounts are not complete", len(failed)), hint: "the same command goes on where this one ended"}
	}
	return nil
}

// failureJSON is an account that is not complete.
type failureJSON struct {
	Account string `json:"account"`
	Error   string `json:"error"`
}

func failuresJSON(failed []stock.Failure) []failureJSON {
	list := []failureJSON{}
	for _, f := range failed {
		list = append(list, failureJSON{f.Account, f.Err.Error()})
	}
	return list
}

func (c *stocking) printJSON(v any) error {
	enc := json.NewEncoder(c.env.stdout)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// megabytes writes a number of bytes for people.
func megabytes(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.0f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.0f kB", float64(n)/1e3)
}
