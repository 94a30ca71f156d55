package observe

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
)

// selector picks series of one metric by their labels, as name{label="value",other!="value",third=~"regexp"}. A label
// that a series does not have counts as empty; regular expressions must match the whole value.
type selector struct {
	Name     string
	matchers []matcher
}

type matcher struct {
	label string
	value string
	not   bool
	re    *regexp.Regexp // instead of value
}

// matches tells whether a series of the selector's metric is meant.
func (s *selector) matches(labels []label) bool {
	for i := range s.matchers {
		m := &s.matchers[i]
		var value []byte
		for _, l := range labels {
			if string(l.name) == m.label {
				value = l.value
				break
			}
		}
		if m.re != nil {
			if !m.re.Match(value) {
				return false
			}
		} else if (string(value) == m.value) == m.not {
			return false
		}
	}
	return true
}

// parseSelector parses a selector. Errors name the column within it, from 1.
func parseSelector(text string) (*selector, error) {
	p := &selectorParser{text: text}
	s, err := p.selector()
	if err != nil {
		return nil, fmt.Errorf("selector %q, column %d: %w", text, p.at+1, err)
	}
	return s, nil
}

type selectorParser struct {
	text string
	at   int
}

func (p *selectorParser) space() {
	for p.at < len(p.text) && (p.text[p.at] == ' ' || p.text[p.at] == '\t') {
		p.at++
	}
}

// take moves over token where it is next.
func (p *selectorParser) take(token string) bool {
	p.space()
	if !strings.HasPrefix(p.text[p.at:], token) {
		return false
	}
	p.at += len(token)
	return true
}

func (p *selectorParser) name(what string, colon bool) (string, error) {
	p.space()
	from := p.at
	for p.at < len(p.text) && isNameByte(p.text[p.at], p.at == from, colon) {
		p.at++
	}
	if p.at == from {
		return "", fmt.Errorf("expected the name of a %s", what)
	}
	return p.text[from:p.at], nil
}

func (p *selectorParser) selector() (*selector, error) {
	s, err := p.series()
	if err != nil {
		return nil, err
	}
	if p.space(); p.at < len(p.text) {
		return nil, fmt.Errorf("expected nothing more")
	}
	return s, nil
}

// series is a selector with whatever may follow it.
func (p *selectorParser) series() (*selector, error) {
	name, err := p.name("metric", true)
	if err != nil {
		return nil, err
	}
	s := &selector{Name: name}
	if p.take("{") {
		for !p.take("}") {
			m, err := p.matcher()
			if err != nil {
				return nil, err
			}
			s.matchers = append(s.matchers, m)
			if !p.take(",") && !strings.HasPrefix(p.text[p.at:], "}") {
				return nil, fmt.Errorf("expected , or }")
			}
		}
	}
	return s, nil
}

func (p *selectorParser) matcher() (matcher, error) {
	var m matcher
	var err error
	if m.label, err = p.name("label", false); err != nil {
		return m, err
	}
	pattern := false
	switch {
	case p.take("!~"):
		p.at -= 2
		return m, fmt.Errorf("!~ is not supported, only =, != and =~ are")
	case p.take("!="):
		m.not = true
	case p.take("=~"):
		pattern = true
	case p.take("="):
	default:
		return m, fmt.Errorf("expected =, != or =~")
	}
	p.space()
	if !strings.HasPrefix(p.text[p.at:], `"`) {
		return m, fmt.Errorf(`expected a value in double quotes`)
	}
	value, n := unquote([]byte(p.text[p.at:]))
	if n == 0 {
		return m, fmt.Errorf("the value does not end")
	}
	m.value = string(bytes.Clone(value))
	if pattern {
		if m.re, err = regexp.Compile("^(?s:" + m.value + ")$"); err != nil {
			return m, err
		}
	}
	p.at += n
	return m, nil
}

func isNameByte(c byte, first, colon bool) bool {
	return c == '_' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || colon && c == ':' || !first && '0' <= c && c <= '9'
}

func isLabelName(b []byte) bool {
	for i, c := range b {
		if !isNameByte(c, i == 0, false) {
			return false
		}
	}
	return len(b) > 0
}
