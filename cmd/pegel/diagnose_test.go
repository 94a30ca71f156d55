package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// diagnosing runs the verb.
func diagnosing(args ...string) (code int, stdout, stderr string) {
	var o, e bytes.Buffer
	code = run(context.Background(), append([]string{"diagnose"}, args...), environment{stdout: &o, stderr: &e, getenv: os.LookupEnv})
	return code, o.String(), e.String()
}

// What pegel diagnose --json prints, as far as others read it.
type diagnosisJSON struct {
	Format     int
	Held       bool
	Danger     struct{ Any bool }
	Hypotheses []struct {
		Code, Subject, Text, Command string
		Score                        float64 `json:"score_db"`
		For                          []struct {
			Text   string
			Series []string
			To     float64 `json:"to_seconds"`
		}
	}
}

// A real run against a platform whose balancer keeps sessions together badly: the cause comes first, with what was seen and where, in
// both languages and for programs.
func TestDiagnoseARun(t *testing.T) {
	if testing.Short() {
		t.Skip("a run of half a minute")
	}
	dir := t.TempDir()
	b := benchDiagnose{env: environment{stderr: &bytes.Buffer{}, getenv: os.LookupEnv}, keep: dir,
		sets: []string{"load.stages.ramp=1s", "load.stages.settle=1s", "load.stages.hold=5s"}}
	trial := diagnosed{Profile: "balancer-sticky-hop", Seed: 5}
	if err := b.trial(context.Background(), &trial, filepath.Join(dir, "hop")); err != nil {
		t.Fatal(err)
	}
	if trial.Held || trial.Disturbed && !trial.Right {
		t.Skip("the machine gave the generator too little time, three times")
	}
	if !trial.Right {
		_, out, _ := diagnosing(trial.Archive)
		t.Errorf("%+v\n%s", trial, out)
	}
	code, out, stderr := diagnosing(trial.Archive, "--json")
	var d diagnosisJSON
	if err := json.Unmarshal([]byte(out), &d); err != nil || code != exitOK {
		t.Fatalf("exit code %d, %v: %s%s", code, err, out, stderr)
	}
	if d.Format != 1 || d.Held || !d.Danger.Any || len(d.Hypotheses) == 0 {
		t.Fatalf("%+v", d)
	}
	first := d.Hypotheses[0]
	if first.Code != trial.First || first.Score <= 0 || !strings.HasPrefix(first.Command, "pegel ") || len(first.For) == 0 {
		t.Errorf("%+v", first)
	}
	for _, e := range first.For {
		if e.Text == "" || len(e.Series) == 0 || e.To <= 0 || strings.Contains(e.Text, "%!") {
			t.Errorf("evidence without words, series or time: %+v", e)
		}
	}
	for lang, want := range map[string][]string{"en": {"SESSIONS THAT MOVE", "check", "settle"}, "de": {"WANDERNDE SITZUNGEN", "prüfen", "klären"}} {
		code, out, stderr := diagnosing(trial.Archive, "--lang", lang)
		for _, text := range want {
			if !strings.Contains(out, text) {
				t.Errorf("%s: no %q in\n%s", lang, text, out)
			}
		}
		if code != exitOK || stderr != "" || strings.Contains(out, "%!") || strings.Contains(out, "‹") {
			t.Errorf("%s: exit code %d\n%s%s", lang, code, out, stderr)
		}
	}
}

func TestDiagnoseRefusesWhatIsNoRun(t *testing.T) {
	for name, args := range map[string][]string{"nothing": nil, "no run": {t.TempDir()}, "no directory": {"/nonexistent/run"}, "no language": {t.TempDir(), "--lang", "fr"}} {
		if code, out, stderr := diagnosing(args...); code != exitUsage || out != "" || stderr == "" {
			t.Errorf("%s: exit code %d, %s%s", name, code, out, stderr)
		}
	}
}

// All platforms with a known fault, once each.
func TestLongDiagnoses(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("eleven runs of a minute; set PEGEL_LONG=1, or make test-long")
	}
	var out, stderr bytes.Buffer
	if code := run(context.Background(), []string{"bench", "diagnose", "--runs", "1", "--json"}, environment{stdout: &out, stderr: &stderr, getenv: os.LookupEnv}); code != exitOK {
		t.Fatalf("exit code %d\n%s", code, &stderr)
	}
	var trials []diagnosed
	if err := json.Unmarshal(out.Bytes(), &trials); err != nil {
		t.Fatal(err)
	}
	right, judged := 0, 0
	for _, x := range trials {
		t.Log(x.line())
		if x.Held || x.Error != "" || x.Disturbed && !x.Right {
			continue
		}
		judged++
		if x.Right {
			right++
		}
		if x.Cause == "" && x.First != "" {
			t.Errorf("the healthy platform is accused: %s", x.line())
		}
	}
	if judged < 6 {
		t.Skipf("only %d of %d runs had a generator in time", judged, len(trials))
	}
	if float64(right) < 0.8*float64(judged) {
		t.Errorf("the true cause comes first in %d of %d", right, judged)
	}
}
