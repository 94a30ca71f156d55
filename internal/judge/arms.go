package judge

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"pegel/internal/capacity"
	"pegel/scenarios"
)

// Arms is what an experiment that discriminates came to: the load as it is against the same load with one thing changed. Only the
// stages as they are take part in the forecast.
type Arms struct {
	Experiment string        // scenarios.Bypass, BySource, OneGroup or CopyOff
	Stages     []StageResult // of the arms that differ from the scenario
	Loads      []ArmLoad     // by load, then by arm
	Found      Finding
	Sentence   Message // what it settles, or why it settles nothing
}

// Finding is whether the thing changed is in the way.
type Finding string

// Findings of an experiment.
const (
	InTheWay  Finding = "yes"     // what was changed makes the difference
	NotInWay  Finding = "no"      // no difference beyond the interval, or to the other side
	Undecided Finding = "unknown" // too little was measured
)

// ArmLoad compares one arm with the load as it is, at one number of users.
type ArmLoad struct {
	Users   int
	Arm     string    // the one that differs
	Stages  [2]int    // valid ones: as it is, changed
	Done    [2]uint64 // actions
	Failed  [2]uint64
	Errors  bool        // the shares of failed actions differ clearly
	Actions []ArmAction // that have samples enough in both, by name
}

// ArmAction compares one action.
type ArmAction struct {
	Action   string
	Count    [2]uint64
	P50, P95 [2]time.Duration // as it is, changed
	D50, D95 Difference
}

// Difference is changed less as it is, with its 90 % interval. Clear is whether it can be neither chance nor too small to matter.
type Difference struct {
	Low, Mid, High time.Duration
	Clear          bool

	t float64 // how many standard errors it is away from nothing
}

// leastArm is how many samples of an action an arm needs at a load for its p95 to be compared.
const leastArm = 60

// leastChange is the least relative difference that matters, and leastTime the least time that does.
const (
	leastChange = 0.10
	leastTime   = 2 * time.Millisecond
)

// splitArms takes the stages of arms that differ from the scenario out of those of the load.
func (r *reading) splitArms() {
	var load, changed []StageResult
	for _, st := range r.out.Stages {
		if st.Arm == "" || st.Arm == scenarios.AsIs {
			load = append(load, st)
		} else {
			changed = append(changed, st)
		}
	}
	if r.out.Stages = load; len(changed) > 0 {
		r.out.Arms = &Arms{Experiment: experimentOf(changed[0].Arm), Stages: changed}
	}
}

func experimentOf(arm string) string {
	switch {
	case arm == scenarios.AroundArm:
		return scenarios.Bypass
	case arm == scenarios.OneSource, arm == scenarios.ManySources:
		return scenarios.BySource
	case arm == scenarios.NoCopyArm:
		return scenarios.CopyOff
	}
	return scenarios.OneGroup
}

// arms compares the arms of an experiment.
func (r *reading) arms() {
	x := r.out.Arms
	if x == nil {
		return
	}
	type key struct {
		users int
		arm   string
	}
	var keys []key
	asIs, changed := map[int][]*StageResult{}, map[key][]*StageResult{}
	for i := range r.out.Stages {
		if st := &r.out.Stages[i]; st.Arm == scenarios.AsIs && st.Valid {
			asIs[st.Users] = append(asIs[st.Users], st)
		}
	}
	for i := range x.Stages {
		st := &x.Stages[i]
		k := key{st.Users, st.Arm}
		if st.Valid {
			changed[k] = append(changed[k], st)
		}
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b key) int { return cmp.Or(cmp.Compare(a.users, b.users), cmp.Compare(a.arm, b.arm)) })
	for _, k := range keys {
		if len(asIs[k.users]) > 0 && len(changed[k]) > 0 {
			x.Loads = append(x.Loads, r.compareArm(k.users, k.arm, asIs[k.users], changed[k]))
		}
	}
	r.settle(x)
}

func (r *reading) compareArm(users int, arm string, asIs, changed []*StageResult) ArmLoad {
	l := ArmLoad{Users: users, Arm: arm, Stages: [2]int{len(asIs), len(changed)}}
	sides := [2][]*StageResult{asIs, changed}
	count := map[string][2]uint64{}
	for side, stages := range sides {
		for _, st := range stages {
			for _, a := range st.Actions {
				l.Done[side] += a.Count
				l.Failed[side] += a.Failed
				n := count[a.Action]
				n[side] += a.Count
				count[a.Action] = n
			}
		}
	}
	l.Errors = sharesDiffer(l.Failed, l.Done)
	var names []string
	for action, n := range count {
		if min(n[0], n[1]) >= leastArm && action != longPoll && action != deliveryAction {
			names = append(names, action)
		}
	}
	slices.Sort(names)
	for _, action := range names {
		a := r.compareAction(action, sides, len(names))
		a.Count = count[action]
		l.Actions = append(l.Actions, a)
	}
	return l
}

// sharesDiffer tells two shares apart: by half a percentage point at least, and by 3.3 standard errors of the difference under one
// common share (a chance of one in a thousand).
func sharesDiffer(failed, done [2]uint64) bool {
	if done[0] == 0 || done[1] == 0 {
		return false
	}
	share := func(i int) float64 { return float64(failed[i]) / float64(done[i]) }
	both := float64(failed[0]+failed[1]) / float64(done[0]+done[1])
	se := math.Sqrt(both * (1 - both) * (1/float64(done[0]) + 1/float64(done[1])))
	d := math.Abs(share(1) - share(0))
	return d >= 0.005 && d > 3.3*se
}

// settle says what the experiment shows: by the clearest difference at the highest load that has one, else that there is none at the
// highest load.
func (r *reading) settle(x *Arms) {
	x.Found = Undecided
	if len(x.Loads) == 0 {
		x.Sentence = Say("experiment-invalid")
		return
	}
	var best *ArmAction
	var at *ArmLoad
	for i := range x.Loads {
		l := &x.Loads[i]
		for k := range l.Actions {
			a := &l.Actions[k]
			if a.D95.Clear && (best == nil || l.Users > at.Users || math.Abs(a.D95.t) > math.Abs(best.D95.t)) {
				best, at = a, l
			}
		}
	}
	if best == nil {
		for i := range x.Loads {
			if l := &x.Loads[i]; l.Errors && (at == nil || l.Users >= at.Users) {
				at = l
			}
		}
	}
	switch {
	case best != nil:
		x.Found, x.Sentence = saySettled(at, best)
	case at != nil:
		x.Found, x.Sentence = sayErrors(at)
	default:
		x.Found, x.Sentence = r.sayNothing(x)
	}
}

// better tells which way speaks for the suspicion: users fare better with the thing changed, or with one address worse.
func better(arm string, faster bool) bool { return faster != (arm == scenarios.OneSource) }

func saySettled(l *ArmLoad, a *ArmAction) (Finding, Message) {
	faster := a.D95.Mid < 0
	found := NotInWay
	if better(l.Arm, faster) {
		found = InTheWay
	}
	low, high := a.D95.Low.Abs(), a.D95.High.Abs()
	if low > high {
		low, high = high, low
	}
	was, is := a.P95[0], a.P95[1]
	if was > time.Second || is > time.Second {
		was, is, low, high = was.Round(10*time.Millisecond), is.Round(10*time.Millisecond), low.Round(10*time.Millisecond), high.Round(10*time.Millisecond)
	} else {
		was, is, low, high = was.Round(time.Millisecond), is.Round(time.Millisecond), low.Round(time.Millisecond), high.Round(time.Millisecond)
	}
	group, isGroup := strings.CutPrefix(l.Arm, scenarios.GroupArm)
	switch {
	case l.Arm == scenarios.AroundArm && faster:
		return found, Say("experiment-bypass-faster", a.Action, was, is, l.Users, low, high)
	case l.Arm == scenarios.AroundArm:
		return found, Say("experiment-bypass-slower", a.Action, was, is, l.Users, low, high)
	case l.Arm == scenarios.ManySources && faster:
		return found, Say("experiment-many-faster", a.Action, was, is, l.Users, low, high)
	case l.Arm == scenarios.ManySources:
		return found, Say("experiment-many-slower", a.Action, was, is, l.Users, low, high)
	case l.Arm == scenarios.OneSource && faster:
		return found, Say("experiment-one-faster", a.Action, was, is, l.Users, low, high)
	case l.Arm == scenarios.OneSource:
		return found, Say("experiment-one-slower", a.Action, was, is, l.Users, low, high)
	case isGroup && faster:
		return InTheWay, Say("experiment-group-faster", group, a.Action, was, is, l.Users, low, high)
	case isGroup:
		return InTheWay, Say("experiment-group-slower", group, a.Action, was, is, l.Users, low, high)
	case faster:
		return found, Say("experiment-copy-faster", a.Action, was, is, l.Users, low, high)
	}
	return found, Say("experiment-copy-slower", a.Action, was, is, l.Users, low, high)
}

func shareOf(v float64) capacity.Share { return capacity.Share(math.Round(1e4*v) / 1e4) }

func sayErrors(l *ArmLoad) (Finding, Message) {
	was, is := float64(l.Failed[0])/float64(l.Done[0]), float64(l.Failed[1])/float64(l.Done[1])
	found := NotInWay
	if better(l.Arm, is < was) || strings.HasPrefix(l.Arm, scenarios.GroupArm) {
		found = InTheWay
	}
	return found, Say("experiment-errors", l.Arm, shareOf(was), shareOf(is), l.Users)
}

// sayNothing bounds the difference at the highest load: of the action whose p95 is nearest to its limit, else of the most frequent
// one.
func (r *reading) sayNothing(x *Arms) (Finding, Message) {
	top := x.Loads[len(x.Loads)-1].Users
	var of *ArmAction
	arm, most := "", -1.0
	for i := range x.Loads {
		l := &x.Loads[i]
		if l.Users != top {
			continue
		}
		for k := range l.Actions {
			a := &l.Actions[k]
			weight := float64(a.Count[0]) * 1e-12
			for _, o := range r.out.Objectives {
				if o.Action == a.Action && o.Limit > 0 {
					weight = max(weight, a.P95[0].Seconds()/o.Limit.Seconds())
				}
			}
			if weight > most {
				of, arm, most = a, l.Arm, weight
			}
		}
	}
	if of == nil {
		return Undecided, Say("experiment-few", leastArm)
	}
	beyond := max(of.D95.Low.Abs(), of.D95.High.Abs())
	small := beyond.Seconds() < leastChange*of.P95[0].Seconds() || beyond < leastTime
	if aside := of.D95.Low > 0 || of.D95.High < 0; !small && (aside || beyond > of.P95[0]/2) {
		return Undecided, Say("experiment-undecided", of.Action, beyond.Round(time.Millisecond), of.P95[0].Round(time.Millisecond))
	}
	beyond = beyond.Round(time.Millisecond) + time.Millisecond
	switch {
	case arm == scenarios.AroundArm:
		return NotInWay, Say("experiment-bypass-same", top, of.Action, beyond)
	case arm == scenarios.ManySources, arm == scenarios.OneSource:
		return NotInWay, Say("experiment-sources-same", top, of.Action, beyond)
	case arm == scenarios.NoCopyArm:
		return NotInWay, Say("experiment-copy-same", top, of.Action, beyond)
	}
	return NotInWay, Say("experiment-group-same", top, of.Action, beyond)
}
