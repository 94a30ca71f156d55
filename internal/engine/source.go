package engine

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"pegel/internal/plan"
)

type sourceKey struct{}

// withSource makes Dialer.DialContext dial from an address of this machine.
func withSource(ctx context.Context, source netip.Addr) context.Context {
	return context.WithValue(ctx, sourceKey{}, source)
}

func sourceOf(ctx context.Context) netip.Addr {
	source, _ := ctx.Value(sourceKey{}).(netip.Addr)
	return source
}

// sampled is how many addresses of a line CheckSources tries.
const sampled = 64

// CheckSources tries whether the addresses from which users are to come are this machine's: of many addresses some,
// the first and the last among them.
func CheckSources(p *plan.Plan) error {
	for _, persona := range p.Scenario.Personas {
		if err := bindables(p.Scenario.SourcesOf(persona.Line), "persona "+persona.Name); err != nil {
			return err
		}
	}
	for _, arm := range p.Arms {
		if err := bindables(arm.Sources, "the arm "+arm.Name); err != nil {
			return err
		}
	}
	return nil
}

func bindables(list []netip.Addr, who string) error {
	step := max(1, (len(list)-1+sampled-1)/sampled)
	for i := 0; i < len(list); i += step {
		if err := bindable(list[i]); err != nil {
			return fmt.Errorf("%s cannot come from %s: %w", who, list[i], err)
		}
	}
	if n := len(list); n > 0 {
		if err := bindable(list[n-1]); err != nil {
			return fmt.Errorf("%s cannot come from %s: %w", who, list[n-1], err)
		}
	}
	return nil
}

func bindable(a netip.Addr) error {
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
	if err != nil {
		return err
	}
	return l.Close()
}
