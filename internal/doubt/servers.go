package doubt

import (
	"net/netip"
	"slices"

	"pegel/scenarios"
)

// What mail servers take unless they are configured otherwise.
const (
	perAccountIMAP = 10   // Dovecot, mail_max_userip_connections: connections of one account from one address
	perMachineIMAP = 1024 // Dovecot, process_limit of service imap: one process for each session
	perAddressSMTP = 50   // Postfix, smtpd_client_connection_count_limit; addresses in mynetworks are exempt
)

// servers doubts connections that a server refuses before the platform is full.
func (f *finder) servers() {
	for _, p := range f.load.Protocols {
		switch {
		case p.Name == "imap" && p.Connections > perMachineIMAP:
			f.warn("server-limit", f.place("imap"), "raise process_limit of service imap, or make sure that enough machines share the sessions",
				"%d IMAP sessions at once; one Dovecot serves %d by default", p.Connections, perMachineIMAP)
		case p.Name == "smtp" && p.Connections > perAddressSMTP && f.elsewhere("smtp"):
			f.warn("server-limit", f.place("smtp"), "raise smtpd_client_connection_count_limit for the generator's address",
				"%d SMTP sessions at once from one address; Postfix takes %d by default", p.Connections, perAddressSMTP)
		}
	}
	for i := range f.s.Personas {
		p := &f.s.Personas[i]
		for target, n := range p.Connections {
			if n > perAccountIMAP && f.speaks(target, "imap") {
				f.warn("server-limit", f.s.Field(p.Pos, "connections", target), "raise mail_max_userip_connections",
					"%d connections of one account from one address; Dovecot takes %d by default", n, perAccountIMAP)
			}
		}
		if n, limit := f.perAccount(p); p.Connections == nil && n > limit {
			f.warn("server-limit", p.Pos, "raise mail_max_userip_connections, or accounts.count",
				"up to %d IMAP sessions of persona %q use one account at once; Dovecot takes %d by default", n, p.Name, limit)
		}
	}
}

// perAccount is how many IMAP sessions a persona opens for one account at once: by branches, and where users share accounts.
func (f *finder) perAccount(p *scenarios.Persona) (n, limit int) {
	for _, s := range f.s.Journeys[p.Journey] {
		with := 0
		for _, b := range s.Parallel {
			c := &content{}
			c.read(b.Steps)
			for target := range c.targets {
				if f.speaks(target, "imap") {
					with++
				}
			}
		}
		n = max(n, with)
	}
	c := f.parts[p.Journey]
	uses := c != nil && slices.ContainsFunc(c.actions, func(a string) bool { return len(a) > 5 && a[:5] == "imap." })
	users := p.Count
	if copying, _ := f.s.Wave.Copy.Of(p.Copy); p.Copy != scenarios.NoPass {
		users = copying
	}
	if accounts := f.Accounts.Len(); uses && accounts > 0 && users > accounts {
		n = max(n, 1) * ((users + accounts - 1) / accounts)
	}
	return n, perAccountIMAP
}

// speaks says whether a target serves a protocol.
func (f *finder) speaks(target, protocol string) bool {
	return slices.Contains(f.Targets, target) && f.Protocol(target).Name == protocol
}

// place is where a protocol's first target stands.
func (f *finder) place(protocol string) scenarios.Pos {
	for _, name := range slices.Sorted(slices.Values(f.Targets)) {
		if f.speaks(name, protocol) {
			return f.key("targets", name)
		}
	}
	return f.s.Load.Pos
}

// elsewhere says whether a target of a protocol lies on another machine.
func (f *finder) elsewhere(protocol string) bool {
	return slices.ContainsFunc(f.Targets, func(name string) bool { return f.speaks(name, protocol) && remote(f.s.Targets.ByName[name]) })
}

func remote(t scenarios.Target) bool {
	if t.URL == nil || t.URL.Hostname() == "localhost" {
		return false
	}
	ip, err := netip.ParseAddr(t.URL.Hostname())
	return err != nil || !ip.IsLoopback()
}

// targets doubts passwords in the clear, and traffic that may go anywhere.
func (f *finder) targets() {
	for _, name := range slices.Sorted(slices.Values(f.Targets)) {
		t := f.s.Targets.ByName[name]
		if t.URL == nil || !remote(t) || t.StartTLS != "" {
			continue
		}
		switch scheme := t.URL.Scheme; scheme {
		case "imap", "smtp":
			f.warn("plain-login", f.s.Field(t.Pos, "url"), "write starttls: required, or "+scheme+"s://", "passwords go to %s without encryption", t.URL.Hostname())
		case "http":
			f.warn("plain-login", f.s.Field(t.Pos, "url"), "write https://", "passwords go to %s without encryption", t.URL.Hostname())
		}
	}
	for _, network := range f.s.Targets.Allow {
		if network.Bits() == 0 {
			f.warn("allow-all", f.s.Field(scenarios.Pos{}, "targets", "allow"), "list the platform's networks", "%s allows traffic to any machine", network)
		}
	}
}
