package scenarios

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// someEnv is an environment with the one variable that the tests' scenarios refer to.
func someEnv(name string) (string, bool) {
	if name == "PEGEL_PASSWORD" {
		return "swordfish", true
	}
	return "", false
}

// TestBroken loads each broken scenario. Its first lines say what must be reported: every problem as "# want: LINE:COLUMN
// text" in order (FILE:LINE:COLUMN in an included file), the hint of the first as "# hint:", overrides as "# set:", profiles
// as "# profile:". Neither a secret nor a made-up one in
// the file may appear in the error.
func TestBroken(t *testing.T) {
	paths, err := filepath.Glob("testdata/broken/*.yaml")
	given, _ := filepath.Glob("testdata/broken/given/*.yaml") // broken by what is given with them: overrides, profiles, the environment
	paths = append(paths, given...)
	if err != nil || len(paths) < 100 || len(given) == 0 {
		t.Fatalf("only %d broken scenarios (%v)", len(paths), err)
	}
	var slow []string
	defer func() {
		if len(slow) > len(paths)/20 { // a busy machine may stop the one or other
			t.Errorf("slow: %q", slow)
		}
	}()
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
				} else if text, ok := strings.CutPrefix(line, "# profile: "); ok {
					opts.Profiles = append(opts.Profiles, text)
				} else {
					break
				}
			}
			began := time.Now()
			_, err = Load(path, opts)
			errs, ok := err.(*Errors)
			if !ok {
				t.Fatalf("got %v, want *Errors", err)
			}
			var got []string
			for _, p := range errs.Problems {
				place := fmt.Sprintf("%d:%d", p.Line, p.Column)
				if p.File != path && p.Line > 0 {
					place = strings.TrimPrefix(p.File, filepath.Dir(path)+"/") + ":" + place
				}
				got = append(got, place+" "+p.Text)
				if p.See == "" && p.Line > 0 && !strings.HasSuffix(p.File, ".csv") {
					t.Errorf("%s: no chapter explains it", p.Text)
				}
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
			took := time.Since(began)
			for range 20 { // a busy machine stops it now and then: the shortest of several counts
				if took <= 50*time.Millisecond {
					break
				}
				began = time.Now()
				_, _ = Load(path, opts)
				took = min(took, time.Since(began))
			}
			if took > 50*time.Millisecond {
				slow = append(slow, fmt.Sprintf("%s took %v", filepath.Base(path), took))
			}
		})
	}
}
