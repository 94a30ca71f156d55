package scenarios

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// FuzzParse: whatever the text, the answer is a scenario or an *Errors with a place for each problem, and the accounts and
// stages of what is accepted can be listed.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole), "load.stages.to=20")
	f.Add([]byte("a: &x [*x, {<<: *x}]\n? b\n: c\n--- |\n d\n"), "a.0=1")
	f.Add([]byte("accounts:\n  password: |\n    x\n\ty: 1"), "")
	f.Add([]byte(whole+"profiles: {a: {load.stages.hold: 2m, personas.9.count: 1, name.x: {y: z}}, b: 3}\ninclude: [gone.yaml]\n"), "profiles.a=1")
	paths, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src, "x")
	}
	f.Fuzz(func(t *testing.T, src []byte, set string) {
		opts := Options{Getenv: someEnv}
		if set != "" {
			opts.Set = []string{set}
		}
		// In a directory of its own, no file that the text names by chance is there.
		s, err := Parse(filepath.Join("testdata", "nowhere", "x.yaml"), src, opts)
		if err == nil {
			if list, err := s.AccountList(); err != nil || list.Len() == 0 {
				t.Errorf("accepted without accounts: %v", err)
			}
			n := len(s.Load.Stages.List())
			if s.Load.Day != nil {
				n = len(s.Load.Day.Users())
			} else if s.Load.Soak != nil {
				n, _ = s.Load.Soak.Cuts()
			}
			if n == 0 && len(s.Wave.Batches) == 0 && s.Load.Order != Adaptive || n*max(1, s.Load.Replicate) > mostStages {
				t.Errorf("accepted with %d stages, %d times", n, s.Load.Replicate)
			}
			return
		}
		var errs *Errors
		if !errors.As(err, &errs) || len(errs.Problems) == 0 {
			t.Fatalf("got %v", err)
		}
		if text := err.Error(); !utf8.ValidString(text) && utf8.ValidString(set) {
			t.Errorf("an error that is not UTF-8: %q", text)
		}
		for _, p := range errs.Problems {
			if p.Text == "" || p.Line < 0 || p.Line > 0 && p.Column < 1 {
				t.Errorf("problem without a place: %+v", p)
			}
		}
	})
}

// FuzzBatches: whatever the file, the answer is a list of batches that can be used, or an *Errors with a place in the file
// for each problem.
func FuzzBatches(f *testing.F) {
	f.Add([]byte("name,date,accounts\nnorth,2026-03-02,800\nsouth,2026-03-03,650\n"))
	f.Add([]byte("\ufeffAccounts;name;date\r\n1;2;3\r\n"))
	f.Add([]byte("name,date,accounts\n\"a\nb\",2026-03-03,1\nc,2026-03-02,-5,\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var list []Batch
		sheet, err := parseTable("plan.csv", raw, batchColumns(), false)
		if err = problems(err); err == nil {
			var wrong *Errors
			list, wrong = sheet.batches()
			err = wrong.Err()
		}
		if err == nil {
			if len(list) == 0 {
				t.Error("accepted without batches")
			}
			for i, b := range list {
				if b.Name == "" || b.Accounts <= 0 || !isDate(b.Date) || i > 0 && b.Date < list[i-1].Date {
					t.Errorf("accepted %+v", b)
				}
			}
			return
		}
		var errs *Errors
		if !errors.As(err, &errs) || len(errs.Problems) == 0 {
			t.Fatalf("got %v", err)
		}
		for _, p := range errs.Problems {
			if p.File != "plan.csv" || p.Text == "" || p.Line < 1 || p.Column < 1 {
				t.Errorf("problem without a place: %+v", p)
			}
		}
	})
}
