package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"pegel/internal/recorder"
	"pegel/internal/recording"
	"pegel/internal/site"
	"pegel/probes"
	"pegel/probes/browser"
	"pegel/probes/probe"
)

// fromBrowser leads a browser, once for each account.
func (f *recordFlags) fromBrowser(ctx context.Context, env environment, base *site.Site) (list []*recording.Recording, notes []string, err error) {
	if f.recordings < 2 || f.recordings > 5 {
		return nil, nil, usage("--recordings %d: must lie between 2 and 5", f.recordings)
	}
	target, err := f.target()
	if err != nil {
		return nil, nil, err
	}
	if f.accounts == "" {
		return nil, nil, usage("--accounts is missing: a CSV file with login and password, or a pattern such as u{n:05}@example.test")
	}
	accounts, err := f.take(env, f.recordings, 1)
	if err != nil {
		return nil, nil, err
	}
	target.Site = base
	browsers, _ := probes.ByName("browser")
	shared, err := browsers.Prepare(ctx, target)
	if err != nil {
		return nil, nil, recordError(err, probe.Account{})
	}
	defer shared.Close()
	target.Shared = shared
	for i, account := range accounts {
		u := &soleUser{ctx: ctx, protocol: browsers, target: target, account: account, peer: accounts[(i+1)%len(accounts)]}
		journey := journeyOf(u.account, u.peer)
		journey.Base, journey.Verbs, journey.Source = target.URL, f.actions, fmt.Sprintf("account %d of %d", i+1, len(accounts))
		fmt.Fprintf(env.stderr, "recording %s: %s\n", journey.Source, strings.Join(f.actions, ", "))
		r, said, err := u.recorded(journey)
		if err != nil {
			return nil, nil, withPicture(recordError(fmt.Errorf("%s: %w", journey.Source, err), account), f.keepFailure(shared))
		}
		notes = append(notes, said...)
		list = append(list, r)
	}
	return list, notes, nil
}

// recorded does a journey in a tab of its own, with empty cache and without cookies.
func (u *soleUser) recorded(j recorder.Journey) (*recording.Recording, []string, error) {
	session, err := u.OpenSession(u.target.Name)
	if err != nil {
		return nil, nil, err
	}
	defer u.close()
	key := uint64(0)
	return recorder.Record(u.ctx, session, func(verb string) error {
		key++
		return u.do(verb, key)
	}, j)
}

// keepFailure writes what the page looked like and said at the failure, beside --out, and returns the files.
func (f *recordFlags) keepFailure(shared io.Closer) (names []string) {
	reporter, ok := shared.(probe.Reporter)
	if !ok {
		return nil
	}
	stem := "record"
	if f.out != "" {
		stem = strings.TrimSuffix(f.out, filepath.Ext(f.out))
	}
	for _, e := range reporter.Exhibits() {
		for _, file := range e.Files {
			name := stem + "-failure" + filepath.Ext(file.Name)
			if os.WriteFile(name, file.Data, 0o600) == nil { // else the failure itself has to do
				names = append(names, name)
			}
		}
	}
	return names
}

// withPicture names the files in the hint of a failure.
func withPicture(err error, names []string) error {
	var own *exitError
	if len(names) > 0 && errors.As(err, &own) {
		if own.hint != "" {
			own.hint += "; "
		}
		own.hint += "what the page looked like: " + strings.Join(names, ", ")
	}
	return err
}

// recordError is why nothing was recorded, without the account's secrets.
func recordError(err error, account probe.Account) error {
	hint := ""
	switch class := probe.ClassOf(err); {
	case errors.Is(err, browser.ErrNoChromium):
		hint = "apt-get install chromium, or record from HAR files"
	case errors.Is(err, probe.ErrNotAllowed):
		hint = "name the network in --allow if traffic may go there"
	case class == probe.Content || class == probe.Timeout || class == probe.Auth:
		hint = "check the browser part of the site, the password, and that the accounts have mail"
	}
	return &exitError{code: exitNoStart, err: errors.New(account.Redact(err.Error())), hint: hint}
}
