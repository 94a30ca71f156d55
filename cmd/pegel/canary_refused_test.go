package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pegel/testenv"
)

// embedded is a batch on the embedded platform.
func embedded(t *testing.T, accounts int) *migration {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 60, Password: "right-word", MessagesPerAccount: -1, SourceAccounts: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return &migration{source: p.URLs.IMAPSource, target: p.URLs.IMAP, password: p.Password(), accounts: accounts,
		login: func(side string, i int) string { return p.Login(i + 1) }}
}

// canary runs a command with a password and a key of its own.
func (m *migration) canary(t *testing.T, want int, password, key string, args ...string) (said string) {
	t.Helper()
	var out, errs bytes.Buffer
	vars := map[string]string{"PEGEL_PASSWORD": password, "PEGEL_CANARY_KEY": key}
	code := run(t.Context(), append([]string{"canary"}, args...), environment{stdout: &out, stderr: &errs, getenv: func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}})
	if code != want {
		t.Fatalf("pegel canary %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, want, &out, &errs)
	}
	if strings.Contains(out.String()+errs.String(), password) {
		t.Errorf("%v tells the password", args)
	}
	return out.String() + errs.String()
}

const canaryKey = "a-key-of-many-characters"

// A wrong password is tried on one account only, whatever the command.
func TestCanaryWrongPassword(t *testing.T) {
	m := embedded(t, 40)
	source, target := newGate(t, m.source), newGate(t, m.target)
	m.source, m.target = source.url, target.url
	scenario, batch := m.files(t)
	prints := filepath.Join(m.dir, "prints")
	for _, verb := range [][]string{{"plant"}, {"fingerprint", "--out", prints}, {"verify"}, {"verify", "--follow", "--every", "100ms"}, {"remove"}} {
		said := m.canary(t, exitNoStart, "wrong-word", canaryKey, append(verb, scenario, "--accounts", batch)...)
		if n := source.count() + target.count(); n != 1 || !strings.Contains(said, "nobody else was tried") {
			t.Errorf("%v: %d connections\n%s", verb, n, said)
		}
	}
	if _, err := os.Stat(prints); err == nil {
		t.Error("fingerprints of nobody are written")
	}
}

// Where only the first accounts have the right password, the command ends after some logins.
func TestCanaryRefusedLater(t *testing.T) {
	m := embedded(t, 60)
	gate := newGate(t, m.target)
	m.target = gate.url
	scenario, batch := m.files(t)
	raw, err := os.ReadFile(scenario)
	if err != nil {
		t.Fatal(err)
	}
	accounts := "login,password\n"
	for i := range m.accounts {
		password := m.password
		if i >= 4 {
			password = "wrong-word"
		}
		accounts += fmt.Sprintf("%s,%s\n", m.login("t", i), password)
	}
	m.write(t, "accounts.csv", accounts)
	lines := strings.Split(string(raw), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, "accounts:") {
			lines[i] = "accounts: {csv: accounts.csv}"
		}
	}
	m.write(t, "s.yaml", strings.Join(lines, "\n"))
	for _, args := range [][]string{nil, {"--follow", "--every", "100ms"}} {
		said := m.canary(t, exitNoStart, "wrong-word", canaryKey, append([]string{"verify", scenario, "--accounts", batch, "--connections", "4"}, args...)...)
		if n := gate.count(); n > 25 || !strings.Contains(said, "logins were refused") {
			t.Errorf("%v: %d connections\n%s", args, n, said)
		}
	}
}

// Another key than that of planting is told, and what stays is no success.
func TestCanaryWrongKey(t *testing.T) {
	m := embedded(t, 3)
	m.source = m.target // one platform, so that the items are in the targets at once
	scenario, batch := m.files(t)
	m.canary(t, exitOK, m.password, canaryKey, "plant", scenario, "--accounts", batch)
	const other = "another-key-of-many-characters"
	if said := m.canary(t, exitObjective, m.password, other, "verify", scenario, "--accounts", batch); !strings.Contains(said, "12 items look like canaries of this batch") {
		t.Error(said)
	}
	if said := m.canary(t, exitObjective, m.password, other, "remove", scenario, "--accounts", batch, "--from", "target"); !strings.Contains(said, "12 items that look like canaries") {
		t.Error(said)
	}
	if said := m.canary(t, exitOK, m.password, canaryKey, "verify", scenario, "--accounts", batch); strings.Contains(said, "look like") {
		t.Error(said)
	}
}

// The hook sees none of the variables that secrets come from.
func TestCanaryHookWithoutSecrets(t *testing.T) {
	for _, name := range []string{"PEGEL_PASSWORD", "OTHER_PASSWORD", "PEGEL_CANARY_KEY"} {
		t.Setenv(name, "right-word-"+canaryKey)
	}
	t.Setenv("HARMLESS", "harmless")
	m := embedded(t, 2)
	scenario, batch := m.files(t)
	raw, err := os.ReadFile(scenario)
	if err != nil {
		t.Fatal(err)
	}
	m.write(t, "s.yaml", strings.Replace(string(raw), "{env: PEGEL_PASSWORD}", "{env: OTHER_PASSWORD}", 1))
	var out bytes.Buffer
	seen := filepath.Join(m.dir, "seen")
	code := run(t.Context(), []string{"canary", "verify", scenario, "--accounts", batch, "--hook", "env >" + seen}, environment{stdout: &out, stderr: &out,
		getenv: func(name string) (string, bool) {
			v, ok := map[string]string{"OTHER_PASSWORD": m.password, "PEGEL_CANARY_KEY": canaryKey}[name]
			return v, ok
		}})
	said, err := os.ReadFile(seen)
	if code != exitObjective || err != nil || !strings.Contains(string(said), "HARMLESS=harmless") || !strings.Contains(string(said), "PEGEL_FINDING=missing") {
		t.Fatalf("exit code %d, %v, %s\n%s", code, err, said, &out)
	}
	if strings.Contains(string(said), canaryKey) {
		t.Errorf("the hook sees\n%s", said)
	}
}

// Flags that cannot be are refused before the first packet.
func TestCanaryAndCorpusUsage(t *testing.T) {
	m := &migration{source: "imap://127.0.0.1:1", target: "imap://127.0.0.1:1", accounts: 1, login: func(string, int) string { return "u00001@example.test" }}
	scenario, batch := m.files(t)
	m.canary(t, exitUsage, "any-word", canaryKey, "fingerprint", scenario, "--accounts", batch, "--out", filepath.Join(m.dir, "none", "x"))
	m.canary(t, exitUsage, "any-word", canaryKey, "verify", scenario, "--accounts", batch, "--every", "2s")
	fill := corpusFillCommand(environment{})
	for until, fits := range map[string]bool{"2026-05-04": true, "2026-05-05": false, "2030-01-01": false} {
		c := filling{messages: 1, until: until, size: "mix", folders: []string{"INBOX"}}
		c.now = func() time.Time { return time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC) }
		if _, err := c.content(fill); (err == nil) != fits {
			t.Errorf("--until %s: %v", until, err)
		}
	}
}

// A certificate for another name is told as such, with the names it has.
func TestHintOnCertificateName(t *testing.T) {
	err := fmt.Errorf("TLS handshake: %w", &tls.CertificateVerificationError{Err: x509.HostnameError{Host: "127.0.0.9",
		Certificate: &x509.Certificate{DNSNames: []string{"mail.example.test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}}})
	if got := targetHint("imap", err); !strings.Contains(got, "the certificate is for mail.example.test, 127.0.0.1: use that name") {
		t.Error(got)
	}
	m := &migration{source: "imap://127.0.0.1:1", target: "imap://127.0.0.1:1", accounts: 5, login: func(_ string, i int) string { return fmt.Sprintf("u%05d@example.test", i) }}
	scenario, batch := m.files(t)
	if said := m.canary(t, exitNoStart, "any-word", canaryKey, "verify", scenario, "--accounts", batch); !strings.Contains(said, "hint: no server listens there: check targets.imap.url") {
		t.Error(said)
	}
}
