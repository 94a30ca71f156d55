// Package probes is the table of all protocols that pegel speaks. Reading it is reading what pegel can do.
package probes

import (
	"pegel/probes/browser"
	"pegel/probes/caldav"
	"pegel/probes/carddav"
	"pegel/probes/eas"
	"pegel/probes/imap"
	"pegel/probes/probe"
	"pegel/probes/smtp"
	"pegel/probes/web"
)

// All returns every protocol, in the order in which they are listed to users.
func All() []probe.Protocol {
	return []probe.Protocol{
		imap.Protocol(),
		smtp.Protocol(),
		caldav.Protocol(),
		carddav.Protocol(),
		eas.Protocol(),
		web.Protocol(),
		browser.Protocol(),
	}
}

// ByName returns the protocol of that name.
func ByName(name string) (probe.Protocol, bool) {
	for _, p := range All() {
		if p.Name == name {
			return p, true
		}
	}
	return probe.Protocol{}, false
}
