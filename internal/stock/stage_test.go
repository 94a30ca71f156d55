package stock

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv"
	"pegel/testenv/real"
)

var secret = corpus.NewSecret("operator", 7)

const prefix = "corpus-test-7."

// stage is a platform to be filled.
type stage struct {
	target   probe.Target
	accounts []probe.Account
}

func (s stage) options() Options {
	return Options{Target: s.target, Accounts: s.accounts, Prefix: prefix, Seed: 7, Secret: secret, Connections: 3, Tally: new(Tally)}
}

func target(t testing.TB, raw string, config *tls.Config) probe.Target {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return probe.Target{Name: "imap", URL: u, TLS: config, DialContext: new(net.Dialer).DialContext}
}

// platforms runs a test on the embedded platform and on a real Dovecot.
func platforms(t *testing.T, test func(t *testing.T, s stage)) {
	t.Run("embedded", func(t *testing.T) { test(t, embedded(t)) })
	t.Run("dovecot", func(t *testing.T) { test(t, dovecot(t)) })
}

func embedded(t *testing.T) stage {
	t.Helper()
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 10, MessagesPerAccount: 3, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	s := stage{target: target(t, p.URLs.IMAP, nil)}
	for n := range 3 {
		s.accounts = append(s.accounts, probe.Account{Index: n, Login: p.Login(n), Address: p.Login(n), Password: "right-word"})
	}
	return s
}

func dovecot(t testing.TB) stage {
	t.Helper()
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("Dovecot is not tested here: missing %s", strings.Join(missing, ", "))
	}
	stack, err := real.Start(t.Context(), real.Options{Accounts: 10, Ports: real.Ports{Free: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	pool := probetest.Roots(t, stack.CAFile)
	s := stage{target: target(t, stack.IMAPDirect, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})}
	for n := range 3 {
		s.accounts = append(s.accounts, probe.Account{Index: n, Login: real.Account(n), Address: real.Account(n), Password: stack.Password})
	}
	return s
}

func day(d int) time.Time { return time.Date(2025, 10, d, 23, 59, 59, 0, time.UTC) }

var folders = []string{"INBOX", "Sent", "Archiv"}

// stored reads all messages of an account: by Message-ID, folder, flags, date and text together.
func stored(t *testing.T, s stage, n int) map[string]string {
	t.Helper()
	c, err := Dial(t.Context(), s.target, s.accounts[n])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	names, err := c.folders()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		box, err := c.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil {
			t.Fatal(err)
		}
		if box.NumMessages == 0 {
			continue
		}
		section := &imap.FetchItemBodySection{Peek: true}
		list, err := c.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{Flags: true, InternalDate: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range list {
			raw := m.FindBodySection(section)
			parsed, err := mail.ReadMessage(bytes.NewReader(raw))
			if err != nil {
				t.Fatal(err)
			}
			id := parsed.Header.Get("Message-ID")
			if _, twice := all[id]; twice {
				t.Errorf("%s is stored twice", id)
			}
			flags := slices.DeleteFunc(m.Flags, func(f imap.Flag) bool { return f == `\Recent` })
			slices.Sort(flags)
			all[id] = fmt.Sprintf("%s %v %s\n%s", name, flags, m.InternalDate.UTC().Format(time.RFC3339), raw)
		}
	}
	return all
}

func check(t *testing.T, failed []Failure, err error) {
	t.Helper()
	for _, f := range failed {
		t.Errorf("%s: %v", f.Account, f.Err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// put appends a message of somebody else.
func putForeign(t *testing.T, s stage, n int, text string, flags ...imap.Flag) {
	t.Helper()
	c, err := Dial(t.Context(), s.target, s.accounts[n])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cmd := c.Append("INBOX", int64(len(text)), &imap.AppendOptions{Flags: flags})
	io.WriteString(cmd, text)
	cmd.Close()
	if _, err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}

func sizes(t testing.TB, text string) corpus.Sizes {
	t.Helper()
	s, err := corpus.ParseSizes(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
