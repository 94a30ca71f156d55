package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pegel/probes/probe"
	"pegel/testenv"
)

// Messages that were signed with the operator's secret are removed only by whoever has it.
func TestCorpusOfAnOperator(t *testing.T) {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 5, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	file := filepath.Join(t.TempDir(), "mail.yaml")
	text := `name: mail
targets: {imap: {url: "` + p.URLs.IMAP + `"}}
accounts: {pattern: "u{n:05}@example.test", count: 5, password: {env: PEGEL_PASSWORD}}
activity: {reader: 10%, source: test}
personas: [{name: reader, journey: read}]
journeys: {read: [{do: imap.login}]}
load: {stages: {users: [1], hold: 10s}}
objectives: [{errors: 1%}]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	pegel := func(secret string, args ...string) string {
		t.Helper()
		var stdout, stderr bytes.Buffer
		getenv := func(name string) (string, bool) {
			switch name {
			case "PEGEL_PASSWORD":
				return "right-word", true
			case corpusSecretVariable:
				return secret, secret != ""
			}
			return "", false
		}
		code := run(context.Background(), append([]string{"corpus"}, args...), environment{stdout: &stdout, stderr: &stderr, getenv: getenv})
		if code != exitOK {
			t.Fatalf("%v ended with %d\n%s%s", args, code, &stdout, &stderr)
		}
		return stdout.String() + stderr.String()
	}
	if out := pegel("ours", "fill", file, "--accounts", "2", "--messages", "6", "--size", "2KB"); !strings.Contains(out, "6 messages added") {
		t.Error(out)
	}
	for _, secret := range []string{"", "theirs"} {
		if out := pegel(secret, "clean", file, "--accounts", "2"); !strings.Contains(out, ": 0 messages removed") || !strings.Contains(out, "6 messages claim") {
			t.Error(out)
		}
	}
	if out := pegel("ours", "clean", file); !strings.Contains(out, "5 of 5 accounts: 6 messages removed") || strings.Contains(out, "warning") {
		t.Error(out)
	}
}

// Every flag in the page about the corpus is one of the commands, and every flag of theirs stands in it.
func TestCorpusFlagsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../docs/corpus.md")
	if err != nil {
		t.Fatal(err)
	}
	env := environment{getenv: os.LookupEnv}
	fill, clean := corpusFillCommand(env), corpusCleanCommand(env)
	written := map[string]bool{}
	for _, m := range regexp.MustCompile(`--([a-z][a-z-]+)`).FindAllStringSubmatch(string(raw), -1) {
		written[m[1]] = true
		if fill.Flags().Lookup(m[1]) == nil && clean.Flags().Lookup(m[1]) == nil {
			t.Errorf("there is no flag --%s", m[1])
		}
	}
	for _, name := range []string{"accounts", "messages", "bytes", "folders", "size", "until", "connections", "rate", "target", "state", "dry-run", "json"} {
		if !written[name] {
			t.Errorf("--%s is not documented", name)
		}
	}
	if !strings.Contains(string(raw), corpusSecretVariable) {
		t.Errorf("%s is not documented", corpusSecretVariable)
	}
}

// A state file that a kill cut off keeps all whole lines; its last account is looked into again.
func TestStateFileCutOff(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	head := stateHead{Format: 1, Run: "corpus-x-1."}
	s, err := openState(path, head)
	if err != nil {
		t.Fatal(err)
	}
	s.done("a@example.test")
	s.done("b@example.test")
	s.close()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw[:len(raw)-4], 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if s, err = openState(path, head); err != nil {
			t.Fatal(err)
		}
		left := s.missing([]probe.Account{{Address: "a@example.test"}, {Address: "b@example.test"}})
		if len(left) != 1 || left[0].Address != "b@example.test" {
			t.Errorf("left are %v", left)
		}
		s.close()
	}
	head.Messages = 5
	if _, err := openState(path, head); err == nil {
		t.Error("a state file about other content is accepted")
	}
}

func FuzzStateFile(f *testing.F) {
	f.Add([]byte("{\"format\":1}\n\"a@b\"\n\"c"))
	f.Add([]byte("\n\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := openState(path, stateHead{Format: 1})
		if err != nil {
			return
		}
		s.done("x@y")
		s.close()
		if s, err = openState(path, stateHead{Format: 1}); err != nil || !s.complete["x@y"] {
			t.Errorf("%q: what was appended is not read again: %v", raw, err)
		} else {
			s.close()
		}
	})
}

func FuzzAccountRange(f *testing.F) {
	for _, text := range []string{"", "1-800", "17", "0", "-3", "5-2", "1-", "+1-+2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if from, to, err := accountRange(text, 1000); err == nil && (from < 1 || to < from || to > 1000) {
			t.Errorf("%q is %d to %d", text, from, to)
		}
	})
}
