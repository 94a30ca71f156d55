package browser

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"net"

	"pegel/probes/probe"
)

// verifiedPin verifies the target's certificate as every other probe does and returns the hash of its public key in the form
// that Chromium takes for a key to be trusted: base64 of SHA-256 over the SubjectPublicKeyInfo. So Chromium needs no
// certificate store of its own for a platform with a private authority, and never accepts what pegel would not. A target
// without TLS has none: "".
func verifiedPin(ctx context.Context, target probe.Target) (string, error) {
	if target.URL.Scheme != "https" {
		return "", nil
	}
	const doing = "verify the certificate for the browser"
	address := hostPort(target.URL)
	conn, err := target.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", probe.Fail(probe.ClassOf(err), doing, err)
	}
	defer conn.Close()
	config := &tls.Config{}
	if target.TLS != nil {
		config = target.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName, _, _ = net.SplitHostPort(address)
	}
	secured := tls.Client(conn, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		return "", probe.Fail(probe.ClassOf(err), doing, err)
	}
	leaf := secured.ConnectionState().PeerCertificates[0]
	sum := sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:]), nil
}
