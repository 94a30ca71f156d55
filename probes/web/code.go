package web

import (
	"strings"

	"pegel/probes/probe"
)

// classOfCode is the class of an error that came inside a 200. Web applications name there what other protocols say by
// status: Open-Xchange, for example, uses SES-* for a lost session and the categories below for what may be tried again.
// What is not known is content: the answer was understood, and it is not what was asked for.
func classOfCode(code string) probe.Class {
	c := strings.ToUpper(code)
	switch {
	case strings.HasPrefix(c, "SES-"), strings.Contains(c, "UNAUTHORIZED"), strings.Contains(c, "SESSION"):
		return probe.Auth
	}
	for _, busy := range []string{"TRY_AGAIN", "SERVICE_DOWN", "CAPACITY", "OVERLOAD", "UNAVAILABLE", "BUSY", "TIMEOUT"} {
		if strings.Contains(c, busy) {
			return probe.Overload
		}
	}
	return probe.Content
}
