package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"pegel/internal/engine"
	"pegel/scenarios"
	"pegel/testenv"
	"pegel/testenv/real"
)

// realDir is where the real servers' files and their authority's certificate lie; the shipped scenario names it. The
// servers run under users of their own, who must be able to reach it.
const realDir = "/var/tmp/pegel-real"

// servers are the real servers, and the embedded webmail behind their balancer.
type servers struct {
	stack   *real.Stack
	webmail *testenv.Platform
}

// startServers starts the real servers that the scenario's environment asks for, where they are not up yet. The returned
// function stops them.
func startServers(ctx context.Context, d *driving) (stop func(), err error) {
	switch d.scenario.Environment.Start {
	case "":
		return func() {}, nil
	case "debian":
	default:
		return nil, &exitError{code: exitScenario, err: fmt.Errorf("environment.start: unknown environment %q, only debian is known", d.scenario.Environment.Start)}
	}
	if target, ok := d.scenario.Targets.ByName["imap"]; ok && listening(ctx, d.scenario, target.URL) {
		return func() {}, nil
	}
	s, err := startDebian(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Fprintln(d.env.stderr, "note: real servers started for this run: Dovecot, Postfix, Radicale, HAProxy")
	return func() {
		if err := s.Close(); err != nil {
			fmt.Fprintf(d.env.stderr, "pegel: stopping the real servers: %v\n", err)
		}
	}, nil
}

func listening(ctx context.Context, s *scenarios.Scenario, u *url.URL) bool {
	conn, err := (&engine.Dialer{Allow: s.Targets.Allow, Timeout: time.Second}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// startDebian starts Dovecot, Postfix, Radicale and HAProxy on their default ports, and the embedded webmail behind
// HAProxy.
func startDebian(ctx context.Context) (*servers, error) {
	return startReal(ctx, real.Options{Accounts: real.DefaultAccounts})
}

// startReal starts the real servers that the options describe in realDir, and the embedded webmail behind HAProxy where
// no other web application is to stand there.
func startReal(ctx context.Context, o real.Options) (_ *servers, err error) {
	if missing := o.Missing(); len(missing) > 0 {
		return nil, &exitError{code: exitNoStart, err: fmt.Errorf("the real servers cannot be started: missing %s", strings.Join(missing, ", ")),
			hint: "on Debian as root: .ci/setup test, or apt-get install " + strings.Join(packagesOf(missing), " ")}
	}
	if err := freshDir(realDir); err != nil {
		return nil, fmt.Errorf("starting real servers: %w", err)
	}
	s := new(servers)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if o.Instances() == 0 {
		s.webmail, err = testenv.Start(context.WithoutCancel(ctx), testenv.Options{Accounts: o.Accounts, Password: real.DefaultPassword})
		if err != nil {
			return nil, err
		}
		behind, err := url.Parse(s.webmail.URLs.Web)
		if err != nil {
			return nil, err
		}
		o.Webmail = behind.Host
	}
	o.Dir = realDir
	s.stack, err = real.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// packagesOf leaves out what is missing and no package, which is named in several words.
func packagesOf(missing []string) []string {
	var packages []string
	for _, m := range missing {
		if !strings.Contains(m, " ") {
			packages = append(packages, m)
		}
	}
	return packages
}

// Close stops everything and removes what the servers wrote.
func (s *servers) Close() error {
	var errs []error
	if s.stack != nil {
		errs = append(errs, s.stack.Close())
	}
	if s.webmail != nil {
		errs = append(errs, s.webmail.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(realDir))...)
}

// freshDir makes an empty directory; one that is there already is replaced only if it is ours.
func freshDir(dir string) error {
	info, err := os.Lstat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !info.IsDir() || !ok || int(owner.Uid) != os.Getuid() {
			return fmt.Errorf("%s is in the way and belongs to someone else", dir)
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return os.Mkdir(dir, 0o755)
}
