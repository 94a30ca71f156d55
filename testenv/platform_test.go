package testenv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
)

// operations are all the operations that the servers charge.
var operations = []string{
	"imap.login", "imap.select", "imap.list", "imap.fetch_headers", "imap.fetch", "imap.sync", "imap.append", "imap.store",
	"imap.search", "imap.status", "imap.copy", "smtp.send",
	"caldav.discover", "caldav.query", "caldav.create", "caldav.update", "caldav.get", "caldav.delete", "caldav.copy",
	"web.page", "web.login", "web.list", "web.read", "web.send", "web.logout",
}

// counting is a platform on which every operation takes no time and is counted by a resource of its own name.
func counting() Definition {
	d := Definition{Name: "counting", Operations: map[string][]Step{}}
	for _, op := range operations {
		d.Resources = append(d.Resources, Resource{Name: op, Kind: "counter", Limit: 1000})
		d.Operations[op] = []Step{{Use: op}}
	}
	return d
}

// charged is how often each operation has been charged.
func charged(p *Platform) map[string]int64 {
	counts := map[string]int64{}
	for _, s := range p.Stats() {
		if s.Served > 0 {
			counts[s.Name] = s.Served
		}
	}
	return counts
}

func start(t *testing.T, o Options) *Platform {
	t.Helper()
	if o.Definition.Name == "" {
		o.Definition = counting()
	}
	if o.Accounts == 0 {
		o.Accounts = 50
	}
	p, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("closing the platform: %v", err)
		}
	})
	return p
}

// refusing starts a platform whose listed operations are all refused, because the only unit is taken for an hour.
func refusing(t *testing.T, ops ...string) *Platform {
	t.Helper()
	none := 0
	d := Definition{
		Name:       "refusing",
		Resources:  []Resource{{Name: "gate", Limit: 1, Queue: &none}},
		Operations: map[string][]Step{"hold": {{Use: "gate", For: Service{Mean: time.Hour}}}},
	}
	for _, op := range ops {
		d.Operations[op] = []Step{{Use: "gate"}}
	}
	p := start(t, Options{Definition: d})
	held := make(chan struct{})
	go func() {
		defer close(held)
		_ = p.charge("hold", 0)
	}()
	t.Cleanup(func() { p.Close(); <-held })
	eventually(t, "the gate to be taken", func() bool { return p.Stats()[0].InUse == 1 })
	return p
}

// eventually waits until a condition holds; it fails after a minute.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited a minute for %s", what)
		}
	}
}

// host takes the scheme and the path off a URL.
func host(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	address, _, _ := strings.Cut(rest, "/")
	return address
}

func clientTLS(t *testing.T, p *Platform) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(p.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		t.Fatal("ca.pem holds no certificate")
	}
	return &tls.Config{RootCAs: roots}
}

func TestAccountsOfLogins(t *testing.T) {
	s := newMailStore("example.test", "secret", 40, 0, 1, time.Now())
	for login, want := range map[string]int{
		"u00000@example.test": 0, "u00017": 17, "U00017@Example.Test": 17, "u00040@example.test": 40,
		"u00041": -1, "u17": -1, "u00017@elsewhere.test": -1, "u-0001": -1, "x00017": -1, "": -1, "u000017": -1,
	} {
		got, ok := s.index(login)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("account of %q is %d, want %d", login, got, want)
		}
	}
	if _, ok := s.authenticate("u00001", "secre"); ok {
		t.Error("a wrong password was taken")
	}
}

func TestSeededMailIsReproducible(t *testing.T) {
	now := time.Now()
	dump := func(seed uint64) string {
		var b strings.Builder
		items, _, _ := newMailStore("example.test", "x", 9, 20, seed, now).account(3).boxes["INBOX"].newest(100)
		for _, item := range items {
			fmt.Fprintf(&b, "%d %v %s\n", item.uid, item.date, item.content.raw)
		}
		return b.String()
	}
	first := dump(7)
	if again := dump(7); again != first {
		t.Error("the same seed gives different mail")
	}
	if other := dump(8); other == first {
		t.Error("different seeds give the same mail")
	}
}

func TestManyAccountsFitInMemory(t *testing.T) {
	const accounts, messages = 2000, 20
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	s := newMailStore("example.test", "x", accounts, messages, 1, time.Now())
	c, err := newCalendarStore(s, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for i := range accounts {
		if _, total, _ := s.account(i).boxes["INBOX"].newest(1); total != messages {
			t.Fatalf("account %d has %d messages, want %d", i, total, messages)
		}
		c.of(i)
	}
	used := int64(heap()) - int64(before)
	t.Logf("%d accounts with %d messages each: %.1f MiB", accounts, messages, float64(used)/(1<<20))
	if used > 1<<30 {
		t.Errorf("%d bytes, want less than 1 GiB", used)
	}
	runtime.KeepAlive(s)
	runtime.KeepAlive(c)
}

func TestTLSOnAllListeners(t *testing.T) {
	p := start(t, Options{TLS: true, CADir: t.TempDir()})
	config := clientTLS(t, p)

	c, err := imapclient.DialTLS(host(p.URLs.IMAPS), &imapclient.Options{TLSConfig: config})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(p.Login(1), p.Password()).Wait(); err != nil {
		t.Error(err)
	}

	s, err := imapclient.DialStartTLS(host(p.URLs.IMAP), &imapclient.Options{TLSConfig: config})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Login(p.Login(1), p.Password()).Wait(); err != nil {
		t.Error(err)
	}

	web := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	defer web.CloseIdleConnections()
	answer, err := web.Get(p.URLs.WebTLS)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("page over TLS answers %s", answer.Status)
	}

	// Without the authority nobody trusts the platform.
	if answer, err := http.Get(p.URLs.WebTLS); err == nil {
		answer.Body.Close()
		t.Error("a client without the CA was content")
	}
}

func TestMetrics(t *testing.T) {
	p := start(t, Options{})
	answer, err := http.Get(p.URLs.Web)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()

	answer, err = http.Get(p.URLs.Metrics)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`pegel_testenv_resource_limit{kind="counter",resource="web.page"} 1000`,
		`pegel_testenv_resource_in_use{kind="counter",resource="web.page"} 0`,
		`pegel_testenv_resource_queue{kind="counter",resource="web.page"} 0`,
		`pegel_testenv_resource_served_total{kind="counter",resource="web.page"} 1`,
		`pegel_testenv_resource_refused_total{kind="counter",resource="web.page"} 0`,
		`pegel_testenv_resource_busy_seconds_total{`,
		`pegel_testenv_resource_wait_seconds_total{`,
		"process_resident_memory_bytes ",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

func TestStartRefusesWhatCannotWork(t *testing.T) {
	bad := counting()
	bad.Resources[0].Limit = 0
	if _, err := Start(t.Context(), Options{Definition: bad}); err == nil {
		t.Error("a limit of 0 was taken")
	}
	p := start(t, Options{})
	var port int
	fmt.Sscanf(host(p.URLs.SMTP), "127.0.0.1:%d", &port)
	if _, err := Start(t.Context(), Options{Ports: Ports{SMTP: port}}); err == nil {
		t.Error("a port in use was taken")
	}
}

// platformGoroutines are the stacks of goroutines that run code of the platform or of its libraries.
func platformGoroutines() string {
	var all strings.Builder
	pprof.Lookup("goroutine").WriteTo(&all, 2)
	var own []string
	for _, stack := range strings.Split(all.String(), "\n\n") {
		for _, part := range []string{"imapserver.", "go-smtp.(*Server)", "http.(*conn).serve", "testenv.(*"} {
			if strings.Contains(stack, part) && !strings.Contains(stack, "platformGoroutines") {
				own = append(own, stack)
				break
			}
		}
	}
	return strings.Join(own, "\n\n")
}

func TestCloseLeavesNothing(t *testing.T) {
	eventually(t, "platforms of other tests to end", func() bool { return platformGoroutines() == "" })
	d := counting()
	d.Operations["imap.list"] = []Step{{Use: "imap.list", For: Service{Mean: time.Hour}}}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p, err := Start(ctx, Options{Definition: d, SourceAccounts: true, TLS: true, CADir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}

	// One client idles, one is in a visit that would take an hour, one keeps a web connection, one only connected.
	idler, _ := loggedIn(t, p, 1)
	if _, err := idler.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := idler.Idle(); err != nil {
		t.Fatal(err)
	}
	waiter, _ := loggedIn(t, p, 2)
	listed := waiter.List("", "*", nil)
	eventually(t, "the visit to begin", func() bool {
		for _, s := range p.Stats() {
			if s.Name == "imap.list" {
				return s.InUse == 1
			}
		}
		return false
	})
	if answer, err := http.Get(p.URLs.Web); err != nil {
		t.Fatal(err)
	} else {
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
	}
	defer http.DefaultClient.CloseIdleConnections()
	silent := dialSMTP(t, p)
	defer silent.Close()
	eventually(t, "four connections", func() bool { return p.Connections() == 4 })

	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := listed.Collect(); err == nil {
		t.Error("a visit of an hour was over at once")
	}
	// The library does not wait for the goroutine of an IDLE that was cut, so its last steps may still run.
	eventually(t, "all goroutines to end", func() bool { return platformGoroutines() == "" })
	if err := p.charge("imap.login", 1); err == nil || errors.Is(err, ErrRefused) {
		t.Errorf("a visit after the end: %v", err)
	}
}

func TestContextEndsPlatform(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	p, err := Start(ctx, Options{Definition: counting()})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	eventually(t, "the page to go away", func() bool {
		answer, err := http.Get(p.URLs.Web)
		if err == nil {
			answer.Body.Close()
		}
		return err != nil
	})
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestManyClientsAtOnce(t *testing.T) {
	p := start(t, Options{})
	var clients sync.WaitGroup
	for i := range 24 {
		clients.Go(func() {
			a, err := imapclient.DialInsecure(host(p.URLs.IMAP), nil)
			if err != nil {
				t.Error(err)
				return
			}
			defer a.Close()
			// Three clients share each account, so that they change the same mailboxes.
			if err := a.Login(p.Login(i%8), p.Password()).Wait(); err != nil {
				t.Error(err)
				return
			}
			workMailbox(t, a)
		})
		clients.Go(func() {
			if err := sendMail(p, "", p.Login(i%8), fmt.Sprintf("Message %d", i)); err != nil {
				t.Error(err)
			}
		})
		clients.Go(func() {
			w := newWebClient(t, p)
			w.login(i % 8)
			w.list()
		})
	}
	clients.Wait()
	if got := charged(p); got["smtp.send"] != 24 || got["web.list"] != 24 || got["imap.login"] != 24 {
		t.Errorf("charged %v", got)
	}
}
