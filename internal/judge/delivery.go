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
	if d.Lost > 0 {
		r.warn("mail-lost", d.Lost, d.Accepted)
	}
	if d.Twice > 0 {
		r.warn("mail-twice", d.Twice, d.Accepted)
	}
	if d.Wrong > 0 {
		r.warn("mail-wrong", d.Wrong, d.Accepted)
	}
	if d.Unseen > 0 {
		r.warn("mail-unseen", d.Unseen, d.Accepted)
	}
	if d.Late > 0 {
		r.warn("mail-late", d.Late, d.Accepted)
	}
	if d.Again > 0 {
		r.warn("mail-again", d.Again, d.AgainTwice)
	}
	if d.Uncertain > 0 {
		r.warn("mail-uncertain", d.Uncertain, d.Accepted)
	}
	if d.Untracked > 0 {
		r.warn("mail-untracked", d.Untracked, d.Accepted)
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
