package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/pflag"

	"pegel/internal/corpus"
	"pegel/internal/recorder"
	"pegel/internal/recording"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// recordAccounts says who is recorded, and where traffic may go.
type recordAccounts struct {
	accounts, passwordEnv, ca string
	allow                     []string
	first                     int
}

func (f *recordAccounts) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.accounts, "accounts", "", "CSV file with login and password, or a pattern such as u{n:05}@example.test")
	flags.StringVar(&f.passwordEnv, "password-env", "PEGEL_PASSWORD", "environment variable with the password of a pattern's accounts")
	flags.IntVar(&f.first, "first", 0, "number of the first account (default 1; with --check 3)")
	flags.StringVar(&f.ca, "ca", "", "PEM file of the authorities to be trusted instead of the system's")
	flags.StringSliceVar(&f.allow, "allow", []string{"127.0.0.0/8", "::1/128"}, "networks that traffic may go to")
}

// take reads so many accounts, from usual on where --first does not say.
func (f *recordAccounts) take(env environment, count, usual int) (list []probe.Account, err error) {
	first := f.first
	if first == 0 {
		first = usual
	}
	if first < 1 || first > 1<<30 {
		return nil, usage("--first %d: give a number from 1", f.first)
	}
	s := &scenarios.Scenario{Accounts: scenarios.Accounts{CSV: f.accounts}}
	from := first - 1
	if strings.Contains(f.accounts, "{") {
		password, ok := env.getenv(f.passwordEnv)
		if !ok || password == "" {
			return nil, usage("the environment variable %s is not set, which is to hold the accounts' password", f.passwordEnv)
		}
		if !strings.Contains(f.accounts, "{n") {
			return nil, usage("--accounts %s has no number: write u{n:05}@example.test", f.accounts)
		}
		s.Accounts = scenarios.Accounts{Pattern: f.accounts, Count: count, First: first, Password: scenarios.Secret{Value: password}}
		from = 0
	}
	all, err := s.AccountList()
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return nil, usage("--accounts: %v; write a CSV file, or a pattern such as u{n:05}@example.test", err)
	}
	if err != nil {
		return nil, err
	}
	if all.Len() < from+count {
		return nil, usage("--accounts has %d accounts, and numbers %d to %d are wanted", all.Len(), first, first+count-1)
	}
	for i := range count {
		c := all.Credentials(from + i)
		if c.Password == "" {
			return nil, usage("account %d has no password: forms of a web page need one", first+i)
		}
		list = append(list, probe.Account{Index: first - 1 + i, Login: c.Login, Address: c.Address, Password: c.Password})
	}
	return list, nil
}

// knownOf is what is known of an account.
func knownOf(a probe.Account) []recording.Known {
	return append([]recording.Known{{Name: "account.password", Value: a.Password, Secret: true}}, recording.KnownOf(a.Login, a.Address)...)
}

// journeyOf is what a browser types for an account. The mail that it sends says whose it is, as all mail of pegel does, and
// nothing that it types occurs anywhere else.
func journeyOf(a, peer probe.Account) recorder.Journey {
	var draw [6]byte
	rand.Read(draw[:]) // never fails
	mark := hex.EncodeToString(draw[:])
	run := "record-" + mark
	local, _, _ := strings.Cut(a.Login, "@")
	values := map[string]string{
		"account.login": a.Login, "account.local": local, "account.address": a.Address, "account.password": a.Password,
		"peer.address": peer.Address, "mail.subject": "Recording " + mark, "run": run, "limit": "50", "text": "report",
		"mail.text": fmt.Sprintf("%s: %s Message: %s A mail that was sent while a journey was recorded.", corpus.RunField, run, corpus.MessageID(run, 1)),
		"mail.id":   corpus.MessageID(run, 1), "random": mark[:8],
	}
	known := []recording.Known{}
	for _, name := range []string{"mail.text", "mail.subject", "mail.id", "run", "peer.address"} {
		known = append(known, recording.Known{Name: name, Value: values[name]})
	}
	// Editors of HTML send the text as they write it.
	known = append(known, recording.Known{Name: "mail.text", Value: strings.NewReplacer("<", "&lt;", ">", "&gt;").Replace(values["mail.text"])})
	return recorder.Journey{Values: values, Known: append(known, knownOf(a)...)}
}
