package engine

import (
	"testing"

	"pegel/internal/record"
)

// A move is seen within one session of one target: a new session, another target or an answer without a name is none.
func TestMovesOfASession(t *testing.T) {
	u := &user{sessions: []openSession{{target: "web"}, {target: "caldav"}}}
	for i, step := range []struct {
		target, backend string
		want            record.Move
	}{
		{"web", "web-1", record.MoveUnknown}, {"web", "web-1", record.Stayed}, {"caldav", "web-2", record.MoveUnknown}, {"web", "", record.MoveUnknown},
		{"web", "web-2", record.Moved}, {"web", "web-2", record.Stayed}, {"imap", "web-3", record.MoveUnknown}, {"caldav", "web-1", record.Moved},
	} {
		if got := u.moved(step.target, step.backend); got != step.want {
			t.Errorf("answer %d, %s from %q: %v, want %v", i, step.target, step.backend, got, step.want)
		}
	}
	u.sessions = []openSession{{target: "web"}}
	if got := u.moved("web", "web-1"); got != record.MoveUnknown {
		t.Errorf("a new session: %v", got)
	}
}

// The parts of the users are about equal, and an account always has the same.
func TestFoldsAreEqual(t *testing.T) {
	var count [record.Folds]int
	for account := range 8000 {
		if again := foldOf(account); again != foldOf(account) {
			t.Fatal("an account has two parts")
		}
		count[foldOf(account)]++
	}
	for i, n := range count {
		if n < 880 || n > 1120 {
			t.Errorf("part %d has %d of 8000", i, n)
		}
	}
}
