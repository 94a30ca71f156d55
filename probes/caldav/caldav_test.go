package caldav

import (
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// keys are those of all actions of tests whose users share a platform.
var keys atomic.Uint64

var account = probe.Account{Login: "u0", Address: "u0@example.test", Password: "right"}

var (
	answered = []probe.Phase{probe.PhaseFirstByte, probe.PhaseComplete}
	make1    = []probetest.Case{{Do: "create"}}
	cases    = []probetest.Case{
		{Do: "discover", Phases: answered},
		{Do: "query", Phases: answered},
		{Do: "query", With: "{back: 0, ahead: 365}", Before: []probetest.Case{{Do: "create"}}, Phases: answered},
		{Do: "create", Phases: answered},
		{Do: "create", With: "{guests: 2, repeat: true}", Phases: answered},
		{Do: "update", Before: make1, Phases: answered},
		{Do: "delete", Before: make1, Phases: answered},
		{Do: "create", With: "{repeat: true, exceptions: 2, alarm: true, attach: 20KB, attached: 50}", Phases: answered},
		{Do: "race", Before: make1, Phases: answered},
		{Do: "sync", Phases: answered},
		{Do: "sync", With: "{by: listing, fetch: 3}", Before: make1, Phases: answered},
		{Do: "verify", Before: make1, Phases: answered},
		{Do: "freebusy", With: "{guests: 2, where_offered: true}"},
		{Do: "freebusy", With: "{guests: 2}", Fails: probe.Content},
		{Do: "rights", Phases: answered},
		{Do: "answer", Phases: answered},
		{Do: "copy", Phases: answered},
		{Do: "copy", With: "into: Archive", Phases: answered},
	}
)

func TestConformance(t *testing.T) {
	_, address := newMemory(t, "work")
	var keys atomic.Uint64
	probetest.Run(t, probetest.Distinct(Protocol(), &keys), probetest.Target(t, "caldav", address), account, cases)
}

// user is one user of the memory server or of a real one.
type user struct{ probetest.User }

func newUser(t *testing.T, address string) user {
	var keys atomic.Uint64
	return user{probetest.NewUser(t, probetest.Distinct(Protocol(), &keys), account, probetest.Target(t, "caldav", address))}
}

func TestLifeOfAnEvent(t *testing.T) {
	m, address := newMemory(t, "work")
	u := newUser(t, address)
	u.Must("create")
	for p, text := range m.all() {
		if !strings.HasPrefix(p, "/u0/calendars/work/") || !strings.Contains(text, corpus.RunProp+":"+probetest.RunID) {
			t.Errorf("created %s:\n%s", p, text)
		}
	}
	u.Must("update", "update")
	for _, text := range m.all() {
		if !strings.Contains(text, "SEQUENCE:2") {
			t.Errorf("after two updates:\n%s", text)
		}
	}
	u.Must("delete")
	if left := m.all(); len(left) != 0 {
		t.Errorf("left after delete: %v", left)
	}
}

func TestCalendarIsMadeWhereThereIsNone(t *testing.T) {
	m, address := newMemory(t)
	newUser(t, address).Must("create")
	for p := range m.all() {
		if path.Dir(p) != "/u0/calendars/pegel" {
			t.Errorf("the event lies in %s", p)
		}
	}
}

func TestCopyDoesNotTouchTheCalendarInUse(t *testing.T) {
	m, address := newMemory(t, "work")
	u := newUser(t, address)
	u.Must("copy", "copy", "create")
	u.Drop("caldav") // a new session finds what the first has made
	if err := u.Try("copy", "into: migrated"); err != nil {
		t.Error(err)
	}
	count := map[string]int{}
	for p := range m.all() {
		count[path.Base(path.Dir(p))]++
	}
	if count["work"] != 1 || count["Migrated"] != 3 || len(count) != 2 {
		t.Errorf("events by calendar: %v", count)
	}
}

const foreign = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//someone//else//EN
BEGIN:VEVENT
UID:real-appointment
DTSTAMP:20250101T000000Z
DTSTART:20250102T100000Z
DTEND:20250102T110000Z
SUMMARY:Somebody's own
END:VEVENT
END:VCALENDAR
`

func TestForeignEventsAreLeftAlone(t *testing.T) {
	m, address := newMemory(t, "work")
	m.add(t, "/u0/calendars/work/", "real.ics", foreign)
	// An identifier like pegel's does not make an event pegel's own.
	m.add(t, "/u0/calendars/work/", "odd.ics", strings.Replace(foreign, "real-appointment", "x@pegel.invalid", 1))
	before := m.all()
	u := newUser(t, address)
	for range 5 {
		u.Must("update", "delete")
	}
	after := m.all()
	for p, text := range before {
		if after[p] != text {
			t.Errorf("%s was\n%s\nand is\n%s", p, text, after[p])
		}
	}
}

func TestEventsOfEarlierSessionsAreFound(t *testing.T) {
	m, address := newMemory(t, "work")
	newUser(t, address).Must("create", "create")
	later := newUser(t, address)
	later.Must("delete", "delete")
	if left := m.all(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func TestLostUpdateIsContent(t *testing.T) {
	m, address := newMemory(t, "work")
	u := newUser(t, address)
	u.Must("create")
	m.touch()
	if err := u.Try("delete", ""); probe.ClassOf(err) != probe.Content {
		t.Errorf("got %v, want a failure of class content", err)
	}
	if len(m.all()) != 1 {
		t.Error("the event that somebody else has changed was deleted")
	}
}

func TestOverloadKeepsTheSession(t *testing.T) {
	m, address := newMemory(t, "work")
	u := newUser(t, address)
	u.Must("discover")
	m.mu.Lock()
	m.down = true
	m.mu.Unlock()
	if err := u.Try("query", ""); probe.ClassOf(err) != probe.Overload {
		t.Errorf("got %v, want a failure of class overload", err)
	}
	m.mu.Lock()
	m.down, m.requests = false, nil
	m.mu.Unlock()
	u.Must("query")
	if len(m.requests) != 1 {
		t.Errorf("the session did not keep its calendar: %v", m.requests)
	}
}
