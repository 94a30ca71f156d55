//go:build linux

package real

import (
	"context"
	"crypto/tls"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// deadline bounds what has to happen at all; no test measures a time.
const deadline = 60 * time.Second

func needServers(t *testing.T) {
	t.Helper()
	if missing := Missing(); len(missing) > 0 {
		t.Skipf("real servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
}

func TestStack(t *testing.T) {
	needServers(t)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	webmail := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "webmail behind the balancer")
	}))
	defer webmail.Close()
	begun := time.Now()
	s, err := Start(ctx, Options{
		Accounts: 20, Ports: Ports{Free: true}, Webmail: webmail.Listener.Addr().String(),
		Tweaks: Tweaks{IMAPMaxConn: 77, DovecotExtra: "imap_id_send = name pegel-test\n"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	t.Logf("started in %v", time.Since(begun))
	secure, err := clientTLS(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("imap", func(t *testing.T) { testIMAP(t, s, secure) })
	t.Run("mail", func(t *testing.T) { testMail(t, s, secure) })
	t.Run("outbound", func(t *testing.T) { testNothingLeaves(t, s, secure) })
	t.Run("caldav", func(t *testing.T) { testCalDAV(t, s) })
	t.Run("web", func(t *testing.T) {
		if got := get(t, s.Web); got != "webmail behind the balancer" {
			t.Errorf("through HAProxy came %q", got)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		if got := get(t, s.HAProxyMetrics); !strings.Contains(got, `haproxy_server_limit_sessions{proxy="imap",server="dovecot"} 77`) {
			t.Error("HAProxy's metrics do not tell its limit of 77 sessions")
		}
		if got := get(t, s.DovecotMetrics); !strings.Contains(got, "dovecot_auth_success_total") {
			t.Errorf("Dovecot's metrics do not count logins:\n%s", got)
		}
	})
	t.Run("key", func(t *testing.T) {
		info, err := os.Stat(filepath.Join(s.Dir, "tls", "server.key"))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the servers' key: %v, %v; want mode 0600", info.Mode(), err)
		}
	})
	if err := s.Err(); err != nil {
		t.Errorf("a server ended while the tests ran: %v", err)
	}

	families := map[string]map[int]string{}
	for _, d := range s.daemons {
		if len(d.family.update(true)) == 0 {
			t.Errorf("%s has no process", d.name)
		}
		families[d.name] = maps.Clone(d.family.members)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for name, members := range families {
		for pid, start := range members {
			if running(pid, start) {
				t.Errorf("process %d of %s runs after Close", pid, name)
			}
		}
	}
	for _, u := range []string{s.IMAP, s.IMAPDirect, s.IMAPStartTLS, s.SMTP, s.SMTPInbound, s.CalDAV, s.CalDAVDirect, s.Web, s.HAProxyMetrics, s.DovecotMetrics} {
		if conn, err := net.Dial("tcp", host(t, u)); err == nil {
			conn.Close()
			t.Errorf("%s is listened on after Close", u)
		}
	}
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Errorf("the state directory is still there after Close: %v", err)
	}
}

func testIMAP(t *testing.T, s *Stack, secure *tls.Config) {
	for _, u := range []string{s.IMAP, s.IMAPDirect} {
		c := login(t, u, secure, Account(1), s.Password)
		folders, err := c.List("", "*", nil).Collect()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range folders {
			names = append(names, f.Mailbox)
		}
		for _, want := range []string{"INBOX", "Sent", "Trash", "Drafts", "Junk"} {
			if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+want+" ") {
				t.Errorf("folders are %v, without %s", names, want)
			}
		}
	}
	c, err := imapclient.DialStartTLS(host(t, s.IMAPStartTLS), &imapclient.Options{TLSConfig: secure.Clone()})
	if err != nil {
		t.Fatalf("STARTTLS: %v", err)
	}
	defer c.Close()
	if err := c.Login(Account(1), "not the password").Wait(); err == nil {
		t.Error("a wrong password was accepted")
	}
	// an authority of the system must not do
	if _, err := imapclient.DialTLS(host(t, s.IMAP), nil); err == nil {
		t.Error("the certificate is trusted without the stack's authority")
	}
}

func testMail(t *testing.T, s *Stack, secure *tls.Config) {
	c := submission(t, s, secure)
	if err := c.SendMail(Account(2), []string{Account(3)}, strings.NewReader("Subject: across the stack\r\n\r\nHello\r\n")); err != nil {
		t.Fatalf("submitting: %v", err)
	}
	box := login(t, s.IMAP, secure, Account(3), s.Password)
	awaitSubject(t, box, "across the stack")

	plain, err := smtp.Dial(host(t, s.SMTP))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if err := plain.Mail(Account(2), nil); err == nil {
		t.Error("submission takes mail without TLS and authentication")
	}

	inbound, err := smtp.Dial(host(t, s.SMTPInbound))
	if err != nil {
		t.Fatal(err)
	}
	defer inbound.Close()
	if err := inbound.SendMail("someone@elsewhere.test", []string{Account(3)}, strings.NewReader("Subject: from outside\r\n\r\nHello\r\n")); err != nil {
		t.Fatalf("sending from outside: %v", err)
	}
	awaitSubject(t, box, "from outside")
}

// testNothingLeaves tries a foreign domain, which is refused at once, authenticated or not.
func testNothingLeaves(t *testing.T, s *Stack, secure *tls.Config) {
	c := submission(t, s, secure)
	message := "Subject: away\r\n\r\nHello\r\n"
	if err := c.SendMail(Account(2), []string{"someone@elsewhere.test"}, strings.NewReader(message)); err == nil {
		t.Error("submission takes mail for a foreign domain")
	}
	inbound, err := smtp.Dial(host(t, s.SMTPInbound))
	if err != nil {
		t.Fatal(err)
	}
	defer inbound.Close()
	if err := inbound.SendMail("a@elsewhere.test", []string{"b@elsewhere.test"}, strings.NewReader(message)); err == nil {
		t.Error("inbound SMTP relays")
	}
}

func testCalDAV(t *testing.T, s *Stack) {
	const event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//pegel//test//EN\r\nBEGIN:VEVENT\r\nUID:e1\r\nDTSTAMP:20261121T000000Z\r\n" +
		"DTSTART:20261121T100000Z\r\nDTEND:20261121T110000Z\r\nSUMMARY:Meeting\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	do := func(method, path, user, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, strings.TrimSuffix(s.CalDAV, "/")+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.SetBasicAuth(user, s.Password)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(text)
	}
	calendar := "/" + Account(20) + "/calendar/"
	if status, text := do("MKCALENDAR", calendar, Account(20), ""); status != http.StatusCreated {
		t.Fatalf("MKCALENDAR: %d %s", status, text)
	}
	if status, text := do("PUT", calendar+"e1.ics", Account(20), event); status != http.StatusCreated {
		t.Fatalf("PUT: %d %s", status, text)
	}
	if status, text := do("GET", calendar+"e1.ics", Account(20), ""); status != http.StatusOK || !strings.Contains(text, "SUMMARY:Meeting") {
		t.Errorf("GET: %d %s", status, text)
	}
	if status, _ := do("GET", calendar+"e1.ics", Account(19), ""); status != http.StatusForbidden {
		t.Errorf("another account's GET: %d, want 403", status)
	}
	if status, _ := do("GET", calendar+"e1.ics", Account(21), ""); status != http.StatusUnauthorized {
		t.Errorf("GET of an account that does not exist: %d, want 401", status)
	}
	// more at once than Radicale's listen backlog and HAProxy's share of it
	failures := make(chan error)
	const clients = 60
	for range clients {
		go func() {
			failures <- page(s.CalDAV, 0)(t.Context())
		}()
	}
	for range clients {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
}

func TestStartFailureCitesLog(t *testing.T) {
	needServers(t)
	_, err := Start(t.Context(), Options{Ports: Ports{Free: true}, Tweaks: Tweaks{DovecotExtra: "no_such_setting = 1\n"}})
	if err == nil || !strings.Contains(err.Error(), "dovecot ended") || !strings.Contains(err.Error(), "no_such_setting") {
		t.Errorf("error is %v, want Dovecot's complaint", err)
	}
	_, err = Start(t.Context(), Options{Ports: Ports{Free: true}, Tweaks: Tweaks{HAProxyExtra: "frontend broken\n  bind nowhere\n"}})
	if err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Errorf("error is %v, want HAProxy's complaint", err)
	}
}

func TestStartAgainInKeptDir(t *testing.T) {
	needServers(t)
	dir, err := os.MkdirTemp("/var/tmp", "pegel-kept-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	options := Options{Dir: dir, Accounts: 3, Ports: Ports{Free: true}}
	if _, err := Start(t.Context(), options); err == nil || !strings.Contains(err.Error(), "may not pass") {
		t.Fatalf("directory with mode 0700: error is %v", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"first life", "second life"} {
		s, err := Start(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		secure, err := clientTLS(s.CAFile)
		if err != nil {
			t.Fatal(err)
		}
		if err := submission(t, s, secure).SendMail(Account(1), []string{Account(1)}, strings.NewReader("Subject: "+subject+"\r\n\r\nHello\r\n")); err != nil {
			t.Fatal(err)
		}
		box := login(t, s.IMAP, secure, Account(1), s.Password)
		awaitSubject(t, box, subject)
		awaitSubject(t, box, "first life") // is still there in the second
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func host(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

func login(t *testing.T, address string, secure *tls.Config, user, password string) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialTLS(host(t, address), &imapclient.Options{TLSConfig: secure.Clone()})
	if err != nil {
		t.Fatalf("connecting to %s: %v", address, err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login(user, password).Wait(); err != nil {
		t.Fatalf("login at %s: %v", address, err)
	}
	return c
}

func submission(t *testing.T, s *Stack, secure *tls.Config) *smtp.Client {
	t.Helper()
	config := secure.Clone()
	config.ServerName = "127.0.0.1"
	c, err := smtp.DialStartTLS(host(t, s.SMTP), config)
	if err != nil {
		t.Fatalf("submission: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Auth(sasl.NewPlainClient("", Account(2), s.Password)); err != nil {
		t.Fatalf("authenticating at submission: %v", err)
	}
	return c
}

func awaitSubject(t *testing.T, c *imapclient.Client, subject string) {
	t.Helper()
	criteria := &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: subject}}}
	for end := time.Now().Add(deadline); ; time.Sleep(pollEvery) {
		if _, err := c.Select("INBOX", nil).Wait(); err != nil {
			t.Fatal(err)
		}
		found, err := c.Search(criteria, nil).Wait()
		if err != nil {
			t.Fatal(err)
		}
		if len(found.AllSeqNums()) == 1 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no message %q in the mailbox", subject)
		}
	}
}

func get(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", address, response.Status, err)
	}
	return string(text)
}
