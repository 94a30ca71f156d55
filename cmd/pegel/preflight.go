package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
	"strings"

	"pegel/internal/engine"
	"pegel/probes/probe"
)

// preflightHint says what to do about a way in that does not work.
func preflightHint(e *engine.PreflightError) string { return targetHint(e.Target, e.Err) }

// targetHint says what to do about a target on which the first account cannot be reached or logged in to.
func targetHint(target string, err error) string {
	if errors.Is(err, probe.ErrNotAllowed) {
		return "add the address to targets.allow in the scenario if traffic may go there; a redirect counts as well"
	}
	var plain tls.RecordHeaderError
	if errors.As(err, &plain) || strings.Contains(err.Error(), "HTTP response to HTTPS") {
		return "the server speaks no TLS there: check the scheme of targets." + target + ".url"
	}
	if other, ok := errors.AsType[x509.HostnameError](err); ok {
		if names := certificateNames(other.Certificate); names != "" {
			return "the certificate is for " + names + ": use that name in targets." + target + ".url"
		}
		return "the certificate names no server: the one of targets." + target + ".url needs one for its address"
	}
	switch probe.ClassOf(err) {
	case probe.Refused:
		return "no server listens there: check targets." + target + ".url, or start the platform (pegel testenv starts an embedded one)"
	case probe.TLS:
		return "the certificate is not trusted: name the authority's PEM file in targets." + target + ".ca"
	case probe.Auth:
		return "the login was refused: check accounts, accounts.auth and the password or token; nobody else was tried, so that no account gets locked"
	case probe.Timeout:
		return "the server did not answer in time: check targets." + target + ".url and the firewall"
	case probe.Denied:
		return "the platform answered that this account may not"
	}
	return "check targets." + target + " in the scenario"
}

// certificateNames are the names and addresses that a certificate is for, the first few of them.
func certificateNames(c *x509.Certificate) string {
	if c == nil {
		return ""
	}
	const shown = 5
	names := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) > shown {
		names = append(names[:shown], "others")
	}
	return strings.Join(names, ", ")
}
