package scenarios

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withAccounts is the whole scenario with other accounts.
func withAccounts(text string) string {
	lines := strings.Split(whole, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "accounts:") {
			lines[i] = "accounts: " + text
		}
	}
	return strings.Join(lines, "\n")
}

func TestGroupsOfAccounts(t *testing.T) {
	s := parse(t, strings.Replace(withAccounts(`{pattern: "u{n:05}@example.test", count: 40000, password: {env: PEGEL_PASSWORD}, groups: {tax: 401-800, interior: 1 - 400, chief: 900}}`),
		"{name: north, date: 2026-03-02, accounts: 800}", "{name: north, date: 2026-03-02, accounts: 800, group: tax}", 1))
	list, err := s.AccountList()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"interior", "tax", "chief"}, list.GroupNames()); diff != "" {
		t.Error(diff)
	}
	for i, want := range map[int]string{0: "interior", 399: "interior", 400: "tax", 799: "tax", 800: "", 898: "", 899: "chief", 900: "",
		10999: "", 11000: "tax", 11799: "tax", 11800: "", 39999: ""} { // the batch comes behind 11,000 live accounts
		if got := list.Group(i); got != want {
			t.Errorf("account %d is of the group %q, want %q", i+1, got, want)
		}
	}
}

func TestAccountsFromAFile(t *testing.T) {
	load := func(accounts, csv string) (*AccountList, error) {
		dir := t.TempDir()
		write(t, dir, "a.csv", csv)
		src := strings.Replace(strings.Replace(withAccounts(accounts), "live: 11000", "live: 0", 1), "batches: [{name: north, date: 2026-03-02, accounts: 800}, {name: south, accounts: 200}]", "batches: []", 1)
		write(t, dir, "s.yaml", src)
		s, err := Load(filepath.Join(dir, "s.yaml"), Options{Getenv: someEnv})
		if err != nil {
			return nil, err
		}
		return s.AccountList()
	}
	for _, c := range []struct{ accounts, csv, want string }{
		{"{csv: a.csv}", "login,password,group\nann,hunter2,tax\nbob,x,\ncy,y,interior\n", "ann hunter2   tax; bob x   ; cy y   interior"},
		{"{csv: a.csv, auth: {method: xoauth2}}", "login,token\nann,t1\nbob,t2\n", "ann   t1 ; bob   t2 "},
		{"{csv: a.csv, auth: {method: xoauth2, token: {env: PEGEL_PASSWORD}}}", "login,token,password\nann,,p\nbob,t2,\n", "ann p  swordfish ; bob   t2 "},
		{"{csv: a.csv, auth: {method: app_password}}", "login,password,app_password\nann,p,a\nbob,q,\n", "ann p a  ; bob q   "},
		{"{csv: a.csv, password: {env: PEGEL_PASSWORD}, auth: {method: master, user: root}}", "login,password\nann,own\n", "ann*root swordfish   "},
	} {
		list, err := load(c.accounts, c.csv)
		if err != nil {
			t.Errorf("%s: %v", c.accounts, err)
			continue
		}
		var got []string
		for i := range list.Len() {
			x := list.Credentials(i)
			got = append(got, fmt.Sprint(x.Login, " ", x.Password, " ", x.AppPassword, " ", x.Token, " ", list.Group(i)))
			if text := fmt.Sprintf("%v %+v %#v %s", x, x, x, x); strings.Contains(text, "hunter2") || strings.Contains(text, "swordfish") || strings.Contains(text, "t2") {
				t.Errorf("printing tells secrets: %s", text)
			}
		}
		if diff := cmp.Diff(c.want, strings.Join(got, "; ")); diff != "" {
			t.Errorf("%s: %s", c.accounts, diff)
		}
	}
	for _, c := range []struct{ accounts, csv, want string }{
		{"{csv: a.csv, auth: {method: xoauth2}}", "login,password\nann,hunter2\n", `a.csv:1:1: column "token" is missing`},
		{"{csv: a.csv, auth: {method: xoauth2}}", "login,token\nann,hunter2\nbob,\n", "a.csv:3:1: the token is empty"},
		{"{csv: a.csv}", "login,password,group\nann,hunter2,the hunter2 group\n", "a.csv:2:1: the group is not a plain name"},
		{"{csv: a.csv, groups: {tax: 1-2}}", "login,password\nann,hunter2\n", "csv and groups exclude each other"},
		{"{csv: a.csv, auth: {method: master, user: root}}", "login,password\nann,hunter2\n", "password of the master user is missing"},
	} {
		_, err := load(c.accounts, c.csv)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s, %q: got %v, want %s", c.accounts, c.csv, err, c.want)
		}
	}
}

// A browser types in a password, so that tokens alone are refused where one takes part.
func TestBrowserNeedsAPassword(t *testing.T) {
	src := withAccounts(`{pattern: "u{n}@example.test", count: 40000, auth: {method: xoauth2, token: {env: PEGEL_PASSWORD}}}`)
	if _, err := Parse("s.yaml", []byte(src), Options{Getenv: someEnv}); err != nil {
		t.Fatalf("without a browser: %v", err)
	}
	_, err := Parse("s.yaml", []byte(strings.Replace(strings.Replace(src, "do: web.send", "do: browser.login", 1), "  web: {url", "  browser: {url: \"https://portal.example.test/\"}\n  web: {url", 1)), Options{Getenv: someEnv})
	if err == nil || !strings.Contains(err.Error(), "drives a browser, which types in a password") {
		t.Errorf("with a browser: %v", err)
	}
}

func FuzzAccountRange(f *testing.F) {
	for _, seed := range []string{"1-400", "7", "0-1", "400-1", "1-", "999999999-999999999", "-1", "1 - 2", "٣-٤"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		src := fmt.Sprintf("name: x\naccounts: {groups: {tax: %q}}", text)
		_, err := Parse("s.yaml", []byte(src), Options{SkipSecrets: true})
		if err == nil {
			t.Fatal("a scenario without journeys is fine")
		}
		r, ok := parseAccountRange(text)
		sound := ok && r.From >= 1 && r.To >= r.From
		if told := strings.Contains(err.Error(), "range") || strings.Contains(err.Error(), "count from 1"); told == sound {
			t.Errorf("%q is %+v: %v", text, r, err)
		}
	})
}
