package real

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of switches in docs/kiel.md again")

// The table of switches in docs/kiel.md is what the code says.
func TestSwitchTableInDocs(t *testing.T) {
	const page, begin, end = "../../docs/kiel.md", "<!-- switches -->\n", "<!-- /switches -->"
	var table strings.Builder
	table.WriteString("| switch | what it changes | value | cause | what is seen of it |\n|---|---|---|---|---|\n")
	for _, s := range Switches() {
		name := "`" + s.Name + "`"
		if s.Default != "" {
			name = "`" + s.Name + "=" + s.Default + "`"
		}
		cause := "–"
		if s.Cause != "" {
			cause = "`" + s.Cause + "`"
		}
		fmt.Fprintf(&table, "| %s | %s | %s | %s | %s |\n", name, s.What, cmp.Or(s.Value, "none"), cause, cmp.Or(s.Shows, "–"))
	}
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(raw), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table", page)
	}
	want := before + begin + table.String() + end + after
	if want == string(raw) {
		return
	}
	if !*update {
		t.Fatalf("%s does not have the table of switches; go test ./testenv/real -run Table -update writes it:\n%s", page, table.String())
	}
	if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}
