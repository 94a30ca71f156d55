package judge

import (
	"math"

	"pegel/internal/capacity"
)

// The choice of the next load, as measured on simulated platforms: three pilot stages, then min(2.2 N, 0.8 × the
// capacity's lower bound). It took six stages for an error of 1 to 3.5 % and broke no objective; fixed steps of 10 %
// took ten and broke one, doubling with bisection nine and broke two or three.
const (
	pilots    = 3
	pilotStep = 1.6 // from one pilot to the next, and from a load that held while the capacity is not determined
	farStep   = 2.2 // a forecast farther above what was measured is little more than a guess
	safeShare = 0.8 // of the interval's lower end
	near      = 0.6 // of the capacity: from here on its interval is worth what it says
	sameLoad  = 0.05
	leastGain = 0.10 // of the interval's width, for which a stage is played again
)

// NextOptions bound the choice of the next stage.
type NextOptions struct {
	From, To  int     // active users of the first stage, and at most
	Precision float64 // wanted half-width of the capacity's 90 % interval over its median
	Stages    int     // how many there may be
}

// NextStage chooses the active users of the stage that follows those of a result, and says why; ok is false where the run
// is to end. No choice is above safeShare of the lower end of the forecast's interval, nor reaches a load at which an
// objective was broken; without a forecast it is at most pilotStep times a load at which none was.
func NextStage(r *Result, o NextOptions) (users int, ok bool, why Message) {
	s := newSearch(r, o)
	switch {
	case len(r.Stages) == 0:
		return min(o.From, o.To), true, Say("next-pilot", 1, pilots)
	case s.late > 0:
		return 0, false, Say("stop-late", s.late)
	case s.safe == 0 && s.broken > 0:
		return 0, false, Say("stop-broken", s.broken)
	case s.valid == 0:
		return 0, false, Say("stop-unmeasured")
	case s.precise():
		return 0, false, Say("stop-precise", capacity.Share(s.width()), capacity.Share(o.Precision))
	case len(r.Stages) >= o.Stages:
		return 0, false, Say("stop-stages", o.Stages)
	case !r.Forecast.Determined:
		return s.explore()
	}
	return s.approach()
}

// search is what the stages so far say about where to look next.
type search struct {
	r      *Result
	o      NextOptions
	valid  int     // number of stages that count
	safe   int     // highest load of them at which no objective was broken, below broken
	broken int     // lowest load at which one was; 0: none
	late   int     // load of the last stage, where the generator was late in it and not for the first time
	weight float64 // what the stages tell about the capacity, see gain
}

func newSearch(r *Result, o NextOptions) *search {
	s := &search{r: r, o: o}
	late := 0
	for i := range r.Objectives {
		if at := r.Objectives[i].BrokenAt; at > 0 && (s.broken == 0 || at < s.broken) {
			s.broken = at
		}
	}
	for i := range r.Stages {
		st := &r.Stages[i]
		if !st.Valid {
			if st.late() {
				late++
			}
			if i == len(r.Stages)-1 && late > 1 {
				s.late = st.Users
			}
			continue
		}
		s.valid++
		s.weight += (st.End - st.Start).Seconds() * float64(st.Users) * float64(st.Users)
		if s.broken == 0 || st.Users < s.broken {
			s.safe = max(s.safe, st.Users)
		}
	}
	return s
}

// width is the half-width of the capacity's interval over its median.
func (s *search) width() float64 {
	u := s.r.Forecast.Users
	if !s.r.Forecast.Determined || u.P50 <= 0 {
		return math.Inf(1)
	}
	return (u.P95 - u.P05) / 2 / u.P50
}

// precise tells whether the interval is as narrow as wanted and was measured near enough to be believed, or as near as is
// allowed.
func (s *search) precise() bool {
	if s.valid < min(pilots, s.o.Stages) || s.width() > s.o.Precision {
		return false
	}
	enough := min(near*s.r.Forecast.Users.P50, float64(s.ceiling()), float64(s.o.To))
	return float64(s.safe) >= (1-sameLoad)*enough
}

// ceiling is the highest load that the forecast calls safe.
func (s *search) ceiling() int {
	c := min(int(safeShare*s.r.Forecast.Users.P05), s.o.To)
	if s.broken > 0 {
		c = min(c, s.broken-1)
	}
	return max(c, 1)
}

// explore goes on where the capacity is not determined: up by limited steps while every objective holds, then between what
// held and what was broken.
func (s *search) explore() (int, bool, Message) {
	up := min(int(pilotStep*float64(s.safe)), s.o.To)
	switch {
	case s.broken > 0:
		between := min(int(math.Sqrt(float64(s.safe)*float64(s.broken))), s.broken-1, s.o.To)
		if between <= s.safe || float64(s.broken-s.safe) <= 2*s.o.Precision*float64(s.safe) {
			return 0, false, Say("stop-between", s.safe, s.broken)
		}
		return between, true, Say("next-between", s.safe, s.broken)
	case s.safe >= s.o.To:
		return 0, false, Say("stop-to", s.o.To)
	case s.valid < pilots:
		return max(up, s.safe+1), true, Say("next-pilot", s.valid+1, pilots)
	}
	return max(up, s.safe+1), true, Say("next-step", pilotStep, s.safe)
}

// approach goes to the load that narrows the interval most. The gain rises with the load, and all stages take the same
// time, so that this is the highest that is allowed; where that has been measured, it is measured again while it pays.
func (s *search) approach() (int, bool, Message) {
	top := s.ceiling()
	users, why := top, Say("next-safe", capacity.Share(safeShare), s.r.Forecast.Users.P05)
	if top == s.o.To {
		why = Say("next-to", s.o.To)
	}
	if far := int(farStep * float64(s.safe)); far < users {
		users, why = far, Say("next-far", farStep, s.safe, s.r.Forecast.Users)
	}
	if pilot := int(pilotStep * float64(s.safe)); s.valid < pilots && pilot < users {
		users, why = pilot, Say("next-pilot", s.valid+1, pilots)
	}
	for i := range s.r.Stages { // a load hardly below it that was measured: all of it then counts as one
		if st := &s.r.Stages[i]; st.Valid && st.Users <= users && float64(st.Users) >= (1-sameLoad)*float64(users) {
			users = st.Users
			why = Say("next-again", capacity.Share(s.width()), capacity.Share(s.o.Precision))
		}
	}
	if users <= s.safe && s.valid >= pilots && s.gain(users) < leastGain {
		return 0, false, Say("stop-gain", capacity.Share(s.width()), capacity.Share(leastGain))
	}
	return users, true, why
}

// gain is the part of the interval's width that another stage at this load takes away at best. A stage of length t at N
// users tells the demands with a variance that falls as t·N² (utilisation rises with N, its noise hardly), so that the
// width falls as 1/√Σ t·N².
func (s *search) gain(users int) float64 {
	last := &s.r.Stages[len(s.r.Stages)-1]
	more := (last.End - last.Start).Seconds() * float64(users) * float64(users)
	return 1 - math.Sqrt(s.weight/(s.weight+more))
}
