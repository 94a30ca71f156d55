//go:build linux

package browser

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/scenarios"
	"pegel/testenv"
	"pegel/testenv/real"
)

// onSite is a target with a site that comes with pegel.
func onSite(t *testing.T, name, address string) probe.Target {
	t.Helper()
	s, err := scenarios.OpenSite(name)
	if err != nil {
		t.Fatal(err)
	}
	to := webmailAt(t, address)
	to.Site = s
	return to
}

// tour does what a user does all day, and what its site file says.
var tour = []string{"login", "list", "read", "read", "search", "list", "poll", "compose", "send", "list", "logout"}

// walk does actions one after the other; those that the site does not have are left out.
func (u user) walk(to probe.Target, verbs ...string) {
	u.t.Helper()
	for _, verb := range verbs {
		if len(to.Site.Actions[verb].Browser) == 0 {
			continue
		}
		time.Sleep(700 * time.Millisecond) // two clicks at once would be a double click
		r := u.do(verb, "")
		u.t.Logf("%-8s %7.0f ms, shown %6.0f ms, %7d bytes", verb, r.Elapsed.Seconds()*1000, r.Phases[probe.PhaseShown].Seconds()*1000, r.In)
		if r.Err != nil {
			keepExhibits(u.t, to)
			u.t.Fatalf("%s: %v", verb, r.Err)
		}
		if r.Phases[probe.PhaseShown] <= 0 && verb != "poll" {
			u.t.Errorf("%s: nothing was painted", verb)
		}
	}
}

// keepExhibits writes what was kept of failures where PEGEL_EXHIBITS says, and the texts into the log.
func keepExhibits(t *testing.T, to probe.Target) {
	for _, e := range to.Shared.(*Browser).Exhibits() {
		for _, f := range e.Files {
			if strings.HasSuffix(f.Name, ".txt") {
				t.Logf("%s:\n%.1500s", f.Name, f.Data)
			}
			if dir := os.Getenv("PEGEL_EXHIBITS"); dir != "" {
				os.WriteFile(filepath.Join(dir, t.Name()+"-"+f.Name), f.Data, 0o644)
			}
		}
	}
}

func TestEmbeddedSite(t *testing.T) {
	needChromium(t)
	p := platform(t, testenv.Options{})
	to, _ := prepared(t, onSite(t, "embedded", p.URLs.Web))
	u := newUser(t, to, account(p, 1))
	u.Peers = []probe.Account{account(p, 2)}
	u.walk(to, tour...)
	if r := u.do("list", ""); r.Class != probe.OK || r.Backend == "" { // logs in by itself
		t.Errorf("the list came to %v (%v), from the backend %q", r.Class, r.Err, r.Backend)
	}
	wrong := account(p, 3)
	wrong.Password = "not-it"
	newUser(t, to, wrong).want(probe.Auth, "login", "")
}

// realStack starts servers, or skips where their packages are missing.
func realStack(t *testing.T, o real.Options) *real.Stack {
	t.Helper()
	needChromium(t)
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("these servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	o.Ports.Free = true
	s, err := real.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func realAccount(s *real.Stack, i int) probe.Account {
	name := real.Account(i)
	return probe.Account{Index: i, Login: name, Address: name, Password: s.Password}
}

// tourOf walks through a real web application, as two users who write to each other, and with a wrong password.
func tourOf(t *testing.T, name string, s *real.Stack) {
	to, b := prepared(t, onSite(t, name, s.Web))
	t.Cleanup(func() {
		if text, err := os.ReadFile(s.AccessLogs[0]); t.Failed() && err == nil {
			t.Logf("the access log ends:\n%s", text[max(0, len(text)-3000):])
		}
	})
	u := newUser(t, to, realAccount(s, 1))
	u.Peers = []probe.Account{realAccount(s, 1)} // to oneself, so that there is something to read
	u.walk(to, "login", "send", "send")
	time.Sleep(time.Second) // mail is delivered
	u.walk(to, tour...)
	wrong := realAccount(s, 2)
	wrong.Password = "not-it"
	if r := newUser(t, to, wrong).do("login", ""); r.Class != probe.Auth && r.Class != probe.Denied { // SOGo answers 403
		t.Errorf("a wrong password comes to %v: %v", r.Class, r.Err)
	}
	readings := b.Readings()
	value := func(name string) float64 {
		at := slices.IndexFunc(readings, func(r probe.Reading) bool { return r.Action == "login" && r.Name == name })
		if at < 0 {
			return 0
		}
		return readings[at].Value
	}
	if value("cpu_short") == value("count") {
		t.Log("paints are not looked at: the processors were short during each login")
	} else if !slices.ContainsFunc(readings, func(r probe.Reading) bool {
		return r.Action == "login" && r.Name == "largest_paint_p75_seconds" && r.Value > 0
	}) {
		t.Errorf("no largest paint was measured: %v", readings)
	}
	for _, r := range readings {
		t.Logf("%-8s %-26s %.4g", r.Action, r.Name, r.Value)
	}
}

func TestRoundcube(t *testing.T) {
	tourOf(t, "roundcube", realStack(t, real.Options{Accounts: 10, Roundcube: &real.Roundcube{Workers: 4}}))
}

func TestSOGo(t *testing.T) {
	tourOf(t, "sogo", realStack(t, real.Options{Accounts: 10, SOGo: &real.SOGo{Workers: 4}}))
}
