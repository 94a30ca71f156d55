package browser

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv"
)

// needChromium skips a test on a machine without the browser.
func needChromium(t *testing.T) {
	t.Helper()
	if _, err := find(); err != nil {
		t.Skip(err)
	}
}

// platform starts pegel's own webmail.
func platform(t *testing.T, options testenv.Options) *testenv.Platform {
	t.Helper()
	options.Accounts = 20
	p, err := testenv.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func webmailAt(t *testing.T, address string) probe.Target {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return probe.Target{Name: "browser", URL: u, DialContext: onlyLoopback}
}

func account(p *testenv.Platform, i int) probe.Account {
	return probe.Account{Index: i, Login: p.Login(i), Address: p.Login(i), Password: p.Password()}
}

var painted = []probe.Phase{probe.PhaseFirstByte, probe.PhaseDOMReady, probe.PhaseShown}

func TestConformance(t *testing.T) {
	needChromium(t)
	p := platform(t, testenv.Options{})
	signedIn := []probetest.Case{{Do: "login"}}
	probetest.Suite{
		Protocol: Protocol(), Target: onSite(t, "embedded", p.URLs.Web), Account: account(p, 1), Users: 2, Timeout: 2 * time.Minute,
		Cases: []probetest.Case{
			{Do: "login", Phases: painted},
			{Do: "inbox", Before: signedIn, Phases: painted},
			{Do: "open", Before: signedIn, Phases: []probe.Phase{probe.PhaseShown}},
			{Do: "open", Phases: []probe.Phase{probe.PhaseAuth, probe.PhaseShown}},
			{Do: "logout", Before: signedIn, Phases: []probe.Phase{probe.PhaseShown}},
			{Do: "list", Before: signedIn, Phases: []probe.Phase{probe.PhaseShown}},
			{Do: "read", Phases: []probe.Phase{probe.PhaseAuth, probe.PhaseShown}},
			{Do: "compose", Before: signedIn, Phases: []probe.Phase{probe.PhaseShown}},
			{Do: "send", With: "size: 2KiB", Before: signedIn, Phases: []probe.Phase{probe.PhaseShown}},
			{Do: "poll", Before: signedIn, Phases: []probe.Phase{probe.PhaseShown}},
			{Do: "search", Fails: probe.Content}, // this site has none
			{Do: "page", With: "{wait: '#login'}", Phases: painted},
			{Do: "click", With: "{at: '#compose', wait: '#to'}", Before: signedIn, Phases: []probe.Phase{probe.PhaseShown}},
			{Do: "type", With: "{into: '#user', text: someone, press: Tab}", Before: []probetest.Case{{Do: "page", With: "wait: '#login'"}}},
			{Do: "wait", With: "for: '#login'", Before: []probetest.Case{{Do: "page"}}},
			{Do: "text", With: "{of: '#signin', expect: Sign in}", Before: []probetest.Case{{Do: "page"}}},
		},
	}.Run(t)
}

// user is one user of a prepared target.
type user struct {
	*probetest.Host
	t *testing.T
}

func newUser(t *testing.T, to probe.Target, a probe.Account) user {
	h := probetest.NewHost(Protocol(), a, to)
	t.Cleanup(h.Close)
	return user{h, t}
}

func (u user) do(verb, with string) probetest.Result {
	u.t.Helper()
	step, err := probetest.Bind(Protocol(), verb, with)
	if err != nil {
		u.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(u.t.Context(), time.Minute)
	defer cancel()
	return u.Do(ctx, step)
}

func (u user) want(class probe.Class, verb, with string) {
	u.t.Helper()
	if r := u.do(verb, with); r.Class != class {
		u.t.Fatalf("%s %s came to %v, want %v: %v", verb, with, r.Class, class, r.Err)
	}
}

func prepared(t *testing.T, to probe.Target) (probe.Target, *Browser) {
	t.Helper()
	shared, err := Protocol().Prepare(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shared.Close() })
	to.Shared = shared
	return to, shared.(*Browser)
}

func TestUsersAreApartAndInboxMayBeEmpty(t *testing.T) {
	needChromium(t)
	p := platform(t, testenv.Options{MessagesPerAccount: -1})
	to, _ := prepared(t, webmailAt(t, p.URLs.Web))
	one, two := newUser(t, to, account(p, 1)), newUser(t, to, account(p, 2))
	one.want(probe.OK, "login", "")
	one.want(probe.OK, "login", "") // still signed in
	one.want(probe.OK, "inbox", "")
	one.want(probe.Content, "open", "")
	// With the cookies of the first, the second would be signed in already and have no button to sign in with.
	two.want(probe.Content, "login", "signin: '#no-such-button'")
	two.want(probe.OK, "login", "")
	two.want(probe.OK, "logout", "")
	one.want(probe.OK, "inbox", "")
}

func TestCrashes(t *testing.T) {
	needChromium(t)
	p := platform(t, testenv.Options{})
	to, b := prepared(t, webmailAt(t, p.URLs.Web))
	u := newUser(t, to, account(p, 1))

	crash := func(name string, how func(*tab)) {
		t.Run(name, func(t *testing.T) {
			u := user{u.Host, t}
			u.want(probe.OK, "login", "")
			s, err := u.OpenSession("browser")
			if err != nil {
				t.Fatal(err)
			}
			how(s.(*tab))
			u.want(probe.Reset, "inbox", "")
			u.want(probe.OK, "inbox", "") // in a new tab
		})
	}
	crash("tab", func(s *tab) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		go cdp.Call(ctx, s.session, page.Crash, cdp.Empty{}) // a tab that is gone does not answer
		<-s.crashed
	})
	crash("browser", func(s *tab) {
		syscall.Kill(s.process.group, syscall.SIGKILL)
		<-s.process.lost
	})
	if left := processesWith(t, b.process.profile); left == 0 {
		t.Error("this test does not find running browsers")
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	needChromium(t)
	p := platform(t, testenv.Options{})
	to, b := prepared(t, webmailAt(t, p.URLs.Web))
	newUser(t, to, account(p, 1)).want(probe.OK, "login", "")
	profile := b.process.profile
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(profile); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the profile is still there: %v", err)
	}
	if n := processesWith(t, profile); n > 0 {
		t.Errorf("%d processes are still there", n)
	}
}

// processesWith counts the living processes with a text in their command line.
func processesWith(t *testing.T, text string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Skipf("no list of processes: %v", err)
	}
	n := 0
	for _, file := range files {
		if line, err := os.ReadFile(file); err == nil && bytes.Contains(line, []byte(text)) {
			n++
		}
	}
	return n
}

func TestCertificates(t *testing.T) {
	needChromium(t)
	p := platform(t, testenv.Options{TLS: true, CADir: t.TempDir()})
	to := webmailAt(t, p.URLs.WebTLS)
	if _, err := Protocol().Prepare(t.Context(), to); probe.ClassOf(err) != probe.TLS {
		t.Errorf("an unknown authority came to %v, want class tls", err)
	}
	pem, err := os.ReadFile(p.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	to.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	to.TLS.RootCAs.AppendCertsFromPEM(pem)
	known, b := prepared(t, to)
	newUser(t, known, account(p, 1)).want(probe.OK, "login", "")

	// The same browser does not take the certificate of another platform: nothing is trusted but the one that was verified.
	other := platform(t, testenv.Options{TLS: true, CADir: t.TempDir()})
	foreign := webmailAt(t, other.URLs.WebTLS)
	foreign.Shared = b
	newUser(t, foreign, account(other, 1)).want(probe.TLS, "login", "")
}

func TestRefusedByTheAllowList(t *testing.T) {
	needChromium(t)
	to, _ := prepared(t, webmailAt(t, "http://192.0.2.1:8080/"))
	r := newUser(t, to, probe.Account{Login: "u", Password: "p"}).do("login", "")
	if r.Class != probe.Denied || !errors.Is(r.Err, probe.ErrNotAllowed) {
		t.Errorf("got %v, want denied by the allow-list", r.Err)
	}
}

func TestTooManyUsers(t *testing.T) {
	b := &Browser{slots: make(chan struct{}, MaxUsers)}
	for range MaxUsers {
		b.slots <- struct{}{}
	}
	to := webmailAt(t, "http://127.0.0.1/")
	to.Shared = b
	if r := probetest.NewHost(Protocol(), probe.Account{}, to).Open(t.Context(), ""); r.Class != probe.Limited {
		t.Errorf("got %v, want class limited", r.Err)
	}
}

func TestNoChromium(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Protocol().Prepare(t.Context(), webmailAt(t, "http://127.0.0.1/"))
	if !errors.Is(err, ErrNoChromium) {
		t.Errorf("got %v, want ErrNoChromium", err)
	}
}

func TestNetErrors(t *testing.T) {
	for text, want := range map[string]probe.Class{
		"net::ERR_CONNECTION_REFUSED": probe.Refused, "net::ERR_CERT_AUTHORITY_INVALID": probe.TLS, "net::ERR_EMPTY_RESPONSE": probe.Reset,
		"net::ERR_TIMED_OUT": probe.Timeout, "net::ERR_SOMETHING_NEW": probe.BadProtocol, "net::ERR_TUNNEL_CONNECTION_FAILED": probe.Overload,
		"net::ERR_NETWORK_CHANGED": probe.Reset, "net::ERR_INTERNET_DISCONNECTED": probe.Refused,
	} {
		if got := probe.ClassOf(netError("test", text)); got != want {
			t.Errorf("%s is %v, want %v", text, got, want)
		}
	}
}
