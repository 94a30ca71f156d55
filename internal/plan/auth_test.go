package plan

import (
	"fmt"
	"testing"

	"pegel/probes"
	"pegel/scenarios"
)

// How accounts log in is part of what is sent, and so of the digest; the secrets are not, nor are groups and tags, which change
// nothing on the wire.
func TestDigestCoversTheWayToLogIn(t *testing.T) {
	digest := func(accounts, tags, secret string) string {
		t.Helper()
		src := fmt.Sprintf(`
name: auth
targets: {imap: {url: "imap://127.0.0.1:1143"}}
accounts: {pattern: "u{n}@example.test", count: 100, %s}
activity: {desktop: 50%%, source: test}
personas: [{name: desktop, journey: j%s}]
journeys: {j: [{do: imap.login}, {do: imap.fetch, think: 1s}]}
load: {stages: {users: [10], hold: 10s}}
objectives: [{action: "imap.*", p95: 1s}]
`, accounts, tags)
		s, err := scenarios.Parse("auth.yaml", []byte(src), scenarios.Options{Getenv: func(string) (string, bool) { return secret, true }})
		if err != nil {
			t.Fatal(err)
		}
		p, err := Build(s, probes.All())
		if err != nil {
			t.Fatal(err)
		}
		return p.Digest()
	}
	plain := digest("password: {env: P}", "", "one")
	if digest("password: {env: P}", "", "two") != plain {
		t.Error("the digest depends on the password")
	}
	if digest("password: {env: P}, auth: {method: password}, groups: {tax: 1-50}", ", tags: {from: home}", "one") != plain {
		t.Error("the digest depends on groups or tags")
	}
	seen := map[string]string{plain: "password"}
	for _, other := range []string{
		"password: {env: P}, auth: {method: app_password}", "auth: {method: xoauth2, token: {env: P}}",
		"password: {env: P}, auth: {method: master, user: a}", "password: {env: P}, auth: {method: master, user: b}",
		`password: {env: P}, auth: {method: master, user: a, joint: "+"}`,
	} {
		d := digest(other, "", "one")
		if before, same := seen[d]; same {
			t.Errorf("%s and %s have the same digest", other, before)
		}
		seen[d] = other
	}
}

func TestAccountsOfThePlan(t *testing.T) {
	s, err := scenarios.Parse("auth.yaml", []byte(`
name: auth
targets: {imap: {url: "imap://127.0.0.1:1143"}}
accounts: {pattern: "u{n}@example.test", count: 100, password: {env: P}, auth: {method: master, user: root}, groups: {tax: 51-100, interior: 1-40}}
activity: {desktop: 50%, source: test}
personas: [{name: desktop, journey: j}]
journeys: {j: [{do: imap.login}]}
load: {stages: {users: [10], hold: 10s}}
objectives: [{action: "imap.*", p95: 1s}]
`), scenarios.Options{Getenv: func(string) (string, bool) { return "master-word", true }})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Build(s, probes.All())
	if err != nil {
		t.Fatal(err)
	}
	if a := p.Account(6); a.Login != "u7@example.test*root" || a.Address != "u7@example.test" || a.Secret() != "master-word" || a.Token != "" {
		t.Errorf("account 7 logs in as %s, has the address %s", a.Login, a.Address)
	}
	names := append([]string{""}, p.Groups()...)
	for i, want := range map[int]string{0: "interior", 39: "interior", 40: "", 50: "tax", 99: "tax"} {
		if got := names[p.GroupOf(i)]; got != want {
			t.Errorf("account %d is of the group %q, want %q", i+1, got, want)
		}
	}
}
