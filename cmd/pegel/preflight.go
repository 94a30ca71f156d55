package main

import (
	"crypto/tls"
	"errors"
	"strings"

	"pegel/internal/engine"
	"pegel/probes/probe"
)

// preflightHint says what to do about a way in that does not work.
func preflightHint(e *engine.PreflightError) string {
	if errors.Is(e, probe.ErrNotAllowed) {
		return "add the address to targets.allow in the scenario if traffic may go there; a redirect counts as well"
	}
	var plain tls.RecordHeaderError
	if errors.As(e.Err, &plain) || strings.Contains(e.Err.Error(), "HTTP response to HTTPS") {
		return "the server speaks no TLS there: check the scheme of targets." + e.Target + ".url"
	}
	switch probe.ClassOf(e.Err) {
	case probe.Refused:
		return "no server listens there: check targets." + e.Target + ".url, or start the platform (pegel testenv starts an embedded one)"
	case probe.TLS:
		return "the certificate is not trusted: name the authority's PEM file in targets." + e.Target + ".ca"
	case probe.Auth:
		return "the login was refused: check accounts, accounts.auth and the password or token; nobody else was tried, so that no account gets locked"
	case probe.Timeout:
		return "the server did not answer in time: check targets." + e.Target + ".url and the firewall"
	case probe.Denied:
		return "the platform answered that this account may not"
	}
	return "check targets." + e.Target + " in the scenario"
}
