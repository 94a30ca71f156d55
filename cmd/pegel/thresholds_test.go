package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/testenv"
)

// slowPool is a platform with one pool of four connections, full at some 25 users of slowScenario. It is slow, so that little
// work of the generator is much load for it.
const slowPool = `
name: slow-pool
resources: [{name: pool, kind: pool, limit: 4, queue: -1}]
operations:
  imap.fetch: [{use: pool, for: {mean: 200ms, cv: 1}}]
`

func slowScenario(platform *testenv.Platform) string {
	text := strings.NewReplacer(
		"exponential: {mean: 300ms}", "exponential: {mean: 1s}",
		"p95: 400ms", "p95: 1500ms",
		"errors: 1%, abort: {over: 50%, for: 3s}", "errors: 1%",
		"imap://127.0.0.1:9", platform.URLs.IMAP,
		"http://127.0.0.1:9/metrics", platform.URLs.Metrics,
		"users: [14, 25], ramp: 500ms, settle: 300ms, hold: 2s", "users: [10, 15, 20], ramp: 500ms, settle: 1500ms, hold: 10s",
	).Replace(smallScenario)
	return text
}

// The rules that a run below the knee gives are accepted by Prometheus, silent while the platform is idle, and fire when
// more users come than it carries.
func TestAlertRulesFire(t *testing.T) {
	server, errServer := exec.LookPath("prometheus")
	if _, err := exec.LookPath("promtool"); err != nil || errServer != nil {
		t.Skip("needs prometheus and promtool, which are Debian's package prometheus")
	}
	definition, err := testenv.ParseDefinition([]byte(slowPool))
	if err != nil {
		t.Fatal(err)
	}
	platform, err := testenv.Start(t.Context(), testenv.Options{Definition: definition, Accounts: 1000, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	scratch := t.TempDir()
	file, dir, rules := filepath.Join(scratch, "slow.yaml"), filepath.Join(scratch, "run"), filepath.Join(scratch, "pegel.rules.yml")
	if err := os.WriteFile(file, []byte(slowScenario(platform)), 0o600); err != nil {
		t.Fatal(err)
	}
	getenv := func(name string) (string, bool) { return "right-word", name == "PEGEL_PASSWORD" }
	code, stdout, stderr := runInto(t, dir, []string{"run", file, "--out", dir}, getenv)
	if disturbed(stdout + stderr) {
		t.Skipf("nothing can be measured here: in each of %d runs the machine was too busy", tries)
	}
	if code != exitOK && code != exitCaution && code != exitNoGo {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	var out, said bytes.Buffer
	code = run(t.Context(), []string{"thresholds", dir, "--format", "prometheus", "--window", "4s", "--for", "1s", "--match", "job=platform", "--out", rules},
		environment{stdout: &out, stderr: &said, getenv: getenv})
	if code != exitOK {
		t.Fatalf("exit code %d: %s\n%s", code, &said, stdout)
	}
	text, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", text)

	alerts := prometheus(t, server, rules, platform.URLs.Metrics)
	if list := alerts(); len(list) > 0 {
		t.Errorf("on an idle platform fire %v", list)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() { // far more users than the platform carries, until they are told to go
		var o, e bytes.Buffer
		run(ctx, []string{"run", file, "--force", "--out", filepath.Join(scratch, "over"), "--set", "load.stages={users: [60], ramp: 1s, hold: 5m}"},
			environment{stdout: &o, stderr: &e, getenv: getenv})
	})
	defer load.Wait()
	defer cancel()
	wanted := map[string]bool{"PegelInUse70 info": true, "PegelQueue100 critical": true}
	for deadline := time.Now().Add(2 * time.Minute); len(wanted) > 0; time.Sleep(200 * time.Millisecond) {
		list := alerts()
		for _, one := range list {
			delete(wanted, one)
		}
		if time.Now().After(deadline) {
			t.Fatalf("firing are %v, still wanted %v", list, wanted)
		}
	}
}

// prometheus starts a server that scrapes one page and has the rules. The function it returns lists the alerts that fire;
// before it returns, the page was scraped twice and the rules evaluated.
func prometheus(t *testing.T, server, rules, page string) func() []string {
	t.Helper()
	promtool, err := exec.Command("promtool", "check", "rules", rules).CombinedOutput()
	if err != nil {
		t.Fatalf("promtool: %v\n%s", err, promtool)
	}
	host, path, _ := strings.Cut(strings.TrimPrefix(page, "http://"), "/")
	dir := t.TempDir()
	config := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(config, fmt.Appendf(nil, `global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
rule_files: [%q]
scrape_configs:
  - job_name: platform
    metrics_path: /%s
    static_configs: [{targets: [%q]}]
`, rules, path, host), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	output := new(lockedBuffer)
	cmd := exec.Command(server, "--config.file="+config, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+address, "--log.level=warn")
	cmd.Stdout, cmd.Stderr = output, output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("prometheus said: %s", output)
		}
	})
	get := func(path string, into any) error {
		client := http.Client{Timeout: 5 * time.Second}
		resp, err := client.Get("http://" + address + path)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return json.NewDecoder(resp.Body).Decode(into)
	}
	type answer struct {
		Data struct {
			Alerts []struct {
				State  string            `json:"state"`
				Labels map[string]string `json:"labels"`
			} `json:"alerts"`
			Result []struct {
				Value []any `json:"value"`
			} `json:"result"`
		} `json:"data"`
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(200 * time.Millisecond) {
		var a answer
		err := get("/api/v1/query?query=count_over_time(pegel_testenv_resource_limit[1m])", &a)
		if err == nil && len(a.Data.Result) > 0 && fmt.Sprint(a.Data.Result[0].Value[1]) > "3" {
			break
		}
		select {
		case <-ended:
			t.Fatalf("prometheus ended: %s", output)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("prometheus does not scrape the platform: %v %+v", err, a)
		}
	}
	return func() (firing []string) {
		var a answer
		if err := get("/api/v1/alerts", &a); err != nil {
			t.Logf("asking for alerts: %v", err)
		}
		for _, one := range a.Data.Alerts {
			if one.State == "firing" {
				firing = append(firing, one.Labels["alertname"]+" "+one.Labels["severity"])
			}
		}
		return firing
	}
}
