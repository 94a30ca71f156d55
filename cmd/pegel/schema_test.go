package main

import (
	"bytes"
	"context"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write the files that are generated")

// The published schema is that of this version.
func TestPublishedSchema(t *testing.T) {
	const path = "../../docs/scenario.schema.json"
	var out, errs bytes.Buffer
	if code := run(context.Background(), []string{"schema"}, environment{stdout: &out, stderr: &errs, getenv: os.LookupEnv}); code != 0 {
		t.Fatalf("exit code %d: %s", code, &errs)
	}
	if *update {
		if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, out.Bytes()) {
		t.Error("docs/scenario.schema.json is not current: make schema writes it")
	}
}
