package capacity

// Load is what a stage puts on the platform.
type Load struct {
	Users float64 // active users
	Fresh float64 // accounts switched over within the last 24 h
	Copy  float64 // copy operations per second
}

// Input is everything that a forecast is made from.
type Input struct {
	Grid      []Bin // the bins of all histograms, rising
	Actions   []Action
	Errors    *Objective // on the failures of all actions together; nil: none
	Resources []Resource
	Stages    []Stage // valid ones only, in any order
}

// Action is one kind of action with its objectives.
type Action struct {
	Name       string
	Objectives []Objective
}

// Objective is a limit on a quantile of response time, or on the share of failed actions (Quantile 0).
type Objective struct {
	Name     string
	Quantile float64 // in (0, 1)
	Limit    float64 // seconds
	Errors   float64 // share
}

// Resource is something with a limit that the platform itself counts.
type Resource struct {
	Name, Kind string
	Queueing   Queueing
	Passes     []bool // by action: whether it goes through this resource
	// Group makes the resource a shard: every user always goes to the same member of the group. Empty: no shard.
	Group string
	// Population is the effective share of the active users who come here at all, 0 meaning 1. Where some kinds of users
	// never come, the others come more often, and a queue of fewer customers grows more slowly.
	Population float64
}

// Queueing is what becomes of visits for which there is no unit.
type Queueing int

const (
	// MayRefuse: refusals are counted, and whether there is a queue is not known. Where nobody was seen waiting, although the
	// resource was busy enough that some would have had to, or where some were refused, it refuses.
	MayRefuse Queueing = iota + 1
	Waits              // there is a queue; also what 0 means
	Refuses            // there is none
)

// Stage is one plateau of load, measured in blocks of time.
type Stage struct {
	Load
	Mix    []float64 // users by persona; nil: not known
	Run    int       // which of several pooled runs it belongs to, from 0
	At     float64   // seconds from the beginning of its run to that of the stage
	Blocks []Block
}

// Block is a stretch of a stage, long enough to be resampled as one.
type Block struct {
	Seconds   float64
	Actions   []ActionBlock   // by action
	Resources []ResourceBlock // by resource
	Flight    []FlightCell    // service time by number in flight, relative to the action's base
}

// ActionBlock is what one action did in one block. Service times are counted by bin of the grid: in Counts, all of them, or in
// Bins and Values, those that are not empty, by rising number, which of many short blocks takes a tenth of the memory.
type ActionBlock struct {
	Counts []float64 // nil: as Bins and Values say
	Bins   []uint16
	Values []float64
	Done   float64 // succeeded or failed
	Failed float64 // of Done

	seconds, responses float64 // sums
}

// ResourceBlock is what one resource's counters did in one block.
type ResourceBlock struct {
	Valid   bool // counters of visits and of use
	Holds   bool // at least what is in use and its limit
	Limit   float64
	InUse   float64 // mean
	Queue   float64 // mean
	Visits  float64 // finished
	Busy    float64 // seconds of use
	Refused float64
	Waited  float64 // seconds that visits waited, by a counter or from the queue's length
	// Sampled says that Waited comes from a gauge read now and then, and knows less.
	Sampled bool
}

// FlightCell sums service times of actions that began with about Level others in flight.
type FlightCell struct {
	Action int
	Count  float64
	Level  float64 // sum of the numbers in flight
	Sum    float64 // seconds
}

// runs is how many runs the stages belong to.
func (in *Input) runs() int {
	n := 1
	for i := range in.Stages {
		n = max(n, in.Stages[i].Run+1)
	}
	return n
}

// Counted tells whether the platform's own counters can make the forecast. Where they cannot, it needs what the blocks have in
// Flight.
func (in *Input) Counted() bool {
	in, what := in.checked()
	if what != "" || len(in.Stages) == 0 {
		return false
	}
	s := newSample(in, &Options{})
	s.demands(all(in))
	return hasCounters(s)
}

// index sums up what every draw needs of a block, and lists the bins that are not empty.
func (in *Input) index() {
	for i := range in.Stages {
		for j := range in.Stages[i].Blocks {
			for a := range in.Stages[i].Blocks[j].Actions {
				x := &in.Stages[i].Blocks[j].Actions[a]
				if x.Counts != nil {
					x.Bins, x.Values = sparse(x.Counts, x.Bins[:0], x.Values[:0])
				}
				x.seconds, x.responses = 0, 0
				for k, bin := range x.Bins {
					x.seconds += x.Values[k] * (in.Grid[bin].Low + in.Grid[bin].Width/2)
					x.responses += x.Values[k]
				}
			}
		}
	}
}

// sparse appends the bins that are not empty, with their values.
func sparse(counts []float64, bins []uint16, values []float64) ([]uint16, []float64) {
	for k, n := range counts {
		if n > 0 {
			bins, values = append(bins, uint16(k)), append(values, n)
		}
	}
	return bins, values
}
