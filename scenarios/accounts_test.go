package scenarios

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAccountPattern(t *testing.T) {
	list, err := parse(t, whole).AccountList()
	if err != nil {
		t.Fatal(err)
	}
	if list.Len() != 40_000 {
		t.Errorf("%d accounts", list.Len())
	}
	login, address, password := list.At(39_999)
	if login != "u39999" || address != "u39999@example.test" || password != "swordfish" {
		t.Errorf("got %s %s", login, address)
	}
	if login, address, _ = list.At(7); login != "u7" || address != "u00007@example.test" {
		t.Errorf("got %s %s", login, address)
	}
	// The default of first is 1, and the login is the address.
	list, err = parse(t, strings.Replace(whole, `first: 0, login: "u{n}", `, "", 1)).AccountList()
	if err != nil {
		t.Fatal(err)
	}
	if login, address, _ := list.At(0); login != "u00001@example.test" || address != login {
		t.Errorf("got %s %s", login, address)
	}
}

func TestTemplate(t *testing.T) {
	for pattern, want := range map[string]string{
		"u{n}": "u42", "{n:03}-{n}": "042-42", "{n:3}": "042", "plain": "plain", "{m}": "error", "u{n": "error", "u}": "error", "{n:0}": "error",
	} {
		p, err := parseTemplate(pattern)
		got := "error"
		if err == nil {
			got = p.expand(42)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", pattern, got, want)
		}
	}
}

func TestAccountFile(t *testing.T) {
	src := strings.Replace(whole, `{pattern: "u{n:05}@example.test", count: 40_000, first: 0, login: "u{n}", password: {env: PEGEL_PASSWORD}}`, "{csv: a.csv}", 1)
	src = strings.NewReplacer("live: 11000", "live: 1", "accounts: 800", "accounts: 1", "accounts: 200", "accounts: 1").Replace(src)
	load := func(csv string) (*Scenario, error) {
		dir := t.TempDir()
		write(t, dir, "a.csv", csv)
		write(t, dir, "s.yaml", src)
		return Load(filepath.Join(dir, "s.yaml"), Options{Getenv: someEnv})
	}
	s, err := load("\ufeffPassword,login,address\r\nhunter2,ann,ann@example.test\r\n\"hunt,er2\",bob,\r\nx,cy,\r\n")
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.AccountList()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range list.Len() {
		login, address, password := list.At(i)
		got = append(got, fmt.Sprintf("%s %s %s", login, address, password))
	}
	if diff := cmp.Diff([]string{"ann ann@example.test hunter2", "bob bob hunt,er2", "cy cy x"}, got); diff != "" {
		t.Error(diff)
	}
	for csv, want := range map[string]string{
		"login\nann\n": `a.csv:1:1: column "password" is missing`,
		"login,password\nann,hunter2\nann,hunter2\nb,c\n": "a.csv:3:1: the login is listed twice, first in line 2",
		"login,password\nann,hunter2\nbob,\nb,c\n":        "a.csv:3:1: the password is empty",
		"login,password\nann,\"hunter2\nbob,b\n":          "a.csv:3:7: not valid CSV",
		"login,password\n":                                "a.csv:1:1: the file has no rows",
		"login,password\nann,hunter2\n":                   "the wave has 3 accounts, live and in batches, but there are only 1",
		"login,password\nann,hunter2\xff\nbob,x\ncy,z\n":  "not valid UTF-8",
		"login,password\nann,hunter2,x\nbob,x\ncy,z\n":    "a.csv:2:",
		"login,password\n,hunter2\nbob,x\ncy,z\n":         "a.csv:2:1: the login is empty",
		"login,password\nann,hunter2\nbob,hunter2\nc, \n": "a.csv:4:1: the password is empty",
	} {
		_, err := load(csv)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: got %v, want %s", csv, err, want)
		}
	}
}

func TestBatchFile(t *testing.T) {
	src := strings.Replace(whole, "[{name: north, date: 2026-03-02, accounts: 800}, {name: south, accounts: 200}]", "batches.csv", 1)
	load := func(csv string) (*Scenario, error) {
		dir := t.TempDir()
		write(t, dir, "batches.csv", csv)
		write(t, dir, "s.yaml", src)
		return Load(filepath.Join(dir, "s.yaml"), Options{Getenv: someEnv})
	}
	s, err := load("\ufeffname,date,accounts\r\nnorth,2026-03-02,800\r\nsouth,2026-03-03,200\r\n")
	if err != nil {
		t.Fatal(err)
	}
	at := s.Field(s.Wave.Pos, "batches")
	if diff := cmp.Diff([]Batch{{Name: "north", Date: "2026-03-02", Accounts: 800, Pos: at}, {Name: "south", Date: "2026-03-03", Accounts: 200, Pos: at}}, s.Wave.Batches); diff != "" {
		t.Error(diff)
	}
	for csv, want := range map[string]string{
		"name,when,accounts\nn,2026-03-02,5\n":                 "batches.csv:1:1: column \"date\" is missing\n    name,when,accounts\n    ^",
		"name,date,accounts\nn,2026-03-02,many\n":              "batches.csv:2:14: accounts must be a whole number above 0, got \"many\"",
		"name,date,accounts\nn,2.3.2026,5\n":                   "batches.csv:2:3: \"2.3.2026\" is no date",
		"name,date,accounts\nn,2026-03-02,5\nn,2026-03-02,5\n": "batches.csv:3:1: batch \"n\" is listed twice",
		"name,date,accounts\n\"a\nb\",2026-03-02,0\n":          "a control character in column 1",
		"": "batches.csv:1:1: the file has no rows",
		"name,date,accounts\nn,2026-03-02,29001\n": "the wave has 40001 accounts",
	} {
		_, err := load(csv)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", csv, err, want)
		}
	}
}
