package probes

import (
	"crypto/tls"
	"encoding/base64"
	"strings"
	"testing"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/scenarios"
	"pegel/testenv"
	"pegel/testenv/real"
)

// waysIn are the actions that log in, by protocol.
var waysIn = []struct{ protocol, verb string }{{"imap", "login"}, {"smtp", "login"}, {"caldav", "discover"}, {"carddav", "discover"}, {"web", "login"}}

// enter logs in once and returns what came of it.
func enter(t *testing.T, protocol, verb string, target probe.Target, account probe.Account) probetest.Result {
	t.Helper()
	if protocol == "web" {
		at, err := scenarios.OpenSite(scenarios.DefaultSite)
		if err != nil {
			t.Fatal(err)
		}
		target.Site = at
	}
	p, ok := ByName(protocol)
	if !ok {
		t.Fatalf("no protocol %s", protocol)
	}
	step, err := probetest.Bind(p, verb, "")
	if err != nil {
		t.Fatal(err)
	}
	target.Name = protocol
	h := probetest.NewHost(p, account, target)
	defer h.Close()
	return h.Do(t.Context(), step)
}

// kept fails where an error tells a secret, as it is or in a form in which it went over the wire.
func kept(t *testing.T, err error, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if s == "" {
			continue
		}
		for _, form := range []string{s, base64.StdEncoding.EncodeToString([]byte(s))} {
			if err != nil && strings.Contains(err.Error(), strings.TrimRight(form, "=")) {
				t.Errorf("the error tells a secret: %v", err)
			}
		}
	}
}

// Every way to log in against the embedded platform, by every protocol that takes it, and its refusal.
func TestWaysToLogIn(t *testing.T) {
	const token, app, master = "token-3f9a", "app-password-77", "master-password-12"
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 5, Password: "own-password-1",
		Auth: testenv.Auth{AppPassword: app, Token: token, Master: "migration", MasterPassword: master}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	webmail, err := scenarios.OpenSite(scenarios.DefaultSite)
	if err != nil {
		t.Fatal(err)
	}
	login := p.Login(2)
	address := map[string]string{"imap": p.URLs.IMAP, "smtp": p.URLs.SMTP, "caldav": p.URLs.CalDAV, "carddav": p.URLs.CardDAV, "web": p.URLs.Web}
	for _, c := range []struct {
		name    string
		account probe.Account
		refused string // by which protocols
	}{
		{"password", probe.Account{Login: login, Password: "own-password-1"}, ""},
		{"wrong password", probe.Account{Login: login, Password: "wrong-password-5"}, "imap smtp caldav carddav web"},
		{"app password", probe.Account{Login: login, Password: "own-password-1", AppPassword: app}, ""},
		{"app password alone", probe.Account{Login: login, Password: app}, "web"},
		{"wrong app password", probe.Account{Login: login, Password: "own-password-1", AppPassword: "wrong-app-6"}, "imap smtp caldav carddav"},
		{"token", probe.Account{Login: login, Token: token + "." + login}, ""},
		{"token of all", probe.Account{Login: login, Token: token}, "caldav carddav web"},
		{"wrong token", probe.Account{Login: login, Token: "wrong-token-8"}, "imap smtp caldav carddav web"},
		{"another's token", probe.Account{Login: login, Token: token + "." + p.Login(3)}, "imap smtp"},
		{"master", probe.Account{Login: login + "*migration", Password: master}, "web"},
		{"another master", probe.Account{Login: login + "*root", Password: master}, "imap smtp caldav carddav web"},
		{"wrong master password", probe.Account{Login: login + "*migration", Password: "own-password-1"}, "imap smtp caldav carddav web"},
	} {
		c.account.Address = login
		for _, way := range waysIn {
			target := probetest.Target(t, way.protocol, address[way.protocol])
			if way.protocol == "web" {
				target.Site = webmail
			}
			r := enter(t, way.protocol, way.verb, target, c.account)
			want := probe.OK
			if strings.Contains(c.refused, way.protocol) {
				want = probe.Auth
			}
			if r.Class != want {
				t.Errorf("%s by %s: %v (%v), want %v", c.name, way.protocol, r.Class, r.Err, want)
			}
			kept(t, r.Err, c.account.Password, c.account.AppPassword, c.account.Token)
		}
	}
}

// A platform without tokens does not offer XOAUTH2, and the probe says so instead of trying something else.
func TestTokensAreNotOffered(t *testing.T) {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 5})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for protocol, address := range map[string]string{"imap": p.URLs.IMAP, "smtp": p.URLs.SMTP} {
		r := enter(t, protocol, "login", probetest.Target(t, protocol, address), probe.Account{Login: p.Login(1), Password: p.Password(), Token: "token-3f9a"})
		if r.Class != probe.Auth || !strings.Contains(r.Err.Error(), "XOAUTH2") {
			t.Errorf("%s: %v", protocol, r.Err)
		}
		kept(t, r.Err, "token-3f9a")
	}
}

// Dovecot and Postfix in front of it take the master user and XOAUTH2, and refuse what is wrong. This Dovecot asks no
// authorisation server: it holds tokens against its password.
func TestRealWaysToLogIn(t *testing.T) {
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("ways to log in to real servers are not tested here: missing %s", strings.Join(missing, ", "))
	}
	const own, master = "own-password-1", "master-password-12"
	stack, err := real.Start(t.Context(), real.Options{Accounts: 5, Password: own, Ports: real.Ports{Free: true}, Tweaks: real.Tweaks{DovecotExtra: `
auth_mechanisms = plain login xoauth2
auth_master_user_separator = *
auth_failure_delay = 0
passdb {
  driver = static
  args = password=` + master + `
  master = yes
}
`}})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	roots := probetest.Roots(t, stack.CAFile)
	login := real.Account(3)
	for _, c := range []struct {
		name    string
		account probe.Account
		want    probe.Class
	}{
		{"password", probe.Account{Login: login, Password: own}, probe.OK},
		{"app password", probe.Account{Login: login, Password: "of-the-web-page", AppPassword: own}, probe.OK},
		{"master", probe.Account{Login: login + "*migration", Password: master}, probe.OK},
		{"wrong master password", probe.Account{Login: login + "*migration", Password: own}, probe.Auth},
		{"token", probe.Account{Login: login, Token: own}, probe.OK},
		{"wrong token", probe.Account{Login: login, Token: "wrong-token-8"}, probe.Auth},
	} {
		for protocol, address := range map[string]string{"imap": stack.IMAPDirect, "smtp": stack.SMTP} {
			target := probetest.Target(t, protocol, address)
			target.TLS = &tls.Config{RootCAs: roots}
			if protocol == "smtp" {
				target.StartTLS = "required"
			}
			r := enter(t, protocol, "login", target, c.account)
			if r.Class != c.want {
				t.Errorf("%s by %s: %v (%v), want %v", c.name, protocol, r.Class, r.Err, c.want)
			}
			kept(t, r.Err, c.account.Password, c.account.AppPassword, c.account.Token)
		}
	}
}
