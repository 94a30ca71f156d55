package capacity

import (
	equal "reflect"
	"slices"
	"testing"
)

// Counts and the list of the bins that are not empty make the same forecast.
func TestSparseCounts(t *testing.T) {
	dense, _ := measuredCores(4)
	want := Predict(dense, Options{Draws: 20})
	in, _ := measuredCores(4)
	eachBlock(in, func(b *Block) {
		for a := range b.Actions {
			x := &b.Actions[a]
			x.Bins, x.Values = sparse(x.Counts, nil, nil)
			x.Counts = nil
		}
	})
	if got := Predict(in, Options{Draws: 20}); !want.Determined || !equal.DeepEqual(got, want) {
		t.Errorf("%v %v, want %v", got.Users, got.Why, want.Users)
	}
	for name, spoil := range map[string]func(x *ActionBlock){
		"no such bin":     func(x *ActionBlock) { x.Bins[0] = uint16(len(in.Grid)) },
		"a value missing": func(x *ActionBlock) { x.Values = x.Values[1:] },
		"below zero":      func(x *ActionBlock) { x.Values[0] = -1 },
	} {
		x := &in.Stages[0].Blocks[0].Actions[0]
		was := *x
		x.Bins, x.Values = slices.Clone(x.Bins), slices.Clone(x.Values)
		spoil(x)
		if f := Predict(in, Options{Draws: 5}); f.Why.Code != "impossible" {
			t.Errorf("%s: %v %v", name, f.Users, f.Why)
		}
		*x = was
	}
}

// An input is counted where the platform's counters can make the forecast.
func TestCounted(t *testing.T) {
	in, _ := measuredCores(4)
	if !in.Counted() {
		t.Error("the counters are not seen")
	}
	in.Stages[2].Blocks[3].Resources[0].Valid = false
	in.Stages[2].Blocks[3].Resources[0].Holds = false
	if in.Counted() || Predict(in, Options{Draws: 5}).Method == "counters" {
		t.Error("a gap is not seen")
	}
	if (&Input{}).Counted() {
		t.Error("nothing is counted in nothing")
	}
}

// Cells of the same action and level are summed up when blocks are joined, and the in-flight model sees no difference.
func TestJoinedFlight(t *testing.T) {
	in := flightInput(12, 24)
	in.index()
	s := condenseBlind(in, all(in), &Options{Blind: true})
	want := s.flight(all(in))
	joined := *in
	joined.Stages = slices.Clone(in.Stages)
	var before, after int
	for i := range joined.Stages {
		blocks := joined.Stages[i].Blocks
		one := join(blocks, len(in.Grid))
		joined.Stages[i].Blocks = []Block{one}
		for j := range blocks {
			before += len(blocks[j].Flight)
		}
		after += len(one.Flight)
	}
	joined.index()
	got := condenseBlind(&joined, all(&joined), &Options{Blind: true}).flight(all(&joined))
	if !want.ok || got.c != want.c || got.beta/want.beta-1 > 1e-9 || want.beta/got.beta-1 > 1e-9 || after >= before {
		t.Errorf("%+v of %d cells, want %+v of %d", got, after, want, before)
	}
}
