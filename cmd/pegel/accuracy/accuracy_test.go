package accuracy

import (
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// One platform of each of three families: the same figures whatever the number of workers, forecasts near the truth with
// counters, and no number without them where the limit shows nothing.
func TestRunIsRepeatableAndRight(t *testing.T) {
	families := []string{"cpu", "refusing", "lock"}
	var runs [2][]Trial
	for i, workers := range []int{1, 2} {
		trials, err := Run(t.Context(), Options{Seed: 4, Platforms: 1, Families: families, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		runs[i] = trials
	}
	if !reflect.DeepEqual(runs[0], runs[1]) {
		t.Error("one worker and two do not give the same trials")
	}
	if want := len(families) * len(Fractions()) * 2; len(runs[0]) != want {
		t.Fatalf("%d trials, want %d", len(runs[0]), want)
	}
	for _, x := range runs[0] {
		miss := math.Abs(x.Users.P50/x.Truth - 1)
		switch {
		case x.Lower > x.Truth:
			t.Errorf("%s up to %.1f: shown to hold at %.0f, above the truth %.0f", x.Family, x.Fraction, x.Lower, x.Truth)
		case x.Counters && (!x.Determined || miss > 0.2):
			t.Errorf("%s up to %.1f with counters: determined %v (%s), off by %.0f %%", x.Family, x.Fraction, x.Determined, x.Why, 100*miss)
		case !x.Counters && x.Family == "refusing" && x.Determined:
			t.Errorf("refusing up to %.1f without counters: a number, %.0f, against %.0f", x.Fraction, x.Users.P50, x.Truth)
		}
	}
	var page bytes.Buffer
	cases := Goals(runs[0])
	if err := WriteDocument(&page, Document{Seed: 4, Platforms: 1, Trials: runs[0], Cases: cases}); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if !strings.Contains(page.String(), c.Name) {
			t.Errorf("the page does not name the case %q", c.Name)
		}
	}
	if _, err := json.Marshal(runs[0]); err != nil {
		t.Error(err)
	}
}

func TestUpper95(t *testing.T) {
	// none in n: 1 − 0.05^(1/n); all: 1 (Clopper and Pearson 1934)
	if got, want := upper95(0, 300), 1-math.Pow(0.05, 1.0/300); math.Abs(got-want) > 1e-6 {
		t.Errorf("0 of 300: %v, want %v", got, want)
	}
	if got := upper95(5, 5); got != 1 {
		t.Errorf("5 of 5: %v", got)
	}
	if got := upper95(2, 100); math.Abs(got-0.0616) > 0.0005 {
		t.Errorf("2 of 100: %v, want 0.0616", got)
	}
}

func TestBacktests(t *testing.T) {
	list, err := Backtests(filepath.Join("..", "..", "..", "internal", "capacity", "testdata"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range list {
		if b.Fit < 4 || b.Fit >= b.Rows || !(b.Low <= b.Predicted && b.Predicted <= b.High) {
			t.Errorf("%+v", b)
		}
	}
}

// A goal that refusals could meet alone is not met by them.
func TestGoalsDemandNumbers(t *testing.T) {
	var trials []Trial
	for range 30 {
		trials = append(trials, Trial{Family: "cpu", Inside: true, Fraction: 0.6, Counters: true, Truth: 100, Lower: 50})
	}
	for _, c := range Goals(trials) {
		if strings.HasPrefix(c.Name, "limit visible") && c.Met {
			t.Errorf("met without a single number: %+v", c)
		}
	}
}
