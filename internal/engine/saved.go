package engine

import (
	"net/url"
	"strconv"
	"strings"
	"sync"

	"pegel/internal/plan"
	"pegel/probes/probe"
)

// saved are the variables of one user, which its branches share. They last until the journey begins again.
type saved struct {
	e *engine

	mu     sync.Mutex
	values []string
	set    []bool
	former []string // the values before these, which may still be on their way in another branch
}

var _ plan.Answers = (*saved)(nil)

// remember gives a user what its templates and conditions need, or the branch of a user what its user has.
func (u *user) remember() {
	if u.e.plan.Valueless() {
		return
	}
	u.moment = &plan.Moment{User: u.who, Run: u.e.opt.RunID}
	n := len(u.e.plan.Variables())
	if n == 0 {
		return
	}
	if s, ok := u.cursor.Answers().(*saved); ok {
		u.saved = s
	} else {
		u.saved = &saved{e: u.e, values: make([]string, n), set: make([]bool, n), former: make([]string, n)}
		u.cursor.Use(u.saved)
	}
	u.moment.Saved = u.saved
}

// Saved implements plan.Saved.
func (s *saved) Saved(variable int) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.values[variable], s.set[variable]
}

// Branch implements plan.Answers: where a former run is replayed, what the user did then counts.
func (s *saved) Branch(b plan.Branch) bool {
	if replay := s.e.opt.Replay; replay != nil {
		if taken, known := replay(b); known {
			b.Taken = taken
		}
	}
	s.e.tookBranch(b)
	return b.Taken
}

// Forget implements plan.Answers.
func (s *saved) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, value := range s.values {
		if s.set[i] {
			s.former[i] = value
		}
	}
	clear(s.values)
	clear(s.set)
}

func (s *saved) put(variable int, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set[variable] {
		s.former[variable] = s.values[variable]
	}
	s.values[variable], s.set[variable] = value, true
}

// Value implements probe.Values.
func (u *user) Value(number int) string {
	if u.moment == nil {
		return ""
	}
	return u.e.plan.Value(number, u.moment)
}

var _ probe.Values = (*user)(nil)

// lacks is the failure of an action that needs a variable which has not been saved.
func (u *user) lacks(act *plan.Act) error {
	for _, v := range act.Needs {
		if u.saved != nil {
			if _, ok := u.saved.Saved(v); ok {
				continue
			}
		}
		return probe.Failf(probe.Content, "", "the variable %s has not been saved", u.e.plan.Variables()[v])
	}
	return nil
}

// keep saves what the scenario wants of the answer to an action that has succeeded.
func (u *user) keep(act *plan.Act) error {
	answer, ok := u.turn.Answered()
	if u.saved == nil { // a preflight of a scenario without variables, or a mistake of the plan
		return nil
	}
	if !ok {
		return probe.Failf(probe.Content, "save", "there was no answer to save from")
	}
	return act.Save.Take(&answer, act.Key, u.saved.put)
}

// hidden is err with the values of variables taken out of its text: they may be secrets.
func (s *saved) hidden(err error) error {
	if s == nil || err == nil {
		return err
	}
	return &hiding{error: err, saved: s}
}

type hiding struct {
	error
	saved *saved
}

func (h *hiding) Unwrap() error { return h.error }

func (h *hiding) Error() string {
	text := h.error.Error()
	s := h.saved
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, name := range s.e.plan.Variables() {
		for _, value := range []string{s.values[i], s.former[i]} {
			quoted := strconv.Quote(value)
			for _, form := range []string{value, url.PathEscape(value), url.QueryEscape(value), quoted[1 : len(quoted)-1]} {
				text = hide(text, form, "("+name+")")
			}
		}
	}
	return text
}

// What is hidden of a text: values of fewer bytes are no secrets, and a text that was cut off may still hold so many bytes of
// a longer one.
const (
	shortestSecret = 4
	shownSecret    = 8
)

// hide replaces a value in a text, also where only its beginning is there.
func hide(text, value, by string) string {
	if len(value) < shortestSecret {
		return text
	}
	head := value[:min(len(value), shownSecret)]
	var out strings.Builder
	for {
		at := strings.Index(text, head)
		if at < 0 {
			out.WriteString(text)
			return out.String()
		}
		end := at
		for end < len(text) && end-at < len(value) && text[end] == value[end-at] {
			end++
		}
		out.WriteString(text[:at])
		out.WriteString(by)
		text = text[end:]
	}
}

// tookBranch notes a branch for the archive.
func (e *engine) tookBranch(b plan.Branch) {
	if e.opt.OnBranches == nil {
		return
	}
	e.branchesMu.Lock()
	e.branches = append(e.branches, b)
	e.branchesMu.Unlock()
}

// handBranches hands over the branches taken since the last time.
func (e *engine) handBranches() {
	if e.opt.OnBranches == nil {
		return
	}
	e.branchesMu.Lock()
	list := e.branches
	e.branches = nil
	e.branchesMu.Unlock()
	if len(list) > 0 {
		e.opt.OnBranches(list)
	}
}
