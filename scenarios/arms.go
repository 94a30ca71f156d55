package scenarios

import (
	"fmt"
	"net/netip"
	"slices"
)

// Experiments that discriminate: each load is played as it is and with one thing changed.
const (
	Bypass   = "bypass"    // around the balancer, straight at what stands behind it
	BySource = "sources"   // from one address against from many
	OneGroup = "one-group" // on the accounts of one group against on all
	CopyOff  = "copy-off"  // without copy traffic against with it
)

// Effects is the experiment that is written true: copy traffic, mix and drift.
const Effects = "effects"

// Arms lists the experiments that discriminate.
func Arms() []string { return []string{Bypass, BySource, OneGroup, CopyOff} }

// Arms of an experiment, as the archive names them. Those of one-group are GroupArm and the group's name.
const (
	AsIs        = "as-is" // the scenario as it is
	AroundArm   = "bypass"
	OneSource   = "one-source"
	ManySources = "many-sources"
	GroupArm    = "group "
	NoCopyArm   = "copy-off"
)

// spare are the addresses that users come from in the experiment sources where nothing says which.
const spare = "127.0.1.1-127.0.1.100"

// arms checks an experiment that discriminates; whether groups have accounts enough shows when users are laid out.
func (c *checker) arms(x *Experiment) {
	at := x.Pos
	switch {
	case x.Arms == "":
		key := "sources"
		if x.Group != "" {
			key = "group"
		}
		c.failKey(fmt.Sprintf("add arms: %s", map[string]string{"sources": BySource, "group": OneGroup}[key]), key+" belongs to an experiment with arms", at, key)
		return
	case !slices.Contains(Arms(), x.Arms):
		c.fail(didYouMean(x.Arms, Arms()), fmt.Sprintf("unknown experiment %q", x.Arms), at, "arms")
		return
	case x.Copy || x.Mix > 0 || x.Repeat:
		c.fail("run them one after the other", "an experiment with arms changes one thing; copy, mix and repeat are another one", at, "arms")
	case c.Wave.Copy.Stages == "experiment" || c.Wave.Copy.Stages == "alternate":
		c.fail("write all or none, or leave it out", "an experiment with arms changes one thing; copy traffic that comes and goes by stages is another", c.Wave.Pos, "copy", "stages")
	case c.Load.Order == Adaptive:
		c.fail("find the capacity first, then experiment at the loads that the run chose", "adaptive stages leave no room for an experiment", c.Load.Pos, "order")
	}
	if x.Group != "" && x.Arms != OneGroup {
		c.failKey("leave it out", "group belongs to arms: one-group", at, "group")
	}
	if len(x.Sources) > 0 && x.Arms != BySource {
		c.failKey("leave it out", "sources belong to arms: sources", at, "sources")
	}
	switch x.Arms {
	case Bypass:
		c.canBypass()
	case BySource:
		c.canChangeSource(x)
	case CopyOff:
		if c.read("wave") && (c.Wave.Copy.Concurrency == 0 || c.Wave.Copy.Stages == "none") {
			pos := c.Wave.Pos
			keys := []string{"copy"}
			if pos == (Pos{}) {
				pos, keys = at, []string{"arms"}
			}
			c.fail("give wave.copy.concurrency, and a persona with copy: true", "the experiment copy-off needs copy traffic, but there is none", pos, keys...)
		}
	}
}

// canBypass wants a target with something behind it.
func (c *checker) canBypass() {
	if !c.read("targets") {
		return
	}
	for _, name := range names(c.Targets.ByName) {
		if t := c.Targets.ByName[name]; len(t.Behind) > 0 {
			return
		}
	}
	first := ""
	for _, name := range names(c.Targets.ByName) { // most balancers stand in front of web servers
		t := c.Targets.ByName[name]
		if t.URL != nil && (first == "" || plainScheme(t.URL.Scheme) == "http" && plainScheme(c.Targets.ByName[first].URL.Scheme) != "http") {
			first = name
		}
	}
	if first == "" {
		return // no target has an address, which has been said
	}
	u := c.Targets.ByName[first].URL
	c.fail(fmt.Sprintf("write %s: {url: %s, behind: [%s://127.0.0.1:20001, …]}", first, u.Redacted(), u.Scheme),
		"the experiment bypass does not know what stands behind the balancer", Pos{}, "targets", first)
}

// canChangeSource wants a list of addresses, or a platform on this machine, which all of 127.0.0.0/8 reaches.
func (c *checker) canChangeSource(x *Experiment) {
	if !c.read("targets", "lines", "personas") || len(x.Sources) > 1 {
		return
	}
	if len(x.Sources) == 1 {
		c.fail("write sources: 127.0.1.1-127.0.1.100", "one address is not many", x.Pos, "sources")
		return
	}
	if len(c.Scenario.manySources()) > 0 {
		return
	}
	for _, name := range names(c.Targets.ByName) {
		if t := c.Targets.ByName[name]; t.URL != nil && !onThisMachine(t.URL.Hostname()) {
			c.fail("write experiment: {arms: sources, sources: 10.1.0.10-10.1.0.60} with addresses of this machine",
				fmt.Sprintf("the experiment sources needs addresses from which %s can be reached", t.URL.Hostname()), Pos{}, "targets", name)
			return
		}
	}
}

func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback() && ip.Unmap().Is4()
}

// manySources are the addresses of the lines of personas, where they are several.
func (s *Scenario) manySources() []netip.Addr {
	var list []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, p := range s.Personas {
		for _, a := range s.SourcesOf(p.Line) {
			if !seen[a] {
				seen[a] = true
				list = append(list, a)
			}
		}
	}
	if len(list) < 2 {
		return nil
	}
	return list
}

// SourceArm is the arm of the experiment sources that differs from the scenario, and the addresses from which users come in
// it, in turn. Where the scenario has many already, it is the one with one address.
func (s *Scenario) SourceArm() (arm string, list []netip.Addr) {
	if many := s.manySources(); len(many) > 0 && len(s.Load.Experiment.Sources) == 0 {
		return OneSource, many[:1]
	}
	if given := s.Load.Experiment.Sources; len(given) > 0 {
		return ManySources, given
	}
	first, last, _ := addresses(spare)
	for a := first; ; a = a.Next() {
		list = append(list, a)
		if a == last {
			return ManySources, list
		}
	}
}
