package main

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// arrows says which packages of ours a package may import. What is not listed may import nothing of ours; cmd may import
// everything. Import arrows point down: a probe knows only its contract, judging reads only the archive, the mathematics
// know nothing, and the platform under test shares no code with the forecast of its capacity.
var arrows = map[string][]string{
	"probes/probe":          {"internal/site"},
	"probes/probe/httpconn": {"probes/probe"},
	"probes/probe/jsonpath": {},
	"probes/probe/dav":      {"probes/probe", "probes/probe/httpconn", "internal/corpus"},
	"probes/probetest":      {"probes/probe"},
	"probes/imap":           {"probes/imap/client", "probes/probe", "internal/corpus"},
	"probes/imap/client":    {"probes/probe"},
	"internal/site":         {"probes/probe/jsonpath"},
	"internal/recording":    {"internal/site", "probes/probe/jsonpath"},
	"internal/recorder":     {"internal/recording", "probes/browser", "probes/probe"},
	"internal/plan":         {"scenarios", "probes/probe", "probes/probe/jsonpath", "internal/corpus"},
	"internal/delivery":     {"internal/corpus", "probes/probe"},
	"internal/engine":       {"internal/delivery", "internal/line", "internal/plan", "internal/record", "probes/probe", "scenarios"},
	"internal/record":       {"probes/probe"},
	"internal/archive":      {"internal/record", "probes/probe"},
	"internal/catalogue":    {},
	"internal/observe":      {"internal/archive", "internal/catalogue", "probes/probe/jsonpath", "scenarios"},
	"internal/capacity":     {},
	"internal/doubt":        {"internal/expect", "internal/plan", "scenarios"},
	"internal/expect":       {"internal/corpus", "internal/plan", "scenarios"},
	"internal/corpus":       {},
	"internal/stock":        {"internal/corpus", "probes/probe"},
	"internal/line":         {},
	"internal/judge":        {"internal/archive", "internal/capacity", "internal/record", "probes/probe", "scenarios"},
	"internal/diagnosis":    {"internal/capacity", "internal/judge", "internal/record", "probes/probe"},
	"internal/score":        {},
	"internal/learn":        {},
	"internal/ownership":    {"internal/corpus", "internal/table", "probes/probe"},
	"internal/table":        {},
	"reports":               {"internal/archive", "internal/diagnosis", "internal/judge", "internal/capacity", "internal/record", "scenarios"},
	"scenarios":             {"internal/catalogue", "internal/site"},
	"testenv":               {},
	"testenv/known":         {},
	"testenv/real":          {},
}

var probeMay = []string{"probes/probe", "probes/probe/httpconn", "probes/probe/dav", "internal/corpus", "internal/site"}

func TestImportArrowsPointDown(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "pegel/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(fields[0], "pegel/")
		if strings.HasPrefix(name, "cmd/") || strings.HasPrefix(name, ".ci") {
			continue
		}
		seen++
		may, listed := arrows[name]
		switch {
		case name == "probes":
			may = []string{"probes/probe", "probes/imap", "probes/smtp", "probes/caldav", "probes/carddav", "probes/eas", "probes/web", "probes/browser"}
		case strings.HasPrefix(name, "probes/") && !listed:
			may = probeMay
		case !listed:
			t.Errorf("%s has no entry in the table of import arrows", name)
		}
		for _, imp := range fields[1:] {
			own, ours := strings.CutPrefix(imp, "pegel/")
			if ours && !slices.Contains(may, own) {
				t.Errorf("%s must not import %s", name, own)
			}
		}
	}
	if seen <= len(arrows) { // the table's, and the probes that share one rule
		t.Errorf("only %d packages seen, the table has %d", seen, len(arrows))
	}
}

// Every package says what it is, and has its room in the document of the architecture.
func TestEveryPackageHasItsRoom(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	rooms := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| `") {
			for name := range strings.SplitSeq(strings.Trim(cells[0], "| "), ", ") {
				rooms[strings.Trim(name, "`")] = true
			}
		}
	}
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{.Doc}}", "pegel/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name, doc, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(line, "pegel/")), " ")
		if strings.HasPrefix(name, ".ci") {
			continue
		}
		if doc == "" {
			t.Errorf("%s has no comment that says what it is", name)
		}
		if !rooms[name] {
			t.Errorf("%s stands in no table of docs/architecture.md", name)
		}
	}
}
