package archive

import (
	"encoding/json"
	"fmt"
	"time"
)

// Violation is an answer that no platform may give, after what it had answered before. It names no secret.
type Violation struct {
	At         time.Duration `json:"at"`      // since the start of the run
	Rule       string        `json:"rule"`    // its word in docs/checks.md
	Account    int           `json:"account"` // index
	Persona    string        `json:"persona,omitempty"`
	Mailbox    string        `json:"mailbox,omitempty"`
	Expected   string        `json:"expected"`
	Came       string        `json:"came"`
	Transcript string        `json:"transcript,omitempty"` // last lines of the connection
}

// maxViolations bounds what is read of a run; the engine keeps fewer.
const maxViolations = 1000

// Violation appends v; it is synced with the next interval.
func (w *Writer) Violation(v Violation) error {
	row, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("storing a violation: %w", err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if w.pending, err = w.packer.frame(w.pending, kindViolation, row); err != nil {
		return w.failed("storing a violation", err)
	}
	return w.spill()
}

// Violations are those that are kept, in the order in which they were stored.
func (r *Run) Violations() ([]Violation, error) {
	var list []Violation
	err := r.each(func(s *scanner, _ int, f *frame) error {
		if f.kind != kindViolation || len(list) == maxViolations {
			return nil
		}
		raw, err := s.unpack(f)
		if err != nil {
			return err
		}
		var v Violation
		if err := json.Unmarshal(raw, &v); err != nil {
			return fmt.Errorf("violation: %w", err)
		}
		list = append(list, v)
		return nil
	})
	return list, err
}
