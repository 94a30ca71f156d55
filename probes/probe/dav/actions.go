package dav

import (
	"fmt"
	"slices"
	"strings"

	"pegel/probes/probe"
)

// Step is a step on the user's session of the step's own target.
func Step(do func(t *probe.Turn, s *Session) error) probe.Step {
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*Session](t)
		if err != nil {
			return err
		}
		return do(t, s)
	}
}

// plain is an action without parameters; ready says whether it needs a known collection.
func plain(decode func(any) error, ready bool, do func(t *probe.Turn, s *Session) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return Step(func(t *probe.Turn, s *Session) error {
		if ready {
			if err := s.Ready(t); err != nil {
				return err
			}
		}
		return do(t, s)
	}), nil
}

// Discover is the action that finds the user's collection anew, as a client does that has just been set up.
func Discover(decode func(any) error) (probe.Step, error) {
	return plain(decode, false, func(t *probe.Turn, s *Session) error { return s.Discover(t) })
}

// Update is the action that changes one of pegel's own objects.
func Update(decode func(any) error) (probe.Step, error) {
	return plain(decode, true, func(t *probe.Turn, s *Session) error { return s.Update(t) })
}

// Delete is the action that deletes one of pegel's own objects.
func Delete(decode func(any) error) (probe.Step, error) {
	return plain(decode, true, func(t *probe.Turn, s *Session) error { return s.Delete(t) })
}

// Race is the action that lets two programs change the same object at once.
func Race(decode func(any) error) (probe.Step, error) {
	return plain(decode, true, func(t *probe.Turn, s *Session) error { return s.Race(t) })
}

// syncParams are the parameters of sync and verify.
type syncParams struct {
	// Collection is a name, or a path from the server's root on, which may be somebody else's; default: the one in use.
	Collection probe.Text `yaml:"collection"`
	By         Way        `yaml:"by"`    // auto, token, ctag, listing; default auto
	Page       int        `yaml:"page"`  // most changes in one answer, 0 to 10000; default 0: as many as the server likes
	Fetch      int        `yaml:"fetch"` // objects in one multiget, 0 to 1000; default 100, of verify 0
}

// defaultFetch is how many objects Thunderbird fetches at a time (calendar.caldav.multigetBatchSize); phones of Apple fetch 50.
const defaultFetch = 100

func (p *syncParams) bind(decode func(any) error) error {
	if err := decode(p); err != nil {
		return err
	}
	if !slices.Contains(Ways(), p.By) {
		return fmt.Errorf("by is %q; there are auto, token, ctag, listing", p.By)
	}
	if p.Page < 0 || p.Page > 10_000 {
		return fmt.Errorf("page %d: must lie between 0 and 10000", p.Page)
	}
	if p.Fetch < 0 || p.Fetch > 1000 {
		return fmt.Errorf("fetch %d: must lie between 0 and 1000", p.Fetch)
	}
	return nil
}

// step performs do for the collection that the parameters name.
func (p *syncParams) step(do func(t *probe.Turn, s *Session, in string, o SyncOptions) error) probe.Step {
	o := SyncOptions{Way: p.By, Page: p.Page, Fetch: p.Fetch}
	return Step(func(t *probe.Turn, s *Session) error { return do(t, s, p.Collection.In(t), o) })
}

// Sync is the action that brings a collection up to date and fetches what has changed.
func Sync(decode func(any) error) (probe.Step, error) {
	p := &syncParams{By: ByAuto, Fetch: defaultFetch}
	if err := p.bind(decode); err != nil {
		return nil, err
	}
	return p.step(func(t *probe.Turn, s *Session, in string, o SyncOptions) error {
		u, err := s.Find(t, in)
		if err != nil {
			return err
		}
		_, err = s.Sync(t, u, o)
		return err
	}), nil
}

// Verify is the action that holds what syncs have added up to against a full listing.
func Verify(decode func(any) error) (probe.Step, error) {
	p := &syncParams{By: ByAuto}
	if err := p.bind(decode); err != nil {
		return nil, err
	}
	return p.step(func(t *probe.Turn, s *Session, in string, o SyncOptions) error {
		u, err := s.Find(t, in)
		if err != nil {
			return err
		}
		return s.Verify(t, u, o)
	}), nil
}

// rightsParams are the parameters of rights.
type rightsParams struct {
	Collection probe.Text `yaml:"collection"`
	Need       string     `yaml:"need"` // read or write; default read
}

// Rights is the action that asks what the user may do with a collection, and fails as denied where that is not enough.
func Rights(decode func(any) error) (probe.Step, error) {
	p := rightsParams{Need: "read"}
	if err := decode(&p); err != nil {
		return nil, err
	}
	need, ok := map[string]Privilege{"read": MayRead, "write": MayRead | MayWrite}[p.Need]
	if !ok {
		return nil, fmt.Errorf("need is %q; there are read, write", p.Need)
	}
	return Step(func(t *probe.Turn, s *Session) error {
		u, err := s.Find(t, p.Collection.In(t))
		if err != nil {
			return err
		}
		return s.Rights(t, u, need)
	}), nil
}

// CheckName refuses a parameter that cannot be the name of a collection.
func CheckName(parameter, name string) error {
	if name == "" || name == "." || name == ".." || strings.ContainsAny(name, "/<>&%?#") {
		return fmt.Errorf("%s %q: must be the name of a collection, without any of / < > & %% ? #", parameter, name)
	}
	return nil
}
