package engine

import "pegel/probes/probe"

// Copied hands on what a comparison of a migration's two sides came to. That of the preflight is nobody's business.
func (u *user) Copied(c probe.Copies) {
	if u.shard != nil && u.e.opt.OnCopied != nil {
		u.e.opt.OnCopied(u.who.Account, c)
	}
}
