package scenarios

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadBatches(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plan.csv")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("\ufeffname,note,date,accounts\r\nnorth,first,2026-03-02,800\r\n\"south, west\",,2026-03-02,650\r\n")
	list, err := ReadBatches(path)
	if err != nil || len(list) != 2 || list[0].Name != "north" || list[0].Accounts != 800 || list[1].Name != "south, west" || list[1].Date != "2026-03-02" {
		t.Fatalf("got %+v, %v", list, err)
	}
	for _, c := range []struct{ text, want string }{
		{"", "1:1: the file has no rows"},
		{"name,date,accounts\n", "1:1: the file has no rows"},
		{"name,accounts\na,1\n", `1:1: column "date" is missing`},
		{"name,date,accounts\na,2026-03-02,10\nb,2026-03-01,10\n", "3:3: 2026-03-01 follows 2026-03-02"},
		{"name,date,accounts\na,2026-03-02,10\na,2026-03-03,10\n", `3:1: batch "a" is listed twice`},
		{"name,date,accounts\na,2.3.2026,10\n", `2:3: "2.3.2026" is no date`},
		{"name,date,accounts\na,2026-03-02,-10\n", `2:14: accounts must be a whole number above 0, got "-10"`},
		{"name,date,accounts\na,2026-03-02,0\n", `2:14: accounts must be a whole number above 0, got "0"`},
		{"name,date,accounts\na,2026-03-02,NaN\n", `2:14: accounts must be a whole number above 0, got "NaN"`},
		{"name,date,accounts\n,2026-03-02,1\n", "2:1: the batch has no name"},
		{"name,date,accounts\na,2026-03-02\n", "2:1: not valid CSV: wrong number of fields"},
		{"name,date,accounts\na,2026-03-02,\xff\n", "1:1: not valid UTF-8"},
	} {
		write(c.text)
		_, err := ReadBatches(path)
		var errs *Errors
		if !errors.As(err, &errs) || !strings.HasPrefix(err.Error(), path+":"+c.want) {
			t.Errorf("%q: got %v, want %s", c.text, err, c.want)
		}
	}
	if _, err := ReadBatches(filepath.Join(t.TempDir(), "nowhere.csv")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestVerdictHasDefaults(t *testing.T) {
	for set, want := range map[string][2]float64{"seed=1": {0.95, 0.5}, "verdict={go: 90%}": {0.9, 0.5}, "verdict={no_go: 20%}": {0.95, 0.2}} {
		s, err := Parse("x.yaml", []byte(whole), Options{Getenv: someEnv, Set: []string{set}})
		if err != nil {
			t.Fatal(err)
		}
		if v := s.Verdict(); v.Go != want[0] || v.NoGo != want[1] {
			t.Errorf("%s: %+v", set, v)
		}
	}
}
