package engine

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strings"

	"pegel/internal/plan"
	"pegel/probes/probe"
)

// enter begins a stage of an experiment: everybody leaves, so that the sessions of one arm are not those of the next, and comes
// anew with the same draws in every arm. Copying users go on with their work over new sessions.
func (e *engine) enter(at *atWork, st *plan.Stage) {
	if st.Arm == "" {
		return
	}
	e.arm.Store(e.plan.Arm(st.Arm))
	e.anew = true
	at.copiers = e.arrive(at.copiers, nil, 0, 0)
	at.deferred = e.arrive(at.deferred, nil, 0, 0)
	for k := range at.active {
		at.active[k] = e.arrive(at.active[k], nil, 0, 0)
	}
}

// detour is the target as the user's arm reaches it. The address stays what it is for everything that is said to the platform
// (the name of the host, the certificate); only the connection goes elsewhere.
func (u *user) detour(target probe.Target) probe.Target {
	if u.arm == nil {
		return target
	}
	if source := u.e.plan.Source(u.arm, u.who); source.IsValid() {
		dial := target.DialContext
		target.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			return dial(withSource(ctx, source), network, address)
		}
	}
	if u.arm.Around {
		if backend := u.backend(target.Name); backend != nil {
			return around(target, backend)
		}
	}
	return target
}

// backend is what stands behind a target for the user; nil where nothing is known to.
func (u *user) backend(target string) *url.URL {
	if u.behind != nil { // a preflight tries each
		return u.behind
	}
	return u.e.plan.Backend(target, u.who)
}

// around is a target whose connections go to a backend. Where the balancer ends TLS and the backend speaks in plain, or the other
// way round, the scheme is the backend's.
func around(target probe.Target, backend *url.URL) probe.Target {
	was := target.URL
	if was.Scheme != backend.Scheme {
		is := *was
		is.Scheme = backend.Scheme
		target.URL = &is
	}
	dial := target.DialContext
	target.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err == nil && strings.EqualFold(host, was.Hostname()) && (was.Port() == "" || was.Port() == port) {
			address = backend.Host
		}
		return dial(ctx, network, address)
	}
	return target
}

// sourced is the user's end of the line with the address that its arm has, so that results are not told apart by one that it
// does not come from.
func (u *user) sourced(end *lineEnd) *lineEnd {
	source := u.e.plan.Source(u.arm, u.who)
	if end == nil || !source.IsValid() {
		return end
	}
	own := *end
	own.source, own.number = netip.Addr{}, end.lines.numbers[source]
	return &own
}

// tryArms tries the ways in that only an arm of the experiment takes: each backend by itself.
func (e *engine) tryArms(who *plan.User, tried map[string]bool) error {
	for _, arm := range e.plan.Arms {
		if !arm.Around {
			continue
		}
		for _, name := range e.plan.Targets {
			for _, backend := range e.plan.Scenario.Targets.ByName[name].Behind {
				if err := e.tryWay(who, tried, name, arm, backend); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
