package scenarios

import (
	"fmt"
	"net/url"
	"strings"
)

// Behind are the addresses of what stands behind a target's balancer, to which an experiment goes straight.
type Behind []*url.URL

// mostBehind bounds the list.
const mostBehind = 256

func (b *Behind) decodeNode(d *decoder, n *node) {
	items := []*node{n}
	if n.kind == listNode {
		items = n.items
	}
	if len(items) > mostBehind {
		d.fail(n.pos, "", "%d addresses are too many, at most %d", len(items), mostBehind)
		return
	}
	for _, item := range items {
		if item.kind != textNode || item.secret {
			d.want(item, "write http://127.0.0.1:20001", "an address, or a list of them")
			continue
		}
		u, err := url.Parse(item.text)
		switch {
		case err != nil: // it may hold a password
			d.fail(item.pos, "write http://127.0.0.1:20001", "not a valid address")
		case u.User != nil:
			d.fail(item.pos, "accounts say who logs in", "an address must not hold a user name or password")
		default:
			*b = append(*b, u)
		}
	}
}

// plainScheme is a scheme without its TLS: what stands behind a balancer that ends TLS speaks the same in plain.
func plainScheme(scheme string) string {
	switch scheme {
	case "https", "imaps", "smtps":
		return strings.TrimSuffix(scheme, "s")
	}
	return scheme
}

// behind checks what stands behind a target.
func (c *checker) behind(t *Target) {
	if c.has(t.Pos, "behind") && len(t.Behind) == 0 && c.read("targets") {
		c.fail("write behind: [http://127.0.0.1:20001, http://127.0.0.1:20002], or leave it out", "behind names no backend", t.Pos, "behind")
	}
	for _, u := range t.Behind {
		switch {
		case plainScheme(u.Scheme) != plainScheme(t.URL.Scheme):
			c.fail("", fmt.Sprintf("a backend of %s speaks %s or %s, not %q", t.URL.Scheme, plainScheme(t.URL.Scheme), plainScheme(t.URL.Scheme)+"s", u.Scheme), t.Pos, "behind")
		case u.Port() == "":
			c.fail("write its port, as in "+u.Scheme+"://"+u.Hostname()+":20001", fmt.Sprintf("the backend %s has no port", u.Host), t.Pos, "behind")
		case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
			c.fail("users ask it for what they ask the target for", "a backend has no path", t.Pos, "behind")
		default:
			c.address(t.Pos, "behind", u.Scheme, u.Hostname(), schemes)
		}
	}
}
