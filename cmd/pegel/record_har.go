package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"pegel/internal/recording"
	"pegel/probes/probe"
)

// fromHARs reads the HAR files.
func (f *recordFlags) fromHARs(env environment) (list []*recording.Recording, notes []string, err error) {
	if len(f.hars) < 2 || len(f.hars) > 5 {
		return nil, nil, usage("give --har two to five times, each of another account: what differs between them is not the application's")
	}
	var base *url.URL
	if f.url != "" {
		if base, err = f.address(); err != nil {
			return nil, nil, err
		}
	}
	var accounts []probe.Account
	if f.accounts != "" {
		if accounts, err = f.take(env, len(f.hars), 1); err != nil {
			return nil, nil, err
		}
	}
	for i, name := range f.hars {
		file, err := os.Open(name)
		if err != nil {
			return nil, nil, &exitError{code: exitUsage, err: fmt.Errorf("opening the HAR file: %w", err)}
		}
		har, err := recording.ReadHAR(file, filepath.Base(name))
		file.Close()
		if err != nil {
			return nil, nil, harError(err)
		}
		actions, elsewhere, err := har.Split(f.actions, base)
		if err != nil {
			return nil, nil, harError(err)
		}
		if elsewhere > 0 {
			notes = append(notes, fmt.Sprintf("%s: %d requests to other servers were left out", har.Name, elsewhere))
		}
		notes = append(notes, har.Notes...)
		r := &recording.Recording{Source: har.Name, Actions: actions}
		if i < len(accounts) {
			r.Known = knownOf(accounts[i])
		}
		recording.Infer(r)
		for _, other := range list {
			if login := loginOf(r); login != "" && login == loginOf(other) {
				return nil, nil, &exitError{code: exitScenario, err: fmt.Errorf("%s and %s are of the same account", other.Source, r.Source),
					hint: "record each with another account: only what differs between accounts is known not to be the application's"}
			}
		}
		list = append(list, r)
	}
	return list, notes, nil
}

// loginOf is the login of a recording, "" where it is not known.
func loginOf(r *recording.Recording) string {
	for _, k := range r.Known {
		if k.Name == "account.login" {
			return k.Value
		}
	}
	return ""
}

func harError(err error) error {
	if errors.Is(err, recording.ErrHAR) {
		return &exitError{code: exitScenario, err: err}
	}
	return err
}
