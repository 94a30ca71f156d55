package scenarios

import (
	"cmp"
	"io"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"
)

// loopback is where traffic may go unless the scenario says otherwise.
func loopback() []netip.Prefix {
	return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

func (t *Targets) decodeNode(d *decoder, n *node) {
	if n.kind != mapNode {
		d.want(n, "write imap: {url: imaps://imap.example.test}", "a mapping of target names")
		return
	}
	t.ByName, t.Allow = map[string]Target{}, loopback()
	for _, e := range n.entries {
		if e.key == "allow" {
			t.Allow = d.prefixes(e.value)
			continue
		}
		var one Target
		one.decodeNode(d, e.value)
		t.ByName[e.key] = one
	}
}

// prefixes reads a list of networks; a plain address is a network of its own.
func (d *decoder) prefixes(n *node) []netip.Prefix {
	var texts []string
	d.value(n, reflect.ValueOf(&texts).Elem())
	var list []netip.Prefix
	for i, text := range texts {
		if p, err := netip.ParsePrefix(text); err == nil {
			list = append(list, p.Masked())
		} else if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
			list = append(list, netip.PrefixFrom(a, a.BitLen()))
		} else if text != "" {
			d.fail(n.items[i].pos, "write 10.1.0.0/16 or 10.1.2.3", "%q is no network and no address", text)
		}
	}
	return list
}

func (t *Target) decodeNode(d *decoder, n *node) {
	t.Timeout = Duration(time.Minute)
	given := false
	if d.object(n, reflect.ValueOf(t).Elem(), map[string]func(entry){
		"url": func(e entry) {
			given = true
			text := d.text(e.value)
			if text == "" {
				if e.value.kind == textNode {
					d.fail(e.value.pos, "write imaps://imap.example.test:993", "the address is empty")
				}
				return // else it was no text, which has been said
			}
			u, err := url.Parse(text)
			switch {
			case err != nil: // its text repeats the address, which may hold a password
				d.fail(e.value.pos, "write imaps://imap.example.test:993", "not a valid address")
			case u.User != nil:
				d.fail(e.value.pos, "use accounts.password", "an address must not hold a user name or password")
			default:
				t.URL = u
			}
		},
	}) && !given {
		d.fail(n.pos, "write url: imaps://imap.example.test", "url is missing")
	}
}

func (a *Activity) decodeNode(d *decoder, n *node) {
	if n.kind != mapNode {
		d.want(n, "write persona: 20%", "a mapping of personas to shares")
		return
	}
	a.ByPersona = map[string]Share{}
	for _, e := range n.entries {
		if e.key == "source" {
			a.Source = d.text(e.value)
			continue
		}
		var s Share
		d.share(e.value, &s, "activity of "+e.key, "at most 100 % and at least 0 % of the accounts can be active")
		a.ByPersona[e.key] = s
	}
}

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// decodeNode reads the reference to a secret, and the secret. What is given instead of a reference may be the secret
// itself, so no error repeats it.
func (s *Secret) decodeNode(d *decoder, n *node) {
	const hint = "write {env: PEGEL_PASSWORD} or {file: password.txt}"
	s.Pos = n.pos
	before := len(d.errs.Problems)
	switch {
	case n.scalar() && n.kind != nullNode:
		d.fail(n.pos, hint, "a secret must not be written in a scenario")
		return
	case n.kind != mapNode:
		d.fail(n.pos, hint, "expected a reference to a secret")
		return
	}
	d.object(n, reflect.ValueOf(s).Elem(), nil)
	if len(d.errs.Problems) > before {
		return
	}
	_, at := d.file.locate(n.pos, "env")
	switch {
	case (s.Env == "") == (s.File == ""):
		d.fail(n.pos, hint, "a secret comes from either env or file")
	case s.Env != "" && !variable.MatchString(s.Env):
		d.fail(at, hint, "not the name of an environment variable")
	case d.opts.SkipSecrets:
	case s.Env != "":
		value, ok := d.opts.Getenv(s.Env)
		if !ok {
			d.fail(at, "set it before the run", "environment variable %s is not set", s.Env)
		} else if value == "" {
			d.fail(at, "", "environment variable %s is empty", s.Env)
		}
		s.Value = value
	default:
		_, at = d.file.locate(n.pos, "file")
		var err error
		if s.Value, err = firstLine(d.path(s.File)); err != nil {
			d.fail(at, "the path is relative to the scenario file", "reading the secret: %v", err)
		} else if s.Value == "" {
			d.fail(at, "", "the first line of %s is empty", s.File)
		}
	}
}

// firstLine reads the first line of a file, of which no more than 64 KiB are looked at.
func firstLine(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, 64<<10))
	line, _, _ := strings.Cut(string(raw), "\n")
	return strings.TrimSuffix(line, "\r"), err
}

func (w *Wave) decodeNode(d *decoder, n *node) {
	d.object(n, reflect.ValueOf(w).Elem(), map[string]func(entry){
		"batches": func(e entry) {
			if e.value.kind == textNode {
				w.Batches = d.batches(e.value)
				return
			}
			if e.value.kind != listNode {
				d.want(e.value, "write [{name: north, date: 2026-03-02, accounts: 800}] or batches.csv",
					"a list of batches or the name of a CSV file")
				return
			}
			d.list(e.value, reflect.ValueOf(&w.Batches).Elem())
		},
	})
}

const (
	settleShare = 0.2 // of the hold, for settle: auto
	settleLeast = 2 * time.Second

	usualPrecision = 0.1
)

func (s *Stages) decodeNode(d *decoder, n *node) {
	auto := true
	s.Precision = usualPrecision
	d.object(n, reflect.ValueOf(s).Elem(), map[string]func(entry){
		"settle": func(e entry) {
			if auto = e.value.kind == textNode && e.value.text == "auto"; !auto {
				s.Settle.decodeNode(d, e.value)
			}
		},
	})
	if auto {
		s.Settle = Duration(max(settleLeast, time.Duration(settleShare*float64(s.Hold))))
	}
}

func (o *Objective) decodeNode(d *decoder, n *node) {
	quantile := func(q float64) func(entry) {
		return func(e entry) { o.Limits = append(o.Limits, Limit{q, d.duration(e.value)}) }
	}
	d.object(n, reflect.ValueOf(o).Elem(), map[string]func(entry){
		"p50": quantile(0.5), "p90": quantile(0.9), "p95": quantile(0.95), "p99": quantile(0.99), "p999": quantile(0.999),
	})
	slices.SortFunc(o.Limits, func(a, b Limit) int { return cmp.Compare(a.Quantile, b.Quantile) })
}
