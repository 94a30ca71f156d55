package engine

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// echo is a protocol that answers what a test says, and notes what it was asked.
type echo struct {
	mu     sync.Mutex
	asked  []string
	answer func(asked string) (body string, err error)
}

func (e *echo) protocol() probe.Protocol {
	ask := func(decode func(any) error) (probe.Step, error) {
		var params struct {
			Text probe.Text `yaml:"text"`
		}
		if err := decode(&params); err != nil {
			return nil, err
		}
		return func(t *probe.Turn) error {
			if _, err := t.Session(""); err != nil {
				return err
			}
			time.Sleep(10 * time.Millisecond) // of the bubble's clock
			text := params.Text.In(t)
			e.mu.Lock()
			e.asked = append(e.asked, text)
			body, err := e.answer(text)
			e.mu.Unlock()
			t.Answer(probe.Answer{Body: []byte(body)})
			return err
		}, nil
	}
	return probe.Protocol{Name: "web", Actions: map[string]probe.Action{"ask": ask}, Answers: []string{"ask"},
		Open: func(*probe.Turn, probe.Target, probe.Account) (probe.Session, error) { return quiet{}, nil }}
}

type quiet struct{}

func (quiet) Close() error { return nil }

// converse plays a journey of one user for some seconds.
func converse(t *testing.T, e *echo, journey string, opt Options) (events []Event, failed map[probe.Class]uint64) {
	t.Helper()
	return converseAt(t, e, "[1]", journey, opt)
}

// converseAt plays a journey at some loads, one after the other.
func converseAt(t *testing.T, e *echo, users, journey string, opt Options) (events []Event, failed map[probe.Class]uint64) {
	t.Helper()
	src := `
name: test
targets: {web: {url: "http://127.0.0.1:1/"}}
accounts: {pattern: "u{n}@example.test", count: 10, password: {env: P}}
activity: {browser: 100%, source: test}
personas: [{name: browser, journey: j}]
journeys:
  j:
` + strings.ReplaceAll("\n"+strings.TrimSpace(journey), "\n", "\n    ") + `
load: {order: listed, stages: {users: ` + users + `, ramp: 1s, settle: 1s, hold: 3s}}
`
	s, err := scenarios.Parse("test.yaml", []byte(src), scenarios.Options{Getenv: func(string) (string, bool) { return "x", true }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.Build(s, []probe.Protocol{e.protocol()})
	if err != nil {
		t.Fatal(err)
	}
	failed = map[probe.Class]uint64{}
	opt.RunID = "R"
	opt.Targets = map[string]probe.Target{"web": {Name: "web"}}
	opt.OnEvent = func(ev Event) { events = append(events, ev) }
	opt.OnInterval = func(in *record.Interval) {
		for _, s := range in.Series {
			if s != nil {
				for class, n := range s.Classes {
					failed[probe.Class(class)] += n
				}
			}
		}
	}
	if err := Run(t.Context(), p, record.NewRecorder(len(p.Actions), len(p.Personas), 1), opt); err != nil {
		t.Fatal(err)
	}
	return events, failed
}

// What was saved is there for later steps and for branches, until the journey begins again; what is not there is a failure.
func TestVariablesLiveAsLongAsTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		e := &echo{answer: func(asked string) (string, error) {
			if n++; asked == "first" {
				return fmt.Sprintf(`{"token": "t%d"}`, n), nil
			}
			return "{}", nil
		}}
		_, classes := converse(t, e, `
- {do: web.ask, with: {text: first}, save: {token: {json: token}}, think: 1s}
- parallel:
    - steps: [{do: web.ask, with: {text: "one {{token}}"}, think: 100ms}]
    - steps: [{do: web.ask, with: {text: "two {{token}}"}, save: {more: {json: none, default: gone}}, think: 200ms}]
- {do: web.ask, with: {text: "three {{token}} {{more}}"}, think: 100ms}
`, Options{})
		rounds := 0
		for i, asked := range e.asked {
			if asked != "first" || i+3 >= len(e.asked) {
				continue
			}
			rounds++
			token := fmt.Sprintf("t%d", i+1)
			if e.asked[i+3] != "three "+token+" gone" || !strings.Contains(strings.Join(e.asked[i+1:i+3], ","), "one "+token) || !strings.Contains(strings.Join(e.asked[i+1:i+3], ","), "two "+token) {
				t.Errorf("round %d: %q", rounds, e.asked[i:i+4])
			}
		}
		if rounds < 2 || classes[probe.Content] != 0 {
			t.Errorf("%d rounds, classes %v, asked %q", rounds, classes, e.asked)
		}
	})
}

// Who was sent away by a lower stage and comes back saves where its templates and branches look.
func TestVariablesOfUsersWhoComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &echo{answer: func(string) (string, error) { return `{"n": "7"}`, nil }}
		_, classes := converseAt(t, e, "[2, 1, 2]", `
- {do: web.ask, with: {text: first}, save: {n: {json: n}}, think: 100ms}
- if: n == 7
  steps: [{do: web.ask, with: {text: "then {{n}}"}, think: 100ms}]
  else: [{do: web.ask, with: {text: otherwise}, think: 100ms}]
- parallel:
    - steps: [{do: web.ask, with: {text: "one {{n}}"}, think: 100ms}]
    - steps: [{do: web.ask, with: {text: "two {{n}}"}, think: 100ms}]
`, Options{})
		for _, asked := range e.asked {
			if asked == "otherwise" {
				t.Fatal("the branch was taken as if nothing had been saved")
			}
		}
		if classes[probe.Content] != 0 || classes[probe.OK] < 20 {
			t.Errorf("classes %v", classes)
		}
	})
}

// A user that always lacks its variable does not run in circles: it begins again after a pause, as one whose session is lost.
func TestLackingAVariableTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &echo{answer: func(string) (string, error) { return "{}", nil }}
		_, classes := converse(t, e, `
- if: account.n > 0
  steps: [{do: web.ask, with: {text: "never {{lost}}"}}]
- {do: web.ask, with: {text: first}, save: {lost: {json: lost}}}
`, Options{})
		if n := classes[probe.Content]; n < 1 || n > 10 {
			t.Errorf("%d failures in five seconds", n)
		}
	})
}

// A value that is missing is a failure of class content, and so is the action that needs it; the user goes on. A secret is
// in no event.
func TestMissingAndSecretValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "s3cret/token value"
		e := &echo{answer: func(asked string) (string, error) {
			if strings.HasPrefix(asked, "use") {
				return "", probe.Failf(probe.Denied, "use it", "the platform says %q is not valid, as %s, cut %s", asked, "s3cret%2Ftoken%20value", asked[:16])
			}
			return `{"token": "` + secret + `"}`, nil
		}}
		events, classes := converse(t, e, `
- {do: web.ask, with: {text: first}, save: {token: {json: token}, id: {json: id, default: "7"}}, think: 100ms}
- {do: web.ask, with: {text: "use {{token}}"}, think: 100ms}
- {do: web.ask, with: {text: second}, save: {lost: {json: lost}}, think: 100ms}
- {do: web.ask, with: {text: "never {{lost}}"}, think: 100ms}
`, Options{})
		texts := ""
		for _, ev := range events {
			if ev.Kind == Error {
				texts += ev.Text + "\n"
			}
		}
		for _, want := range []string{"(token)", "save lost: the answer has no JSON value lost", "the variable lost has not been saved"} {
			if !strings.Contains(texts, want) {
				t.Errorf("%q is not told:\n%s", want, texts)
			}
		}
		if strings.Contains(texts, "s3cret") {
			t.Errorf("a secret is told:\n%s", texts)
		}
		for _, asked := range e.asked {
			if strings.HasPrefix(asked, "never") {
				t.Errorf("asked %q", asked)
			}
		}
		if classes[probe.Denied] == 0 || classes[probe.Content] < 2*classes[probe.Denied]-2 {
			t.Errorf("classes %v", classes)
		}
	})
}

// Branches are handed over once each, and those of a former run are taken again.
func TestBranchesAreToldAndReplayed(t *testing.T) {
	const journey = `
- {do: web.ask, with: {text: first}, save: {n: {json: n}}, think: 100ms}
- if: n > 2
  steps: [{do: web.ask, with: {text: many}}]
  else: [{do: web.ask, with: {text: few}}]
`
	var first []plan.Branch
	talk := func(from int, opt Options) (said []string) {
		synctest.Test(t, func(t *testing.T) {
			n := from
			e := &echo{answer: func(asked string) (string, error) {
				if asked != "first" {
					said = append(said, asked)
				}
				n++
				return fmt.Sprintf(`{"n": %d}`, n%5), nil
			}}
			converse(t, e, journey, opt)
		})
		return said
	}
	before := talk(0, Options{OnBranches: func(list []plan.Branch) { first = append(first, list...) }})
	if len(first) < 10 || len(before) < 10 || !strings.Contains(fmt.Sprint(before), "many few") {
		t.Fatalf("%d branches, said %v", len(first), before)
	}
	taken := map[plan.Branch]bool{}
	for _, b := range first {
		is := b.Taken
		b.Taken = false
		if _, twice := taken[b]; twice {
			t.Errorf("%+v told twice", b)
		}
		taken[b] = is
	}
	after := talk(1, Options{Replay: func(b plan.Branch) (bool, bool) { b.Taken = false; is, ok := taken[b]; return is, ok }})
	if n := min(len(before), len(after)); fmt.Sprint(after[:n]) != fmt.Sprint(before[:n]) {
		t.Errorf("replayed:\n%v\nbefore:\n%v", after, before)
	}
}
