package learn

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// The truth that the generated logs are made from.
const (
	people    = 400
	busyShare = 0.30 // of them at 10:00
	workdays  = 5
)

var (
	truthMix   = map[string]float64{"web.list": 0.5, "web.read": 0.4, "web.send": 0.1}
	listThink  = [2]float64{20, 60} // lognormal: median, p90
	readThink  = [2]float64{30, 90}
	sendThink  = 60.0 // exponential: mean
	sessionLen = [2]float64{600, 1800}
	monday     = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
)

// event is one action of one person.
type event struct {
	at     time.Time
	person int
	action string
}

func personName(i int) string { return fmt.Sprintf("anneliese.brandt%04d", i) }
func address(i int) string    { return fmt.Sprintf("203.0.%d.%d", 100+i/200, 1+i%200) }

func drawLognormal(rng *rand.Rand, d [2]float64) float64 {
	return d[0] * math.Exp(math.Log(d[1]/d[0])/z90*rng.NormFloat64())
}

// week draws five working days: everybody has a session at a random hour of each day outside 10:00, and busyShare of them
// begin one in the first minutes of 10:00.
func week(rng *rand.Rand) []event {
	var all []event
	for day := range workdays {
		for p := range people {
			hour := []int{8, 9, 11, 13, 14, 15}[rng.IntN(6)]
			if float64((p+day*37)%people) < busyShare*people {
				hour = 10
			}
			all = append(all, session(rng, p, monday.AddDate(0, 0, day).Add(time.Duration(hour)*time.Hour+time.Duration(rng.IntN(900))*time.Second))...)
		}
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.at.Compare(b.at) })
	return all
}

func session(rng *rand.Rand, person int, at time.Time) []event {
	list := []event{{at, person, "web.login"}}
	end := at.Add(seconds(min(drawLognormal(rng, sessionLen), 2400)))
	for at = at.Add(2 * time.Second); at.Before(end); {
		action, think := "web.list", drawLognormal(rng, listThink)
		switch u := rng.Float64(); {
		case u > 0.9:
			action, think = "web.send", rng.ExpFloat64()*sendThink
		case u > 0.5:
			action, think = "web.read", drawLognormal(rng, readThink)
		}
		list = append(list, event{at, person, action})
		at = at.Add(seconds(think))
	}
	return list
}

// writers put the events into the formats.
var webRequests = map[string]string{"web.login": "POST /api/login", "web.list": "GET /api/messages?limit=50&q=Gehaltsliste", "web.read": "GET /api/messages/8812", "web.send": "POST /api/messages"}

func writeCombined(e event, w io.Writer) {
	fmt.Fprintf(w, "%s - %s [%s] \"%s HTTP/1.1\" 200 512 \"-\" \"Mozilla/5.0 (X11)\"\n", address(e.person), personName(e.person), e.at.In(time.FixedZone("", 3600)).Format("02/Jan/2006:15:04:05 -0700"), webRequests[e.action])
}

func writeHAProxy(e event, w io.Writer) {
	fmt.Fprintf(w, "%s lb haproxy[14389]: %s:33317 [%s] front~ web/srv1 0/0/1/40/41 200 2750 - - ---- 1/1/1/1/0 0/0 {portal.example.test} \"%s HTTP/1.1\"\n",
		e.at.Format("Jan _2 15:04:05"), address(e.person), e.at.Format("02/Jan/2006:15:04:05.000"), webRequests[e.action])
}

var owaRequests = map[string]string{"web.login": "POST /owa/auth.owa -", "web.list": "POST /owa/service.svc action=FindConversation&EP=1&ID=-43",
	"web.read": "POST /owa/service.svc action=GetConversationItems&ID=-5", "web.send": "POST /owa/service.svc action=CreateItem&ID=-9"}

const iisHead = "#Software: Microsoft Internet Information Services 10.0\n#Version: 1.0\n#Date: 2026-03-02 00:00:00\n" +
	"#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n"

func writeIIS(e event, w io.Writer) {
	took := 40 * time.Millisecond
	fmt.Fprintf(w, "%s 10.1.1.5 %s 443 BEHOERDE\\%s %s Mozilla/5.0+(Windows+NT+10.0) - 200 0 0 %d\n", e.at.Add(took).Format("2006-01-02 15:04:05"), owaRequests[e.action], personName(e.person), address(e.person), took.Milliseconds())
}

func writeAll(head string, events []event, write func(event, io.Writer)) string {
	var b strings.Builder
	b.WriteString(head)
	for _, e := range events {
		write(e, &b)
	}
	return b.String()
}

func source(name, text string) Source {
	return Source{Name: name, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func zipped(t testing.TB, text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var testTime = time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)

// known stands for the actions that pegel has.
func known(action string) bool { return !strings.HasPrefix(action, "eas.") }

func learned(t testing.TB, opt Options, sources ...Source) *Result {
	t.Helper()
	if opt.Now = testTime; opt.Known == nil {
		opt.Known = known
	}
	r, err := Learn(t.Context(), sources, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.Abs(got-want) > tolerance*want {
		t.Errorf("%s: %.4g, want %.4g ± %.0f %%", what, got, want, 100*tolerance)
	}
}

func wayOfResult(t *testing.T, r *Result, name string) Way {
	t.Helper()
	for _, w := range r.Ways {
		if w.Name == name {
			return w
		}
	}
	t.Fatalf("no way %s in %+v", name, r.Ways)
	return Way{}
}

func actionOf(t *testing.T, w Way, name string) Action {
	t.Helper()
	for _, a := range w.Actions {
		if a.Action == name {
			return a
		}
	}
	t.Fatalf("no action %s in %+v", name, w.Actions)
	return Action{}
}
