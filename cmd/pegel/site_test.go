package main

import (
	"os"
	"path/filepath"
	"testing"

	"pegel/internal/archive"
	"pegel/scenarios"
	"pegel/testenv"
)

const siteScenario = `
name: sited
seed: 4
include: [more/people.yaml]
accounts: {pattern: "u{n:05}@example.test", count: 10, password: {env: PEGEL_PASSWORD}}
activity: {browser: 100%, source: test}
journeys: {webmail: [{do: web.login}, {repeat: {for: session}, steps: [{do: web.list, think: 100ms}]}]}
load: {stages: {users: [4], ramp: 200ms, settle: 200ms, hold: 2s}}
objectives: [{action: "web.*", p95: 10s}]
`

// A run needs nothing of the scenario's directory to be repeated, and what a site file says is part of the plan.
func TestSiteFileIsInTheArchive(t *testing.T) {
	platform, err := testenv.Start(t.Context(), testenv.Options{Accounts: 10, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	own, err := os.ReadFile("../../scenarios/sites/" + scenarios.DefaultSite + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := write("sited.yaml", siteScenario)
	write("more/own.yaml", string(own))
	write("more/people.yaml", "personas: [{name: browser, journey: webmail}]\ntargets: {web: {url: \""+platform.URLs.Web+"\", site: own.yaml}}\n")
	before := explained(t, file).Digest

	password := func(name string) (string, bool) { return "right-word", name == "PEGEL_PASSWORD" }
	out := filepath.Join(t.TempDir(), "run")
	drive := func(file, out string) *archive.Run {
		t.Helper()
		code, _, stderr := runInto(t, out, []string{"run", file, "--out", out}, password)
		if code == exitUsage || code == exitScenario || code == exitFailure {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		r, err := archive.Open(out)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	first := drive(file, out)
	if first.Meta.Digest != before {
		t.Errorf("explain says %s, the run is %s", before, first.Meta.Digest)
	}
	write("more/own.yaml", string(own)+"\n# another\n")
	if after := explained(t, file).Digest; after == before {
		t.Error("the digest is the same with another site file")
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	second := filepath.Join(t.TempDir(), "again")
	again := drive(filepath.Join(out, archive.EffectiveFile), second)
	if again.Meta.Digest != before {
		t.Errorf("the archived scenario has the digest %s, the run had %s", again.Meta.Digest, before)
	}
	third := drive(filepath.Join(second, archive.EffectiveFile), filepath.Join(t.TempDir(), "third"))
	if third.Meta.Digest != before {
		t.Errorf("the archive of the archived scenario has the digest %s, the run had %s", third.Meta.Digest, before)
	}
}
