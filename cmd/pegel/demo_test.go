package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// forecastFile is what others read of a demo's JSON.
type forecastFile struct {
	Determined bool `json:"determined"`
	Capacity   struct {
		Users struct{ P05, P50, P95 float64 } `json:"users"`
	} `json:"capacity"`
	LowerBound float64 `json:"lower_bound"`
	Measured   struct {
		MaxUsers float64 `json:"max_users"`
	} `json:"measured"`
	Limit   struct{ Resource string } `json:"limit"`
	Verdict string                    `json:"verdict"`
	Report  string                    `json:"report"`
	Truth   struct {
		Users    float64 `json:"users"`
		Resource string  `json:"resource"`
	} `json:"truth"`
}

// Five demos: the forecast against the truth, with the counters and, from the same archives, without.
func TestLongDemoForecasts(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("five demos take six minutes; set PEGEL_LONG=1, or make test-long")
	}
	covered := 0
	for seed := 1; seed <= 5; seed++ {
		dir := filepath.Join(t.TempDir(), "demo")
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), []string{"demo", "--seed", fmt.Sprint(seed), "--json", "--out", dir},
			environment{stdout: &stdout, stderr: &stderr, getenv: os.LookupEnv})
		if code != exitOK {
			t.Fatalf("seed %d: exit code %d\n%s", seed, code, &stderr)
		}
		var f forecastFile
		if err := json.Unmarshal(stdout.Bytes(), &f); err != nil {
			t.Fatal(err)
		}
		u, truth := f.Capacity.Users, f.Truth.Users
		t.Logf("seed %d: truth %.0f (%s), forecast %.0f (%.0f–%.0f) at %s, measured up to %.0f", seed, truth, f.Truth.Resource, u.P50, u.P05, u.P95, f.Limit.Resource, f.Measured.MaxUsers)
		if !f.Determined || truth == 0 {
			t.Errorf("seed %d: determined %v, truth %v", seed, f.Determined, truth)
			continue
		}
		if miss := u.P50/truth - 1; miss > 0.15 || miss < -0.15 {
			t.Errorf("seed %d: off by %.1f %%", seed, 100*miss)
		}
		if u.P95 > 1.5*u.P05 {
			t.Errorf("seed %d: interval %.0f–%.0f", seed, u.P05, u.P95)
		}
		if f.Measured.MaxUsers > 0.75*truth {
			t.Errorf("seed %d: measured up to %.0f of %.0f", seed, f.Measured.MaxUsers, truth)
		}
		if truth >= u.P05 && truth <= u.P95 {
			covered++
		}
		blind, _, err := answer([]string{dir}, question{blind: true})
		if err != nil {
			t.Fatal(err)
		}
		if b := blind.Forecast; b.Determined && (truth < b.Users.P05 || truth > b.Users.P95) {
			t.Errorf("seed %d, blind: %v, but the truth is %.0f", seed, b.Users, truth)
		}
		if _, err := os.Stat(f.Report); err != nil {
			t.Error(err)
		}
	}
	if covered < 4 {
		t.Errorf("the interval holds the truth in %d of 5 demos", covered)
	}
}
