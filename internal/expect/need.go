package expect

import (
	"fmt"
	"math"

	"pegel/internal/plan"
)

// Costs of the generator, as .ci/bench measures them for docs/benchmarks.md (2 cores of a Xeon, commands of 1 to 16 KB over
// plain TCP on loopback), rounded up. TLS adds two record buffers and the handshake's remains to a connection, and its ciphers
// are cheap beside the rest.
const (
	baseMemory    = 60 << 20 // the program, its recorder and the intervals on their way to the archive
	userMemory    = 6 << 10  // row "idle user, engine alone"
	connMemory    = 27 << 10 // row "idle IMAP user, connection included", less the user
	tlsMemory     = 16 << 10 // of one connection more
	chromiumBytes = 80 << 20 // a browser user, see docs/operations.md: 60 to 100 MiB
	baseCPU       = 0.02     // cores: recording, archiving, watching itself
	chromiumCPU   = 50e-3    // seconds of a core for each action of a real browser
	baseFiles     = 64       // open files besides the users' connections: archive, metrics pages, the runtime
	browserConns  = 2 * 6    // Chromium's connections go through a proxy inside the generator: two ends each
	comfortable   = 0.7      // share of a limit beyond which the generator may become the bottleneck
	otherCPU      = 600e-6   // seconds of a core for an action of a protocol that is not measured: the dearest of those that are
	planMemory    = 160      // a planned user: its entry and its part of the indices
)

// cpu is the generator's processor time for one action in seconds, by protocol; rows "generator's processor time".
func cpu(protocol string) float64 {
	switch protocol {
	case "imap":
		return 600e-6
	case "web":
		return 350e-6
	case "smtp":
		return 200e-6
	case "browser":
		return chromiumCPU
	}
	return otherCPU
}

// Machine is what a generator has.
type Machine struct {
	Files  int     `json:"files"`  // open files that the process may have; 0: unknown
	Memory float64 `json:"memory"` // bytes; 0: unknown
	Cores  int     `json:"cores"`
	Ports  int     `json:"ports"` // that a connection may leave from, of one source address to one server; 0: unknown
}

// Need is what a plan needs of one generator, beside what the machine has.
type Need struct {
	Files      int      `json:"files"`  // sockets included
	Memory     float64  `json:"memory"` // bytes
	Cores      float64  `json:"cores"`  // busy on average in the busiest stage
	Have       Machine  `json:"machine"`
	Generators int      `json:"generators"` // how many machines like this one carry it, each below 70 % of its limits
	Short      []string `json:"short,omitempty"`
}

// Fits tells whether this machine alone carries the load.
func (n *Need) Fits() bool { return n.Generators <= 1 }

// NeedOf is what the generator needs for a load of the plan.
func NeedOf(p *plan.Plan, l *Load, have Machine) Need {
	n := Need{Files: baseFiles, Memory: baseMemory, Cores: baseCPU, Have: have}
	for _, persona := range l.Personas {
		n.Memory += userMemory * float64(persona.Users)
	}
	n.Memory += planMemory * float64(len(p.Active)+len(p.Fixed)+len(p.Copiers))
	for _, pr := range l.Protocols {
		n.Cores += pr.PerSecond * cpu(pr.Name)
		if pr.Name == "browser" {
			n.Files += pr.Connections * browserConns
			n.Memory += float64(pr.Connections) * chromiumBytes
			continue
		}
		n.Files += pr.Connections
		perConn := float64(connMemory)
		if encrypted(p, pr.Name) {
			perConn += tlsMemory
		}
		n.Memory += float64(pr.Connections) * perConn
	}
	n.Generators = 1
	n.check("open files (ulimit -n)", float64(n.Files), float64(have.Files), Count)
	n.check("memory", n.Memory, have.Memory, Bytes)
	for _, w := range l.Ways {
		what := fmt.Sprintf("ports to %s from %d address%s", w.Target, w.Sources, map[bool]string{true: "es"}[w.Sources > 1])
		n.check(what, float64(w.Connections), float64(have.Ports)*float64(w.Sources), Count)
	}
	n.check("cores", n.Cores, float64(have.Cores), func(v float64) string { return fmt.Sprintf("%.1f", v) })
	return n
}

// check holds one need against what there is.
func (n *Need) check(what string, need, have float64, written func(float64) string) {
	if have <= 0 || need <= have*comfortable {
		return
	}
	n.Generators = max(n.Generators, int(math.Ceil(need/(have*comfortable))))
	n.Short = append(n.Short, fmt.Sprintf("%s: %s of %s", what, written(need), written(have)))
}

// encrypted tells whether any target of a protocol speaks TLS.
func encrypted(p *plan.Plan, protocol string) bool {
	for _, name := range p.Targets {
		if p.Protocol(name).Name != protocol {
			continue
		}
		t := p.Scenario.Targets.ByName[name]
		switch {
		case t.StartTLS != "", t.URL != nil && (t.URL.Scheme == "imaps" || t.URL.Scheme == "smtps" || t.URL.Scheme == "https"):
			return true
		}
	}
	return false
}
