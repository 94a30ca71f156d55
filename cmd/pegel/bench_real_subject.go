package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"time"

	"pegel/scenarios"
	"pegel/testenv"
	"pegel/testenv/real"
)

//go:embed bench_real/*.yaml
var realScenarios embed.FS

// subject is one limit of real software whose capacity is forecast.
type subject struct {
	name     string // for --case
	what     string // for people
	file     string // of the scenario in bench_real
	resource string
	tweaks   func(limit int) real.Tweaks
	limit    int           // slots
	hold     time.Duration // of a slot for one visit, as somebody who plans the test expects it
	pause    time.Duration // of a user between two holds, by the journey
	service  testenv.Definition
}

// subjects are the limits that are tried. Each is reached while the machine's processors are mostly idle, so that the limit
// is the one configured and not the machine.
func subjects() []subject {
	answer := func(mean time.Duration) []testenv.Step {
		return []testenv.Step{{Use: "web", For: testenv.Service{Mean: mean, CV: 0.6}}}
	}
	behind := testenv.Definition{
		Name:       "web server behind a balancer",
		Resources:  []testenv.Resource{{Name: "web", Kind: "workers", Limit: 4000}}, // never full: the balancer limits
		Operations: map[string][]testenv.Step{"web.list": answer(140 * time.Millisecond), "web.read": answer(100 * time.Millisecond)},
	}
	return []subject{
		{
			name: "slots", what: "HAProxy's slots for requests", file: "slots.yaml", resource: "haproxy.web",
			tweaks: func(limit int) real.Tweaks { return real.Tweaks{WebMaxConn: limit} },
			limit:  24, hold: 120 * time.Millisecond, pause: 1200 * time.Millisecond, service: behind,
		},
		{
			name: "sessions", what: "HAProxy's slots for sessions of Dovecot", file: "sessions.yaml", resource: "haproxy.imap",
			tweaks: func(limit int) real.Tweaks { return real.Tweaks{IMAPMaxConn: limit} },
			limit:  24, hold: 430 * time.Millisecond, pause: 1800 * time.Millisecond, service: behind,
		},
	}
}

func subjectNames() []string {
	var names []string
	for _, s := range subjects() {
		names = append(names, s.name)
	}
	return names
}

// nominal is the number of active users whose visits the slots would carry if none ever waited: slots × cycle ÷ hold.
func (s *subject) nominal() float64 {
	return float64(s.limit) * float64(s.hold+s.pause) / float64(s.hold)
}

// before are the loads that the forecast is made from. The highest is 70 % of the nominal number.
func (s *subject) before() []int { return loads(s.nominal(), 0.30, 0.45, 0.58, 0.70) }

// loads are shares of a number of users.
func loads(users float64, shares ...float64) []int {
	var out []int
	for _, share := range shares {
		out = append(out, max(1, int(math.Round(users*share))))
	}
	return out
}

// realPlatform is the real servers of one subject.
type realPlatform struct {
	stack  *real.Stack
	behind *testenv.Platform
}

// start starts the servers on free ports.
func (s *subject) start(ctx context.Context, seed uint64) (*realPlatform, error) {
	behind, err := testenv.Start(context.WithoutCancel(ctx), testenv.Options{Definition: s.service, Seed: seed, Accounts: real.DefaultAccounts, Password: real.DefaultPassword})
	if err != nil {
		return nil, err
	}
	web, err := url.Parse(behind.URLs.Web)
	if err != nil {
		return nil, errors.Join(err, behind.Close())
	}
	stack, err := real.Start(ctx, real.Options{Ports: real.Ports{Free: true}, Webmail: web.Host, Tweaks: s.tweaks(s.limit)})
	if err != nil {
		return nil, errors.Join(err, behind.Close())
	}
	return &realPlatform{stack: stack, behind: behind}, nil
}

// Close stops all servers and removes what they wrote.
func (p *realPlatform) Close() error { return errors.Join(p.stack.Close(), p.behind.Close()) }

// scenario loads the subject's scenario for a platform and loads.
func (s *subject) scenario(p *realPlatform, seed uint64, users []int, shape shape, getenv func(string) (string, bool)) (*scenarios.Scenario, []string, error) {
	name := "bench_real/" + s.file
	raw, err := realScenarios.ReadFile(name)
	if err != nil {
		return nil, nil, err
	}
	sets := []string{
		fmt.Sprintf("seed=%d", seed),
		"observe.0.prometheus=" + p.stack.HAProxyMetrics,
		"load.order=listed",
		"load.stages.hold=" + shape.hold, "load.stages.settle=" + shape.settle,
		"load.stages.users=" + strings.Join(strings.Fields(fmt.Sprint(users)), ", "),
	}
	if s.file == "slots.yaml" {
		sets = append(sets, "targets.web.url="+p.stack.Web)
	} else {
		sets = append(sets, "targets.imap.url="+p.stack.IMAP, "targets.imap.ca="+p.stack.CAFile)
	}
	loaded, err := scenarios.Parse(name, raw, scenarios.Options{Set: sets, Getenv: getenv})
	return loaded, sets, err
}
