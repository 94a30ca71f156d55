package web

import (
	"net"
	"net/http/httptest"
	"net/url"
	"testing"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

func TestConformance(t *testing.T) {
	w := &webmail{sessions: map[string]bool{}, mails: []map[string]any{}}
	for _, id := range []string{"m1", "m2", "m3"} {
		w.mails = append(w.mails, map[string]any{"id": id, "from": "a@b", "subject": "s", "date": "d", "size": 10, "seen": false})
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	answered := []probe.Phase{probe.PhaseFirstByte, probe.PhaseComplete}
	probetest.Run(t, Protocol(),
		probe.Target{Name: "web", URL: u, DialContext: new(net.Dialer).DialContext, Site: embedded(t)},
		probe.Account{Login: "u1", Address: "u1@example.test", Password: "right"},
		[]probetest.Case{
			{Do: "page", With: "expect: webmail", Phases: answered},
			{Do: "page", With: "{path: /missing}", Fails: probe.Content},
			{Do: "request", With: "{path: /, headers: {X-Test: a}, expect: webmail}", Phases: answered},
			{Do: "request", With: "{path: /missing}", Fails: probe.Content},
			{Do: "login", Phases: answered},
			{Do: "list", Phases: append([]probe.Phase{probe.PhaseAuth}, answered...)},
			{Do: "list", With: "limit: 10", Before: []probetest.Case{{Do: "login"}}, Phases: answered},
			{Do: "read", Before: []probetest.Case{{Do: "list"}}, Phases: answered},
			{Do: "read", With: "newest: true", Phases: answered},
			{Do: "send", With: "size: 4KiB", Before: []probetest.Case{{Do: "login"}}, Phases: answered},
			{Do: "poll", Phases: append([]probe.Phase{probe.PhaseAuth}, answered...)},
			{Do: "search", Fails: probe.Content},
			{Do: "compose", Fails: probe.Content},
			{Do: "push", Fails: probe.Content},
			{Do: "logout", Before: []probetest.Case{{Do: "login"}}, Phases: answered},
		})
}
