package probe

// Answer is what the platform answered to an action, for what a scenario saves of it. It is looked at right after the
// step has returned and is not kept.
type Answer struct {
	Header map[string][]string              // by canonical MIME names; may be nil
	Cookie func(name string) (string, bool) // the session's cookie; may be nil
	Body   []byte
}

// Wants says whether the scenario saves something of this action's answer. Without it there is no need to call Answer.
func (t *Turn) Wants() bool { return t.wants }

// Answer offers what was answered. Of several answers within one action the last one counts.
func (t *Turn) Answer(a Answer) {
	if t.wants {
		t.answer, t.answered = a, true
	}
}

// Want asks the step that comes for its answer. Only a Host calls it, after Begin.
func (t *Turn) Want() { t.wants = true }

// Answered takes the answer that was offered; the Turn does not keep it. ok is false where none was.
func (t *Turn) Answered() (a Answer, ok bool) {
	a, ok = t.answer, t.answered
	t.answer, t.answered = Answer{}, false
	return a, ok
}
