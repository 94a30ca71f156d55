package diagnosis

import (
	"math"
	"regexp"
	"slices"
	"strings"

	"pegel/internal/judge"
	"pegel/internal/record"
)

// sight is a result with what every family asks of it.
type sight struct {
	r        *judge.Result
	stages   []*judge.StageResult // valid ones, by users
	low, top *judge.StageResult   // with the fewest and the most users; nil: there is none
	danger   Danger
	scenario string // path, for commands
	runs     string // directories, likewise
}

// Danger is whether an objective is broken, or will soon be.
type Danger struct {
	Any    bool
	Broken int     // active users of the lowest valid stage in which an objective was broken; 0: none was
	Nearby float64 // forecast of the capacity over the highest load measured; 0: not known
	Why    judge.Message
}

// near is up to which multiple of the highest load measured a forecast break is a danger: from 55 % of the capacity on. A run up
// to 70 % has it at 1.4, and the forecast is off by up to 15 % from there.
const near = 1.8

// nearest is the same for the lower end of the forecast's interval: what wide intervals cannot exclude.
const nearest = 1.2

func look(r *judge.Result) *sight {
	s := &sight{r: r, scenario: r.Meta.Labels["scenario_path"]}
	if s.scenario == "" {
		s.scenario = r.Meta.Scenario + ".yaml"
	}
	for i := range r.Stages {
		if st := &r.Stages[i]; st.Valid && st.Situation == "" && st.Users > 0 {
			s.stages = append(s.stages, st)
		}
	}
	slices.SortStableFunc(s.stages, func(a, b *judge.StageResult) int { return a.Users - b.Users })
	if n := len(s.stages); n > 0 {
		s.low, s.top = s.stages[0], s.stages[n-1]
		s.danger = s.endangered()
	}
	return s
}

func (s *sight) endangered() Danger {
	d := Danger{Why: say("danger-none", s.top.Users)}
	f := &s.r.Forecast
	if f.Determined && f.MeasuredMax > 0 && f.Users.P50 > 0 && !math.IsInf(f.Users.P50, 0) {
		d.Nearby = f.Users.P50 / float64(f.MeasuredMax)
		d.Why = say("danger-far", f.Users, f.MeasuredMax)
		if d.Nearby <= near || f.Users.P05 <= nearest*float64(f.MeasuredMax) {
			d.Any, d.Why = true, say("danger-near", f.Users, f.MeasuredMax)
		}
	}
	if !d.Any && !f.Determined {
		for _, u := range s.stations(s.top) {
			limit := busy
			if kindOf(u.Kind) == Memory { // which well-behaved software fills
				limit = full
			}
			if u.fullest >= limit {
				d.Any, d.Why = true, say("danger-busy", u.name, share(u.fullest), s.top.Users)
				break
			}
		}
	}
	for _, o := range s.r.Objectives {
		for _, x := range o.Stages {
			if !x.Enough || x.Held || !s.measured(x.Users) || d.Broken > 0 && x.Users >= d.Broken {
				continue
			}
			d.Any, d.Broken = true, x.Users
			d.Why = say("danger-broken", o.Text, x.Users)
		}
	}
	return d
}

// measured says whether a valid stage had so many users.
func (s *sight) measured(users int) bool {
	return slices.ContainsFunc(s.stages, func(st *judge.StageResult) bool { return st.Users == users })
}

// action is an action in a stage, nil where it was not done.
func action(st *judge.StageResult, name string) *judge.ActionStats {
	for i := range st.Actions {
		if st.Actions[i].Action == name {
			return &st.Actions[i]
		}
	}
	return nil
}

// view is a resource over time, nil where it was not observed.
func (s *sight) view(name string) *judge.ResourceView {
	for i := range s.r.Resources {
		if s.r.Resources[i].Name == name {
			return &s.r.Resources[i]
		}
	}
	return nil
}

// series names what of a resource is cited.
func (s *sight) series(name string, fields ...string) []string {
	page := "platform"
	if v := s.view(name); v != nil {
		page = v.Page
	}
	list := make([]string, len(fields))
	for i, f := range fields {
		list[i] = page + "." + name + " " + f
	}
	return list
}

// groupOf is what a resource does the same work with: its group, or its name without its number where others have names like it
// (web.1, web.2); empty where it stands alone. Declared groups are shards, of which an account always has the same one.
func (s *sight) groupOf(name string) (group string, declared bool) {
	v := s.view(name)
	if v == nil {
		return "", false
	}
	if v.Group != "" {
		return v.Group, true
	}
	stem := stemOf(name)
	if stem == name || stem == "" {
		return "", false
	}
	for i := range s.r.Resources {
		if x := &s.r.Resources[i]; x.Name != name && stemOf(x.Name) == stem && x.Kind == v.Kind && x.Group == "" {
			return stem, false
		}
	}
	return "", false
}

// number is one in a name.
var number = regexp.MustCompile(`[0-9]+`)

// stemOf is a name without its numbers: web of web.1, sogo*.workers of sogo2.workers.
func stemOf(name string) string {
	return strings.TrimRight(number.ReplaceAllString(name, "*"), "*.-_ #/:")
}

// splits are those of a kind in a stage.
func (s *sight) splits(kind string, st *judge.StageResult) []judge.Split {
	var list []judge.Split
	for _, x := range s.r.Splits {
		if x.Kind == kind && &s.r.Stages[x.Stage] == st {
			list = append(list, x)
		}
	}
	return list
}

// users of few are too few for a mean.
const few = 30

// rise is by which factor an action's mean response time rose from the lowest to the highest load; ok is false where either has
// too few samples.
func (s *sight) rise(name string) (factor float64, ok bool) {
	a, b := action(s.low, name), action(s.top, name)
	if s.low == s.top || a == nil || b == nil || a.Count-a.Failed < few || b.Count-b.Failed < few || a.Mean <= 0 {
		return 0, false
	}
	return float64(b.Mean) / float64(a.Mean), true
}

// rises is the geometric mean of the rises of the actions for which that holds, each counted once.
func (s *sight) rises(which func(action string) bool) (factor float64, n int) {
	sum := 0.0
	for i := range s.top.Actions {
		name := s.top.Actions[i].Action
		if !which(name) {
			continue
		}
		if f, ok := s.rise(name); ok {
			sum += math.Log(f)
			n++
		}
	}
	if n == 0 {
		return 1, 0
	}
	return math.Exp(sum / float64(n)), n
}

// copies says whether an action is the migration's own.
func copies(action string) bool {
	return strings.HasSuffix(action, ".copy") || strings.HasSuffix(action, ".migrate")
}

// passes says whether an action goes through a resource, as far as the scenario says.
func passes(v *judge.ResourceView, action string) bool {
	if v == nil || len(v.Actions) == 0 {
		return true
	}
	return slices.ContainsFunc(v.Actions, func(glob string) bool { return judge.Matches(glob, action) })
}

// blind says what could not be looked into.
func (s *sight) blind() []judge.Message {
	var list []judge.Message
	if len(s.r.Resources) == 0 {
		list = append(list, say("blind-resources"))
	}
	for _, kind := range []string{record.KindBackend, record.KindSource, record.KindGroup} {
		values := 0
		for _, x := range s.splits(kind, s.top) {
			values = max(values, len(x.Rows))
		}
		if values < 2 {
			list = append(list, say("blind-"+kind))
		}
	}
	if !slices.ContainsFunc(s.r.Resources, func(v judge.ResourceView) bool { return kindOf(v.Kind) == CPU }) && len(s.r.Resources) > 0 {
		list = append(list, say("blind-cpu"))
	}
	if len(s.stages) < 2 {
		list = append(list, say("blind-stages"))
	}
	return list
}
