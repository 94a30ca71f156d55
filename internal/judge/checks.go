package judge

import "pegel/internal/archive"

// Checks is what the platform's answers came to where they were held against former ones.
type Checks struct {
	Share      float64             // of the accounts
	Violations []archive.Violation // those that are kept
}

// checks reads the violations, where answers were checked or a checkpoint found some.
func (r *reading) checks() error {
	list, err := r.run.Violations()
	if err != nil {
		return err
	}
	share := r.scenario.Checks.Of()
	if share == 0 && len(list) == 0 {
		return nil
	}
	r.out.Checks = &Checks{Share: share, Violations: list}
	if len(list) > 0 {
		r.warn("state-violated", len(list))
	}
	return nil
}

// checked are the checks of several runs; nil where none had any.
func checked(parts []*reading) *Checks {
	var sum *Checks
	for _, part := range parts {
		c := part.out.Checks
		if c == nil {
			continue
		}
		if sum == nil {
			sum = new(Checks)
		}
		sum.Share = max(sum.Share, c.Share)
		sum.Violations = append(sum.Violations, c.Violations...)
	}
	return sum
}
