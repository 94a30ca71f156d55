package scenarios

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pegel/internal/catalogue"
)

// kinds are the sorts of resources that the diagnosis tells apart.
var kinds = []string{"slots", "workers", "pool", "disk", "cpu", "memory", "connections", "cache", "lock", "queue", "sessions"}

// slowest is the longest time from reading to reading of a source.
const slowest = time.Minute

func (c *checker) observe() {
	seen := map[string]bool{}
	for i := range c.Observe {
		o := &c.Observe[i]
		if o.Name == "" {
			c.missing(o.Pos, "name of the observed page is", "")
		} else if seen[o.Name] {
			c.fail("", fmt.Sprintf("%q is observed twice", o.Name), o.Pos, "name")
		}
		seen[o.Name] = true
		if o.Software != "" && !slices.Contains(catalogue.Names(), o.Software) {
			hint := "the catalogue has " + strings.Join(catalogue.Names(), ", ")
			if near := Nearest(o.Software, catalogue.Names()); near != "" {
				hint = fmt.Sprintf("did you mean %q? %s", near, hint)
			}
			c.fail(hint, fmt.Sprintf("unknown software %q", o.Software), o.Pos, "software")
		}
		if d := o.Every.D(); d != 0 && (d < time.Second || d > slowest) {
			c.fail("", "every is 1s to 1m", o.Pos, "every")
		}
		c.source(o)
		inside := map[string]bool{}
		for _, r := range o.Resources {
			if inside[r.Name] && r.Name != "" {
				c.fail("", fmt.Sprintf("resource %q is listed twice", r.Name), r.Pos, "name")
			}
			inside[r.Name] = true
			c.resource(r, o.Software != "")
		}
	}
}

// source checks where an entry reads, and how it proves who asks.
func (c *checker) source(o *Observe) {
	switch {
	case o.Prometheus == "":
		c.missing(o.Pos, "prometheus is", "write prometheus: http://127.0.0.1:9090/metrics")
	default:
		c.web(o.Pos, "prometheus", o.Prometheus, "write http://127.0.0.1:9090/metrics")
	}
	if o.CA != "" && !filepath.IsAbs(o.CA) && c.file != nil {
		o.CA = filepath.Join(c.file.dir, o.CA)
	}
	switch {
	case o.User != "" && o.Token.given():
		c.fail("leave one out", "user and token are two ways to prove who asks", o.Pos, "token")
	case o.User != "" && !o.Password.given():
		c.fail("write password: {env: PEGEL_METRICS_PASSWORD}", "user needs a password", o.Pos, "user")
	case o.User == "" && o.Password.given():
		c.fail("write user: NAME", "password needs a user", o.Pos, "password")
	}
}

// web checks an address that is asked over HTTP.
func (c *checker) web(pos Pos, key, text, hint string) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		c.fail(hint, "not a valid address", pos, key)
	case u.User != nil:
		c.fail("give user and password", "an address must not hold a user name or password", pos, key)
	case c.read("targets"):
		c.address(pos, key, u.Scheme, u.Hostname(), []string{"http", "https"})
	}
}

var selector = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*(\{\s*([a-zA-Z_][a-zA-Z0-9_]*\s*=\s*"(\\.|[^"\\])*"\s*(,\s*[a-zA-Z_][a-zA-Z0-9_]*\s*=\s*"(\\.|[^"\\])*"\s*)*,?\s*)?\})?$`)

// resource checks one that is written out. Where others are found, it may leave to them what it does not say.
func (c *checker) resource(r Resource, found bool) {
	if r.Name == "" {
		c.missing(r.Pos, "name of the resource is", "")
	} else if !plainName.MatchString(r.Name) {
		c.fail(plainNameRule, fmt.Sprintf("a resource cannot be called %q", r.Name), r.Pos, "name")
	}
	if r.Kind != "" && !slices.Contains(kinds, r.Kind) {
		c.fail(didYouMean(r.Kind, kinds), fmt.Sprintf("unknown kind %q", r.Kind), r.Pos, "kind")
	}
	selects := r.InUse+r.Queue+r.Busy+r.Served+r.Refused+r.Waited != ""
	if r.InUse == "" && (r.Busy == "" || r.Served == "") && (selects || !found) {
		c.fail("", fmt.Sprintf("resource %q needs in_use, or busy and served", r.Name), r.Pos)
	}
	if r.Limit == "" && found && !selects {
		// the found one's
	} else if r.Limit == "" {
		c.fail("give the number of slots, or a selector", fmt.Sprintf("resource %q has no limit", r.Name), r.Pos)
	} else if x, err := strconv.ParseFloat(r.Limit, 64); err == nil && !(x > 0) {
		c.fail("", "limit must be above 0", r.Pos, "limit")
	} else if err != nil {
		c.selector(r, "limit", r.Limit)
	}
	if r.QueueLimit != "" {
		if _, err := strconv.ParseFloat(r.QueueLimit, 64); err != nil {
			c.selector(r, "queue_limit", r.QueueLimit)
		}
	}
	for key, text := range map[string]string{
		"in_use": r.InUse, "queue": r.Queue, "busy": r.Busy, "served": r.Served, "refused": r.Refused, "waited": r.Waited,
	} {
		c.selector(r, key, text)
	}
	for i, glob := range r.Actions {
		c.glob(glob, r.Pos, "actions", strconv.Itoa(i))
	}
}

func (c *checker) selector(r Resource, key, text string) {
	if text != "" && !selector.MatchString(text) {
		c.fail(`write name{label="value"}`, fmt.Sprintf("%q selects no metric", text), r.Pos, key)
	}
}
