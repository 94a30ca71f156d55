package scenarios

import (
	"cmp"
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

// sources are the keys of which an entry has exactly one.
func (o *Observe) sources() []string {
	var list []string
	for _, x := range []struct {
		key   string
		given bool
	}{
		{"prometheus", o.Prometheus != ""}, {"query", o.Query != ""}, {"haproxy", o.HAProxy != ""}, {"postgres", o.Postgres != ""},
		{"process", len(o.Process) > 0}, {"command", len(o.Command) > 0}, {"json", o.JSON != ""},
	} {
		if x.given {
			list = append(list, x.key)
		}
	}
	return list
}

// source checks where an entry reads, and how it proves who asks. What can be of one software only need not be named.
func (c *checker) source(o *Observe) {
	switch given := o.sources(); {
	case len(given) == 0:
		c.missing(o.Pos, "prometheus, query, haproxy, postgres, process, command or json is", "write prometheus: http://127.0.0.1:9090/metrics")
		return
	case len(given) > 1:
		c.fail("make an entry of each", given[0]+" and "+given[1]+" are two sources", o.Pos, given[1])
		return
	case o.Prometheus != "":
		c.web(o.Pos, "prometheus", o.Prometheus, "write http://127.0.0.1:9090/metrics")
	case o.Query != "":
		c.web(o.Pos, "query", o.Query, "write http://127.0.0.1:9090")
	case o.JSON != "":
		c.web(o.Pos, "json", o.JSON, "write http://127.0.0.1:9090/status.json")
		if len(o.Values) == 0 {
			c.fail("write values: {busy: pool.active}", "json needs values: which number is where", o.Pos, "json")
		}
	case o.HAProxy != "":
		c.stats(o)
		o.Software = cmp.Or(o.Software, "haproxy")
	case o.Postgres != "":
		c.database(o)
		o.Software = cmp.Or(o.Software, "postgres")
	case len(o.Process) > 0:
		for i, name := range o.Process {
			if name == "" || len(name) > 15 && !strings.ContainsRune(name, '/') {
				c.fail("the kernel keeps the first 15 bytes of a program's name; a pid file has a slash in its name", fmt.Sprintf("no process is called %q", name), o.Pos, "process", strconv.Itoa(i))
			}
		}
		o.Software = cmp.Or(o.Software, "process")
	}
	if len(o.Values) > 0 && o.JSON == "" && len(o.Command) == 0 && o.Query == "" {
		c.fail("", "values belong to json, command or query", o.Pos, "values")
	}
	for name := range o.Values {
		if !selector.MatchString(name) || strings.ContainsRune(name, '{') {
			c.fail("use letters, digits and underscore", fmt.Sprintf("%q is not the name of a metric", name), o.Pos, "values", name)
		}
	}
	if o.Match != "" && o.Query == "" {
		c.fail("", "match belongs to query", o.Pos, "match")
	} else if o.Match != "" && !selector.MatchString("m{"+o.Match+"}") {
		c.fail(`write 'job="haproxy"'`, fmt.Sprintf("%q is not what labels must be", o.Match), o.Pos, "match")
	}
	if o.Software == "" && len(o.Resources) == 0 && o.Prometheus == "" {
		c.fail("the catalogue has "+strings.Join(catalogue.Names(), ", "), fmt.Sprintf("nothing is read from %q: give software, or resources", o.Name), o.Pos)
	}
	if o.CA != "" && !filepath.IsAbs(o.CA) && c.file != nil {
		o.CA = filepath.Join(c.file.dir, o.CA)
	}
	switch {
	case o.User != "" && o.Token.given():
		c.fail("leave one out", "user and token are two ways to prove who asks", o.Pos, "token")
	case o.User != "" && !o.Password.given() && o.Postgres == "":
		c.fail("write password: {env: PEGEL_METRICS_PASSWORD}", "user needs a password", o.Pos, "user")
	case o.User == "" && o.Password.given() && o.Postgres == "":
		c.fail("write user: NAME", "password needs a user", o.Pos, "password")
	}
}

// stats checks where HAProxy's statistics are.
func (c *checker) stats(o *Observe) {
	u, err := url.Parse(o.HAProxy)
	const hint = "write unix:/run/haproxy/admin.sock, tcp://127.0.0.1:9999 or http://127.0.0.1:8404/stats;csv"
	switch {
	case err == nil && u.Scheme == "unix" && u.Host == "" && strings.HasPrefix(u.Path, "/"):
	case err == nil && u.Scheme == "tcp" && u.Port() != "":
		if c.read("targets") {
			c.address(o.Pos, "haproxy", u.Scheme, u.Hostname(), []string{"tcp"})
		}
	case err == nil && (u.Scheme == "http" || u.Scheme == "https"):
		c.web(o.Pos, "haproxy", o.HAProxy, hint)
	default:
		c.fail(hint, "not an address of HAProxy's statistics", o.Pos, "haproxy")
	}
}

// database checks the address of one.
func (c *checker) database(o *Observe) {
	u, err := url.Parse(o.Postgres)
	switch {
	case err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql":
		c.fail("write postgres://pegel@127.0.0.1:5432/postgres", "not the address of a database", o.Pos, "postgres")
	case hasPassword(u):
		c.fail("give password: {env: PEGEL_DB_PASSWORD}", "an address must not hold a password", o.Pos, "postgres")
	case u.Host != "" && c.read("targets"):
		c.address(o.Pos, "postgres", u.Scheme, u.Hostname(), []string{"postgres", "postgresql"})
	}
}

func hasPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has || u.Query().Has("password")
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
