package probetest

import (
	"crypto/x509"
	"os"
	"testing"
)

// Roots are the authorities in a PEM file, such as that of a platform started for a test.
func Roots(t testing.TB, file string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("%s holds no certificate", file)
	}
	return pool
}
