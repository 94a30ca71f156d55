package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Every broken scenario is refused with a place, by the whole of validate, none panics, and it is quick.
func TestValidateBroken(t *testing.T) {
	const dir = "../../scenarios/testdata/broken"
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil || len(paths) < 60 {
		t.Fatalf("only %d broken scenarios (%v)", len(paths), err)
	}
	slow := 0
	for _, path := range paths {
		c := validating{env: environment{getenv: os.LookupEnv}}
		began := time.Now()
		v, err := c.file(path)
		took := time.Since(began)
		for range 20 { // a busy machine stops it now and then: the shortest of several counts
			if took <= 50*time.Millisecond {
				break
			}
			began = time.Now()
			_, _ = c.file(path)
			took = min(took, time.Since(began))
		}
		if took > 50*time.Millisecond {
			t.Logf("%s took %v", path, took)
			slow++
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if v.plan != nil || len(v.errors.Problems) == 0 {
			t.Errorf("%s is accepted", path)
		}
		for _, p := range v.errors.Problems {
			if p.Line < 1 || p.Column < 1 || p.Text == "" {
				t.Errorf("%s: problem without a place: %+v", path, p)
			}
		}
	}
	if slow > len(paths)/20 { // a busy machine may stop the one or other
		t.Errorf("%d of %d were slow", slow, len(paths))
	}
}

// The JSON has the same keys whatever is found.
func TestValidateJSON(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(context.Background(), []string{"validate", "--json", "--strict", "example", "../../scenarios/testdata/broken/unknown-key.yaml"}, environment{stdout: &out, stderr: &errs, getenv: os.LookupEnv})
	var got struct {
		Format int
		Valid  *bool
		Files  []struct {
			File     string
			Valid    *bool
			Errors   []problemJSON
			Warnings []problemJSON
		}
	}
	dec := json.NewDecoder(&out)
	if err := dec.Decode(&got); err != nil || code != exitScenario || got.Format != 1 || got.Valid == nil || *got.Valid || len(got.Files) != 2 {
		t.Fatalf("exit code %d, %v, %+v\n%s", code, err, got, &errs)
	}
	if first := got.Files[0]; !*first.Valid || first.Errors == nil || len(first.Errors) > 0 || len(first.Warnings) == 0 || first.Warnings[0].Code == "" {
		t.Errorf("example: %+v", first)
	}
	if second := got.Files[1]; *second.Valid || second.Warnings == nil || len(second.Errors) == 0 || second.Errors[0].See == "" || second.Errors[0].Line == 0 || second.Errors[0].Excerpt == "" {
		t.Errorf("broken: %+v", second)
	}
}
