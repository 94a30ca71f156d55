package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"pegel/probes/probe"
	"pegel/scenarios"
)

// Dialer dials only addresses inside the allow-list, checked after name resolution, so that neither a name nor a
// redirect leads traffic anywhere else.
type Dialer struct {
	Allow   []netip.Prefix
	Timeout time.Duration // of one connection attempt; default 30 s
}

// DialContext resolves the host and connects to its first allowed address. Where none is allowed the error wraps
// probe.ErrNotAllowed.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	timeout := d.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	dialer := net.Dialer{Timeout: timeout}
	source := sourceOf(ctx)
	if source.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		dialer.Control = lateLocalPort
	}
	var last error
	for _, a := range addrs {
		if !d.allowed(a.Unmap()) || source.IsValid() && source.Is4() != a.Unmap().Is4() {
			continue
		}
		conn, err := dialer.DialContext(ctx, network, net.JoinHostPort(a.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		last = err
	}
	if last != nil {
		return nil, last
	}
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	if len(addrs) == 1 && addrs[0].String() == host {
		return nil, fmt.Errorf("dial %s: %w", address, probe.ErrNotAllowed)
	}
	return nil, fmt.Errorf("dial %s (%v): %w", address, addrs, probe.ErrNotAllowed)
}

func (d *Dialer) allowed(a netip.Addr) bool {
	for _, p := range d.Allow {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// Targets makes the scenario's targets ready to be dialled: allow-list, certificate authorities, one TLS configuration
// and session cache for each.
func Targets(s *scenarios.Scenario) (map[string]probe.Target, error) {
	dialer := &Dialer{Allow: s.Targets.Allow}
	targets := map[string]probe.Target{}
	for name, t := range s.Targets.ByName {
		config := &tls.Config{ServerName: t.URL.Hostname(), MinVersion: tls.VersionTLS12, ClientSessionCache: tls.NewLRUClientSessionCache(256)}
		if t.CA != "" {
			pool, err := pool(t.CA, s.Path)
			if err != nil {
				return nil, fmt.Errorf("target %s: %w", name, err)
			}
			config.RootCAs = pool
		}
		at := t.Site.Site
		if at == nil && (t.URL.Scheme == "http" || t.URL.Scheme == "https") {
			var err error
			if at, err = scenarios.OpenSite(scenarios.DefaultSite); err != nil {
				return nil, fmt.Errorf("target %s: %w", name, err)
			}
		}
		if at != nil && t.Backend != nil {
			own := *at // which others have too
			own.Backend = *t.Backend
			at = &own
		}
		targets[name] = probe.Target{Name: name, URL: t.URL, StartTLS: t.StartTLS, TLS: config, DialContext: dialer.DialContext, Site: at, Recycle: t.Recycle}
	}
	return targets, nil
}

func pool(file, scenario string) (*x509.CertPool, error) {
	if !filepath.IsAbs(file) {
		file = filepath.Join(filepath.Dir(scenario), file)
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("certificate authorities: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("certificate authorities: %s holds no certificate in PEM form", file)
	}
	return pool, nil
}
