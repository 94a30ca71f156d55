package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pegel/internal/plan"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// roads notes what each user does, when, and where the connections of its sessions go.
type roads struct {
	mu    sync.Mutex
	began time.Time
	acts  []string // since the stage began
	dials []string
	urls  []string
	draws []uint64 // of the first actions of each session
}

// road is a session.
type road struct{ done int }

func (*road) Close() error { return nil }

func (r *roads) protocol() probe.Protocol {
	step := func(decode func(any) error) (probe.Step, error) {
		if err := probe.NoParams(decode); err != nil {
			return nil, err
		}
		return func(t *probe.Turn) error {
			open, err := t.Session("")
			if err != nil {
				return err
			}
			if way := open.(*road); way.done < 3 {
				way.done++
				r.mu.Lock()
				r.draws = append(r.draws, t.Draw(0))
				r.mu.Unlock()
			}
			time.Sleep(50 * time.Millisecond)
			return nil
		}, nil
	}
	return probe.Protocol{Name: "web", Actions: map[string]probe.Action{"list": step, "read": step},
		Open: func(t *probe.Turn, target probe.Target, a probe.Account) (probe.Session, error) {
			r.note(&r.urls, target.URL.String())
			for _, address := range []string{"127.0.0.1:8080", "127.0.0.1:9999"} { // the target's, and another one's
				_, err := target.DialContext(t.Context(), "tcp", address)
				if !errors.Is(err, errNoted) {
					return nil, err
				}
			}
			r.mu.Lock()
			r.acts = append(r.acts, fmt.Sprintf("%d opens after %v", a.Index, time.Since(r.began).Round(time.Millisecond)))
			r.mu.Unlock()
			return new(road), nil
		}}
}

func (r *roads) note(list *[]string, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(*list, text) {
		*list = append(*list, text)
	}
}

var errNoted = errors.New("noted")

const armedScenario = `
name: arms
seed: 5
targets: {web: {url: "https://127.0.0.1:8080/", behind: ["http://127.0.0.1:20001", "http://127.0.0.1:20002"]}}
accounts: {pattern: "u{n}@example.test", count: 100, groups: {tax: 41-60}, password: {env: P}}
activity: {browser: 50%%, source: test}
personas: [{name: browser, journey: j}]
journeys: {j: [{repeat: {for: session}, steps: [{choose: [{weight: 1, do: web.list}, {weight: 1, do: web.read}]}, {think: {exponential: {mean: 1s}}}]}]}
load: {experiment: {arms: %s}, stages: {users: [6], ramp: 1s, settle: 1s, hold: 8s}}
objectives: [{action: "web.*", p95: 1s}]
`

// driven plays an experiment and returns what was noted in each stage.
func driven(t *testing.T, arms string) (stages []string, notes []*roads) {
	t.Helper()
	s, err := scenarios.Parse("test.yaml", fmt.Appendf(nil, armedScenario, arms), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	r := &roads{}
	p, err := plan.Build(s, []probe.Protocol{r.protocol()})
	if err != nil {
		t.Fatal(err)
	}
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		source := ""
		if a := sourceOf(ctx); a.IsValid() {
			source = a.String() + " to "
		}
		r.note(&r.dials, source+address)
		return nil, errNoted
	}
	out := play(t, p, func(o *Options) {
		target := o.Targets["web"]
		target.DialContext = dial
		o.Targets["web"] = target
		was := o.OnEvent
		o.OnEvent = func(e Event) {
			was(e)
			if e.Kind != Ramp {
				return
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			if len(stages) > 0 {
				notes = append(notes, &roads{acts: r.acts, dials: r.dials, urls: r.urls, draws: r.draws})
			}
			r.began, r.acts, r.dials, r.urls, r.draws = time.Now(), nil, nil, nil, nil
			stages = append(stages, e.Stage.Arm)
		}
	}, t.Context())
	if out.err != nil {
		t.Fatal(out.err)
	}
	return stages, append(notes, r)
}

// In each arm the same users come over new sessions at the same times; only the way differs.
func TestArmsDifferInOneThing(t *testing.T) {
	for _, c := range []struct {
		arms, name string
		asIs, arm  []string // where connections go, sorted
		urls       [2]string
	}{
		{"bypass", "bypass", []string{"127.0.0.1:8080", "127.0.0.1:9999"}, []string{"127.0.0.1:20001", "127.0.0.1:20002", "127.0.0.1:9999"}, [2]string{"https://127.0.0.1:8080/", "http://127.0.0.1:8080/"}},
		{`sources, sources: 127.0.1.1-127.0.1.2`, "many-sources", []string{"127.0.0.1:8080", "127.0.0.1:9999"},
			[]string{"127.0.1.1 to 127.0.0.1:8080", "127.0.1.1 to 127.0.0.1:9999", "127.0.1.2 to 127.0.0.1:8080", "127.0.1.2 to 127.0.0.1:9999"}, [2]string{"https://127.0.0.1:8080/", "https://127.0.0.1:8080/"}},
		{"one-group, group: tax", "group tax", []string{"127.0.0.1:8080", "127.0.0.1:9999"}, []string{"127.0.0.1:8080", "127.0.0.1:9999"}, [2]string{"https://127.0.0.1:8080/", "https://127.0.0.1:8080/"}},
	} {
		t.Run(c.arms, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stages, notes := driven(t, c.arms)
				if want := []string{"as-is", c.name, c.name, "as-is"}; !slices.Equal(stages, want) {
					t.Fatalf("stages %v, want %v", stages, want)
				}
				for i, n := range notes {
					slices.Sort(n.dials)
					want, url := c.asIs, c.urls[0]
					if stages[i] != "as-is" {
						want, url = c.arm, c.urls[1]
					}
					if !slices.Equal(n.dials, want) || !slices.Equal(n.urls, []string{url}) {
						t.Errorf("stage %d (%s): connections to %v as %v, want %v as %s", i, stages[i], n.dials, n.urls, want, url)
					}
					if got, want := times(n.acts), times(notes[0].acts); len(n.acts) != 6 || !slices.Equal(got, want) {
						t.Errorf("stage %d: sessions are opened %v, in the first %v", i, n.acts, notes[0].acts)
					}
					slices.Sort(n.draws)
					if len(n.draws) != 18 || !slices.Equal(n.draws, notes[0].draws) {
						t.Errorf("stage %d (%s): draws %v, in the first %v", i, stages[i], n.draws, notes[0].draws)
					}
					for _, a := range n.acts {
						var account int
						fmt.Sscan(a, &account)
						if in := account >= 40 && account < 60; in != (stages[i] == "group tax") {
							t.Errorf("stage %d (%s): account %d takes part", i, stages[i], account)
						}
					}
				}
			})
		})
	}
}

// times are when sessions were opened, sorted.
func times(acts []string) (list []string) {
	for _, a := range acts {
		_, after, _ := strings.Cut(a, "after ")
		list = append(list, after)
	}
	slices.Sort(list)
	return list
}

// A backend that does not answer is found before the load begins.
func TestPreflightTriesEachBackend(t *testing.T) {
	s, err := scenarios.Parse("test.yaml", fmt.Appendf(nil, armedScenario, "bypass"), scenarios.Options{SkipSecrets: true})
	if err != nil {
		t.Fatal(err)
	}
	r := &roads{}
	p, err := plan.Build(s, []probe.Protocol{r.protocol()})
	if err != nil {
		t.Fatal(err)
	}
	targets, err := Targets(s)
	if err != nil {
		t.Fatal(err)
	}
	target := targets["web"]
	target.DialContext = func(_ context.Context, _, address string) (net.Conn, error) {
		if address == "127.0.0.1:20002" {
			return nil, errors.New("nobody there")
		}
		return nil, errNoted
	}
	targets["web"] = target
	var failed *PreflightError
	if err := Preflight(t.Context(), p, Options{Targets: targets}); !errors.As(err, &failed) || !strings.Contains(err.Error(), "web around the balancer at 127.0.0.1:20002 does not work (web.connect): nobody there") {
		t.Errorf("%v", err)
	}
}
