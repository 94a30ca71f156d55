package smtp

import (
	"crypto/tls"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

// Postfix with a low limit on connections of one client: the limit is called one, and mail still goes over the connections below
// it, by submission with STARTTLS and a login, in groups and without, and as mail from outside.
func TestPostfix(t *testing.T) {
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("no real servers here: missing %s", strings.Join(missing, ", "))
	}
	for range 3 {
		if withPostfix(t) {
			return
		}
	}
	t.Error("three Postfixes greet nobody")
}

// withPostfix says false where Postfix does not greet anybody, whoever asks.
func withPostfix(t *testing.T) bool {
	t.Helper()
	const limit = 3
	stack, err := real.Start(t.Context(), real.Options{Ports: real.Ports{Free: true}, Accounts: 5,
		Tweaks: real.Tweaks{PostfixExtra: "smtpd_client_connection_count_limit = 3\n" +
			"smtpd_client_event_limit_exceptions =\nsmtpd_recipient_limit = 5\nsmtpd_recipient_overshoot_limit = 1000\n"}})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	pool := probetest.Roots(t, stack.CAFile)
	user := func(url string) *probetest.Host {
		target := probetest.Target(t, "smtp", url)
		target.TLS, target.StartTLS = &tls.Config{RootCAs: pool}, "optional"
		h := probetest.NewHost(Protocol(), probe.Account{Login: real.Account(1), Address: real.Account(1), Password: stack.Password}, target)
		for i := range 9 {
			h.Peers = append(h.Peers, probe.Account{Address: real.Account(i)})
		}
		t.Cleanup(h.Close)
		return h
	}
	var full probetest.Result
	var open []*probetest.Host
	for range limit + 1 {
		h := user(stack.SMTPInbound)
		open = append(open, h)
		if full = h.Open(shortly(t, 10*time.Second), ""); full.Err != nil {
			break
		}
	}
	for _, h := range open {
		h.Close()
	}
	if full.Class == probe.Timeout && !greets(stack.SMTPInbound) {
		said, err := os.ReadFile(filepath.Join(stack.Dir, "log", "postfix.log"))
		t.Logf("Postfix greets nobody any more; its log ends (%v):\n%s", err, said[max(0, len(said)-3000):])
		return false
	}
	if full.Class != probe.Limited || full.Phases[probe.PhaseConnect] <= 0 || full.Phases[probe.PhaseGreeting] != 0 {
		t.Errorf("one connection too many came to %v: %v", full.Class, full.Err)
	}
	submission := user(stack.SMTP)
	for _, params := range []string{"size: 4KB", "pipelining: off", "size: 300KB"} {
		if r := submission.Do(shortly(t, 20*time.Second), bound(t, "send", params)); r.Err != nil {
			t.Errorf("%q: %v", params, r.Err)
		}
	}
	inbound := user(stack.SMTPInbound)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); { // until Postfix has noticed that the others are gone
		if r := inbound.Open(shortly(t, 10*time.Second), ""); r.Err == nil {
			break
		}
	}
	r := inbound.Do(shortly(t, 20*time.Second), bound(t, "send", "recipients: 60\nas: mta\nfrom: someone@outside.example\nretry: none"))
	if r.Class != probe.Limited || !strings.Contains(r.Err.Error(), "452 4.5.3") || len(probe.TakenFor(r.Err)) != 5 {
		t.Errorf("more recipients than allowed: %v, taken for %v", r.Err, probe.TakenFor(r.Err))
	}
	return true
}

// greets says whether a server says anything to somebody who only listens.
func greets(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	conn, err := net.DialTimeout("tcp", u.Host, 20*time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	n, err := conn.Read(make([]byte, 100))
	return n > 0 && err == nil
}
