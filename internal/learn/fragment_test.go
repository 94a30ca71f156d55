package learn

import (
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pegel/internal/plan"
	"pegel/probes"
	"pegel/scenarios"
)

const around = `name: office
include: [office.yaml]
targets:
  web:    {url: "http://127.0.0.1:8080/"}
  imap:   {url: "imap://127.0.0.1:1143"}
  smtp:   {url: "smtp://127.0.0.1:1587"}
  caldav: {url: "http://127.0.0.1:5232/"}
  carddav: {url: "http://127.0.0.1:5232/"}
  eas:    {url: "http://127.0.0.1:5233/Microsoft-Server-ActiveSync"}
accounts: {pattern: "u{n:05}@example.test", count: 2000, password: {env: PEGEL_PASSWORD}}
`

// The fragment makes a scenario that validates and compiles, whatever the logs hold.
func TestFragmentIsValid(t *testing.T) {
	web := source("access.log", writeAll("", week(rand.New(rand.NewPCG(1, 2))), writeCombined)+
		`203.0.113.7 - eva [02/Mar/2026:09:00:00 +0100] "REPORT /dav/eva/cal/ HTTP/1.1" 207 5 "-" "DAVx5"`+"\n"+
		`203.0.113.7 - eva [02/Mar/2026:09:01:00 +0100] "PROPFIND /dav/eva/contacts/ HTTP/1.1" 207 5 "-" "DAVx5"`+"\n"+
		`203.0.113.7 - eva [02/Mar/2026:09:02:00 +0100] "REPORT /dav/eva/contacts/ HTTP/1.1" 207 5 "-" "DAVx5"`+"\n"+
		`203.0.113.7 - eva [02/Mar/2026:09:03:00 +0100] "PUT /dav/eva/contacts/a.vcf HTTP/1.1" 201 5 "-" "DAVx5"`+"\n"+
		`203.0.113.7 - eva [02/Mar/2026:09:04:00 +0100] "DELETE /dav/eva/contacts/a.vcf HTTP/1.1" 204 5 "-" "DAVx5"`+"\n")
	offered := func(action string) bool { // as in pegel learn
		name, verb, _ := strings.Cut(action, ".")
		p, ok := probes.ByName(name)
		return ok && p.Actions[verb] != nil
	}
	mail, eas := source("mail.log", mailLines), source("u_ex.log", iisHead+easLines)
	for name, c := range map[string]struct {
		logs  []Source
		csv   string
		users []string // personas
	}{
		"web":       {[]Source{web}, "", []string{"browser", "mobile"}},
		"mail":      {[]Source{mail}, "arrivals.csv", []string{"desktop", "inbound"}},
		"both":      {[]Source{web, mail, eas}, "", []string{"browser", "desktop", "mobile", "inbound"}},
		"few lines": {[]Source{source("a", writeAll("", []event{{monday, 1, "web.login"}}, writeCombined))}, "", []string{"browser"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := learned(t, Options{Known: offered}, c.logs...)
			dir := t.TempDir()
			put := func(name string, write func(io.Writer) error) {
				var b strings.Builder
				if err := write(&b); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(filepath.Join(dir, name), []byte(b.String()), 0o600); err != nil {
					t.Fatal(err)
				}
				t.Log(b.String()[:min(len(b.String()), 4000)])
			}
			put("office.yaml", func(w io.Writer) error { return r.WriteFragment(w, c.csv) })
			put("arrivals.csv", r.WriteArrivals)
			put("whole.yaml", func(w io.Writer) error { _, err := io.WriteString(w, around); return err })
			s, err := scenarios.Load(filepath.Join(dir, "whole.yaml"), scenarios.Options{SkipSecrets: true})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := plan.Build(s, probes.All()); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range s.Personas {
				got = append(got, p.Name)
			}
			if strings.Join(got, " ") != strings.Join(c.users, " ") {
				t.Errorf("personas %v, want %v", got, c.users)
			}
			if s.Activity.Source != r.Source() || s.Load.Day.Peak < 1 {
				t.Errorf("source %q, peak %d", s.Activity.Source, s.Load.Day.Peak)
			}
			if c.csv != "" && sum(s.Personas[1].Arrivals.Counts) != 1 {
				t.Errorf("arrivals %v", s.Personas[1].Arrivals.Counts)
			}
		})
	}
}

func sum(list []int) (n int) {
	for _, x := range list {
		n += x
	}
	return n
}

func TestCompare(t *testing.T) {
	r := learned(t, Options{}, source("a", writeAll("", week(rand.New(rand.NewPCG(5, 2))), writeCombined)))
	w := wayOfResult(t, r, "browser")
	list := actionOf(t, w, "web.list")
	rows := Compare([]Synthetic{
		{Action: "web.list", Count: 2 * list.PerHour * 100, Hours: 100, Think: []float64{10, 30}},
		{Action: "web.page", Count: 5, Hours: 100},
		{Action: "web.logout", Count: 0, Hours: 100},
	}, r)
	if len(rows) != 5 || rows[0].Action != "web.list" || rows[2].Action != "web.page" {
		t.Fatalf("%+v", rows)
	}
	if x := rows[0]; x.Ratio < 1.999 || x.Ratio > 2.001 || x.Low > 2 || x.High < 2 || x.Low < 1.7 || x.High > 2.4 || x.Synthetic.Median != 10 {
		t.Errorf("%+v", x)
	}
	near(t, "real median", rows[0].Real.Median, listThink[0], 0.06)
	if rows[2].Real != nil || rows[3].Synthetic != nil {
		t.Errorf("%+v", rows)
	}
	var b strings.Builder
	if err := WriteComparison(&b, rows); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); !strings.Contains(text, "only in the run: web.page\n") || !strings.Contains(text, "only in the logs: web.login, web.read, web.send\n") || !strings.Contains(text, " *") {
		t.Error(text)
	}
}

func BenchmarkCombined(b *testing.B) {
	text := writeAll("", week(rand.New(rand.NewPCG(1, 2))), writeCombined)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		learned(b, Options{}, source("a", text))
	}
}
