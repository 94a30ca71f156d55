package main

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"testing"
)

// tries bounds how often a run is done again that a busy machine disturbed.
const tries = 4

// disturbed tells a run that says nothing of pegel, because the machine gave it too little time.
func disturbed(said string) bool { return strings.Contains(said, "because the generator was late") }

// runInto runs the command that leaves its archive in out, and again where the machine disturbed it.
func runInto(t *testing.T, out string, args []string, getenv func(string) (string, bool)) (code int, stdout, stderr string) {
	t.Helper()
	for attempt := 1; ; attempt++ {
		var o, e bytes.Buffer
		code = run(context.Background(), args, environment{stdout: &o, stderr: &e, getenv: getenv})
		if attempt == tries || !disturbed(o.String()+e.String()) {
			return code, o.String(), e.String()
		}
		t.Logf("the machine was busy, once more:\n%s", &e)
		if err := os.RemoveAll(out); err != nil {
			t.Fatal(err)
		}
	}
}

// lockedBuffer collects a running command's output.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
