package judge

import (
	"pegel/internal/archive"
)

// delivery reads the account of the run's mail, where one was kept, and says what is wrong with it.
func (r *reading) delivery() error {
	d, err := r.run.Delivery()
	if d == nil {
		return err
	}
	r.out.Delivery = d
	for _, w := range []struct {
		code    string
		n, with int
	}{
		{"mail-lost", d.Lost, d.Accepted},
		{"mail-twice", d.Twice, d.Accepted},
		{"mail-wrong", d.Wrong, d.Accepted},
		{"mail-unseen", d.Unseen, d.Accepted},
		{"mail-late", d.Late, d.Accepted},
		{"mail-again", d.Again, d.AgainTwice},
		{"mail-uncertain", d.Uncertain, d.Accepted},
		{"mail-untracked", d.Untracked, d.Accepted},
	} {
		if w.n > 0 {
			r.warn(w.code, w.n, w.with)
		}
	}
	return nil
}

// mail is the account of the mail of several runs; nil where none kept one.
func mail(parts []*reading) *archive.Delivery {
	var sum *archive.Delivery
	for _, part := range parts {
		d := part.out.Delivery
		if d == nil {
			continue
		}
		if sum == nil {
			sum = new(archive.Delivery)
		}
		sum.Add(d)
	}
	return sum
}
