package scenarios

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Line is what lies between users and the platform: a home line, a VPN, a ministry's one address.
type Line struct {
	RoundTrip time.Duration `yaml:"round_trip"` // there and back
	Jitter    time.Duration `yaml:"jitter"`     // on top of a round trip, evenly from 0 to this
	Down      Rate          `yaml:"down"`       // to the user; 0: no limit
	Up        Rate          `yaml:"up"`
	Shared    bool          `yaml:"shared"`  // all users have Down and Up together
	Via       string        `yaml:"via"`     // the line between this one and the platform
	Sources   Sources       `yaml:"sources"` // addresses from which the users come in turn; empty: whatever the system takes
	Resume    *bool         `yaml:"tls_resumption"`
	Pos       Pos           `yaml:"-"`
}

// Rate is a bandwidth in bytes a second.
type Rate float64

// Sources are the addresses of this machine that users come from.
type Sources []netip.Addr

// mostSources bounds the list: a /16.
const mostSources = 1 << 16

var (
	rateForm = regexp.MustCompile(`^(\d+(?:\.\d+)?)\s*(kbit|Mbit|Gbit)/s$`)
	bits     = map[string]float64{"kbit": 1e3, "Mbit": 1e6, "Gbit": 1e9}
)

func (r *Rate) decodeNode(d *decoder, n *node) {
	form := rateForm.FindStringSubmatch(strings.TrimSpace(n.text))
	if !n.scalar() || n.secret || form == nil {
		hint := ""
		if bareNumber.MatchString(n.text) {
			hint = "write " + n.text + "Mbit/s"
		}
		d.want(n, hint, "a bandwidth such as 512kbit/s, 50Mbit/s or 1Gbit/s")
		return
	}
	x, err := strconv.ParseFloat(form[1], 64)
	if x *= bits[form[2]] / 8; err != nil || x < 1000/8 || x > 1e12/8 {
		d.fail(n.pos, "", "a bandwidth must be from 1kbit/s to 1000Gbit/s, got %s", n.describe())
		return
	}
	*r = Rate(x)
}

func (s *Sources) decodeNode(d *decoder, n *node) {
	items := []*node{n}
	if n.kind == listNode {
		items = n.items
	}
	for _, item := range items {
		first, last, ok := addresses(d.text(item))
		if !ok {
			d.want(item, "", "an address, 127.0.1.0/24, or 127.0.1.1-127.0.1.9")
			continue
		}
		for a := first; ; a = a.Next() {
			if len(*s) == mostSources {
				d.fail(item.pos, "", "more than %d source addresses", mostSources)
				return
			}
			*s = append(*s, a)
			if a == last {
				break
			}
		}
	}
}

// addresses reads one address, a network or a range. Of a network with more than two addresses the first and the last are left out, as they name
// the network and everybody in it.
func addresses(text string) (first, last netip.Addr, ok bool) {
	if from, to, isRange := strings.Cut(text, "-"); isRange {
		first, err1 := netip.ParseAddr(strings.TrimSpace(from))
		last, err2 := netip.ParseAddr(strings.TrimSpace(to))
		return first, last, err1 == nil && err2 == nil && first.Is4() == last.Is4() && !last.Less(first)
	}
	if a, err := netip.ParseAddr(text); err == nil {
		return a, a, true
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Masked() != p {
		return first, last, false
	}
	bytes := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(bytes)*8; bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ = netip.AddrFromSlice(bytes)
	first = p.Addr()
	if p.Addr().Is4() && p.Bits() < 31 {
		first, last = first.Next(), last.Prev()
	}
	return first, last, true
}

// lines checks the lines.
func (c *checker) lines() {
	for _, name := range names(c.Lines) {
		l := c.Lines[name]
		if !plainName.MatchString(name) {
			c.failKey(plainNameRule, fmt.Sprintf("a line cannot be called %q", name), Pos{}, "lines", name)
		}
		if l.Shared && l.Down == 0 && l.Up == 0 {
			c.failKey("give it down and up", fmt.Sprintf("line %q shares no bandwidth: it has no limit", name), l.Pos, "shared")
		}
		seen := []string{name}
		for via := l.Via; via != ""; {
			next, ok := c.Lines[via]
			if !ok {
				if len(seen) == 1 {
					c.fail(didYouMean(via, names(c.Lines)), fmt.Sprintf("unknown line %q", via), l.Pos, "via")
				}
				break
			}
			if slices.Contains(seen, via) {
				c.fail("", fmt.Sprintf("line %q comes back to itself: %s", name, strings.Join(append(seen, via), ", ")), l.Pos, "via")
				break
			}
			seen = append(seen, via)
			via = next.Via
		}
	}
}

// SourcesOf are the addresses that users of a line come from: its own, or else those of the nearest line towards the platform
// that has some, as behind the one address of an office.
func (s *Scenario) SourcesOf(line string) []netip.Addr {
	for line != "" {
		l := s.Lines[line]
		if len(l.Sources) > 0 {
			return l.Sources
		}
		line = l.Via
	}
	return nil
}
