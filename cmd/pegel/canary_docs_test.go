package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// The commands in the page about ownership are ones that there are, with flags that they have, and every flag of theirs stands in it.
func TestCanaryCommandsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/ownership.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	verbs := map[string]*cobra.Command{}
	for _, cmd := range canaryCommand(environment{getenv: os.LookupEnv}).Commands() {
		verbs[cmd.Name()] = cmd
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^pegel canary (\w+)(.*)$`).FindAllStringSubmatch(page, -1) {
		cmd, ok := verbs[m[1]]
		if !ok {
			t.Errorf("there is no command canary %s", m[1])
			continue
		}
		used[m[1]] = true
		for _, flag := range regexp.MustCompile(`--([a-z-]+)`).FindAllStringSubmatch(m[2], -1) {
			if cmd.Flags().Lookup(flag[1]) == nil {
				t.Errorf("canary %s has no flag --%s", m[1], flag[1])
			}
		}
	}
	general := []string{"profile", "set", "connections", "key", "help"} // told by --help
	for name, cmd := range verbs {
		if !used[name] {
			t.Errorf("canary %s is not documented", name)
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !slices.Contains(general, f.Name) && !strings.Contains(page, "--"+f.Name) {
				t.Errorf("canary %s --%s is not documented", name, f.Name)
			}
		})
	}
	for _, code := range []string{"0", "1", "2", "99", "104", "105", "107", "122"} {
		if !strings.Contains(page, "\n| "+code+" |") {
			t.Errorf("exit code %s is not documented", code)
		}
	}
}
