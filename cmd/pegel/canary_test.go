package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pegel/internal/ownership"
	"pegel/testenv"
	"pegel/testenv/real"
)

// migration is a batch of accounts on two platforms, with a copier that does as it is told.
type migration struct {
	source, target, ca, password string
	login                        func(side string, i int) string // side is s or t
	accounts                     int
	dir                          string
	dav                          string // of calendars and address books, one server for both platforms; "" for none
}

const canaryScenario = `
name: batch
targets:
  imap: {url: %q%s}
  imap.source: {url: %q%s}
%saccounts: {pattern: "u{n:05}@example.test", count: 1000, first: 0, password: {env: PEGEL_PASSWORD}}
activity: {desktop: 50%%, source: test}
personas: [{name: desktop, journey: mail}]
journeys: {mail: [{do: imap.login}]}
load: {stages: {users: [4], hold: 1m}}
objectives: [{action: "imap.*", p95: 5s}]
`

func (m *migration) write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(m.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// files writes scenario and batch.
func (m *migration) files(t *testing.T) (scenario, batch string) {
	m.dir = t.TempDir()
	ca := ""
	if m.ca != "" {
		ca = fmt.Sprintf(", ca: %q", m.ca)
	}
	dav := ""
	if m.dav != "" {
		for _, name := range []string{"caldav", "caldav.source", "carddav", "carddav.source"} {
			dav += fmt.Sprintf("  %s: {url: %q}\n", name, m.dav)
		}
	}
	var rows strings.Builder
	rows.WriteString("source,target\r\n")
	for i := range m.accounts {
		fmt.Fprintf(&rows, "%s,%s\r\n", m.login("s", i), m.login("t", i))
	}
	return m.write(t, "s.yaml", fmt.Sprintf(canaryScenario, m.target, ca, m.source, ca, dav)), m.write(t, "batch.csv", rows.String())
}

// dial logs in to an account.
func (m *migration) dial(t *testing.T, address, login string) *imapclient.Client {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	var c *imapclient.Client
	if u.Scheme == "imaps" {
		pem, readErr := os.ReadFile(m.ca)
		if readErr != nil {
			t.Fatal(readErr)
		}
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		c, err = imapclient.DialTLS(u.Host, &imapclient.Options{TLSConfig: &tls.Config{RootCAs: pool}})
	} else {
		c, err = imapclient.DialInsecure(u.Host, nil)
	}
	if err == nil {
		err = c.Login(login, m.password).Wait()
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// put appends people's mail: each message with an age in days, by a Message-ID.
func (m *migration) put(t *testing.T, address, login, mailbox string, ages map[string]int) {
	t.Helper()
	c := m.dial(t, address, login)
	defer c.Close()
	for id, days := range ages {
		at := time.Now().AddDate(0, 0, -days).Add(-2 * time.Hour)
		raw := fmt.Sprintf("From: <x@example.test>\r\nSubject: confidential-%s\r\nMessage-ID:\r\n <%s>\r\n\r\nsecret-words\r\n", id, id)
		cmd := c.Append(mailbox, int64(len(raw)), &imap.AppendOptions{Time: at})
		_, _ = cmd.Write([]byte(raw))
		_ = cmd.Close()
		if _, err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

// fill gives every source account mail of its own in two mailboxes, and one message that all have.
func (m *migration) fill(t *testing.T) {
	for i := range m.accounts {
		login := m.login("s", i)
		ages := map[string]int{"to-all@example.test": 30}
		for k := range 6 {
			ages[fmt.Sprintf("m%d.%s", k, login)] = []int{0, 1, 3, 20, 100, 1000}[k]
		}
		m.put(t, m.source, login, "INBOX", ages)
		m.put(t, m.source, login, "Sent", map[string]int{"sent." + login: 50})
	}
}

// copy copies what is younger (core) or older than seven days, with swapped giving the wrong targets. It is the migration tool's part.
func (m *migration) copy(t *testing.T, core bool, swapped map[int]int) {
	t.Helper()
	var what imap.SearchCriteria
	if limit := time.Now().AddDate(0, 0, -7); core {
		what.Since = limit
	} else {
		what.Before = limit
	}
	for i := range m.accounts {
		to := i
		if wrong, ok := swapped[i]; ok {
			to = wrong
		}
		m.copyOne(t, i, to, &what)
	}
}

func (m *migration) copyOne(t *testing.T, from, to int, what *imap.SearchCriteria) {
	t.Helper()
	s, d := m.dial(t, m.source, m.login("s", from)), m.dial(t, m.target, m.login("t", to))
	defer s.Close()
	defer d.Close()
	for _, mailbox := range []string{"INBOX", "Sent"} {
		if _, err := s.Select(mailbox, &imap.SelectOptions{ReadOnly: true}).Wait(); err != nil {
			t.Fatal(err)
		}
		found, err := s.UIDSearch(what, nil).Wait()
		if err != nil {
			t.Fatal(err)
		}
		if len(found.AllUIDs()) == 0 {
			continue
		}
		list, err := s.Fetch(imap.UIDSetNum(found.AllUIDs()...), &imap.FetchOptions{UID: true, InternalDate: true,
			BodySection: []*imap.FetchItemBodySection{{Peek: true}}}).Collect()
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range list {
			raw := item.BodySection[0].Bytes
			cmd := d.Append(mailbox, int64(len(raw)), &imap.AppendOptions{Time: item.InternalDate})
			_, _ = cmd.Write(raw)
			_ = cmd.Close()
			if _, err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// pegel runs a command; nothing that it says may hold a secret or a word of people's mail.
func (m *migration) pegel(t *testing.T, want int, args ...string) (stdout string) {
	t.Helper()
	var out, errs bytes.Buffer
	vars := map[string]string{"PEGEL_PASSWORD": m.password, "PEGEL_CANARY_KEY": "a-key-of-many-characters"}
	code := run(t.Context(), args, environment{stdout: &out, stderr: &errs, getenv: func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	}})
	if code != want {
		t.Fatalf("pegel %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, want, &out, &errs)
	}
	for _, word := range []string{"confidential", "secret-words", m.password, vars["PEGEL_CANARY_KEY"], "to-all"} {
		if strings.Contains(out.String()+errs.String(), word) {
			t.Errorf("pegel %v tells %q", args, word)
		}
	}
	return out.String()
}

type verified struct {
	OK       bool                `json:"ok"`
	Stopped  bool                `json:"stopped"`
	Seconds  float64             `json:"seconds"`
	Accounts []ownership.Finding `json:"accounts"`
}

func (m *migration) verify(t *testing.T, want int, args ...string) (v verified) {
	t.Helper()
	out := m.pegel(t, want, append([]string{"canary", "verify", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return v
}

// foreign is target ← owner of every foreign finding, and the wrong accounts' count of missing items.
func (v verified) foreign() (whose map[string]string, missing map[string]int) {
	whose, missing = map[string]string{}, map[string]int{}
	for _, f := range v.Accounts {
		for _, x := range f.Foreign {
			whose[f.Target] += ownerText(x)
		}
		if f.Missing > 0 {
			missing[f.Target] = f.Missing
		}
	}
	return whose, missing
}

// swap is the story of the batch: the core pass right, the deferred pass with two accounts swapped.
func (m *migration) swap(t *testing.T) {
	scenario, batch := m.files(t)
	prints := filepath.Join(m.dir, "prints")
	m.fill(t)

	m.pegel(t, exitOK, "canary", "fingerprint", scenario, "--accounts", batch, "--out", prints)
	raw, err := os.ReadFile(prints)
	if err != nil || bytes.Contains(raw, []byte("example.test")) {
		t.Errorf("the fingerprints name somebody, or cannot be read: %v", err)
	}
	if out := m.pegel(t, exitOK, "canary", "plant", scenario, "--accounts", batch); !strings.Contains(out, fmt.Sprintf("%d planted, 0 there before", 4*m.accounts)) {
		t.Error(out)
	}
	if out := m.pegel(t, exitOK, "canary", "plant", scenario, "--accounts", batch); !strings.Contains(out, fmt.Sprintf("0 planted, %d there before", 4*m.accounts)) {
		t.Errorf("planting twice: %s", out)
	}
	m.verify(t, exitObjective, scenario, "--accounts", batch, "--pass", "core") // nothing has come over

	m.copy(t, true, nil)
	for _, args := range [][]string{nil, {"--fingerprints", prints}} {
		v := m.verify(t, exitOK, append([]string{scenario, "--accounts", batch, "--pass", "core"}, args...)...)
		if !v.OK || len(v.Accounts) != m.accounts || v.Accounts[0].Canaries != (ownership.Count{Expected: 2, Present: 2}) {
			t.Errorf("after the core pass: %+v", v)
		}
		if len(args) > 0 && v.Accounts[0].Fingerprints != (ownership.Count{Expected: 3, Present: 3}) {
			t.Errorf("fingerprints after the core pass: %+v", v.Accounts[0])
		}
	}

	// The deferred pass goes wrong while two followers watch it: one by canaries, one by fingerprints alone.
	hooked := filepath.Join(m.dir, "hooked")
	var followers sync.WaitGroup
	var began time.Time
	ready := make(chan struct{}, 2)
	for _, args := range [][]string{
		{"--hook", `echo "$PEGEL_FINDING $PEGEL_TARGET $PEGEL_OWNER" >>` + hooked},
		{"--fingerprints", prints, "--run", "other"},
	} {
		followers.Go(func() {
			out, ended := m.follow(t, ready, append([]string{scenario, "--accounts", batch, "--every", "300ms"}, args...))
			var v verified
			if err := json.Unmarshal([]byte(out), &v); err != nil {
				t.Errorf("%v in %s", err, out)
				return
			}
			whose, _ := v.foreign()
			for target, owner := range whose {
				if target != m.login("t", 3) && target != m.login("t", 7) || owner != m.login("s", 3) && owner != m.login("s", 7) {
					t.Errorf("follower: %s ← %s", target, owner)
				}
			}
			took := ended.Sub(began)
			t.Logf("follower %v stopped %.1f s after the pass began", args[0], took.Seconds())
			if len(whose) == 0 || !v.Stopped || took > 20*time.Second {
				t.Errorf("follower: %v after %s", whose, took)
			}
		})
	}
	<-ready
	<-ready
	began = time.Now()
	m.copy(t, false, map[int]int{3: 7, 7: 3})
	followers.Wait()
	said, err := os.ReadFile(hooked)
	if err != nil || strings.Count(string(said), "\n") != 1 || !strings.HasPrefix(string(said), "foreign "+m.login("t", 3)+" "+m.login("s", 7)) &&
		!strings.HasPrefix(string(said), "foreign "+m.login("t", 7)+" "+m.login("s", 3)) {
		t.Errorf("the hook said %q, %v", said, err)
	}

	for name, c := range map[string]struct {
		args    []string
		missing int
	}{
		"canaries":     {nil, 2},
		"fingerprints": {[]string{"--fingerprints", prints, "--run", "other"}, 4 + 4}, // and no canary of the run "other"
		"both":         {[]string{"--fingerprints", prints}, 2 + 4},
	} {
		v := m.verify(t, exitObjective, append([]string{scenario, "--accounts", batch}, c.args...)...)
		whose, missing := v.foreign()
		if len(whose) != 2 || whose[m.login("t", 3)] != m.login("s", 7) || whose[m.login("t", 7)] != m.login("s", 3) {
			t.Errorf("%s: foreign %v", name, whose)
		}
		if missing[m.login("t", 3)] != c.missing || missing[m.login("t", 7)] != c.missing || name != "fingerprints" && len(missing) != 2 {
			t.Errorf("%s: missing %v", name, missing)
		}
	}
	table := m.pegel(t, exitObjective, "canary", "verify", scenario, "--accounts", batch)
	t.Log("\n" + table)
	if strings.Count(table, "\n") != 4 || !strings.Contains(table, m.login("s", 7)+" (belongs to "+m.login("t", 7)+")") {
		t.Error(table)
	}
	// Fingerprints again: the source is as it was, and reading it changed nothing.
	c := m.dial(t, m.source, m.login("s", 3))
	defer c.Close()
	status, err := c.Status("INBOX", &imap.StatusOptions{NumMessages: true, NumUnseen: true}).Wait()
	if err != nil || *status.NumMessages != 7+4 || *status.NumUnseen != 7 {
		t.Errorf("source: %+v, %v", status, err)
	}
}

// follow runs verify --follow and tells ready when every account has been looked at once.
func (m *migration) follow(t *testing.T, ready chan<- struct{}, args []string) (stdout string, ended time.Time) {
	var out, errs bytes.Buffer
	vars := map[string]string{"PEGEL_PASSWORD": m.password, "PEGEL_CANARY_KEY": "a-key-of-many-characters"}
	told := &telling{Buffer: &errs, word: "looked at once", to: ready}
	code := run(t.Context(), append([]string{"canary", "verify", "--json", "--follow", "--for", "40s"}, args...), environment{stdout: &out, stderr: told,
		getenv: func(name string) (string, bool) { v, ok := vars[name]; return v, ok }})
	ended = time.Now()
	if code != exitObjective {
		t.Errorf("exit code %d\n%s%s", code, &out, &errs)
	}
	told.once.Do(func() { ready <- struct{}{} })
	return out.String(), ended
}

// telling tells when a word has been written.
type telling struct {
	*bytes.Buffer
	word string
	to   chan<- struct{}
	once sync.Once
}

func (b *telling) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(b.word)) {
		b.once.Do(func() { b.to <- struct{}{} })
	}
	return b.Buffer.Write(p)
}

// onBoth runs a test with a batch on the embedded platform and on a real Dovecot, whose accounts u00001 and on are the old platform's,
// u00101 and on the new one's.
func onBoth(t *testing.T, accounts int, test func(t *testing.T, m *migration)) {
	t.Run("embedded", func(t *testing.T) {
		p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 100, Password: "right-word", MessagesPerAccount: -1, SourceAccounts: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { p.Close() })
		test(t, &migration{source: p.URLs.IMAPSource, target: p.URLs.IMAP, password: p.Password(), accounts: accounts,
			login: func(side string, i int) string { return p.Login(i + 1) }})
	})
	t.Run("dovecot", func(t *testing.T) { test(t, dovecotMigration(t, accounts)) })
}

func dovecotMigration(t *testing.T, accounts int) *migration {
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("batches are not tested on real servers: missing %s", strings.Join(missing, ", "))
	}
	stack, err := real.Start(t.Context(), real.Options{Accounts: 200, Ports: real.Ports{Free: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	return &migration{source: stack.IMAPDirect, target: stack.IMAPDirect, ca: stack.CAFile, password: stack.Password, accounts: accounts, dav: stack.CalDAVDirect,
		login: func(side string, i int) string { return real.Account(i + 1 + map[string]int{"s": 0, "t": 100}[side]) }}
}

// The swapped batch, on both platforms.
func TestCanarySwap(t *testing.T) {
	onBoth(t, 12, func(t *testing.T, m *migration) {
		m.dav = "" // TestCanaryObjects looks after calendars
		m.swap(t)
	})
}

// 800 accounts are verified in under two minutes. With 200 messages in each it takes some four times as long as with these 20.
func TestCanary800Accounts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 800, Password: "right-word", MessagesPerAccount: 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	m := &migration{source: p.URLs.IMAP, target: p.URLs.IMAP, password: p.Password(), accounts: 800, login: func(side string, i int) string { return p.Login(i + 1) }}
	scenario, batch := m.files(t)
	prints := filepath.Join(m.dir, "prints")
	began := time.Now()
	m.pegel(t, exitOK, "canary", "plant", scenario, "--accounts", batch)
	planted := time.Since(began)
	m.pegel(t, exitOK, "canary", "fingerprint", scenario, "--accounts", batch, "--out", prints)
	taken := time.Since(began) - planted
	v := m.verify(t, exitOK, scenario, "--accounts", batch, "--fingerprints", prints)
	t.Logf("800 accounts: planted in %.1f s, fingerprints in %.1f s, verified in %.1f s", planted.Seconds(), taken.Seconds(), v.Seconds)
	if !v.OK || len(v.Accounts) != 800 || v.Seconds > 120 {
		t.Errorf("ok %v, %d accounts, %.1f s", v.OK, len(v.Accounts), v.Seconds)
	}
}
