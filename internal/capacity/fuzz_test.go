package capacity

import (
	"fmt"
	"math"
	"testing"
	"time"
)

// spelled reads an input from bytes: one byte for each choice and each number, zero when they are used up.
type spelled struct{ data []byte }

func (s *spelled) next() int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b)
}

// number is mostly one of ordinary size, up to the most given, and sometimes one that cannot be.
func (s *spelled) number(most float64) float64 {
	b := s.next()
	if b < 255 {
		return most * float64(b) / 250
	}
	odd := [...]float64{math.NaN(), math.Inf(1), -most, 1e300, math.SmallestNonzeroFloat64, 1e11, 2e4, 1e-6}
	return odd[s.next()%len(odd)]
}

func (s *spelled) input() (*Input, Options) {
	in := &Input{Grid: []Bin{{0, 0.05}, {0.05, 0.05}, {0.1, 0.2}, {0.3, 0.7}, {1, 2}}}
	opt := Options{Draws: 8, Seed: 1}
	switches := s.next()
	opt.Blind = switches&1 > 0
	if switches&2 > 0 {
		opt.Copy = new(s.number(50))
	}
	if switches&4 > 0 {
		opt.Fresh = new(s.number(500))
	}
	if switches&8 > 0 {
		opt.Mix = []float64{s.number(1), s.number(1)}
	}
	if switches&16 > 0 {
		opt.Surge = []float64{s.number(0.1)}
	}
	if switches&32 > 0 {
		opt.Changes = []Change{{Resource: "r0", Limit: s.number(50), Times: s.number(3), Demand: s.number(3)}}
	}
	if switches&64 > 0 {
		in.Errors = &Objective{Name: "errors", Errors: s.number(0.05)}
	}
	sizes := s.next()
	actions, resources := 1+sizes%3, sizes/3%4
	for a := range actions {
		in.Actions = append(in.Actions, Action{Name: fmt.Sprintf("a%d", a), Objectives: []Objective{{Name: "o", Quantile: 0.5 + s.number(0.5)*0.99, Limit: s.number(2)}}})
	}
	for r := range resources {
		b := s.next()
		res := Resource{Name: fmt.Sprintf("r%d", r), Kind: []string{"cores", "cache", "memory", "slots"}[b%4], Population: s.number(1)}
		if b&16 > 0 {
			res.Group = "g"
		}
		for a := range actions {
			res.Passes = append(res.Passes, (b>>5)&(1<<a) == 0)
		}
		in.Resources = append(in.Resources, res)
	}
	for i := range s.next() % 7 {
		st := Stage{Load: Load{Users: s.number(3000), Copy: s.number(20), Fresh: s.number(500)}, At: float64(100 * i)}
		if switches&8 > 0 {
			st.Mix = []float64{s.number(1000), s.number(1000)}
		}
		what := s.next()
		for range what % 9 {
			b := Block{Seconds: s.number(20)}
			for range actions {
				a := ActionBlock{Done: s.number(1000), Failed: s.number(10)}
				if what&16 > 0 {
					a.Counts = []float64{s.number(1000), s.number(500), s.number(200), s.number(50), s.number(10)}
				}
				b.Actions = append(b.Actions, a)
			}
			for range resources {
				flags := s.next()
				b.Resources = append(b.Resources, ResourceBlock{
					Valid: flags&1 == 0, Holds: flags&2 == 0, Sampled: flags&4 > 0, Limit: s.number(40), InUse: s.number(40), Queue: s.number(10),
					Visits: s.number(2000), Busy: s.number(100), Refused: s.number(10), Waited: s.number(10),
				})
			}
			if what&32 > 0 {
				for n := range s.next() % 12 {
					b.Flight = append(b.Flight, FlightCell{Action: n % actions, Count: s.number(50), Level: s.number(1000), Sum: s.number(20)})
				}
			}
			st.Blocks = append(st.Blocks, b)
		}
		in.Stages = append(in.Stages, st)
	}
	return in, opt
}

// Whatever the numbers, a forecast ends soon, and is a number that makes sense or says why it is none.
func FuzzPredict(f *testing.F) {
	f.Add([]byte{})
	for _, switches := range []byte{0, 1, 2, 4, 8, 16, 32, 64, 127} {
		f.Add(sensible(switches))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1500 {
			return
		}
		s := &spelled{data}
		in, opt := s.input()
		quickly(t, in, opt, 5*time.Second)
	})
}

// sensible spells an input of which a forecast can be made: a resource of 16 units that is used to 40 % in the highest of five
// stages.
func sensible(switches byte) []byte {
	data := []byte{switches}
	for bit, bytes := range [][]byte{1: {0}, 2: {0}, 3: {125, 125}, 4: {1}, 5: {100, 83, 83}, 6: {25}} {
		if switches&(1<<bit) > 0 {
			data = append(data, bytes...)
		}
	}
	data = append(data, 3, 225, 125, 0, 0, 5)
	for i := range byte(5) {
		n := i + 1
		data = append(data, 20*n, 0, 0)
		if switches&8 > 0 {
			data = append(data, 10*n+4*n*(i%2), 10*n)
		}
		data = append(data, 60) // six blocks with counts and numbers in flight
		for j := range byte(6) {
			data = append(data, 100, 30*n+j, 0, 25*n+j, 8*n, i, 0, 0)
			data = append(data, 0, 100, 25*n, 0, 15*n+j, 25*n+j, 0, 0, 11)
			for k := range byte(11) {
				data = append(data, 200, k*n, 50+k*k)
			}
		}
	}
	return data
}

// The inputs from which the fuzzing begins are worth it: most of them give a number.
func TestSensibleInputsAreForecast(t *testing.T) {
	for _, switches := range []byte{0, 2, 4, 8, 16, 32, 64} {
		s := &spelled{sensible(switches)}
		in, opt := s.input()
		if f := quickly(t, in, opt, time.Minute); !f.Determined || len(s.data) > 0 {
			t.Errorf("switches %b: %v, %d bytes left", switches, f.Why, len(s.data))
		}
	}
}
