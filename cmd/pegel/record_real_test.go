//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pegel/probes/browser"
	"pegel/testenv/real"
)

// recordReal records what a real browser does with a real web application, and plays it for two other accounts: what a
// token is must have been found, or these could not do anything.
func recordReal(t *testing.T, o real.Options, shipped, path string, wanted []string) {
	t.Helper()
	switch {
	case os.Getenv("PEGEL_LONG") == "":
		t.Skip("takes a minute; PEGEL_LONG=1 runs it")
	case !browser.Installed():
		t.Skip("no journey is recorded: Chromium is not installed")
	}
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("these servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	o.Ports.Free, o.Accounts, o.Password = true, 10, "right-word"
	stack, err := real.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	file := filepath.Join(t.TempDir(), "own.yaml")
	from := []string{"record", "--site", shipped, "--url", stack.Web + path, "--accounts", "u{n:05}@example.test"}

	// All four have mail to read, numbered differently.
	for _, first := range []string{"1", "3", "2"} {
		at(t, 0, "record", "--check", shipped, "--url", stack.Web+path, "--accounts", "u{n:05}@example.test", "--first", first, "--actions", "login,send")
	}
	_, said := at(t, 0, append(from, "--out", file)...)
	t.Log(said)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", text)
	for _, want := range wanted {
		if !strings.Contains(string(text), want) {
			t.Errorf("the recorded site does not have %s", want)
		}
	}
	if strings.Contains(string(text), "u00001") || strings.Contains(string(text), "u00002") {
		t.Error("the recorded site names an account")
	}
	table, _ := at(t, 0, "record", "--check", file, "--url", stack.Web+path, "--accounts", "u{n:05}@example.test")
	t.Log(table)
}

func TestRecordRoundcubeLong(t *testing.T) {
	recordReal(t, real.Options{Roundcube: &real.Roundcube{Instances: 1, Workers: 4}}, "roundcube", "", []string{`_token: '{{`, "_uid: '{{one_", "add_message_row", " selected", "_from: '{{"})
}

func TestRecordSOGoLong(t *testing.T) {
	recordReal(t, real.Options{SOGo: &real.SOGo{Instances: 1, Workers: 4}}, "sogo", "", []string{"{cookie: XSRF-TOKEN}", "X-XSRF-TOKEN: '{{xsrf_token}}'", "/SOGo/so/{{account.login}}/Mail", "each: true"})
}
