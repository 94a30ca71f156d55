package real

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// StopServer ends one server of the stack with all its processes, as its own stop would: "dovecot", "postfix", "radicale" or
// "haproxy". The others go on. The methods of this file must not be called from several goroutines at a time, nor beside Close.
func (s *Stack) StopServer(name string) error {
	d := s.daemon(name)
	if d == nil {
		return fmt.Errorf("stopping %s: there is no such server", name)
	}
	d.stopped.Store(true)
	return d.stop(s.hurry)
}

// KillServer ends one server with all its processes at once and without a word, as the lack of memory or of power does. Only
// StartServer brings it back.
func (s *Stack) KillServer(name string) error {
	d := s.daemon(name)
	if d == nil {
		return fmt.Errorf("killing %s: there is no such server", name)
	}
	d.stopped.Store(true)
	for end := time.Now().Add(stopLimit); ; time.Sleep(pollEvery) {
		// in this order, as in stop
		ended := d.ended()
		left := d.family.update(!ended)
		if ended && len(left) == 0 {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("killing %s: processes %v do not end", name, left)
		}
		d.family.kill()
	}
}

// StartServer starts a server that StopServer or KillServer has ended, with the same configuration and state, and returns when it answers.
func (s *Stack) StartServer(ctx context.Context, name string) error {
	for _, p := range s.programs {
		if p.name != name {
			continue
		}
		if d := s.daemon(name); d == nil || !d.stopped.Load() {
			return fmt.Errorf("starting %s: it was not stopped", name)
		}
		d, err := s.launcher.launch(p, filepath.Join(s.Dir, "log", p.name+".log"))
		if err != nil {
			return err
		}
		s.replace(d)
		ctx, cancel := context.WithTimeout(ctx, startLimit)
		defer cancel()
		return s.awaitAll(ctx, s.options, name)
	}
	return fmt.Errorf("starting %s: there is no such server", name)
}

// KillDelivery kills Dovecot's delivery agents, the processes named lmtp, at once and without a word, and returns how many there
// were. Dovecot starts others for the next delivery. What they were at is broken off: a message may be delivered whose sender has
// no answer, and is then delivered again (RFC 2033, section 5).
func (s *Stack) KillDelivery() (killed int, err error) {
	d := s.daemon("dovecot")
	if d == nil || d.ended() {
		return 0, errors.New("killing delivery agents: Dovecot does not run")
	}
	for _, pid := range d.family.update(true) {
		comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil || strings.TrimSpace(string(comm)) != "lmtp" {
			continue
		}
		// Whoever was of the family a moment ago and has this name is no stranger.
		if p, err := os.FindProcess(pid); err == nil && p.Kill() == nil {
			killed++
		}
	}
	return killed, nil
}

func (s *Stack) daemon(name string) *daemon {
	for _, d := range s.running() {
		if d.name == name {
			return d
		}
	}
	return nil
}

// running are the servers, those stopped by StopServer included.
func (s *Stack) running() []*daemon {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]*daemon(nil), s.daemons...)
}

// replace puts a server that was started again into the place of its predecessor.
func (s *Stack) replace(with *daemon) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, d := range s.daemons {
		if d.name == with.name {
			s.daemons[i] = with
		}
	}
}
