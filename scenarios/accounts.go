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
	secrets        Credentials               // of all accounts of a pattern
	as             func(login string) string // what is told at login
	rows           []Credentials             // from a CSV file; nil for a pattern
	groups         []group                   // by accounts.groups
	batches        []group                   // by the batches' groups
}

// Len is the number of accounts.
func (l *AccountList) Len() int { return l.count }

// At is account i, 0 ≤ i < Len.
func (l *AccountList) At(i int) (login, address, password string) {
	c := l.Credentials(i)
	return c.Login, c.Address, c.Password
}

// Credentials are how account i logs in, 0 ≤ i < Len.
func (l *AccountList) Credentials(i int) Credentials {
	if l.rows != nil {
		return l.rows[i]
	}
	if i < 0 || i >= l.count {
		panic(fmt.Sprintf("account %d of %d", i, l.count))
	}
	c := l.secrets
	c.Login, c.Address = l.login.expand(l.first+i), l.address.expand(l.first+i)
	if l.as != nil {
		c.Login = l.as(c.Login)
	}
	return c
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
	return &AccountList{count: a.Count, first: a.First, login: login, address: address, as: a.as, groups: a.Groups.list(), batches: s.groupsOfBatches(),
		secrets: Credentials{Password: a.Password.Value, AppPassword: a.Auth.AppPassword.Value, Token: a.Auth.Token.Value}}, nil
}

// accountFile reads accounts.csv: login and, unless the scenario has one for all, password or token; address if it differs,
// app_password and group where there are any.
func (s *Scenario) accountFile() (*AccountList, error) {
	needed := append([]string{"login"}, s.Accounts.needs()...)
	path, name := s.Accounts.CSV, s.Accounts.CSV
	if dir := filepath.Dir(s.Path); !filepath.IsAbs(path) && dir != "." {
		path, name = filepath.Join(dir, path), filepath.Join(dir, path)
	}
	t, err := readTable(name, path, needed, true)
	if err != nil {
		return nil, err
	}
	list := &AccountList{count: len(t.rows), batches: s.groupsOfBatches()}
	all := s.Accounts
	seen := map[string]int{}
	for _, r := range t.rows {
		c := Credentials{Login: t.cell(r, "login"), Password: cmp.Or(t.cell(r, "password"), all.Password.Value), group: t.cell(r, "group")}
		c.Address = cmp.Or(t.cell(r, "address"), c.Login)
		switch all.Method() {
		case MasterUser:
			c.Password = all.Password.Value
		case XOAuth2:
			c.Token = cmp.Or(t.cell(r, "token"), all.Auth.Token.Value)
		case AppPassword:
			c.AppPassword = cmp.Or(t.cell(r, "app_password"), all.Auth.AppPassword.Value)
		}
		switch first, twice := seen[c.Login]; {
		case c.Login == "":
			return nil, t.problem(r.line, 1, "", "the login is empty")
		case twice:
			return nil, t.problem(r.line, 1, "", "the login is listed twice, first in line %d", first)
		case all.Method() == XOAuth2 && c.Token == "" && !all.Auth.Token.given():
			return nil, t.problem(r.line, 1, "fill it in, or give accounts.auth.token for all", "the token is empty")
		case c.Password == "" && c.Token == "" && c.AppPassword == "" && !all.Password.given() && !all.Auth.Token.given() && !all.Auth.AppPassword.given():
			return nil, t.problem(r.line, 1, "fill it in, or give accounts.password for all", "the password is empty")
		case c.group != "" && !plainName.MatchString(c.group):
			return nil, t.problem(r.line, 1, plainNameRule, "the group is not a plain name")
		}
		seen[c.Login] = r.line
		c.Login = all.as(c.Login)
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
