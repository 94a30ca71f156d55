package scenarios

import (
	"fmt"
	"time"
)

// behaviour checks what a persona is like: its patience, its sessions, its connections.
func (c *checker) behaviour(p Persona) {
	if p.Patience != nil {
		c.patience(*p.Patience)
	}
	if p.Session != nil {
		c.sessions(*p.Session)
	}
	if !c.read("targets") {
		return
	}
	for _, target := range names(p.Connections) {
		if _, ok := c.Targets.ByName[target]; !ok {
			c.failKey(didYouMean(target, names(c.Targets.ByName)), fmt.Sprintf("unknown target %q", target), p.Pos, "connections", target)
		} else if n := p.Connections[target]; n < 1 || n > mostConnections {
			c.fail("", fmt.Sprintf("a user has from 1 to %d connections to a target", mostConnections), p.Pos, "connections", target)
		}
	}
}

// Bounds of what one user does.
const (
	mostConnections = 100
	mostReloads     = 100
	shortestStay    = time.Second // of a session, in the median
)

func (c *checker) patience(p Patience) {
	known := []string{Reload, Retry, Leave}
	switch {
	case !c.has(p.Pos, "after"):
		c.missing(p.Pos, "after is", "write patience: {after: 8s, then: reload}")
	case p.After == 0:
		c.fail("write after: 8s", "after must be above 0", p.Pos, "after")
	}
	switch p.Then {
	case "":
		c.missing(p.Pos, "then is", "write then: reload, then: retry or then: leave")
	case Reload, Retry:
		if c.has(p.Pos, "most") && (p.Most < 1 || p.Most > mostReloads) {
			c.fail("to go at once, write then: leave", fmt.Sprintf("most is from 1 to %d", mostReloads), p.Pos, "most")
		}
	case Leave:
		if c.has(p.Pos, "most") {
			c.failKey("leave it out", "most makes no sense with then: leave", p.Pos, "most")
		}
	default:
		c.fail(didYouMean(p.Then, known), fmt.Sprintf("unknown then %q", p.Then), p.Pos, "then")
	}
}

func (c *checker) sessions(s SessionLength) {
	switch {
	case !c.has(s.Pos, "length"):
		c.missing(s.Pos, "length is", "write session: {length: {lognormal: {median: 25m, p90: 2h}}, away: 1h}")
	case s.Length.Kind != "" && s.Length.Quantile(0.5) < shortestStay:
		c.fail("", fmt.Sprintf("a session must be at least %v long in the median", shortestStay), s.Pos, "length")
	}
}
