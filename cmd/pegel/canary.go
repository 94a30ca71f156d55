package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"pegel/internal/engine"
	"pegel/internal/ownership"
	"pegel/internal/table"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// canaryTargets are the targets of the scenario to which the migration copies each kind of item; it copies from those with
// oldPlatform behind their names, as imap.copy does.
var canaryTargets = map[ownership.Kind]string{ownership.Mail: "imap", ownership.Events: "caldav", ownership.Contacts: "carddav"}

const oldPlatform = ".source"

// usualKey is the environment variable with the key of canaries and fingerprints, where --key names no other.
const usualKey = "PEGEL_CANARY_KEY"

// usualDays is the age at which the passes part where nobody says.
const usualDays = 7

func canaryCommand(env environment) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "canary",
		Short: "find mail in the wrong mailbox: before, while and after a batch is migrated",
		Long: `canary looks after who owns what in a batch:

  canary map          before it: is the map one to one, right by the directory, the same for both passes?
  canary fingerprint  before it: keyed hashes of the Message-IDs of each source account, read-only
  canary plant        before it: signed items into each source account
  canary verify       after each pass, or while it runs (--follow): own items, missing, foreign and whose
  canary remove       at the end: takes the signed items out again, on both platforms

Nothing of people's mail is changed, kept or printed.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown verb %q%s", "canary "+args[0], suggestion(cmd, args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(canaryMapCommand(env), canaryFingerprintCommand(env), canaryPlantCommand(env), canaryVerifyCommand(env), canaryRemoveCommand(env))
	return cmd
}

// canaryFlags are what fingerprint, plant, verify and remove have in common.
type canaryFlags struct {
	changes
	accounts, key, run string
	items              []string
	days, connections  int

	secrets []string         // environment variables that secrets were read from
	guard   *ownership.Guard // of all logins
}

func (f *canaryFlags) register(cmd *cobra.Command) {
	f.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&f.accounts, "accounts", "", "CSV file of the batch: source, target, and where there are any shared")
	flags.StringSliceVar(&f.items, "items", nil, "kinds of items: mail, events, contacts (default mail, and the others where the scenario has both their targets)")
	flags.StringVar(&f.key, "key", usualKey, "environment variable with the key, at least 16 characters")
	flags.StringVar(&f.run, "run", "", "name of the batch in its canaries (default: that of the file of --accounts)")
	flags.IntVar(&f.days, "days", 0, "age of mail in days at which core and deferred pass part (default wave.copy.core.days, else 7)")
	flags.IntVar(&f.connections, "connections", 32, "accounts worked on at once")
}

// work is what the flags and the scenario come to.
func (f *canaryFlags) work(env environment, file string) (*scenarios.Scenario, ownership.Work, error) {
	var none ownership.Work
	switch {
	case f.accounts == "":
		return nil, none, usage("--accounts is missing: the CSV file of the batch")
	case f.connections <= 0 || f.connections > 5000:
		return nil, none, usage("--connections %d: give a number from 1 to 5000", f.connections)
	case f.days < 0 || f.days > 36500:
		return nil, none, usage("--days %d: give a number of days above 0", f.days)
	}
	value, ok := env.getenv(f.key)
	if !ok {
		return nil, none, &exitError{code: exitUsage, err: fmt.Errorf("the environment variable %s with the key is not set", f.key),
			hint: "export " + f.key + "=$(openssl rand -hex 32), and keep it until the batch has been verified"}
	}
	key, err := ownership.NewKey(value)
	if err != nil {
		return nil, none, usage("%s: %v", f.key, err)
	}
	moves, err := readCSV(f.accounts, ownership.ReadBatch)
	if err != nil {
		return nil, none, err
	}
	watched := env
	f.secrets = []string{"PEGEL_PASSWORD", corpusSecretVariable, f.key}
	watched.getenv = func(name string) (string, bool) {
		f.secrets = append(f.secrets, name)
		return env.getenv(name)
	}
	f.guard = ownership.NewGuard(len(moves))
	s, err := f.load(file, watched, false)
	if err != nil {
		return nil, none, err
	}
	days := cmp.Or(f.days, s.Wave.Copy.Days(), usualDays)
	name := strings.TrimSuffix(filepath.Base(f.accounts), filepath.Ext(f.accounts))
	return s, ownership.Work{Key: key, Moves: moves, Run: runName(cmp.Or(f.run, name)),
		Limit: time.Duration(days) * 24 * time.Hour, Connections: f.connections}, nil
}

// runName is a batch's name as it stands in header fields: what is not ASCII is replaced, and a checksum keeps such names apart.
func runName(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '-'
		}
		return r
	}, fileName(name))
	if plain != fileName(name) {
		plain += fmt.Sprintf("-%08x", crc32.ChecksumIEEE([]byte(name)))
	}
	return "canary-" + plain
}

// readCSV reads a file by one of ownership's readers. What is wrong with it is an invalid input.
func readCSV[T any](path string, read func(name string, r io.Reader) (T, error)) (v T, err error) {
	f, err := os.Open(path)
	if err != nil {
		return v, &exitError{code: exitScenario, err: err}
	}
	defer f.Close()
	if v, err = read(path, f); err != nil {
		return v, &exitError{code: exitScenario, err: err}
	}
	return v, nil
}

// kinds are the items that the flags mean.
func (f *canaryFlags) kinds(s *scenarios.Scenario) ([]ownership.Kind, error) {
	var list []ownership.Kind
	for _, name := range f.items {
		kind := ownership.Kind(name)
		if _, known := canaryTargets[kind]; !known {
			return nil, usage("--items %.40q is none of mail, events, contacts", name)
		}
		if !slices.Contains(list, kind) {
			list = append(list, kind)
		}
	}
	if len(f.items) > 0 {
		return list, nil
	}
	for _, kind := range ownership.Kinds() {
		_, to := s.Targets.ByName[canaryTargets[kind]]
		_, from := s.Targets.ByName[canaryTargets[kind]+oldPlatform]
		if kind == ownership.Mail || from && to {
			list = append(list, kind)
		}
	}
	return list, nil
}

// platform makes one of the scenario's two platforms ready, the old one where side is oldPlatform, else the new one. It finds out how to log in to
// each account of the batch before the first packet.
func (f *canaryFlags) platform(s *scenarios.Scenario, side string, moves []ownership.Move) (ownership.Platform, error) {
	kinds, err := f.kinds(s)
	if err != nil {
		return nil, err
	}
	targets, err := engine.Targets(s)
	if err != nil {
		return nil, &exitError{code: exitScenario, err: err}
	}
	account, err := logins(s)
	if err != nil {
		return nil, err
	}
	all := ownership.Platform{}
	for _, kind := range kinds {
		name := canaryTargets[kind] + side
		target, ok := targets[name]
		if !ok {
			return nil, &exitError{code: exitScenario, err: fmt.Errorf("%s: the scenario has no target %s", s.Path, name),
				hint: fmt.Sprintf("%s are copied from targets.%s%s to targets.%[2]s", kind, canaryTargets[kind], oldPlatform)}
		}
		all[kind] = ownership.Side{Target: target, Account: account, Guard: f.guard}
	}
	var wrong table.Errors
	for _, m := range moves {
		who, at := accountOn(side)(m), m.TargetAt()
		if side == oldPlatform {
			at = m.SourceAt()
		}
		if _, err := account(who); err != nil {
			wrong = append(wrong, table.Problem{At: at, Text: err.Error(),
				Hint: "list it in the file of accounts.csv, by its login or its address"})
		}
	}
	if len(wrong) > 0 {
		return nil, &exitError{code: exitScenario, err: wrong}
	}
	return all, nil
}

// accountOn tells which of a move's accounts is on a platform.
func accountOn(side string) func(ownership.Move) string {
	if side == oldPlatform {
		return func(m ownership.Move) string { return m.Source }
	}
	return func(m ownership.Move) string { return m.Target }
}

// logins tells how to log in as an account that is called by its login or its address. One that the scenario does not list can be
// logged in to only where all accounts have one secret.
func logins(s *scenarios.Scenario) (func(name string) (probe.Account, error), error) {
	list, err := s.AccountList()
	if err != nil {
		return nil, err
	}
	joint := ""
	if s.Accounts.Method() == scenarios.MasterUser {
		joint = cmp.Or(s.Accounts.Auth.Joint, "*") + s.Accounts.Auth.User
	}
	known := map[string]int{}
	for i := range list.Len() {
		c := list.Credentials(i)
		login, address := strings.ToLower(strings.TrimSuffix(c.Login, joint)), strings.ToLower(c.Address)
		known[login] = i
		if _, taken := known[address]; !taken {
			known[address] = i
		}
	}
	a := s.Accounts
	return func(name string) (probe.Account, error) {
		c := scenarios.Credentials{Login: name + joint, Address: name,
			Password: a.Password.Value, AppPassword: a.Auth.AppPassword.Value, Token: a.Auth.Token.Value}
		if i, ok := known[strings.ToLower(name)]; ok {
			c = list.Credentials(i)
		} else if c.Password == "" && c.AppPassword == "" && c.Token == "" {
			return probe.Account{}, fmt.Errorf("the scenario has no account %s, and no secret for all", name)
		}
		return probe.Account{Login: c.Login, Address: c.Address, Password: c.Password, AppPassword: c.AppPassword, Token: c.Token}, nil
	}, nil
}

// untilInterrupt is a context that the first interrupt ends.
func untilInterrupt(ctx context.Context, env environment) (context.Context, func()) {
	signals, release := env.interrupts.take()
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		select {
		case <-signals:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() { cancel(); wg.Wait(); release() }
}

// mostTold is how many accounts' errors are printed.
const mostTold = 20

// refused is the error of work that was ended because of refused logins; nil where it was not.
func (f *canaryFlags) refused() error {
	end := f.guard.Ended()
	if end == nil {
		return nil
	}
	return &exitError{code: exitNoStart, err: end, hint: "check accounts, accounts.auth and the password or token; what was done stays done, and the command may be repeated"}
}

// tellFailures prints the first failures and makes an exit code of them: where nothing worked, the platform could not be
// reached.
func tellFailures(env environment, failures []error, all int) error {
	if len(failures) == 0 {
		return nil
	}
	for i, err := range failures {
		if i == mostTold {
			fmt.Fprintf(env.stderr, "and %d more accounts failed\n", len(failures)-mostTold)
			break
		}
		fmt.Fprintf(env.stderr, "failed: %v\n", err)
	}
	e := &exitError{code: exitFailure, err: fmt.Errorf("%d of %d accounts failed", len(failures), all), hint: "the command may be repeated; what is done stays done"}
	if len(failures) == all {
		e.code, e.hint = exitNoStart, ""
		if access, ok := errors.AsType[*ownership.AccessError](failures[0]); ok {
			e.hint = targetHint(access.Target, access.Err)
		}
	}
	return e
}
