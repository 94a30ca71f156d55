package eas

import (
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv"
)

func platform(t testing.TB, o testenv.Options) *testenv.Platform {
	t.Helper()
	p, err := testenv.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// phoneTarget is the platform's ActiveSync with what its phones know.
func phoneTarget(t testing.TB, address string) probe.Target {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	target := probe.Target{Name: "eas", URL: u, DialContext: new(net.Dialer).DialContext}
	if target.Shared, err = prepare(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	return target
}

// host is the phone of an account of the platform.
func host(t testing.TB, p *testenv.Platform, target probe.Target, account int) *probetest.Host {
	h := probetest.NewHost(Protocol(), probe.Account{Login: p.Login(account), Address: p.Login(account), Password: p.Password()}, target)
	t.Cleanup(h.Close)
	return h
}

func TestConformance(t *testing.T) {
	p := platform(t, testenv.Options{Accounts: 5, PhonePolicy: true})
	target := phoneTarget(t, p.URLs.EAS)
	if r := must(t, host(t, p, target, 2), "folders", ""); r.Phases[probe.PhaseAuth] == 0 {
		t.Errorf("a phone without a policy key gets one as the phase auth; marked are %v", r.Order)
	}
	answered := []probe.Phase{probe.PhaseFirstByte, probe.PhaseComplete}
	invite := probetest.Case{Do: "send", With: "{to: self, invites: true}"}
	probetest.Run(t, Protocol(), target, probe.Account{Login: p.Login(1), Address: p.Login(1), Password: p.Password()}, []probetest.Case{
		{Do: "options", Phases: answered},
		{Do: "provision", Phases: answered},
		{Do: "folders", Phases: answered},
		{Do: "folders", With: "initial: true", Phases: answered},
		{Do: "sync", Phases: answered},
		{Do: "sync", With: "{initial: true, window: 3, filter: 1m, body: 200}", Phases: answered},
		{Do: "sync", With: "{folder: calendar}", Before: []probetest.Case{{Do: "folders"}}, Phases: answered},
		{Do: "ping", With: "{heartbeat: 1s, folders: [calendar, contacts]}", Phases: answered},
		{Do: "send", With: "size: 40KB", Phases: answered},
		{Do: "respond", With: "answer: decline", Before: []probetest.Case{invite, {Do: "sync"}}, Phases: answered},
	})
}

func TestParameters(t *testing.T) {
	for _, c := range [][2]string{
		{"sync", "folder: junk"}, {"sync", "window: 0"}, {"sync", "window: 513"}, {"sync", "filter: 2m"}, {"sync", "body: -1"},
		{"ping", "heartbeat: 500ms"}, {"ping", "heartbeat: 1500ms"}, {"ping", "heartbeat: 1h"}, {"ping", "folders: []"}, {"ping", "folders: [junk]"},
		{"send", "to: all"}, {"send", "size: big"}, {"respond", "answer: maybe"},
	} {
		if _, err := probetest.Bind(Protocol(), c[0], c[1]); err == nil {
			t.Errorf("%s takes %s", c[0], c[1])
		}
	}
}

// Mail ends a Ping, and a Sync after it brings the mail.
func TestMailEndsPing(t *testing.T) {
	p := platform(t, testenv.Options{Accounts: 5})
	target := phoneTarget(t, p.URLs.EAS)
	waiting, sending := host(t, p, target, 1), host(t, p, target, 2)
	sending.Peers = []probe.Account{{Address: p.Login(1)}}
	must(t, waiting, "sync", "")
	ended := make(chan probetest.Result)
	began := time.Now()
	go func() {
		step, _ := probetest.Bind(Protocol(), "ping", "{heartbeat: 10m, folders: [inbox]}")
		ended <- waiting.Do(t.Context(), step)
	}()
	for p.Connections() < 1 || time.Since(began) < 300*time.Millisecond {
		time.Sleep(10 * time.Millisecond)
	}
	must(t, sending, "send", "{size: 4KB}")
	r := <-ended
	if r.Err != nil || r.Elapsed > time.Since(began)-200*time.Millisecond {
		t.Errorf("a Ping that waited %v counts with %v: %v", time.Since(began), r.Elapsed, r.Err)
	}
	before := must(t, waiting, "sync", "").In
	if again := must(t, waiting, "sync", "").In; before < again+1000 {
		t.Errorf("the Sync after the Ping has brought %d bytes, the one after that %d", before, again)
	}
}

// Who waits for a worker because Pings hold all of them is late, and that is what its Ping and every other command measure.
func TestPingsHoldWorkers(t *testing.T) {
	p := platform(t, testenv.Options{Accounts: 10, PhoneWorkers: 2})
	target := phoneTarget(t, p.URLs.EAS)
	var all sync.WaitGroup
	var late atomic.Int32
	var users []*probetest.Host
	for account := range 6 {
		users = append(users, host(t, p, target, account))
		must(t, users[account], "sync", "")
	}
	for _, h := range users {
		all.Go(func() {
			step, _ := probetest.Bind(Protocol(), "ping", "{heartbeat: 2s, folders: [inbox]}")
			r := h.Do(t.Context(), step)
			if r.Err != nil {
				t.Error(r.Err)
			}
			if r.Elapsed > 1500*time.Millisecond {
				late.Add(1)
			}
		})
	}
	all.Wait()
	if n := late.Load(); n != 4 {
		t.Errorf("%d of 6 Pings on 2 workers are late, want 4", n)
	}
	stats := p.Stats()
	if w := stats[len(stats)-1]; w.Limit != 2 || w.Busy < 11 || w.Wait < 11 || w.InUse != 0 {
		t.Errorf("the workers say %+v", w)
	}
}

// Whoever it comes from, only an invitation of pegel's is answered.
func TestOwnInvitations(t *testing.T) {
	const own = "00000000000000ab.run-1@pegel.invalid"
	for text, want := range map[string]bool{
		own: true,
		"dkNhbC1VaWQBAAAAMDAwMDAwMDAwMDAwMDBhYi5ydW4tMUBwZWdlbC5pbnZhbGlkAA==": true,
		"00000000000000ab.run-1@elsewhere.invalid":                             false,
		"ab.run-1@pegel.invalid":                                               false,
		"00000000000000ab@pegel.invalid":                                       false,
		"x00000000000000b.run-1@pegel.invalid":                                 false,
		"vCal-Uid":                                                             false,
		"":                                                                     false,
		"BAAAAIIA4AB0xbcQGoLgCAAAAAA=":                                         false,
	} {
		if ownEvent(text) != want {
			t.Errorf("%q is pegel's: %v", text, !want)
		}
	}
}
