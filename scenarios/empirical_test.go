package scenarios

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// empirical loads a scenario whose only think time comes from a CSV file of this text.
func empirical(t *testing.T, csv, form string) (Dist, error) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pauses.csv"), []byte(csv), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(`name: pauses
targets: {web: {url: "http://127.0.0.1:8080/"}}
accounts: {pattern: "u{n}@example.test", count: 50, password: {env: P}}
activity: {browser: 25%}
personas: [{name: browser, journey: j}]
journeys: {j: [{do: web.list, think: FORM}]}
load: {stages: {users: [5, 10], hold: 1m}}
`, "FORM", form, 1)
	s, err := Parse(filepath.Join(dir, "s.yaml"), []byte(text), Options{Getenv: func(string) (string, bool) { return "x", true }})
	if err != nil {
		return Dist{}, err
	}
	return *s.Journeys["j"][0].Think, nil
}

func TestEmpirical(t *testing.T) {
	d, err := empirical(t, "\ufeffday,Pause\r\nmon,4\r\ntue,1.5s\r\nwed,1m\r\n", "{empirical: {csv: pauses.csv, column: pause}}")
	if err != nil {
		t.Fatal(err)
	}
	for p, want := range map[float64]time.Duration{0: 1500 * time.Millisecond, 0.5: 4 * time.Second, 0.75: 32 * time.Second, 1: time.Minute} {
		if got := d.Quantile(p); got != want {
			t.Errorf("quantile %v is %v, want %v", p, got, want)
		}
	}
	if got := d.Mean(); got != 65500*time.Millisecond/3 {
		t.Errorf("mean %v", got)
	}
	var many strings.Builder
	many.WriteString("pause\n")
	for i := range 20_000 {
		fmt.Fprintf(&many, "%d\n", (i*7919)%20_000)
	}
	d, err = empirical(t, many.String(), "{empirical: {csv: pauses.csv}}")
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Values) != mostQuantiles || math.Abs(d.Quantile(0.9).Seconds()-18_000) > 25 || math.Abs(d.Mean().Seconds()-9_999.5) > 0.1 {
		t.Errorf("%d quantiles, p90 %v, mean %v", len(d.Values), d.Quantile(0.9), d.Mean())
	}
}

func TestEmpiricalRefuses(t *testing.T) {
	for _, x := range []struct{ csv, form, want string }{
		{"pause\n4\n", "{empirical: {csv: none.csv}}", "s.yaml:6:56"},
		{"pause\n4\n", "{empirical: {csv: pauses.csv, column: pase}}", `did you mean "pause"?`},
		{"day,pause\nmon,4\n", "{empirical: {csv: pauses.csv}}", "the file has the columns day, pause"},
		{"day,pause\nmon,4\n\ntue,x\n", "{empirical: {csv: pauses.csv, column: pause}}", "pauses.csv:4:5"},
		{"pause\n-4\n", "{empirical: {csv: pauses.csv}}", "out of range"},
		{"pause\nNaN\n", "{empirical: {csv: pauses.csv}}", "out of range"},
		{"pause\n", "{empirical: {csv: pauses.csv}}", "has no rows"},
		{"pause\n4\n", "{empirical: {column: pause}}", "csv is missing"},
		{"pause\n4\n", "{empirical: {csv: pauses.csv, colunm: pause}}", `did you mean "column"?`},
	} {
		if _, err := empirical(t, x.csv, x.form); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%q %s: %v, want %q", x.csv, x.form, err, x.want)
		}
	}
}
