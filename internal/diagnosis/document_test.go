package diagnosis

import (
	"os"
	"strings"
	"testing"
)

// Every hypothesis has its section in the document, its name, and what to check.
func TestEveryHypothesisIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/diagnosis.md")
	if err != nil {
		t.Fatal(err)
	}
	var heads strings.Builder
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "### ") {
			heads.WriteString(line)
		}
	}
	for _, code := range []string{Slots, Workers, Pool, CPU, Memory, Disk, Lock, UnevenSources, UnevenBackends, SessionHop, HotShard, Copy, RateLimit, Listen, WaitStep, Unseen, Generator} {
		if !strings.Contains(heads.String(), "`"+code+"`") {
			t.Errorf("%s has no section in docs/diagnosis.md", code)
		}
		for _, prefix := range []string{"name-", "check-"} {
			if sentences[prefix+code] == "" {
				t.Errorf("there is no %s%s", prefix, code)
			}
		}
	}
}
