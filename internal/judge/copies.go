package judge

import "pegel/internal/archive"

// compared reads what the comparisons of a migration's two sides came to and what was refused, and says what is wrong.
func (r *reading) compared() error {
	c, err := r.run.Copies()
	if c == nil {
		return err
	}
	r.out.Copies = c
	passes, wrong := c.Sums()
	var sum archive.AccountCopies
	for _, p := range passes {
		sum.Refused += p.Refused
		sum.Missing += p.Missing
		sum.Differing += p.Differing + p.Flags
		sum.Twice += p.Twice
	}
	if n := len(wrong); n > 0 && sum.Missing+sum.Differing+sum.Twice > 0 {
		r.warn("copy-wrong", n, sum.Missing, sum.Differing, sum.Twice)
	}
	if sum.Refused > 0 {
		refusing := 0
		for _, a := range c.Accounts {
			if a.Refused > 0 {
				refusing++
			}
		}
		r.warn("copy-refused", sum.Refused, refusing)
	}
	return nil
}

// comparisons are those of several runs: the last of each account and pass counts, and what was refused last.
func comparisons(parts []*reading) *archive.Copies {
	type key struct {
		account int
		pass    string
	}
	var all *archive.Copies
	at := map[key]int{}
	for _, part := range parts {
		if part.out.Copies == nil {
			continue
		}
		if all == nil {
			all = new(archive.Copies)
		}
		for _, a := range part.out.Copies.Accounts {
			k := key{a.Account, a.Pass}
			if i, there := at[k]; there {
				all.Accounts[i].Follow(a)
				continue
			}
			at[k] = len(all.Accounts)
			all.Accounts = append(all.Accounts, a)
		}
	}
	return all
}
