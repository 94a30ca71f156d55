package observe

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"pegel/scenarios"
	"pegel/testenv/real"
)

// The real Dovecot's own page and the balancer's before it: what is counted there is what was done.
func TestRealDovecot(t *testing.T) {
	o := real.Options{Accounts: 5, Ports: real.Ports{Free: true}}
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("real servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	stack, err := real.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	u, err := url.Parse(stack.IMAPDirect)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := os.ReadFile(stack.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	conn, err := tls.Dial("tcp", u.Host, &tls.Config{RootCAs: pool, ServerName: u.Hostname(), MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(40 * time.Second))
	in := bufio.NewReader(conn)
	in.ReadString('\n')
	for i, text := range []string{`LOGIN "u00001" "` + stack.Password + `"`, "NOOP", "NOOP", "SELECT INBOX"} {
		fmt.Fprintf(conn, "a%d %s\r\n", i, text)
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, fmt.Sprintf("a%d ", i)) {
				if !strings.Contains(line, " OK") {
					t.Fatalf("%s: %s", text, line)
				}
				break
			}
		}
	}
	page, err := New([]scenarios.Observe{{Name: "p", Software: "dovecot", Prometheus: stack.DovecotMetrics, Every: scenarios.Duration(10 * time.Second)}}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	defer page.pages[0].source.close()
	for limit := time.Now().Add(40 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		m, err := page.pages[0].scrape(t.Context(), clock())
		v := values(m.Points)
		// Dovecot counts each command, and again by its name and by its answer; it counts once here.
		if n := v["imap.commands.served"]; n >= 3 && n <= 6 && v["auth.served"] >= 1 && v["imap.commands.busy"] > 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("%v, %v", v, err)
		}
	}
}
