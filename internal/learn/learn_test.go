package learn

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the logs were made from comes out of them, whatever their format, rotated, zipped and in any order.
func TestRecoversTheTruth(t *testing.T) {
	events := week(rand.New(rand.NewPCG(1, 2)))
	half := len(events) / 2
	for name, sources := range map[string][]Source{
		"combined": {source("access.log", writeAll("", events, writeCombined))},
		"rotated":  {source("access.log", writeAll("", events[half:], writeCombined)), source("access.log.1.gz", zipped(t, writeAll("", events[:half], writeCombined)))},
		"haproxy":  {source("haproxy.log", writeAll("", events, writeHAProxy))},
		"iis":      {source("u_ex.log", writeAll(iisHead, events, writeIIS))},
	} {
		t.Run(name, func(t *testing.T) {
			r := learned(t, Options{}, sources...)
			if r.Broken != 0 || len(r.Unmapped) != 0 {
				t.Fatalf("%d lines broken, %v unmapped", r.Broken, r.Unmapped)
			}
			w := wayOfResult(t, r, "browser")
			if w.Users != people {
				t.Errorf("%d users, want %d", w.Users, people)
			}
			for action, share := range truthMix {
				near(t, "share of "+action, actionOf(t, w, action).Share, share, 0.05)
			}
			list, read, send := actionOf(t, w, "web.list").Think, actionOf(t, w, "web.read").Think, actionOf(t, w, "web.send").Think
			if list.Kind != lognormal || read.Kind != lognormal || send.Kind != exponential {
				t.Errorf("families %s, %s, %s", list.Kind, read.Kind, send.Kind)
			}
			near(t, "median of list", list.Median, listThink[0], 0.06)
			near(t, "p90 of list", list.P90, listThink[1], 0.08)
			near(t, "median of read", read.Median, readThink[0], 0.06)
			near(t, "p90 of read", read.P90, readThink[1], 0.08)
			near(t, "mean of send", send.Mean, sendThink, 0.08)
			for _, f := range []Fit{list, read, send} {
				if f.KS > 0.03 {
					t.Errorf("distance %.3f of %s", f.KS, f.YAML())
				}
			}
			near(t, "activity", w.Activity[0], busyShare, 0.001)
			near(t, "activity", w.Activity[1], busyShare, 0.001)
			if w.Days != workdays || r.Peak != int(busyShare*people) {
				t.Errorf("%d days, peak %d", w.Days, r.Peak)
			}
			near(t, "session", w.Session.Median, middleSession(events), 0.03)
			if peak := slices.MaxFunc(r.Profile, func(a, b Hour) int { return int(1000 * (a.Share - b.Share)) }); peak.Hour != 10 || peak.Share != 1 {
				t.Errorf("busiest hour %+v", peak)
			}
			if by := name == "haproxy"; w.ByAddress != by {
				t.Errorf("by address: %v", w.ByAddress)
			}
		})
	}
}

// middleSession is the median of what the sessions lasted, from their first action to their last.
func middleSession(events []event) float64 {
	type visit struct{ person, day int }
	first, last := map[visit]time.Time{}, map[visit]time.Time{}
	for _, e := range events {
		v := visit{e.person, e.at.Day()}
		if first[v].IsZero() {
			first[v] = e.at
		}
		last[v] = e.at
	}
	var all []float64
	for v := range first {
		all = append(all, last[v].Sub(first[v]).Seconds())
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// A user who follows the fragment does in an hour what an active user of the busy hour did.
func TestAwayKeepsTheRate(t *testing.T) {
	r := learned(t, Options{}, source("a", writeAll("", week(rand.New(rand.NewPCG(3, 4))), writeCombined)))
	w := wayOfResult(t, r, "browser")
	seen, cycle := 0.0, 0.0
	for _, a := range w.Actions {
		if !a.Login {
			seen += a.PerHour
			cycle += a.Share * a.Think.mean()
		}
	}
	length := w.Session.mean()
	near(t, "actions per active user and hour", 3600/cycle*length/(length+w.Away), seen, 0.01)
	if w.Away == 0 || seen < 5 {
		t.Errorf("away %v, %v actions", w.Away, seen)
	}
}

// Times of whole seconds do not bend the short think times.
func TestDither(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	c := newCollector(time.UTC)
	var exact, coarse Sketch
	at := 0.0
	for range 50_000 {
		gap := drawLognormal(rng, [2]float64{3, 9})
		coarse.Add(c.dither(time.Duration(int(at+gap)-int(at))*time.Second, time.Second))
		exact.Add(gap)
		at += gap
	}
	for _, p := range []float64{0.5, 0.9} {
		near(t, "quantile", coarse.Quantile(p), exact.Quantile(p), 0.05)
	}
}

// Nothing that a log says of a person leaves the reader, in no output and in no error.
func TestNoNameLeaves(t *testing.T) {
	events := week(rand.New(rand.NewPCG(7, 8)))[:3000]
	logs := []Source{
		source("access.log", "kaputt anneliese.brandt@behoerde.example\n"+writeAll("", events, writeCombined)+
			`203.0.113.7 - - [02/Mar/2026:09:00:00 +0100] "GET /home/anneliese.brandt/Gehaltsliste.pdf?user=anneliese.brandt&action=anneliese HTTP/1.1" 200 5 "-" "Anneliese/1.0"`+"\n"+
			`203.0.113.7 - - [02/Mar/2026:09:00:00 +0100] "ANNELIESE /SOGo/so/anneliese.brandt/Mail/0/folderINBOX/7/view HTTP/1.1" 200 5 "-" "x"`+"\n"+
			`203.0.113.7 - anneliese [99/Mar/2026:09:00:00 +0100] "GET / HTTP/1.1" 200 5`+"\n"),
		source("haproxy.log", writeAll("", events, writeHAProxy)),
		source("u_ex.log", writeAll(iisHead, events, writeIIS)+easLines),
		source("mail.log", mailLines),
		source("MSGTRK.LOG", trackingLines),
	}
	r := learned(t, Options{}, logs...)
	var out bytes.Buffer
	if err := errors.Join(r.WriteText(&out), r.WriteFragment(&out, "arrivals.csv"), r.WriteArrivals(&out), json.NewEncoder(&out).Encode(r), WriteComparison(&out, Compare(nil, r))); err != nil {
		t.Fatal(err)
	}
	_, err := Learn(t.Context(), []Source{source("x", "kaputt anneliese.brandt@behoerde.example 203.0.113.7\n")}, Options{})
	if err == nil {
		t.Fatal("nonsense was understood")
	}
	fmt.Fprintln(&out, err)
	text := strings.ToLower(out.String())
	for _, secret := range []string{"anneliese", "brandt", "behoerde", "203.0", "2001:db8", "gehalt", "iphone", "app7", "example.test", "vertraulich", "mx.outside"} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%q left: …%s…", secret, text[max(0, i-60):min(len(text), i+60)])
		}
	}
	if r.Broken != 2 {
		t.Errorf("%d lines broken, want 2", r.Broken)
	}
	if !strings.Contains(text, "get /home/*?action=*") {
		t.Errorf("the request without a rule is not shown:\n%s", text[:3000])
	}
}

// The result depends on the logs, not on the key that hides the names; the same key gives the same hashes.
func TestKey(t *testing.T) {
	log := source("a", writeAll("", week(rand.New(rand.NewPCG(9, 9)))[:2000], writeCombined))
	var texts []string
	for _, key := range []string{"", "", "one", "two"} {
		var b bytes.Buffer
		if err := learned(t, Options{Key: []byte(key)}, log).WriteText(&b); err != nil {
			t.Fatal(err)
		}
		texts = append(texts, b.String())
	}
	if len(slices.Compact(texts)) != 1 {
		t.Error("the key changes the result")
	}
	a, b, c := newPseudonyms([]byte("k")), newPseudonyms([]byte("k")), newPseudonyms(nil)
	if a.of("name", "x") != b.of("name", "x") || a.of("name", "x") == c.of("name", "x") || a.of("ab", "c") == a.of("a", "bc") {
		t.Error("hashes depend on something else than key and parts")
	}
}

// Memory does not grow with lines: the sketch is bounded, long lines are cut, and so are kinds of requests.
func TestBounds(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "203.0.113.7 - - [02/Mar/2026:09:00:00 +0100] \"GET /%s HTTP/1.1\" 200 5\n", strings.Repeat("mail/", i%5)+strings.Repeat("x/", i%3)+"folder/"+fmt.Sprint(i)+"/ping")
	}
	fmt.Fprintf(&b, "%s\n", strings.Repeat("y", 3<<20))
	writeCombined(event{monday, 1, "web.list"}, &b)
	r := learned(t, Options{}, source("a", b.String()))
	if r.Broken != 1 || r.Files[0].First[0].Why != errLong.Error() || r.Files[0].First[0].Line != 5001 {
		t.Errorf("broken lines %+v", r.Files)
	}
	if len(r.Unmapped) > listed+1 || len(r.Ways) != 1 {
		t.Errorf("%d kinds of requests, %d ways", len(r.Unmapped), len(r.Ways))
	}
	c := newCollector(time.UTC)
	for i := range 3 * mostShown {
		c.note(fmt.Sprint(i))
	}
	if len(c.unmapped) != mostShown || c.other != 2*mostShown {
		t.Errorf("%d kinds kept, %d others", len(c.unmapped), c.other)
	}
	q := newQueue(newPseudonyms(nil))
	for i := range 2 * mostPending {
		q.begin(fmt.Sprint(i), "client=x[192.0.2.1]")
	}
	if len(q.pending) != mostPending || len(q.order) != mostPending {
		t.Errorf("%d mails pending", len(q.pending))
	}
}

// What cannot be read is said; what can is used.
func TestBadInput(t *testing.T) {
	good := writeAll("", week(rand.New(rand.NewPCG(1, 1)))[:500], writeCombined)
	packed := zipped(t, good)
	for name, c := range map[string]struct {
		text string
		want string // in the error; empty: none
	}{
		"empty":       {"", "empty"},
		"blank":       {"\n\n\n", "empty"},
		"binary":      {"\x00\x01\x02\xff\xfe\n", "none of the formats"},
		"not gzip":    {"\x1f\x8bnothing", "gzip"},
		"torn gzip":   {packed[:len(packed)/2], ""},
		"crlf, bom":   {"\ufeff" + strings.ReplaceAll(good, "\n", "\r\n"), ""},
		"no newline":  {strings.TrimSuffix(good, "\n"), ""},
		"headless":    {strings.TrimPrefix(writeAll(iisHead, []event{{monday, 1, "web.list"}}, writeIIS), iisHead), "none of the formats"},
		"wrong head":  {"#Fields: date time\n2026-03-02 08:00:00\n", "none of the formats"},
		"half broken": {"x\ny\n" + good + "z\n", ""},
	} {
		r, err := Learn(t.Context(), []Source{source("a.log", c.text)}, Options{Now: testTime})
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want == "" && r.Lines < 100:
			t.Errorf("%s: %d lines", name, r.Lines)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if name == "torn gzip" && (r.Files[0].Cut == "" || r.Warnings[0].Code != "cut") {
			t.Errorf("%s: %+v", name, r.Files)
		}
	}
	// A log that nothing is understood of does not hold up the others.
	r := learned(t, Options{}, source("good", good), source("bad", "x\n"), source("none", ""))
	if r.Lines != 501 || r.Broken != 1 || r.Files[1].Format != "" {
		t.Errorf("%+v", r.Files)
	}
}
