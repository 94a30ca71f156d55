package observe

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pegel/scenarios"
)

// A real Prometheus server has scraped what we then ask it for.
func TestPrometheusServer(t *testing.T) {
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skipf("needs Prometheus: %v", err)
	}
	exporter := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, twoServers)
	})
	dir, address := t.TempDir(), freePort(t)
	config := filepath.Join(dir, "prometheus.yml")
	target := strings.TrimPrefix(exporter, "http://")
	text := fmt.Sprintf("global: {scrape_interval: 1s}\nscrape_configs: [{job_name: lb, static_configs: [{targets: [%q]}]}, {job_name: other, static_configs: [{targets: [%q]}]}]\n", target, target)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var output strings.Builder
	server := exec.Command(program, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address)
	server.Stdout, server.Stderr = &output, &output
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		server.Process.Kill()
		server.Wait()
		if t.Failed() {
			t.Logf("prometheus said: %s", output.String())
		}
	}()
	o, err := New([]scenarios.Observe{{Name: "p", Software: "haproxy", Query: "http://" + address + "/", Match: `job="lb"`, Every: scenarios.Duration(10 * time.Second),
		Values: map[string]string{"twice": `2 * sum(haproxy_server_current_sessions{job="lb",proxy="web"})`}, Resources: []scenarios.Resource{{Name: "own", InUse: "twice", Limit: "20"}}}}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	p := o.pages[0]
	defer p.source.close()
	now := clock()
	for limit := time.Now().Add(60 * time.Second); ; {
		m, err := p.scrape(t.Context(), now)
		v := values(m.Points)
		if err == nil && v["web.in_use"] == 4 && v["web.limit"] == 12 && v["web.s2.limit"] == 8 && v["own.in_use"] == 8 {
			if at := now(); m.At > at || at-m.At > 50*time.Second {
				t.Errorf("samples that were just taken are stamped %v at %v", m.At, at)
			}
			break
		}
		if time.Now().After(limit) {
			t.Fatalf("%v, %v", v, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// Samples are as old as the server's own clock says, and count once, whatever that clock is.
func TestSamplesAreStampedByTheirAge(t *testing.T) {
	server := 1_000_000_000.0 // years off
	taken := server - 12
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if expression := r.FormValue("query"); strings.HasPrefix(expression, "max(") {
			fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[%f,"%f"]}]}}`, server, taken)
		} else {
			fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"up"},"value":[%f,"3"]},{"metric":{"__name__":"size"},"value":[%f,"NaN"]}]}}`, server, server)
		}
	})
	o, err := New([]scenarios.Observe{{Name: "p", Query: address, Every: scenarios.Duration(10 * time.Second), Resources: []scenarios.Resource{{Name: "r", InUse: "up", Limit: "size"}}}}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	p := o.pages[0]
	defer p.source.close()
	at := time.Minute
	now := func() time.Duration { return at }
	m, err := p.scrape(t.Context(), now)
	if err != nil || m.At != 48*time.Second || len(m.Points) != 1 || m.Points[0].Value != 3 {
		t.Fatalf("%+v, %v; want one point at 48s", m, err)
	}
	at, server = 70*time.Second, server+10 // nothing was scraped meanwhile
	if m, err := p.scrape(t.Context(), now); err != nil || len(m.Points) != 0 {
		t.Errorf("%+v, %v; want nothing", m, err)
	}
	at, server, taken = 80*time.Second, server+10, server+8
	if m, err := p.scrape(t.Context(), now); err != nil || m.At != 78*time.Second {
		t.Errorf("%+v, %v; want a point at 78s", m, err)
	}
}

func TestServersThatAnswerOtherwise(t *testing.T) {
	for answer, want := range map[string]string{
		"":                   "not what a Prometheus server answers",
		"<html>":             "not what a Prometheus server answers",
		`{"status":"error"}`: "not what a Prometheus server answers",
		`{"status":"success","data":{"resultType":"vector","result":[]}}`:                                 "none of the metrics",
		`{"status":"success","data":{"resultType":"scalar","result":[1,"2"]}}`:                            "not a vector",
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}}`:    "not a number",
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]}`:       "cut off",
		`{"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"]},{"met`: "not a vector",
	} {
		address := serve(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, answer) })
		o, err := New([]scenarios.Observe{{Name: "p", Query: address, Every: scenarios.Duration(10 * time.Second), Resources: []scenarios.Resource{{Name: "r", InUse: "up", Limit: "1"}}}}, dialer.DialContext)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := o.pages[0].scrape(t.Context(), clock()); err == nil || !strings.Contains(err.Error(), want) || len(m.Points) > 0 {
			t.Errorf("%q: error %v, want one with %q", answer, err, want)
		}
		o.pages[0].source.close()
	}
}
