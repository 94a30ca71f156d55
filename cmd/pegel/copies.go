package main

import (
	"cmp"
	"fmt"
	"slices"
	"sync"

	"pegel/internal/archive"
	"pegel/probes/probe"
)

// copyBook gathers what is known of the copies of each account and pass: the last comparison, and what was refused.
type copyBook struct {
	mu   sync.Mutex
	last map[copyKey]*archive.AccountCopies
}

type copyKey struct {
	account int
	pass    string
}

// note may be called from many goroutines.
func (b *copyBook) note(account int, c probe.Copies) {
	now := archive.AccountCopies{
		Account: account, Pass: c.Pass, Copied: c.Copied, There: c.There, Source: c.Source, Alike: c.Alike,
		Missing: c.Missing, Differing: c.Differing, Flags: c.Flags, Twice: c.Twice, Refused: c.Refused, Uncompared: c.Uncompared,
	}
	for _, r := range c.Refusals {
		now.Refusals = append(now.Refusals, archive.CopyRefusal(r))
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last == nil {
		b.last = map[copyKey]*archive.AccountCopies{}
	}
	if was := b.last[copyKey{account, c.Pass}]; was != nil {
		was.Follow(now)
		return
	}
	b.last[copyKey{account, c.Pass}] = &now
}

// mostRefusals bounds the refused messages that the archive describes, over all accounts.
const mostRefusals = 1000

// close writes what is known into the archive, if there is anything, and says what it comes to.
func (b *copyBook) close(d *driving) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := new(archive.Copies)
	for _, a := range b.last {
		if !a.Uncompared || a.Refused > 0 {
			out.Accounts = append(out.Accounts, *a)
		}
	}
	if len(out.Accounts) == 0 {
		return nil
	}
	slices.SortFunc(out.Accounts, func(a, b archive.AccountCopies) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Pass, b.Pass))
	})
	described := 0
	for i := range out.Accounts {
		a := &out.Accounts[i]
		a.Refusals = a.Refusals[:min(len(a.Refusals), mostRefusals-described)]
		described += len(a.Refusals)
	}
	passes, _ := out.Sums()
	for _, p := range passes {
		fmt.Fprintf(d.env.stderr, "copy, pass %s: %d accounts with %d messages: %d copied, %d there before, %d alike, %d missing, %d differing, %d with other flags, %d too many, %d refused\n",
			p.Pass, p.Account, p.Source, p.Copied, p.There, p.Alike, p.Missing, p.Differing, p.Flags, p.Twice, p.Refused)
	}
	return archive.WriteCopies(d.dir, out)
}
