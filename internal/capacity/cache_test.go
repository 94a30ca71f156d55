package capacity

import (
	"math"
	"testing"
)

// cached are stages with a cache of 1,000 units, of which each user wants 5: it is full from 200 users on.
func cached(kind string, loads ...float64) *Input {
	in := heldInput(loads...)
	in.Resources[0] = Resource{Name: "buffers", Kind: kind, Passes: []bool{true}}
	for i := range in.Stages {
		for j := range in.Stages[i].Blocks {
			in.Stages[i].Blocks[j].Resources[0].InUse = math.Min(5*in.Stages[i].Users, 1000)
		}
	}
	return in
}

func condensed(in *Input, opt Options) *sample {
	in.index()
	return condense(in, all(in), &opt)
}

// A cache limits nothing by being full, and neither does what was full while all objectives held.
func TestWhatMayBeFullIsHarmless(t *testing.T) {
	for _, x := range []struct {
		name  string
		in    *Input
		lower float64
		want  bool
	}{
		{"a cache", cached("cache", 50, 100, 150), 150, true},
		{"connections, not full", cached("connections", 50, 100, 150), 150, false},
		{"connections, full where the objectives held", cached("connections", 100, 200, 300), 300, true},
		{"connections, full above that", cached("connections", 100, 200, 300), 100, false},
	} {
		s := condensed(x.in, Options{lower: x.lower})
		f := &s.resources[0]
		if !f.linear || f.harmless != x.want {
			t.Errorf("%s: linear %v, harmless %v", x.name, f.linear, f.harmless)
		}
		users, r := s.heldAt()
		if x.want != (math.IsInf(users, 1) && r == -1) {
			t.Errorf("%s: used up at %v by %d", x.name, users, r)
		}
	}
}

func TestOutgrownCache(t *testing.T) {
	for _, x := range []struct {
		name  string
		loads []float64
		from  float64
		seen  bool
	}{
		{"not full yet", []float64{50, 100, 150}, 200, false},
		{"just full", []float64{100, 150, 250}, 200, false},
		{"half as much again", []float64{100, 200, 300}, 200, true},
		{"far beyond", []float64{100, 200, 800}, 200, true},
		{"full from the beginning", []float64{250, 300, 400}, 0, true},
	} {
		s := condensed(cached("cache", x.loads...), Options{})
		r, from, seen := s.outgrown(x.loads[len(x.loads)-1])
		if r != 0 || math.Abs(from-x.from) > 0.03*x.from || seen != x.seen {
			t.Errorf("%s: resource %d from %v, seen %v, want from %v, seen %v", x.name, r, from, seen, x.from, x.seen)
		}
	}
	if r, _, _ := condensed(cached("connections", 50, 100, 150), Options{}).outgrown(150); r != -1 {
		t.Errorf("connections are outgrown: %d", r)
	}
	empty := cached("cache", 50, 100)
	for i := range empty.Stages {
		for j := range empty.Stages[i].Blocks {
			empty.Stages[i].Blocks[j].Resources[0].InUse = 0
		}
	}
	if _, from, _ := condensed(empty, Options{}).outgrown(100); !math.IsInf(from, 1) {
		t.Errorf("a cache that nobody uses is full from %v", from)
	}
}

// What copy traffic holds is not there for users.
func TestHeldByCopyTraffic(t *testing.T) {
	in := heldInput(100, 200, 300, 400)
	for i, copies := range []float64{0, 10, 0, 10} {
		in.Stages[i].Copy = copies
		for j := range in.Stages[i].Blocks {
			in.Stages[i].Blocks[j].Resources[0].InUse += 6 * copies
		}
	}
	for _, x := range []struct{ copies, want float64 }{{0, 640}, {10, 600}, {50, 440}} { // (1000 − 40 − 6·copies) / 1.5
		s := condensed(in, Options{Copy: &x.copies})
		s.opt = &Options{Copy: &x.copies}
		s.adapt()
		if users, _ := s.heldAt(); math.Abs(users/x.want-1) > 0.02 {
			t.Errorf("copy %v: used up at %v, want %v", x.copies, users, x.want)
		}
	}
}

// A counter that is missing in one block makes the resource unknown.
func TestHeldNeedsEveryBlock(t *testing.T) {
	in := heldInput(100, 200, 300)
	in.Stages[1].Blocks[2].Resources[0].Holds = false
	if f := condensed(in, Options{}).resources[0]; f.linear || f.valid {
		t.Errorf("%+v", f)
	}
}
