package observe

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pegel/scenarios"
)

// A real balancer whose one server takes two requests at a time: of five at once, two are in use and three wait.
func TestHAProxy(t *testing.T) {
	const program = "/usr/sbin/haproxy"
	if _, err := os.Stat(program); err != nil {
		t.Skipf("needs HAProxy: %v", err)
	}
	release := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { <-release }))
	defer backend.Close()
	front, stats := freePort(t), freePort(t)
	dir, err := os.MkdirTemp("", "pegel") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	config, socket := filepath.Join(dir, "haproxy.cfg"), filepath.Join(dir, "s")
	text := fmt.Sprintf(`global
  maxconn 100
  stats socket %s
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout queue 60s
frontend web
  bind %s
  default_backend groupware
backend groupware
  server s1 %s maxconn 2
frontend stats
  bind %s
  http-request use-service prometheus-exporter if { path /metrics }
  stats enable
  stats uri /stats
`, socket, front, backend.Listener.Addr(), stats)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var output strings.Builder
	balancer := exec.Command(program, "-db", "-f", config)
	balancer.Stdout, balancer.Stderr = &output, &output
	if err := balancer.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		balancer.Wait()
		close(ended)
	}()
	defer func() {
		balancer.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("haproxy said: %s", output.String())
		}
	}()

	found := derived(t, "haproxy", "http://"+stats+"/metrics")
	p := onePage(t, "http://"+stats+"/metrics", scenarios.Resource{
		Name: "web", Kind: "slots",
		InUse:  `haproxy_server_current_sessions{proxy="groupware",server="s1"}`,
		Limit:  `haproxy_server_limit_sessions{proxy=~"group.*"}`,
		Queue:  `haproxy_backend_current_queue{proxy="groupware"}`,
		Served: `haproxy_backend_sessions_total{proxy="groupware"}`,
	})
	// until scrapes until the page says so. Only the whole test's time-out ends it, or the balancer's end.
	until := func(what string, ok func(map[string]float64) bool) {
		t.Helper()
		for {
			m, err := p.scrape(context.Background(), clock())
			if err == nil && ok(values(m.Points)) {
				return
			}
			select {
			case <-ended:
				t.Fatalf("haproxy ended while waiting for %s (last: %v, %v)", what, values(m.Points), err)
			case <-t.Context().Done():
				t.Fatalf("waiting for %s: %v, %v", what, values(m.Points), err)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	until("the balancer", func(v map[string]float64) bool { return v["web.limit"] == 2 && v["web.in_use"] == 0 })
	answers := make(chan error, 5)
	for range 5 {
		go func() {
			resp, err := http.Get("http://" + front + "/")
			if err == nil {
				resp.Body.Close()
			}
			answers <- err
		}()
	}
	until("a queue of three", func(v map[string]float64) bool { return v["web.in_use"] == 2 && v["web.queue"] == 3 })
	exported, err := found.scrape(context.Background(), clock())
	if err != nil {
		t.Fatal(err)
	}
	v := values(exported.Points)
	// Its socket and its CSV tell the same, under the same names.
	for _, address := range []string{"unix:" + socket, "http://" + stats + "/stats;csv"} {
		o, err := New([]scenarios.Observe{{Name: "p", Software: "haproxy", HAProxy: address, Every: scenarios.Duration(10 * time.Second)}}, dialer.DialContext)
		if err != nil {
			t.Fatal(err)
		}
		m, err := o.pages[0].scrape(t.Context(), clock())
		o.pages[0].source.close()
		if err != nil {
			t.Fatal(err)
		}
		same := values(m.Points)
		for k, want := range v {
			if got, ok := same[k]; (!ok || got != want) && strings.HasPrefix(k, "groupware") || !ok && !strings.HasPrefix(k, "process") {
				t.Errorf("%s tells %s = %v, want %v", address, k, got, want)
			}
		}
		if strings.HasPrefix(address, "unix") && same["process.limit"] != 100 {
			t.Errorf("the socket tells %v of the process", same)
		}
	}
	for k, want := range map[string]float64{
		"groupware.in_use": 2, "groupware.limit": 2, "groupware.queue": 3, "groupware.s1.in_use": 2, "groupware.s1.limit": 2, "groupware.s1.queue": 0,
		"web.frontend.in_use": 5, "web.frontend.limit": 100, "process.limit": 100,
	} {
		if v[k] != want {
			t.Errorf("the catalogue finds %s = %v, want %v (of %v)", k, v[k], want, v)
		}
	}
	close(release)
	for range 5 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	until("all served", func(v map[string]float64) bool {
		return v["web.in_use"] == 0 && v["web.queue"] == 0 && v["web.served"] == 5
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
