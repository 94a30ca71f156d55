package observe

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pegel/scenarios"
)

// A certificate that nobody vouches for is refused, with ca it is believed; who asks proves it, and no error repeats the proof.
func TestCertificatesAndProof(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if r.Header.Get("Authorization") != "Bearer hunter2" && (user != "pegel" || password != "hunter2") {
			http.Error(w, "hunter2 is the password", http.StatusUnauthorized)
			return
		}
		io.WriteString(w, "up 1\n")
	}))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // of the handshakes that are meant to fail
	server.StartTLS()
	defer server.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	secret := func(text string) scenarios.Secret { return scenarios.Secret{Value: text} }
	for name, c := range map[string]struct {
		page scenarios.Observe
		want string // part of the error; empty: it works
	}{
		"no authority":   {scenarios.Observe{Token: secret("hunter2")}, "certificate"},
		"nothing proven": {scenarios.Observe{CA: ca}, "give user and password, or token"},
		"wrong token":    {scenarios.Observe{CA: ca, Token: secret("hunter3")}, "401"},
		"token":          {scenarios.Observe{CA: ca, Token: secret("hunter2")}, ""},
		"password":       {scenarios.Observe{CA: ca, User: "pegel", Password: secret("hunter2")}, ""},
		"wrong password": {scenarios.Observe{CA: ca, User: "pegel", Password: secret("hunter3")}, "401"},
	} {
		t.Run(name, func(t *testing.T) {
			c.page.Name, c.page.Prometheus, c.page.Every = "p", server.URL, scenarios.Duration(10*time.Second)
			c.page.Resources = []scenarios.Resource{{Name: "r", InUse: "up", Limit: "1"}}
			o, err := New([]scenarios.Observe{c.page}, dialer.DialContext)
			if err != nil {
				t.Fatal(err)
			}
			defer o.pages[0].source.close()
			s := newSink()
			if err := o.pages[0].observe(t.Context(), clock(), s); err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if len(s.metrics) != 1 || len(s.events) != 0 {
					t.Errorf("events %v", s.events)
				}
				return
			}
			if len(s.metrics) != 0 || len(s.events) != 1 || !strings.Contains(s.events[0].Text, c.want) || strings.Contains(s.events[0].Text, "hunter") {
				t.Errorf("events %v, want one with %q", s.events, c.want)
			}
		})
	}
	if _, err := New([]scenarios.Observe{{Name: "p", Prometheus: server.URL, CA: filepath.Join(t.TempDir(), "none.pem")}}, dialer.DialContext); err == nil {
		t.Error("a file of authorities that is not there is accepted")
	}
}

// Timestamps on a page are of a clock that may be wrong: points have the run's.
func TestClockOfThePlatform(t *testing.T) {
	wrong := time.Now().Add(-5 * time.Minute).UnixMilli()
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "up 1 %d\n", wrong) })
	p := onePage(t, address, scenarios.Resource{Name: "r", InUse: "up", Limit: "1"})
	p.every = 10 * time.Second
	at := time.Hour
	m, err := p.scrape(t.Context(), func() time.Duration { return at })
	if err != nil || m.At != at || len(m.Points) != 2 {
		t.Errorf("points %v at %v, %v", m.Points, m.At, err)
	}
}

// A line without end is refused before it is held.
func TestEndlessLine(t *testing.T) {
	p := scanner(t, scenarios.Resource{Name: "r", InUse: "up", Limit: "1"})
	p.begin()
	err := p.scan(io.LimitReader(endless{}, 1<<30))
	if err == nil || !strings.Contains(err.Error(), "longer than 256 KiB") {
		t.Errorf("error %v", err)
	}
	if err := p.scan(strings.NewReader("up{a=\"" + strings.Repeat("x", 100<<10) + "\"} 3\n")); err != nil {
		t.Errorf("a long line: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}
