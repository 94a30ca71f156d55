package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pegel/probes"
	"pegel/probes/probe"
)

// selfAccounts are those of the embedded platform: one for each user of the largest part that logs in.
const selfAccounts = 1000

// selfScenario is a scenario of one stage in which a number of users play a journey.
func selfScenario(targets, personas, journeys string, users int, ramp, hold time.Duration) string {
	return fmt.Sprintf(`name: selftest
seed: 1
targets: {%s}
accounts: {pattern: "u{n:05}@example.test", count: %d, password: {env: PEGEL_DEMO_PASSWORD}}
activity: {user: 100%%, source: selftest}
personas:
  - {name: user, journey: user}
%sjourneys:
%sload: {stages: {users: [%d], ramp: %v, settle: %v, hold: %v}}
objectives: [{errors: 1%%}]
`, targets, max(users, 1), personas, journeys, users, ramp, time.Second-ramp%time.Second, hold)
}

// noopProtocol has an action that does nothing, so that what is measured is plan, engine and recorder alone.
func noopProtocol() probe.Protocol {
	return probe.Protocol{Name: "web", Actions: map[string]probe.Action{"noop": func(decode func(any) error) (probe.Step, error) {
		return func(*probe.Turn) error { return nil }, probe.NoParams(decode)
	}}}
}

func (c *selftesting) arrivals(ctx context.Context, r *selfReport) error {
	hold, none, opened := 2*time.Second, []int{1000, 5000, 10000}, []int{500, 1000, 2000}
	if c.quick {
		hold, none, opened = time.Second, []int{1000, 10000}, []int{500}
	}
	measure := func(what, target, action string, protocols []probe.Protocol, rate int) error {
		src := selfScenario(fmt.Sprintf("web: {url: %q}", target),
			fmt.Sprintf("  - {name: incoming, journey: incoming, arrivals: {per_second: %d, spacing: even}}\n", rate),
			fmt.Sprintf("  user: [{do: %[1]s, think: 1h}]\n  incoming: [{do: %[1]s}]\n", action), 1, 100*time.Millisecond, hold)
		t, err := trial(ctx, c.env, src, protocols, nil)
		if err != nil {
			return err
		}
		s := t.of("incoming", "")
		r.Arrivals = append(r.Arrivals, selfArrivals{Of: what, PerSecond: float64(rate), Done: float64(s.Done()) / t.seconds, Missed: t.missed, Failed: s.Failed(),
			LagP50: t.lag.Quantile(0.5).Seconds(), LagP99: t.lag.Quantile(0.99).Seconds(), Cores: t.cpu / t.seconds})
		return nil
	}
	for _, rate := range none {
		if err := measure("doing nothing", "http://127.0.0.1:1/", "web.noop", []probe.Protocol{noopProtocol()}, rate); err != nil {
			return err
		}
	}
	for _, rate := range opened {
		if err := measure("HTTP, a connection each", c.servers.urls["known"], `web.request, with: {path: /now}`, probes.All(), rate); err != nil {
			return err
		}
	}
	return nil
}

func (c *selftesting) protocols(ctx context.Context, r *selfReport) error {
	hold := 2 * time.Second
	if c.quick {
		hold = time.Second
	}
	for _, p := range []struct{ target, login, action, with string }{
		{"web", "web.login", "web.list", ""},
		{"imap", "imap.login}, {do: imap.select", "imap.fetch_headers", ", with: {last: 5}"},
		{"smtp", "", "smtp.send", ", with: {size: 4KB}"},
		{"caldav", "caldav.discover", "caldav.query", ""},
		{"carddav", "carddav.discover", "carddav.query", ""},
	} {
		login := ""
		if p.login != "" {
			login = "{do: " + p.login + "}, "
		}
		src := selfScenario(fmt.Sprintf("%s: {url: %q}", p.target, c.servers.urls[p.target]), "",
			fmt.Sprintf("  user: [%s{repeat: {for: session}, steps: [{do: %s%s}]}]\n", login, p.action, p.with), 8, 100*time.Millisecond, hold)
		t, err := trial(ctx, c.env, src, probes.All(), nil)
		if err != nil {
			return err
		}
		s := t.of("", p.action)
		if s.Done() == 0 {
			return fmt.Errorf("%s was not done once: %s", p.action, t.example)
		}
		r.Protocols = append(r.Protocols, selfProtocol{Action: p.action, PerSecond: float64(s.Done()) / t.seconds, CPU: t.cpu / float64(s.Done()), Failed: s.Failed()})
	}
	return nil
}

func (c *selftesting) memory(ctx context.Context, r *selfReport) error {
	users, alone, ramp := selfAccounts, 10000, 3*time.Second
	if c.quick {
		users, alone, ramp = 300, 5000, time.Second
	}
	for _, m := range []struct {
		user, targets, journey string
		users                  int
		protocols              []probe.Protocol
	}{
		{"who waits, engine alone", `web: {url: "http://127.0.0.1:1/"}`, "{do: web.noop, think: 1h}", alone, []probe.Protocol{noopProtocol()}},
		{"idle on IMAP", fmt.Sprintf("imap: {url: %q}", c.servers.urls["imap"]), "{do: imap.login}, {do: imap.select}, {do: imap.idle, think: 1h}", users, probes.All()},
		{"of the web, connection kept", fmt.Sprintf("web: {url: %q}", c.servers.urls["known"]), "{do: web.request, with: {path: /now}, think: 1h}", users, probes.All()},
	} {
		t, err := trial(ctx, c.env, selfScenario(m.targets, "", "  user: ["+m.journey+"]\n", m.users, ramp, time.Second), m.protocols, nil)
		if err != nil {
			return err
		}
		r.Memory = append(r.Memory, selfMemory{User: m.user, Users: m.users, Bytes: t.memory / float64(m.users)})
	}
	return nil
}

// knownDelays are those that latency is held against.
var knownDelays = []struct{ name, path string }{
	{"10 ms", "/sleep?d=10ms"},
	{"100 ms", "/sleep?d=100ms"},
	{"lognormal, 20 ms, p90 60 ms", "/lognormal?median=20ms&p90=60ms"},
}

func (c *selftesting) latency(ctx context.Context, r *selfReport) error {
	const users = 30
	hold := 5 * time.Second
	if c.quick {
		hold = 2 * time.Second
	}
	personas, journeys := "", "  user: [{do: web.request, with: {path: /now}, think: 1h}]\n"
	for i, d := range knownDelays {
		personas += fmt.Sprintf("  - {name: k%d, journey: k%d, count: %d}\n", i, i, users)
		journeys += fmt.Sprintf("  k%d: [{repeat: {for: session}, steps: [{do: web.request, with: {path: %q}, think: {uniform: {min: 50ms, max: 150ms}}}]}]\n", i, d.path)
	}
	src := selfScenario(fmt.Sprintf("web: {url: %q}", c.servers.urls["known"]), personas, journeys, 1, 500*time.Millisecond, hold)
	src = strings.Replace(src, "count: 1,", fmt.Sprintf("count: %d,", 1+users*len(knownDelays)), 1)
	forget := func() {
		for _, d := range knownDelays {
			_, _ = c.truth(ctx, d.path) // if it failed now it fails again at the end, where that is told
		}
	}
	t, err := trial(ctx, c.env, src, probes.All(), forget)
	if err != nil {
		return err
	}
	for i, d := range knownDelays {
		truth, err := c.truth(ctx, d.path)
		if err != nil {
			return err
		}
		s := t.of(fmt.Sprintf("k%d", i), "web.request")
		if s.Done() == 0 || truth["count"] == 0 {
			return fmt.Errorf("nothing was measured of %s: %s", d.path, t.example)
		}
		for name, q := range map[string]float64{"p50": 0.5, "p90": 0.9} {
			measured := s.Response.Quantile(q).Seconds()
			r.Latency = append(r.Latency, selfLatency{Delay: d.name, Quantile: q, Truth: truth[name], Measured: measured, Error: measured/truth[name] - 1, Count: s.Done()})
		}
	}
	slices.SortStableFunc(r.Latency, func(a, b selfLatency) int {
		if c := strings.Compare(a.Delay, b.Delay); c != 0 {
			return c
		}
		return int(100*a.Quantile) - int(100*b.Quantile)
	})
	return nil
}

// truth asks the server with known times what the delays of an address really were.
func (c *selftesting) truth(ctx context.Context, path string) (map[string]float64, error) {
	address, err := url.JoinPath(c.servers.urls["known"], "truth")
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+"?of="+url.QueryEscape(path), nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	var truth map[string]float64
	if err := json.NewDecoder(answer.Body).Decode(&truth); err != nil {
		return nil, fmt.Errorf("reading the truth about %s: %w", path, err)
	}
	return truth, nil
}
