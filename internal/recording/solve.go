package recording

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

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
