package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pegel/internal/archive"
	"pegel/testenv"
)

var token = regexp.MustCompile(`[0-9A-Za-z_-]{20,}`)

const valuesScenario = `
name: values
seed: 3
targets: {web: {url: "http://127.0.0.1:9/"}}
accounts: {pattern: "u{n:05}@example.test", count: 60, password: {env: PEGEL_PASSWORD}}
activity: {browser: 100%, source: test}
personas: [{name: browser, journey: webmail}]
data:
  matters: {csv: matters.csv, pick: in_turn}
journeys:
  webmail:
    - do: web.page
      with: {path: "/?from={{account.n}}"}
      save: {page: {regexp: '<html lang="(\w+)"', default: none}}
    - do: web.login
      save: {xsrf: {json: xsrf}, cookie: {cookie: session}, node: {header: x-backend}}
    - repeat: {for: session}
      steps:
        - do: web.list
          with: {limit: 20}
          save: {id: {json: messages.*.id, default: ""}, total: {json: total}}
          think: 100ms
        - if: id and total > 0
          steps:
            - {do: web.request, with: {path: "/api/messages/{{id}}", expect: '"id":"{{id}}"'}, save: {subject: {json: subject}}, think: 100ms}
        - if: not (subject matches "^Re:") and node != ""
          steps:
            - do: web.request
              with:
                method: POST
                path: /api/messages
                headers: {X-XSRF-Token: "{{xsrf}}", Content-Type: application/json}
                body: '{"to": ["{{account.address}}"], "subject": "Re: {{data.matters.title}} {{run}}", "body": "{{data.matters.number}}"}'
                status: 202
              think: 200ms
          else:
            - {do: web.request, with: {path: "/missing?{{cookie}}"}, think: 100ms}
load: {stages: {users: [8], ramp: 300ms, settle: 200ms, hold: 2500ms}}
objectives: [{action: "web.*", p95: 2s}]
`

// A journey takes what it needs from the platform's answers: token, cookie, ids, subjects. What users did because of them is
// archived and done again on --replay; no token stands in the archive.
func TestValuesAgainstThePlatform(t *testing.T) {
	platform, err := testenv.Start(t.Context(), testenv.Options{Accounts: 60, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	dir := t.TempDir()
	file := filepath.Join(dir, "values.yaml")
	for name, content := range map[string]string{file: valuesScenario, filepath.Join(dir, "matters.csv"): "title,number\nBudget,7\nLeave,8\n\"Room, 3\",9\n"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	drive := func(out string, more ...string) *archive.Run {
		t.Helper()
		var stdout, stderr bytes.Buffer
		args := append([]string{"run", file, "--out", filepath.Join(dir, out), "--set", "targets.web.url=" + platform.URLs.Web}, more...)
		code := run(context.Background(), args, environment{stdout: &stdout, stderr: &stderr,
			getenv: func(name string) (string, bool) { return "right-word", name == "PEGEL_PASSWORD" }})
		if code == exitUsage || code == exitScenario || code == exitFailure {
			t.Fatalf("exit code %d\n%s", code, &stderr)
		}
		r, err := archive.Open(filepath.Join(dir, out))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := drive("first")
	counts := map[string]uint64{}
	for in, err := range first.Intervals() {
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range in.Series {
			if s != nil {
				counts[first.Meta.Actions[i/len(first.Meta.Personas)]] += s.Done() - s.Failed()
			}
		}
	}
	if counts["web.login"] < 8 || counts["web.request"] < 20 {
		t.Errorf("done: %v", counts)
	}
	missing := 0
	for _, e := range first.Events {
		if e.Kind != archive.EventError {
			continue
		}
		if !strings.Contains(e.Text, "/missing") || !strings.Contains(e.Text, "404") {
			t.Errorf("failed: %+v", e)
		}
		if token.MatchString(e.Text) {
			t.Errorf("a token is archived: %s", e.Text)
		}
		missing++
	}
	branches, err := first.Branches()
	if err != nil {
		t.Fatal(err)
	}
	taken := map[archive.Branch]bool{}
	yes := 0
	for _, b := range branches {
		if b.Taken {
			yes++
		}
		key := b
		key.Taken = false
		taken[key] = b.Taken
	}
	if yes == 0 || yes == len(branches) || missing == 0 {
		t.Errorf("%d of %d branches taken, %d failures shown: the answers decide nothing", yes, len(branches), missing)
	}
	// The mail that was sent meanwhile changes what is read; the branches stay.
	second, err := drive("second", "--replay", filepath.Join(dir, "first")).Branches()
	if err != nil {
		t.Fatal(err)
	}
	same := 0
	for _, b := range second {
		key := b
		key.Taken = false
		if was, known := taken[key]; known {
			same++
			if was != b.Taken {
				t.Errorf("branch %+v was taken otherwise before", b)
			}
		}
	}
	if same < len(branches)/2 {
		t.Errorf("only %d of %d branches met again", same, len(branches))
	}
	var stderr bytes.Buffer
	code := run(context.Background(), []string{"run", file, "--set", "seed=4", "--out", filepath.Join(dir, "third"), "--replay", filepath.Join(dir, "first")},
		environment{stdout: &stderr, stderr: &stderr, getenv: func(name string) (string, bool) { return "right-word", name == "PEGEL_PASSWORD" }})
	if code != exitUsage || !strings.Contains(stderr.String(), "was of another plan") {
		t.Errorf("another seed: exit code %d, %s", code, &stderr)
	}
	stderr.Reset()
	code = run(context.Background(), []string{"testenv", "truth", "--profile", "database", "--scenario", file},
		environment{stdout: &stderr, stderr: &stderr, getenv: func(name string) (string, bool) { return "right-word", name == "PEGEL_PASSWORD" }})
	if code != exitScenario || !strings.Contains(stderr.String(), "values.yaml:23:15: this if depends on answers") {
		t.Errorf("simulated: exit code %d, %s", code, &stderr)
	}
}
