package testenv

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// families is a page of metrics, read as Prometheus reads it.
type families map[string]*dto.MetricFamily

func readPage(t *testing.T, p *Platform, path string) families {
	t.Helper()
	answer, err := http.Get(p.URLs.Metrics + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s answers %s", path, answer.Status)
	}
	return parsePage(t, path, answer.Body)
}

func parsePage(t *testing.T, what string, text io.Reader) families {
	t.Helper()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	got, err := parser.TextToMetricFamilies(text)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return got
}

// sum adds up the series of a metric that have all these labels, given as name=value.
func (f families) sum(name string, labels ...string) (sum float64) {
	for _, m := range f[name].GetMetric() {
		left := len(labels)
		for _, l := range m.GetLabel() {
			for _, want := range labels {
				if l.GetName()+"="+l.GetValue() == want {
					left--
				}
			}
		}
		if left == 0 {
			sum += m.GetGauge().GetValue() + m.GetCounter().GetValue() + m.GetUntyped().GetValue()
		}
	}
	return sum
}

// pagePaths are the pages of a platform, as its list names them.
func pagePaths(t *testing.T, p *Platform) []string {
	t.Helper()
	answer, err := http.Get(strings.TrimSuffix(p.URLs.Metrics, "metrics"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for line := range strings.Lines(string(text)) {
		paths = append(paths, strings.TrimPrefix(strings.TrimSpace(line), "/metrics"))
	}
	return paths
}

// Every profile has pages that can be read, and those of a platform with a fault are nine besides its own.
func TestEveryProfileHasPages(t *testing.T) {
	for _, info := range Profiles() {
		d, err := Profile(info.Name)
		if err != nil {
			t.Fatal(err)
		}
		p := start(t, Options{Definition: d})
		c := newWebClient(t, p)
		c.login(1)
		c.list()
		selected(t, p, 2)
		paths := pagePaths(t, p)
		if d.Cause != nil && len(paths) != 10 {
			t.Errorf("%s: pages %v", info.Name, paths)
		}
		for _, path := range paths {
			if len(readPage(t, p, path)) == 0 {
				t.Errorf("%s: nothing on %s", info.Name, path)
			}
		}
		p.Close()
	}
}

// The pages tell of the same things in the same numbers.
func TestPagesAgree(t *testing.T) {
	d, err := Profile("healthy")
	if err != nil {
		t.Fatal(err)
	}
	p := start(t, Options{Definition: d})
	c := newWebClient(t, p)
	c.login(1)
	for range 9 {
		c.list()
	}
	imap := selected(t, p, 3)
	appendMail(t, imap, "INBOX", "Subject: x\r\n\r\nx\r\n", nil)
	balancer, workers, pool, database, node, mail := readPage(t, p, "/haproxy"), readPage(t, p, "/php-fpm"), readPage(t, p, "/pgbouncer"),
		readPage(t, p, "/postgres"), readPage(t, p, "/node"), readPage(t, p, "/dovecot")
	for what, got := range map[string][2]float64{
		"requests at the frontend":  {balancer.sum("haproxy_frontend_http_requests_total"), 10},
		"answers 2xx":               {balancer.sum("haproxy_server_http_responses_total", "code=2xx"), 10},
		"sessions of the servers":   {balancer.sum("haproxy_server_sessions_total"), 10},
		"requests without a cookie": {balancer.sum("haproxy_backend_loadbalanced_total"), 1},
		"requests of the workers":   {workers.sum("phpfpm_accepted_connections"), 10},
		"idle workers":              {workers.sum("phpfpm_idle_processes"), 36},
		"transactions":              {pool.sum("pgbouncer_stats_sql_transactions_pooled_total"), database.sum("pg_stat_database_xact_commit")},
		"size of the pool":          {pool.sum("pgbouncer_databases_pool_size"), 40},
		"connections there are":     {database.sum("pg_settings_max_connections"), 12},
		"memory":                    {node.sum("node_memory_MemTotal_bytes"), 6000 << 20},
		"memory in use":             {node.sum("node_memory_MemTotal_bytes") - node.sum("node_memory_MemAvailable_bytes"), (1500 + 2*9) << 20},
		"appends":                   {mail.sum("dovecot_imap_cmd_total", "cmd_name=APPEND", "tagged_reply_state=OK"), 1},
		"commands in all":           {mail.sum("dovecot_imap_cmd_total") / 3, mail.sum("dovecot_imap_cmd_total", "tagged_reply_state=OK")},
		"third database":            {readPage(t, p, "/postgres/3").sum("pg_settings_max_connections"), 4},
		"logins":                    {mail.sum("dovecot_auth_ok_total"), 1},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %v, want %v", what, got[0], got[1])
		}
	}
	seconds := node.sum("node_cpu_seconds_total", "cpu=0")
	for _, cpu := range []string{"cpu=1", "cpu=7"} {
		if other := node.sum("node_cpu_seconds_total", cpu); other < 0.999*seconds || other > 1.001*seconds {
			t.Errorf("%s has seen %v s, another %v s", cpu, other, seconds)
		}
	}
	busy := node.sum("node_cpu_seconds_total", "mode=user") + node.sum("node_cpu_seconds_total", "mode=system")
	if later := p.Stats()[6]; later.Name != "cpu" || busy <= 0 || busy < 0.999*later.Busy || busy > 1.001*later.Busy {
		t.Errorf("processors are busy for %v s, the resource %s for %v s", busy, later.Name, later.Busy)
	}
	if got := balancer.sum("haproxy_frontend_bytes_out_total"); got < 1000 {
		t.Errorf("%v bytes sent", got)
	}
	if got := balancer.sum("haproxy_backend_total_time_average_seconds"); got <= 0 {
		t.Errorf("requests took %v s", got)
	}
}

// What is named as on HAProxy's page is on a real one's, with the same type and labels.
func TestHAProxyPageIsLikeARealOne(t *testing.T) {
	const program = "/usr/sbin/haproxy"
	if _, err := os.Stat(program); err != nil {
		t.Skipf("needs HAProxy: %v", err)
	}
	front, stats := freeAddress(t), freeAddress(t)
	config := filepath.Join(t.TempDir(), "haproxy.cfg")
	text := "global\n  maxconn 100\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  timeout server 60s\nfrontend web\n  bind " + front +
		"\n  default_backend groupware\nbackend groupware\n  server web-1 127.0.0.1:1 maxconn 2\nfrontend stats\n  bind " + stats +
		"\n  http-request use-service prometheus-exporter if { path /metrics }\n"
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	real := exec.Command(program, "-db", "-f", config)
	if err := real.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		real.Process.Kill()
		real.Wait()
	}()
	var want families
	eventually(t, "HAProxy's page", func() bool {
		answer, err := (&http.Client{Timeout: 10 * time.Second}).Get("http://" + stats + "/metrics")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		want = parsePage(t, "HAProxy", answer.Body)
		return true
	})
	d, err := Profile("healthy")
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range readPage(t, start(t, Options{Definition: d}), "/haproxy") {
		switch {
		case want[name] == nil:
			t.Errorf("%s is not on HAProxy's page", name)
		case want[name].GetType() != got.GetType():
			t.Errorf("%s is a %v, HAProxy's a %v", name, got.GetType(), want[name].GetType())
		case labelNames(got) != labelNames(want[name]):
			t.Errorf("%s has the labels %s, HAProxy's %s", name, labelNames(got), labelNames(want[name]))
		}
	}
}

func labelNames(f *dto.MetricFamily) string {
	names := map[string]bool{}
	var list []string
	for _, l := range f.GetMetric()[0].GetLabel() {
		if !names[l.GetName()] {
			names[l.GetName()] = true
			list = append(list, l.GetName())
		}
	}
	slices.Sort(list)
	return strings.Join(list, ",")
}

func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := listen("127.0.0.1", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Listener.Close()
	return ln.Addr().String()
}
