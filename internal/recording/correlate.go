package recording

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"pegel/internal/site"
)

// Journey is what several recordings have in common: requests with templates, and what to take out of answers for them.
type Journey struct {
	Actions  []JourneyAction
	Notes    []string
	Captures int // variables
}

// JourneyAction is one page action.
type JourneyAction struct {
	Verb  string
	Think time.Duration // between the action before and this one, in the first recording
	Steps []step
}

// step is one request, several at the same time, assets, or a choice among what was captured.
type step struct {
	requests []*planned
	assets   []string
	pick     string // variable that is set
	of       string
	after    string // action
}

// planned is a request as it will be written. Texts hold templates.
type planned struct {
	method, path         string
	query, headers, body []slot
	kind                 string
	json                 string
	inPath               bool // the query stands in the path
	status               int
	checks               []string // as flow mappings
	saves                []saved
	shape                site.Shape
	notes                []string
	row                  int
}

type saved struct {
	name string
	capture
}

// ErrAlike is the failure of Correlate where the recordings cannot be compared.
var ErrAlike = errors.New("the recordings cannot be held against each other")

// correlator is one comparison on its way.
type correlator struct {
	list  []*Recording
	rows  []row
	known map[*Exchange]map[string][]string
	jars  [][]map[string]string // by recording and row

	uses  []*use
	notes []string

	between map[string][]bool     // see awaited
	firsts  map[firstKey][]string // see first
}

// use is one place that needs what an answer has.
type use struct {
	from, at int // rows
	capture
	values []string
	name   string // of the variable it reads; set by name
	place  *planned
	token  string // what stands in the planned request instead of the name until there is one
}

// Correlate finds out what of the requests is the application's and what is the account's, the session's or the moment's.
func Correlate(list []*Recording) (*Journey, error) {
	if len(list) < 2 {
		return nil, fmt.Errorf("%w: two of different accounts are needed", ErrAlike)
	}
	for _, r := range list[1:] {
		if !slices.EqualFunc(r.Actions, list[0].Actions, func(a, b Action) bool { return a.Verb == b.Verb }) {
			return nil, fmt.Errorf("%w: %s has other actions than %s", ErrAlike, r.Source, list[0].Source)
		}
	}
	c := &correlator{list: list, known: map[*Exchange]map[string][]string{}}
	c.rows, c.notes = align(list)
	if len(c.rows) == 0 {
		return nil, fmt.Errorf("%w: they have no request in common", ErrAlike)
	}
	c.fillJars()
	plans := make([]*planned, len(c.rows))
	for at := range c.rows {
		if !c.rows[at].asset {
			plans[at] = c.plan(at)
		}
	}
	c.name()
	j := &Journey{Captures: len(c.variables())}
	for a := range list[0].Actions {
		j.Actions = append(j.Actions, c.action(a, plans))
	}
	for i := 1; i < len(list[0].Actions); i++ {
		before, now := list[0].Actions[i-1].Ended(), list[0].Actions[i].Began()
		if !before.IsZero() && now.After(before) {
			j.Actions[i].Think = now.Sub(before)
		}
	}
	j.Notes = c.notes
	return j, nil
}

// fillJars notes which cookies each recording has after each row.
func (c *correlator) fillJars() {
	for n := range c.list {
		jar, all := map[string]string{}, make([]map[string]string, len(c.rows))
		for at := range c.rows {
			if set := c.rows[at].x[n].cookies(); len(set) > 0 {
				next := make(map[string]string, len(jar)+len(set))
				for name, value := range jar {
					next[name] = value
				}
				for _, f := range set {
					next[f.Name] = f.Value
				}
				jar = next
			}
			all[at] = jar
		}
		c.jars = append(c.jars, all)
	}
}

func (c *correlator) jar(at, n int) map[string]string { return c.jars[n][at] }

// secret says whether a text holds a password of one of the accounts, plain or in a usual form.
func (c *correlator) secret(text string) bool {
	for _, r := range c.list {
		for _, k := range r.Known {
			if !k.Secret || k.Value == "" {
				continue
			}
			for _, form := range []string{k.Value, url.QueryEscape(k.Value), regexp.QuoteMeta(k.Value), strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(k.Value)), "=")} {
				if len(form) >= 4 && strings.Contains(text, form) || text == form {
					return true
				}
			}
		}
	}
	return false
}

// plan makes the request of a row.
func (c *correlator) plan(at int) *planned {
	r := &c.rows[at]
	all := make([]request, len(r.x))
	for n, x := range r.x {
		all[n] = take(x)
	}
	first := &all[0]
	p := &planned{method: first.method(r.x[0]), kind: first.kind, status: r.x[0].Status, row: at}
	if p.status == 304 {
		p.status = 200
	}
	var path strings.Builder
	for i := range first.path {
		path.WriteByte('/')
		text := c.solve(p, at, "path", "", valuesAt(all, func(r *request) []slot { return r.path }, i))
		path.WriteString(escapePath(text))
	}
	p.path = path.String()
	p.query = c.slots(p, at, "query", all, func(r *request) []slot { return r.query })
	p.headers = c.headers(p, at, all)
	switch p.kind {
	case "json":
		p.json = c.json(p, at, all)
	default:
		p.body = c.slots(p, at, p.kind, all, func(r *request) []slot { return r.body })
	}
	for _, x := range r.x {
		if len(x.Body) > 0 && x.Cut {
			p.notes = append(p.notes, "what was sent is longer than what was recorded")
			break
		}
	}
	p.inPath = repeated(p.query)
	if p.kind == "form" && repeated(p.body) { // a name twice is possible in a plain body only
		var pairs []string
		for _, s := range p.body {
			pairs = append(pairs, escapeQuery(s.name)+"="+escapeQuery(s.value))
		}
		p.kind, p.body = "body", []slot{{value: strings.Join(pairs, "&")}}
		p.headers = append(p.headers, slot{name: "Content-Type", value: "application/x-www-form-urlencoded"})
	}
	p.shape = c.shape(r)
	c.checks(p, r)
	return p
}

func (r *request) method(x *Exchange) string { return x.Method }

func repeated(list []slot) bool {
	seen := map[string]bool{}
	for _, s := range list {
		if seen[s.name] {
			return true
		}
		seen[s.name] = true
	}
	return false
}

func valuesAt(all []request, part func(*request) []slot, i int) (values []string) {
	for n := range all {
		values = append(values, part(&all[n])[i].value)
	}
	return values
}

// slots solves the slots of one part of a request.
func (c *correlator) slots(p *planned, at int, where string, all []request, part func(*request) []slot) (list []slot) {
	first := part(&all[0])
	for n := range all[1:] {
		if other := part(&all[n+1]); !fits(first, other) {
			// Not the same names: what all have is compared, the rest is the first recording's.
			list := make([]slot, 0, len(first))
			for _, s := range first {
				values := []string{s.value}
				for m := range all[1:] {
					for _, o := range part(&all[m+1]) {
						if o.name == s.name && len(values) == m+1 {
							values = append(values, o.value)
						}
					}
				}
				if len(values) == len(all) {
					list = append(list, slot{name: s.name, value: c.solve(p, at, where, s.name, values)})
				} else {
					p.notes = append(p.notes, s.name+" is not in all recordings, left out")
				}
			}
			return list
		}
	}
	for i, s := range first {
		list = append(list, slot{name: braces(s.name), value: c.solve(p, at, where, s.name, valuesAt(all, part, i)), text: s.text})
	}
	return list
}

// headers are those that all recordings have. One that stays unexplained is left out.
func (c *correlator) headers(p *planned, at int, all []request) (list []slot) {
	for _, s := range all[0].headers {
		values := []string{s.value}
		for n := range all[1:] {
			for _, o := range all[n+1].headers {
				if strings.EqualFold(o.name, s.name) && len(values) == n+1 {
					values = append(values, o.value)
				}
			}
		}
		if len(values) < len(all) {
			continue
		}
		if strings.EqualFold(s.name, "Authorization") && !strings.HasPrefix(strings.ToLower(s.value), "bearer ") || strings.ContainsAny(s.value, "\r\n\x00") {
			p.notes = append(p.notes, "the header "+s.name+" was left out")
			continue
		}
		list = append(list, slot{name: s.name, value: c.solve(p, at, "header", s.name, values)})
	}
	return list
}

// json is a body of JSON with its values solved.
func (c *correlator) json(p *planned, at int, all []request) string {
	first := &all[0]
	for n := range all[1:] {
		if !fits(first.body, all[n+1].body) {
			p.notes = append(p.notes, "what is sent has another shape in each recording: this is the first one's")
			all = slices.Repeat(all[:1], len(all))
			break
		}
	}
	var b strings.Builder
	for i, s := range first.body {
		b.WriteString(braces(first.around[i]))
		text := c.solve(p, at, "json", s.name, valuesAt(all, func(r *request) []slot { return r.body }, i))
		if s.text {
			text = quoteJSON(text)
		}
		b.WriteString(text)
	}
	b.WriteString(braces(first.around[len(first.body)]))
	return b.String()
}

// solve is the text that stands for the values of one slot.
func (c *correlator) solve(p *planned, at int, where, name string, values []string) string {
	if text, ok := c.whole(p, at, where, name, values); ok {
		return text
	}
	if text, ok := c.pieces(p, at, where, name, values); ok {
		return text
	}
	what := "a value"
	if name != "" {
		what = name
	} else if where == "path" {
		what = "a part of the path"
	}
	if len(values[0]) < 16 && !c.secret(values[0]) {
		p.notes = append(p.notes, what+" differs between the recordings and stood in no earlier answer: this is the first one's")
		return braces(values[0])
	}
	p.notes = append(p.notes, what+" differs between the recordings and stood in no earlier answer: random here")
	return "{{random}}"
}

// whole solves values that are one thing each.
func (c *correlator) whole(p *planned, at int, where, name string, values []string) (string, bool) {
	same := allEqual(values)
	if k, ok := c.accounts(values); ok {
		return "{{" + k + "}}", true
	}
	if text, ok := c.moment(at, values); ok {
		return text, true
	}
	if values[0] == "" && same {
		return "", true
	}
	if u := c.source(at, where, name, values, same); u != nil {
		u.place = p
		u.token = fmt.Sprintf("\x00%d\x00", len(c.uses))
		c.uses = append(c.uses, u)
		return u.token, true
	}
	if same && !c.secret(values[0]) {
		return braces(values[0]), true
	}
	if same {
		return "", false
	}
	return generated(values)
}

// accounts is the name of what all values are by what is known of the accounts.
func (c *correlator) accounts(values []string) (string, bool) {
	for _, k := range c.list[0].Known {
		all := k.Value != "" && values[0] == k.Value
		for n := 1; all && n < len(values); n++ {
			all = values[n] == c.value(n, k.Name)
		}
		// What is the same for all is told by its being secret, or long enough to be no accident.
		if all && (k.Secret || !allEqual(values) || len(k.Value) >= 8) {
			return k.Name, true
		}
	}
	return "", false
}

func (c *correlator) value(n int, name string) string {
	for _, k := range c.list[n].Known {
		if k.Name == name {
			return k.Value
		}
	}
	return ""
}

// pieces solves values that have what differs in the middle of what is the same: first what is known of the accounts is cut
// out, then words.
func (c *correlator) pieces(p *planned, at int, where, name string, values []string) (string, bool) {
	for _, k := range c.list[0].Known {
		if len(k.Value) < 3 && !k.Secret || k.Value == "" {
			continue
		}
		parts := make([][]string, len(values))
		for n, value := range values {
			parts[n] = splitAt(value, c.value(n, k.Name), k.Secret)
			if len(parts[n]) != len(parts[0]) {
				parts = nil
				break
			}
		}
		if len(parts) == 0 || len(parts[0]) < 2 || !k.Secret && allEqual(values) {
			continue
		}
		return c.joined(p, at, where, name, parts, "{{"+k.Name+"}}")
	}
	if allEqual(values) {
		return braces(values[0]), !c.secret(values[0])
	}
	words := make([][]string, len(values))
	for n, value := range values {
		words[n] = wordsOf(value)
		if len(words[n]) != len(words[0]) || len(words[n]) < 2 || len(words[n]) > 400 {
			return "", false
		}
	}
	return c.joined(p, at, where, name, words, "")
}

// joined solves parts one by one.
func (c *correlator) joined(p *planned, at int, where, name string, parts [][]string, between string) (string, bool) {
	var b strings.Builder
	for i := range parts[0] {
		values := make([]string, len(parts))
		for n := range parts {
			values[n] = parts[n][i]
		}
		if i > 0 {
			b.WriteString(between)
		}
		switch text, ok := "", false; {
		case allEqual(values) && !c.secret(values[0]):
			b.WriteString(braces(values[0]))
		case between != "": // may have further accounts' data
			b.WriteString(c.solve(p, at, where, name, values))
		default:
			if text, ok = c.whole(p, at, where, name, values); !ok {
				return "", false
			}
			b.WriteString(text)
		}
	}
	return b.String(), true
}

var wordForm = regexp.MustCompile(`[A-Za-z0-9_-]+|[^A-Za-z0-9_-]+`)

func wordsOf(text string) []string { return wordForm.FindAllString(text, -1) }

// splitAt splits at a value where it is no part of a longer word; a secret is split at wherever it stands.
func splitAt(text, value string, secret bool) (parts []string) {
	if value == "" {
		return []string{text}
	}
	from := 0
	for at := 0; ; {
		i := strings.Index(text[at:], value)
		if i < 0 {
			return append(parts, text[from:])
		}
		i += at
		end := i + len(value)
		at = end
		if !secret && (i > 0 && wordByte(text[i-1]) || end < len(text) && wordByte(text[end])) {
			continue
		}
		parts = append(parts, text[from:i])
		from = end
	}
}

func allEqual(values []string) bool {
	for _, v := range values[1:] {
		if v != values[0] {
			return false
		}
	}
	return true
}

// stampForm is a time in milliseconds, perhaps with a word before it.
var stampForm = regexp.MustCompile(`^([A-Za-z_.-]*)([0-9]{13})$`)

// moment recognises what is the time of the request: milliseconds since 1970, or the day.
func (c *correlator) moment(at int, values []string) (string, bool) {
	ms, day := true, true
	before := stampForm.FindStringSubmatch(values[0])
	if before == nil {
		before = []string{"", "", ""}
	}
	for n, v := range values {
		began := c.rows[at].x[n].Began
		if began.IsZero() {
			return "", false
		}
		stamp, ok := strings.CutPrefix(v, before[1])
		at, err := strconv.ParseInt(stamp, 10, 64)
		ms = ms && ok && err == nil && len(stamp) == 13 && at > began.Add(-24*time.Hour).UnixMilli() && at < began.Add(24*time.Hour).UnixMilli()
		day = day && v == began.UTC().Format("20060102")
	}
	switch {
	case ms && !allEqual(values):
		return braces(before[1]) + "{{now}}", true
	case day:
		return "{{day}}", true
	}
	return "", false
}

var (
	uuidForm  = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	eightForm = regexp.MustCompile(`^[0-9a-f]{8}$`)
)

// generated recognises what a page's script has drawn: no two are the same, and no answer had it.
func generated(values []string) (string, bool) {
	uuid, eight := true, true
	for _, v := range values {
		uuid, eight = uuid && uuidForm.MatchString(v), eight && eightForm.MatchString(v)
	}
	switch {
	case uuid: // of version 4 (RFC 9562, section 5.4)
		return "{{random}}-0000-4000-8000-0000{{random}}", true
	case eight:
		return "{{random}}", true
	}
	return "", false
}
