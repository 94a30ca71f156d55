package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
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
	claim   *claim // of the directory
}

// startServers starts the real servers that the scenario's environment asks for, where they are not up yet. The returned
// function stops them.
func startServers(ctx context.Context, d *driving) (stop func(), err error) {
	asked := d.scenario.Environment
	if asked.Start == "" {
		return func() {}, nil
	}
	o, err := environmentOptions(asked)
	if err != nil {
		return nil, &exitError{code: exitScenario, err: fmt.Errorf("environment: %w", err)}
	}
	if target, ok := d.scenario.Targets.ByName["imap"]; ok && listening(ctx, d.scenario, target.URL) {
		if len(asked.Switches) > 0 {
			return nil, &exitError{code: exitNoStart, err: fmt.Errorf("the servers are up already, so that they cannot be started with %s", strings.Join(asked.Switches, ", ")),
				hint: "end them, or leave environment.start out and start them with pegel testenv --real --switch"}
		}
		return func() {}, nil
	}
	s, err := startReal(ctx, realDir, o)
	if err != nil {
		return nil, err
	}
	names := "Dovecot, Postfix, Radicale, HAProxy"
	switch asked.Start {
	case debianSOGo:
		names += ", SOGo with PostgreSQL and memcached"
	case debianRoundcube:
		names += ", Roundcube"
	}
	if len(asked.Switches) > 0 {
		names += "; " + strings.Join(asked.Switches, ", ")
	}
	fmt.Fprintln(d.env.stderr, "note: real servers started for this run: "+names)
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

// environmentOptions are the servers that a scenario's environment asks for, on their default ports: with functional
// mailboxes where no web application stands behind HAProxy but the embedded webmail.
func environmentOptions(e scenarios.Environment) (real.Options, error) {
	c := debianChoice{kind: e.Start, instances: 1}
	if e.Start == "debian" {
		c.kind = debianMail
	}
	o := c.options(real.DefaultAccounts)
	return o, o.SetAll(e.Switches)
}

// checkSwitches reports switches of a scenario's environment that there are not.
func checkSwitches(s *scenarios.Scenario, wrong *scenarios.Errors) {
	if s.Environment.Start == "" {
		return
	}
	base, err := environmentOptions(scenarios.Environment{Start: s.Environment.Start})
	if err != nil {
		return // no switches, nothing to be wrong
	}
	for i, setting := range s.Environment.Switches {
		o := base
		if base.SOGo != nil {
			o.SOGo = new(real.SOGo)
		}
		if err := o.Set(setting); err != nil {
			wrong.Add(s.Problem(s.Field(scenarios.Pos{}, "environment", "switches", strconv.Itoa(i)), "pegel testenv --list names them all", "%v", err))
		}
	}
}

// startReal starts the real servers that the options describe in a directory that no other pegel uses, and the embedded
// webmail behind HAProxy where no other web application is to stand there. What lies in the directory stays as it is until
// it is certain that nobody else uses it or listens on the servers' ports.
func startReal(ctx context.Context, dir string, o real.Options) (_ *servers, err error) {
	if missing := o.Missing(); len(missing) > 0 {
		return nil, &exitError{code: exitNoStart, err: fmt.Errorf("the real servers cannot be started: missing %s", strings.Join(missing, ", ")),
			hint: "on Debian as root: .ci/setup test, or apt-get install " + strings.Join(packagesOf(missing), " ")}
	}
	s := new(servers)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	s.claim, err = claimDir(dir)
	if err != nil {
		return nil, &exitError{code: exitNoStart, err: fmt.Errorf("the real servers cannot be started: %w", err), hint: "only one pegel at a time can run them; Ctrl-C there ends them"}
	}
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
	o.Dir, o.KnownRecipients = dir, true
	if err := o.Check(); err != nil {
		return nil, &exitError{code: exitNoStart, err: fmt.Errorf("the real servers cannot be started: %w", err)}
	}
	if err := s.claim.empty(); err != nil {
		return nil, fmt.Errorf("starting real servers: %w", err)
	}
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
	if s.claim != nil {
		errs = append(errs, s.claim.release())
	}
	return errors.Join(errs...)
}

// ownerFile in a claimed directory has the number of the process that claimed it, for the message to others.
const ownerFile = "owner.pid"

// claim is a directory that one process has for itself, by a lock on the directory itself. The kernel gives it up when the
// process ends, however that happens, so that what a killed one left behind can be taken over.
type claim struct {
	dir  string
	lock *os.File
	ours bool // its content may be removed
}

// claimDir claims a directory of ours, making it where it is missing, and changes nothing in one that is there already.
func claimDir(dir string) (*claim, error) {
	for {
		made := true
		if err := os.Mkdir(dir, 0o755); errors.Is(err, fs.ErrExist) {
			made = false
		} else if err != nil {
			return nil, err
		}
		info, err := os.Lstat(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue // its owner has just removed it
		}
		if err != nil {
			return nil, err
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !info.IsDir() || !ok || int(owner.Uid) != os.Getuid() {
			return nil, fmt.Errorf("%s is in the way and belongs to someone else", dir)
		}
		lock, err := os.Open(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
			_ = lock.Close() // was only read
			if !errors.Is(err, syscall.EWOULDBLOCK) {
				return nil, fmt.Errorf("locking %s: %w", dir, err)
			}
			by := "another process"
			if pid, err := os.ReadFile(filepath.Join(dir, ownerFile)); err == nil {
				by = "process " + strings.TrimSpace(string(pid))
			}
			return nil, fmt.Errorf("%s is in use by the servers of %s", dir, by)
		}
		// Between opening and locking, the owner may have removed it and somebody made another.
		locked, err := lock.Stat()
		now, errNow := os.Lstat(dir)
		if err == nil && errNow == nil && os.SameFile(locked, now) {
			return &claim{dir: dir, lock: lock, ours: made}, nil
		}
		_ = lock.Close()
		if err != nil {
			return nil, err
		}
	}
}

// empty removes what an earlier process left in the directory, and signs it.
func (c *claim) empty() error {
	c.ours = true
	if err := c.clear(); err != nil {
		return err
	}
	if err := os.Chmod(c.dir, 0o755); err != nil { // the servers' users pass through it, whatever the umask
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, ownerFile), fmt.Appendln(nil, os.Getpid()), 0o644)
}

func (c *claim) clear() error {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(c.dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// release removes the directory, unless it was there before and has not been emptied, and lets go of it.
func (c *claim) release() error {
	var err error
	if c.ours {
		err = os.RemoveAll(c.dir)
	}
	return errors.Join(err, c.lock.Close())
}
