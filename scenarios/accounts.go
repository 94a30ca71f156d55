package scenarios

import (
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// AccountList is the accounts in their order. A pattern is expanded only where an account is asked for.
type AccountList struct {
	count, first   int
	login, address template
	password       string
	rows           []credentials // from a CSV file; nil for a pattern
}

type credentials struct{ login, address, password string }

// Len is the number of accounts.
func (l *AccountList) Len() int { return l.count }

// At is account i, 0 ≤ i < Len.
func (l *AccountList) At(i int) (login, address, password string) {
	if l.rows != nil {
		r := l.rows[i]
		return r.login, r.address, r.password
	}
	if i < 0 || i >= l.count {
		panic(fmt.Sprintf("account %d of %d", i, l.count))
	}
	return l.login.expand(l.first + i), l.address.expand(l.first + i), l.password
}

// AccountList expands the accounts. With a CSV file it is read anew; its errors never repeat its lines.
func (s *Scenario) AccountList() (*AccountList, error) {
	a := s.Accounts
	if a.CSV != "" && s.secretless {
		return &AccountList{count: math.MaxInt32, login: template{texts: []string{"placeholder"}}, address: template{texts: []string{"placeholder"}}}, nil
	}
	if a.CSV != "" {
		return s.accountFile()
	}
	address, err := parseTemplate(a.Pattern)
	if err != nil {
		return nil, fmt.Errorf("reading accounts.pattern: %w", err)
	}
	login, err := parseTemplate(cmp.Or(a.Login, a.Pattern))
	if err != nil {
		return nil, fmt.Errorf("reading accounts.login: %w", err)
	}
	return &AccountList{count: a.Count, first: a.First, login: login, address: address, password: a.Password.Value}, nil
}

// accountFile reads accounts.csv: login and, unless accounts.password is for all, password; address if it differs.
func (s *Scenario) accountFile() (*AccountList, error) {
	needed := []string{"login", "password"}
	if s.Accounts.Password.given() {
		needed = needed[:1]
	}
	path, name := s.Accounts.CSV, s.Accounts.CSV
	if dir := filepath.Dir(s.Path); !filepath.IsAbs(path) && dir != "." {
		path, name = filepath.Join(dir, path), filepath.Join(dir, path)
	}
	t, err := readTable(name, path, needed, true)
	if err != nil {
		return nil, err
	}
	list := &AccountList{count: len(t.rows)}
	seen := map[string]int{}
	for _, r := range t.rows {
		c := credentials{t.cell(r, "login"), t.cell(r, "address"), t.cell(r, "password")}
		c.address, c.password = cmp.Or(c.address, c.login), cmp.Or(c.password, s.Accounts.Password.Value)
		switch first, twice := seen[c.login]; {
		case c.login == "":
			return nil, t.problem(r.line, 1, "", "the login is empty")
		case twice:
			return nil, t.problem(r.line, 1, "", "the login is listed twice, first in line %d", first)
		case c.password == "":
			return nil, t.problem(r.line, 1, "fill it in, or give accounts.password for all", "the password is empty")
		}
		seen[c.login] = r.line
		list.rows = append(list.rows, c)
	}
	return list, nil
}

// given says whether the scenario refers to a secret, read or not.
func (s Secret) given() bool { return s.Env != "" || s.File != "" || s.Value != "" }

// template is a pattern cut at its numbers: texts[0], number, texts[1], number, …
type template struct {
	texts  []string
	widths []int
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}?|\}`)
var number = regexp.MustCompile(`^\{n(?::0?([1-9]\d?))?\}$`)

// parseTemplate cuts a pattern such as u{n:05}@example.test.
func parseTemplate(pattern string) (template, error) {
	var t template
	from := 0
	for _, at := range placeholder.FindAllStringIndex(pattern, -1) {
		m := number.FindStringSubmatch(pattern[at[0]:at[1]])
		if m == nil {
			return template{}, fmt.Errorf("%s is neither {n} nor {n:05}", pattern[at[0]:at[1]])
		}
		width, _ := strconv.Atoi(m[1]) // none is 0
		t.texts, t.widths = append(t.texts, pattern[from:at[0]]), append(t.widths, width)
		from = at[1]
	}
	t.texts = append(t.texts, pattern[from:])
	return t, nil
}

func (t template) expand(n int) string {
	var b strings.Builder
	for i, width := range t.widths {
		fmt.Fprintf(&b, "%s%0*d", t.texts[i], width, n)
	}
	b.WriteString(t.texts[len(t.texts)-1])
	return b.String()
}
