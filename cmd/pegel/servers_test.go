//go:build linux

package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pegel/testenv/real"
)

// serversDir is a directory for real servers, which their users can reach.
func serversDir(t *testing.T) string {
	t.Helper()
	above, err := os.MkdirTemp("/var/tmp", "pegel-claim-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(above) })
	if err := os.Chmod(above, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(above, "real")
}

// A second start leaves the first one's servers and files alone.
func TestSecondStartKeepsTheFirst(t *testing.T) {
	o := real.Options{Accounts: 2, Ports: real.Ports{Free: true}}
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("real servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	dir := serversDir(t)
	// what a killed one left behind
	stale := filepath.Join(dir, "mail", "stale")
	if err := os.MkdirAll(stale, 0o755); err != nil {
		t.Fatal(err)
	}
	first, err := startReal(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("a killed one's files are still there: %v", err)
	}
	if second, err := startReal(t.Context(), dir, o); err == nil {
		second.Close()
		t.Fatal("a second one started in the same directory")
	} else if !strings.Contains(err.Error(), "in use by the servers of process") {
		t.Errorf("the second one says %v", err)
	}
	for _, file := range []string{first.stack.CAFile, filepath.Join(dir, "log", "dovecot.log"), filepath.Join(dir, "mail")} {
		if _, err := os.Stat(file); err != nil {
			t.Errorf("after the second start: %v", err)
		}
	}
	if err := first.stack.Err(); err != nil {
		t.Errorf("after the second start: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}

// A port in use is found before anything in the directory is touched.
func TestPortInUseKeepsTheDirectory(t *testing.T) {
	o := real.Options{Accounts: 2, Ports: real.Ports{Free: true}}
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("real servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	taken, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	o.Ports.IMAP = taken.Addr().(*net.TCPAddr).Port
	dir := serversDir(t)
	kept := filepath.Join(dir, "mail", "kept")
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := startReal(t.Context(), dir, o); err == nil || !strings.Contains(err.Error(), "already in use") {
		t.Errorf("the error is %v, want the port", err)
	}
	if _, err := os.Stat(kept); err != nil {
		t.Errorf("the directory was changed: %v", err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := startReal(t.Context(), dir, o); err == nil {
		t.Error("started with a port in use")
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("an empty directory is left: %v", err)
	}
}
