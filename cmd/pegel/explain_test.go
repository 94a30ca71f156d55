package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// explained is pegel explain --json of a scenario.
func explained(t *testing.T, args ...string) (x struct {
	Digest     string            `json:"digest"`
	DigestPart string            `json:"digest_part"`
	Shares     map[string]string `json:"shares"`
	Load       struct {
		Day      string  `json:"day"`
		Seconds  float64 `json:"seconds"`
		Accounts int     `json:"accounts"`
		Personas []struct {
			Name  string `json:"name"`
			Users int    `json:"users"`
		} `json:"personas"`
		Mails struct {
			PerHour float64 `json:"per_hour"`
		} `json:"mails"`
	} `json:"load"`
	Generator struct {
		Files      int `json:"files"`
		Generators int `json:"generators"`
	} `json:"generator"`
}) {
	t.Helper()
	var out, errs bytes.Buffer
	none := func(string) (string, bool) { return "", false }
	if code := run(t.Context(), append([]string{"explain", "--json"}, args...), environment{stdout: &out, stderr: &errs, getenv: none}); code != exitOK {
		t.Fatalf("explain %v ended with %d: %s", args, code, &errs)
	}
	if err := json.Unmarshal(out.Bytes(), &x); err != nil {
		t.Fatal(err)
	}
	return x
}

// Parts of a plan add up to the whole in any order, and the plan of a file is that of the same bytes elsewhere.
func TestExplainedSharesAddUp(t *testing.T) {
	whole := explained(t, "kiel-2025", "--share", "1/1")
	if whole.DigestPart != whole.Digest || len(whole.Digest) != 32 {
		t.Errorf("share 1/1 has digest %s, the whole %s", whole.DigestPart, whole.Digest)
	}
	parts := explained(t, "../../scenarios/kiel-2025.yaml", "--share", "3/4,1/4", "--share", "4/4,2/4")
	if parts.DigestPart != whole.Digest || parts.Digest != whole.Digest || len(parts.Shares) != 4 {
		t.Errorf("the shares %v add up to %s; the whole is %s", parts.Shares, parts.DigestPart, whole.Digest)
	}
	if other := explained(t, "kiel-2025", "--set", "seed=1"); other.Digest == whole.Digest {
		t.Error("another seed has the same digest")
	}
}

// The busiest day of 40,000 accounts takes under 2 s and 500 MB. The bounds here are wider: other tests run beside this one.
func TestExplainIsQuick(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begin := time.Now()
	x := explained(t, "kiel-2025")
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	if took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 500 {
		t.Errorf("it allocated %d MB in all", mb)
	}
	if x.Load.Day != "2025-10-02" || x.Load.Accounts != 40_000 || x.Load.Personas[0].Users != 12_000 || x.Load.Mails.PerHour < 10_000 || x.Generator.Files < 50_000 {
		t.Errorf("%+v", x)
	}
}

// Every shipped scenario says in its head what it models, with the source of each figure, and what is a placeholder.
func TestShippedScenariosSayWhereNumbersComeFrom(t *testing.T) {
	files, err := filepath.Glob("../../scenarios/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(string(raw), "\nname:")
		if n := strings.Count(head, "\n# "); n < 1 && filepath.Base(file) != "example.yaml" {
			t.Errorf("%s has no head", file)
		}
		switch filepath.Base(file) {
		case "demo.yaml", "example.yaml", "real-loopback.yaml": // made up, and they say so
			continue
		}
		for _, want := range []string{"Placeholders:", "--profile small"} {
			if !strings.Contains(head, want) {
				t.Errorf("%s: the head does not say %q", file, want)
			}
		}
		if !strings.Contains(head, "(") {
			t.Errorf("%s names no source", file)
		}
	}
}
