package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pegel/internal/archive"
	"pegel/probes/browser"
	"pegel/probes/probe"
	"pegel/testenv"
)

// at runs the command and expects an exit code.
func at(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	getenv := func(name string) (string, bool) {
		if name == "PEGEL_PASSWORD" {
			return "right-word", true
		}
		return os.LookupEnv(name)
	}
	if code := run(context.Background(), args, environment{stdout: &out, stderr: &errs, getenv: getenv}); code != want {
		t.Fatalf("%s ended with %d, want %d\n%s\n%s", strings.Join(args, " "), code, want, &out, &errs)
	}
	if strings.Contains(out.String()+errs.String(), "right-word") {
		t.Errorf("the output of %s shows a password", args)
	}
	return out.String(), errs.String()
}

// HAR files from which no site can come, or one that signs nobody in.
func TestRecordHARs(t *testing.T) {
	const ann, bob = "../../internal/recording/testdata/chromium-ann.har", "../../internal/recording/testdata/chromium-bob.har"
	dir := t.TempDir()
	changed := func(from, name, old, now string) string {
		raw, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(raw, []byte(old)) {
			t.Fatalf("%s does not hold %s", from, old)
		}
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, bytes.ReplaceAll(raw, []byte(old), []byte(now)), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	out := filepath.Join(dir, "own.yaml")
	record := func(want int, one, two string) string {
		_, said := at(t, want, "record", "--har", one, "--har", two, "--actions", "login,list,read", "--out", out)
		return said
	}
	if said := record(exitOK, ann, bob); strings.Contains(said, "sends the password") {
		t.Errorf("a login with its form: %s", said)
	}
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	if said := record(exitScenario, ann, ann); !strings.Contains(said, "chromium-ann.har and chromium-ann.har are of the same account") || !strings.Contains(said, "hint: record each with another account") {
		t.Errorf("twice the same account: %s", said)
	}
	if said := record(exitScenario, ann, changed(bob, "later.har", `"startedDateTime"`, `"startedAt"`)); !strings.Contains(said, "later.har: entry 1 has no startedDateTime") {
		t.Errorf("without times: %s", said)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a site was written where none could be made")
	}
	if said := record(exitOK, changed(ann, "get-ann.har", `"POST"`, `"PUT"`), bob); !strings.Contains(said, "note: login: no request sends the password") {
		t.Errorf("without the login's request: %s", said)
	}
}

// What a real browser does in the embedded webmail becomes a site that other accounts can play, whose tokens are captures;
// a platform that has changed since is told, and a scenario runs with it.
func TestRecordEmbedded(t *testing.T) {
	if !browser.Installed() {
		t.Skip("no journey is recorded: Chromium is not installed")
	}
	platform, err := testenv.Start(t.Context(), testenv.Options{Accounts: 20, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	file := filepath.Join(t.TempDir(), "own.yaml")
	accounts := "u{n:05}@" + strings.SplitN(platform.Login(1), "@", 2)[1]
	_, said := at(t, 0, "record", "--site", "embedded", "--url", platform.URLs.Web, "--accounts", accounts, "--out", file)
	t.Log(said)
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	t.Log(text)
	for _, want := range []string{
		"xsrf: {json: xsrf}", `X-XSRF-Token: '{{xsrf}}'`, "/api/messages/{{one_ids}}", "{json: messages.*.id, each: true", "pick: {one_ids: {of: ids, after: list}}",
		`"password":"{{account.password}}"`, "{{peer.address}}", "{{mail.subject}}", "{{mail.text}}", "- /assets/webmail.js", "status: [202]", "shape: {type: application/json",
		`{type: '#user', text: '{{account.login}}'}`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the recorded site does not have %s", want)
		}
	}
	for _, login := range []string{platform.Login(1), platform.Login(2)} {
		if strings.Contains(text, login) {
			t.Errorf("the recorded site names the account %s", login)
		}
	}
	table, _ := at(t, 0, "record", "--check", file, "--url", platform.URLs.Web, "--accounts", accounts)
	t.Log(table)

	// A gesture that fails, with what the page looked like; before that, what cannot be written is refused.
	failing := filepath.Join(t.TempDir(), "failing.yaml")
	begins := "name: failing\nactions:\n  login:\n    browser: [{open: /}, {type: '#user', text: '{{account.login}}'}, {click: '#no-such-button', timeout: 1s}]\n"
	if err := os.WriteFile(failing, []byte(begins), 0o600); err != nil {
		t.Fatal(err)
	}
	stem := filepath.Join(t.TempDir(), "out")
	_, said = at(t, exitNoStart, "record", "--site", failing, "--url", platform.URLs.Web, "--accounts", accounts, "--out", stem+".yaml")
	if !strings.Contains(said, "#no-such-button: is not shown") || !strings.Contains(said, stem+"-failure.jpg") {
		t.Errorf("a gesture that fails: %s", said)
	}
	if page, err := os.ReadFile(stem + "-failure.txt"); err != nil || !strings.Contains(string(page), "Sign in") {
		t.Errorf("what the page said: %q, %v", page, err)
	}
	_, said = at(t, exitUsage, "record", "--site", failing, "--url", platform.URLs.Web, "--accounts", accounts, "--out", filepath.Join(stem, "x.yaml"))
	if !strings.Contains(said, "there is no directory "+stem) {
		t.Errorf("--out in no directory: %s", said)
	}
	_, said = at(t, exitUsage, "record", "--site", failing, "--url", platform.URLs.Web, "--accounts", filepath.Join(stem, "gone.csv"))
	if !strings.Contains(said, "gone.csv: no such file") {
		t.Errorf("accounts in no file: %s", said)
	}

	// An answer that is no longer what it was.
	other := filepath.Join(t.TempDir(), "changed.yaml")
	changed := strings.Replace(text, "json: [body,", "json: [colour, body,", 1)
	if err := os.WriteFile(other, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	found, _ := at(t, exitObjective, "record", "--check", other, "--url", platform.URLs.Web, "--accounts", accounts, "--json")
	var c checked
	if err := json.Unmarshal([]byte(found), &c); err != nil || len(c.Differences) != 2 || !strings.Contains(c.Differences[0].What, "missing colour") {
		t.Errorf("%v: %s", err, found)
	}

	// The recorded site in a scenario.
	dir := t.TempDir()
	scenario := `name: recorded
targets: {web: {url: "` + platform.URLs.Web + `", site: own.yaml}}
accounts: {pattern: "` + accounts + `", count: 8, password: {env: PEGEL_PASSWORD}}
activity: {browser: 100%, source: test}
personas: [{name: browser, journey: webmail}]
journeys:
  webmail:
    - {do: web.login, think: 100ms}
    - repeat: {for: session}
      steps: [{do: web.list, think: 200ms}, {do: web.read, think: 200ms}, {do: web.read, think: 200ms}, {do: web.send, think: 200ms}]
load: {stages: {users: [4], ramp: 300ms, settle: 200ms, hold: 3s}}
objectives: [{action: "web.*", p95: 30s}]
`
	for name, text := range map[string]string{"own.yaml": text, "x.yaml": scenario} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var out, errs bytes.Buffer
	t.Setenv("PEGEL_PASSWORD", "right-word")
	code := run(context.Background(), []string{"run", filepath.Join(dir, "x.yaml"), "--out", filepath.Join(dir, "run")}, environment{stdout: &out, stderr: &errs, getenv: os.LookupEnv})
	if code != exitOK && code != exitCaution && code != exitGenerator { // a busy machine gives no verdict
		t.Fatalf("the run ended with %d\n%s\n%s", code, &out, &errs)
	}
	archived, err := archive.Open(filepath.Join(dir, "run"))
	if err != nil {
		t.Fatal(err)
	}
	done, failed := map[string]uint64{}, uint64(0)
	for in, err := range archived.Intervals() {
		if err != nil {
			t.Fatal(err)
		}
		for key, s := range in.Series {
			if s != nil {
				action, _ := archived.Meta.Series(key)
				done[action] += s.Classes[probe.OK]
				failed += s.Failed()
			}
		}
	}
	if failed > 0 || done["web.read"] == 0 || done["web.send"] == 0 {
		t.Errorf("%d actions failed, done were %v\n%s", failed, done, &out)
	}
}
