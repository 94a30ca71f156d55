package caldav

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// radicale starts the real server on loopback with a private configuration, and returns its address.
func radicale(t *testing.T) string {
	const program = "/usr/bin/radicale"
	if _, err := os.Stat(program); err != nil {
		t.Skipf("%s is not installed (package radicale): not tested against a real CalDAV server: %v", program, err)
	}
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	users := filepath.Join(dir, "users")
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(users, []byte(account.Login+":"+account.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("[server]\nhosts = %s\nmax_connections = 200\n[auth]\ntype = htpasswd\nhtpasswd_filename = %s\n"+
		"htpasswd_encryption = plain\ndelay = 0\n[rights]\ntype = owner_only\n[storage]\ntype = multifilesystem\n"+
		"filesystem_folder = %s\n[web]\ntype = none\n[logging]\nlevel = warning\n", address, users, filepath.Join(dir, "collections"))
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var output bytes.Buffer
	command := exec.Command(program, "-C", config)
	command.Stdout, command.Stderr = &output, &output
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		command.Process.Kill()
		command.Wait()
		if t.Failed() {
			t.Logf("radicale said:\n%s", output.String())
		}
	})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return "http://" + address
		}
		if time.Now().After(deadline) {
			t.Fatalf("radicale does not listen: %v", err)
		}
	}
}

func TestRadicale(t *testing.T) {
	address := radicale(t)
	t.Run("journey", func(t *testing.T) {
		u := newUser(t, address)
		u.must("discover", "query", "create", "create", "update", "query", "delete", "copy", "update", "delete", "delete")
		u.must("sync", "sync", "create", "sync", "race", "sync", "verify", "update", "verify", "delete", "verify", "answer")
		for _, with := range []string{"by: token", "by: ctag", "by: listing", "{page: 1, collection: Migrated}"} {
			for _, verb := range []string{"sync", "create", "sync", "verify"} {
				if verb == "create" {
					u.must("create")
				} else if err := u.do(verb, with); err != nil {
					t.Errorf("%s %s: %v", verb, with, err)
				}
			}
		}
		if err := u.do("rights", "need: write"); err != nil {
			t.Error(err)
		}
		if err := u.do("create", "{repeat: true, exceptions: 3, alarm: true, attach: 30KB}"); err != nil {
			t.Error(err)
		}
		u.must("query", "update", "race")
		t.Log(u.do("freebusy", ""))
	})
	t.Run("classes", func(t *testing.T) {
		u := newUser(t, address)
		u.must("discover")
		for with, want := range map[string]probe.Class{"collection: /u1/": probe.Denied, "collection: /u0/none/": probe.Content, "collection: none": probe.Content} {
			if err := u.do("rights", with); probe.ClassOf(err) != want {
				t.Errorf("rights %s: %v, want %v", with, err, want)
			}
		}
	})
	t.Run("another session", func(t *testing.T) {
		u := newUser(t, address+"/u0/")
		u.must("query", "update")
	})
	t.Run("suite", func(t *testing.T) {
		var keys atomic.Uint64
		keys.Store(1 << 20)
		probetest.Suite{
			Protocol: distinct(Protocol(), &keys), Target: target(t, address), Account: account, Cases: cases,
			Users: 3, Timeout: time.Minute, // one single-threaded server, on a machine that may be busy
		}.Run(t)
	})
}
