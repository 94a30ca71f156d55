package capacity

import (
	"math"
	"testing"
)

// sumBlocks adds up what blocks hold.
func sumBlocks(blocks []Block) (seconds, done, failed, counts, visits, busy, waited, inUse, flight float64) {
	for _, b := range blocks {
		seconds += b.Seconds
		for _, a := range b.Actions {
			done += a.Done
			failed += a.Failed
			for _, n := range a.Values {
				counts += n
			}
		}
		for _, r := range b.Resources {
			visits += r.Visits
			busy += r.Busy
			waited += r.Waited
			inUse += r.InUse * b.Seconds
		}
		for _, c := range b.Flight {
			flight += c.Count
		}
	}
	return seconds, done, failed, counts, visits, busy, waited, inUse, flight
}

func manyBlocks(n int) *Input {
	in := &Input{Grid: []Bin{{0, 1}, {1, 1}}, Actions: []Action{{Name: "a"}, {Name: "b"}}, Resources: []Resource{{Name: "cpu", Passes: []bool{true, true}}}}
	st := Stage{Load: Load{Users: 100}}
	for j := range n {
		x := float64(j + 1)
		actions := []ActionBlock{{Counts: []float64{x, 1}, Done: x + 1, Failed: 1}, {}}
		if j%2 == 1 {
			actions[1] = ActionBlock{Counts: []float64{0, 2}, Done: 2}
		}
		st.Blocks = append(st.Blocks, Block{
			Seconds: 1 + float64(j%3), Actions: actions,
			Resources: []ResourceBlock{{Valid: true, Holds: true, Limit: 8, InUse: x / 10, Queue: 1, Visits: x, Busy: x / 2, Waited: x / 3, Refused: 1}},
			Flight:    []FlightCell{{Action: 0, Count: x, Level: x, Sum: x}},
		})
	}
	in.Stages = []Stage{st}
	return in
}

func TestMergedKeepsWhatWasMeasured(t *testing.T) {
	for _, n := range []int{1, 29, 30, 31, 60, 90, 300} {
		in := manyBlocks(n)
		in.index()
		out := in.merged()
		blocks := out.Stages[0].Blocks
		if len(blocks) > mostBlocks || len(in.Stages[0].Blocks) != n {
			t.Errorf("%d blocks: merged into %d; %d are left of the input's", n, len(blocks), len(in.Stages[0].Blocks))
		}
		per := (n + mostBlocks - 1) / mostBlocks
		s0, d0, f0, c0, v0, b0, w0, u0, k0 := sumBlocks(in.Stages[0].Blocks[:n/per*per])
		s1, d1, f1, c1, v1, b1, w1, u1, k1 := sumBlocks(blocks)
		for i, x := range [][2]float64{{s0, s1}, {d0, d1}, {f0, f1}, {c0, c1}, {v0, v1}, {b0, b1}, {w0, w1}, {u0, u1}, {k0, k1}} {
			if math.Abs(x[0]-x[1]) > 1e-9*x[0] {
				t.Errorf("%d blocks: sum %d is %v, merged %v", n, i, x[0], x[1])
			}
		}
		// what is left out at the end is less than one block of the merged
		if left := n - len(blocks)*per; left < 0 || left >= per {
			t.Errorf("%d blocks: %d left out", n, left)
		}
	}
}

// A counter that is missing in one block is missing in the merged one; one sampled now and then knows less.
func TestJoinIsAsGoodAsItsWorst(t *testing.T) {
	in := manyBlocks(3)
	b := in.Stages[0].Blocks
	b[1].Resources[0].Valid, b[2].Resources[0].Sampled, b[2].Resources[0].Limit = false, true, 16
	x := join(b, len(in.Grid)).Resources[0]
	if x.Valid || !x.Holds || !x.Sampled || x.Limit != 16 {
		t.Errorf("%+v", x)
	}
	if want := (0.1*1 + 0.2*2 + 0.3*3) / 6; math.Abs(x.InUse-want) > 1e-12 {
		t.Errorf("in use %v, want %v, weighted by time", x.InUse, want)
	}
	b[2].Resources[0].Holds = false
	if join(b, len(in.Grid)).Resources[0].Holds {
		t.Error("holds, where one block does not")
	}
	if x := join([]Block{{Resources: make([]ResourceBlock, 1)}, {Resources: make([]ResourceBlock, 1)}}, 1); math.IsNaN(x.Resources[0].InUse) {
		t.Error("blocks of no length make no number")
	}
}
