//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// steppedClock builds pegel with a wall clock that is stepped by an hour while it runs: one on at the first time after the
// process began, and two back at the second. The machine's own clock is left alone, because others live by it: instead
// the standard library's time.Now adds the step to what the kernel says, as a clock that is set does to every program.
// The monotonic clock runs on, as it does then. "" where it cannot be built, which is told.
func steppedClock(t *testing.T, on, back time.Duration) string {
	t.Helper()
	dir := t.TempDir()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	original := filepath.Join(strings.TrimSpace(string(root)), "src", "time", "time.go")
	var source []byte
	if err == nil {
		source, err = os.ReadFile(original)
	}
	if err != nil {
		t.Logf("the clock is not stepped: %v", err)
		return ""
	}
	const before = "\tmono -= startNano\n\tsec += unixToInternal - minWall\n"
	if strings.Count(string(source), before) != 1 {
		t.Logf("the clock is not stepped: %s is not as it was with go 1.26", original)
		return ""
	}
	changed := strings.Replace(string(source), before, fmt.Sprintf("\tmono -= startNano\n\tif mono > %d {\n\t\tsec += 3600\n\t}\n\tif mono > %d {\n\t\tsec -= 7200\n\t}\n\tsec += unixToInternal - minWall\n", on, back), 1)
	file, overlay, program := filepath.Join(dir, "time.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "pegel")
	replaced, err := json.Marshal(map[string]map[string]string{"Replace": {original: file}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{file: []byte(changed), overlay: replaced} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-buildvcs=false", "-overlay", overlay, "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Logf("the clock is not stepped: %v\n%s", err, out)
		return ""
	}
	return program
}
