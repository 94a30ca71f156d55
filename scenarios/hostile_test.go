package scenarios

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Input that is made to cost much is refused quickly and in little memory.
func TestHostileInput(t *testing.T) {
	dir := t.TempDir()
	huge := filepath.Join(dir, "huge.yaml")
	f, err := os.Create(huge)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(100 << 20); err != nil { // of zeros
		t.Fatal(err)
	}
	f.Close()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 12; i++ {
		laughs += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 8), i-1)
	}
	profiles := "profiles:\n"
	for i := range 20 {
		profiles += fmt.Sprintf("  p%d: {load.stages.hold: %dm}\n", i, i+1)
	}
	journeys := "journeys:\n  webmail: [{do: web.login, think: 5s}]\n"
	for i := range 2000 {
		journeys += fmt.Sprintf("  j%d: [{do: web.lgin, think: 5}]\n", i)
	}
	for name, test := range map[string]struct {
		path, want string
		most       time.Duration
	}{
		"100 MB":             {huge, "larger than 4 MiB", time.Second},
		"include of 100 MB":  {write("big.yaml", shell+"include: [huge.yaml]\n"), "larger than 4 MiB", time.Second},
		"billion laughs":     {write("laughs.yaml", laughs), "anchors (&name) are not used", time.Second},
		"deep flow":          {write("flow.yaml", "a: "+strings.Repeat("[", 100_000)), "nested deeper", time.Second},
		"deep mappings":      {write("maps.yaml", "a: "+strings.Repeat("{a: ", 100_000)), "nested deeper", time.Second},
		"deep dashes":        {write("dashes.yaml", strings.Repeat("- ", 100_000)), "nested deeper", time.Second},
		"one long line":      {write("line.yaml", "name: "+strings.Repeat("x", 3<<20)), "targets are missing", 2 * time.Second},
		"deep path":          {write("path.yaml", shell+people+"profiles: {x: {"+strings.Repeat("a.", 1<<20)+"a: 1}}\n"), "nested deeper than 50 levels", 2 * time.Second},
		"not UTF-8":          {write("latin1.yaml", "name: M\xfcnchen\n"), "not valid UTF-8", time.Second},
		"20 broken profiles": {write("profiles.yaml", shell+strings.Replace(people, "journeys:\n  webmail: [{do: web.login, think: 5s}]\n", journeys, 1)+profiles), "has no unit", 8 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			_, err := Load(test.path, Options{Getenv: someEnv})
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %.500s, want %s", fmt.Sprint(err), test.want)
			}
			if took > 20*test.most { // machines are shared: only what grows out of bounds is to fail here
				t.Errorf("took %v", took)
			}
			if used := (after.TotalAlloc - before.TotalAlloc) >> 20; used > 1500 {
				t.Errorf("allocated %d MiB over all", used)
			}
			if len(err.Error()) > 1<<20 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

// CSV files as spreadsheets write them are fine; what is missing in them is said with its place.
func TestHostileCSV(t *testing.T) {
	for name, test := range map[string]struct{ csv, want string }{
		"bom and crlf":   {"\ufeffname,date,accounts\r\nnorth,2026-03-02,3\r\n", ""},
		"missing column": {"\ufeffname,accounts\r\nnorth,3\r\n", `plan.csv:1:1: column "date" is missing`},
		"semicolons":     {"name;date;accounts\nnorth;2026-03-02;3\n", `plan.csv:1:1: column "name" is missing`},
		"nan":            {"name,date,accounts\nnorth,2026-03-02,NaN\n", `plan.csv:2:18: accounts must be a whole number above 0, got "NaN"`},
		"negative":       {"name,date,accounts\nnorth,2026-03-02,-3\n", `plan.csv:2:18: accounts must be`},
		"short row":      {"name,date,accounts\nnorth\n", `plan.csv:2:1: not valid CSV: wrong number of fields`},
		"open quote":     {"name,date,accounts\n\"north,2026-03-02,3\n", `plan.csv:2:`},
		"empty":          {"", "plan.csv:1:1: the file has no rows"},
		"latin 1":        {"name,date,accounts\nM\xfcnster,2026-03-02,3\n", "plan.csv:1:1: not valid UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("main.yaml", []byte(shell+people+"wave: {batches: plan.csv}\n"), Options{Getenv: someEnv, Files: files(map[string]string{"plan.csv": test.csv})})
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

// FuzzInclude: whatever a scenario and a file that it includes hold, each problem has a place in one of them, and what is accepted
// means the same after it has been written out.
func FuzzInclude(f *testing.F) {
	f.Add([]byte(shell+"include: [a.yaml]\n"), []byte(people))
	f.Add([]byte(shell+"include: [a.yaml]\nprofiles: {x: {load.stages.hold: 2m, personas.0.name: y}}\n"), []byte("include: [main.yaml, b.yaml]\n"+people))
	f.Add([]byte("include: [a.yaml, a.yaml, 5, [x], ../b.yaml]\n"), []byte("personas: {a: 1}\njourneys: [1]\nobjectives: [{errors: 1}, 3]\n"))
	f.Add([]byte("name: x\ninclude: [a.yaml]\nload: null\n"), []byte("name: y\nload: {stages: {users: [1]}}\nprofiles: {include: {include: 1}}\n"))
	f.Fuzz(func(t *testing.T, src, other []byte) {
		s, err := Parse("main.yaml", src, Options{Getenv: someEnv, Files: files(map[string]string{"a.yaml": string(other), "dir/b.yaml": people})})
		if err == nil {
			again, err := Parse("effective.yaml", s.Effective(), Options{Alone: true})
			if err != nil && len(s.Data) == 0 && s.Accounts.CSV == "" {
				t.Fatalf("%v\n%s", err, s.Effective())
			}
			if err == nil && (again.Name != s.Name || again.Seed != s.Seed || len(again.Personas) != len(s.Personas) || again.Description != s.Description) {
				t.Errorf("%q became %q", s.Name, again.Name)
			}
			return
		}
		var errs *Errors
		if !errors.As(err, &errs) || len(errs.Problems) == 0 {
			t.Fatalf("got %v", err)
		}
		lines := map[string]int{"main.yaml": strings.Count(string(src), "\n") + strings.Count(string(src), "\r") + 1,
			"a.yaml": strings.Count(string(other), "\n") + strings.Count(string(other), "\r") + 1}
		for _, p := range errs.Problems {
			if most, ours := lines[p.File]; p.Text == "" || ours && (p.Line < 1 || p.Line > most+1 || p.Column < 1) {
				t.Errorf("problem without a place: %+v", p)
			}
		}
		if text := err.Error(); utf8.Valid(src) && utf8.Valid(other) && !utf8.ValidString(text) {
			t.Errorf("an error that is not UTF-8: %q", text)
		}
	})
}
