package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// someEnv is an environment with the one variable that the tests' scenarios refer to.
func someEnv(name string) (string, bool) {
	if name == "PEGEL_PASSWORD" {
		return "swordfish", true
	}
	return "", false
}

// TestBroken loads each broken scenario. Its first lines say what must be reported: every problem as "# want: LINE:COLUMN
// text" in order, the hint of the first as "# hint:", and overrides as "# set:". Neither a secret nor a made-up one in
// the file may appear in the error.
func TestBroken(t *testing.T) {
	paths, err := filepath.Glob("testdata/broken/*.yaml")
	if err != nil || len(paths) < 40 {
		t.Fatalf("only %d broken scenarios (%v)", len(paths), err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".yaml"), func(t *testing.T) {
			src, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			opts := Options{Getenv: someEnv}
			var want []string
			hint := ""
			for line := range strings.Lines(string(src)) {
				line = strings.TrimRight(line, "\r\n")
				if text, ok := strings.CutPrefix(line, "# want: "); ok {
					want = append(want, text)
				} else if text, ok := strings.CutPrefix(line, "# hint: "); ok {
					hint = text
				} else if text, ok := strings.CutPrefix(line, "# set: "); ok {
					opts.Set = append(opts.Set, text)
				} else {
					break
				}
			}
			_, err = Load(path, opts)
			errs, ok := err.(*Errors)
			if !ok {
				t.Fatalf("got %v, want *Errors", err)
			}
			var got []string
			for _, p := range errs.Problems {
				got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Text))
			}
			if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
				t.Errorf("got:\n%s\nwant:\n%s", g, w)
			}
			if hint != "" && errs.Problems[0].Hint != hint {
				t.Errorf("hint %q, want %q", errs.Problems[0].Hint, hint)
			}
			for _, secret := range []string{"hunter2", "swordfish"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows a secret:\n%s", err)
				}
			}
			for _, p := range errs.Problems {
				if p.File != path && p.Line > 0 {
					t.Errorf("file is %q", p.File)
				}
			}
		})
	}
}
