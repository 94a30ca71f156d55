package observe

import (
	"context"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"pegel/scenarios"
)

// database starts a real one that only we use, and returns its address.
func database(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if len(found) == 0 {
		t.Skip("needs PostgreSQL")
	}
	bin := filepath.Dir(found[len(found)-1])
	owner, err := user.Lookup("postgres")
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs the user postgres, and the right to be that user")
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	dir, err := os.MkdirTemp("/var/tmp", "pegel-observe-") // the user must be able to come there
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	as := &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	data := filepath.Join(dir, "data")
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("hunter2\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-A", "scram-sha-256", "-U", "postgres", "--pwfile", secret, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync")
	initdb.SysProcAttr, initdb.Dir = as, dir
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	address := freePort(t)
	_, port, _ := net.SplitHostPort(address)
	var output strings.Builder
	server := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", port, "-h", "127.0.0.1", "-k", dir, "-c", "max_connections=20", "-c", "fsync=off")
	server.SysProcAttr, server.Dir, server.Stdout, server.Stderr = as, dir, &output, &output
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGINT)
		server.Wait()
		if t.Failed() {
			t.Logf("postgres said: %s", output.String())
		}
	})
	return address
}

func TestPostgres(t *testing.T) {
	address := database(t)
	o, err := New([]scenarios.Observe{{Name: "db", Software: "postgres", Postgres: "postgres://postgres@" + address + "/postgres", Every: scenarios.Duration(10 * time.Second),
		Password: scenarios.Secret{Value: "hunter2"}}}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	p := o.pages[0]
	defer p.source.close()
	until := func(what string, ok func(map[string]float64) bool) {
		t.Helper()
		limit := time.After(40 * time.Second)
		for {
			m, err := p.scrape(t.Context(), clock())
			if err == nil && ok(values(m.Points)) {
				return
			}
			select {
			case <-limit:
				t.Fatalf("waiting for %s: %v, %v", what, values(m.Points), err)
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	until("the database", func(v map[string]float64) bool { return v["connections.limit"] == 17 })
	connect := func() *pgconn.PgConn {
		c, err := pgconn.Connect(t.Context(), (&url.URL{Scheme: "postgres", User: url.UserPassword("postgres", "hunter2"), Host: address, Path: "/postgres"}).String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close(context.Background()) })
		return c
	}
	holds, waits := connect(), connect()
	for _, text := range []string{"CREATE TABLE t (x int)", "BEGIN; LOCK TABLE t"} {
		if _, err := holds.Exec(t.Context(), text).ReadAll(); err != nil {
			t.Fatal(err)
		}
	}
	answered := make(chan error, 1)
	go func() {
		_, err := waits.Exec(context.Background(), "SELECT * FROM t").ReadAll()
		answered <- err
	}()
	until("a statement that waits for a lock", func(v map[string]float64) bool {
		return v["connections.in_use"] == 2 && v["active.in_use"] == 1 && v["idle.in.transaction.in_use"] == 1 && v["locks.queue"] == 1 &&
			v["database.postgres.in_use"] == 2 && v["connections.served"] > 0
	})
	if _, err := holds.Exec(t.Context(), "COMMIT").ReadAll(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	until("the lock", func(v map[string]float64) bool { return v["locks.queue"] == 0 && v["active.in_use"] == 0 })

	// With the wrong password there is an error that repeats neither it nor the address.
	wrong, err := New([]scenarios.Observe{{Name: "db", Software: "postgres", Postgres: "postgres://postgres@" + address + "/postgres", Password: scenarios.Secret{Value: "hunter3"}}}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.pages[0].source.close()
	for limit := time.Now().Add(40 * time.Second); ; {
		_, err = wrong.pages[0].scrape(t.Context(), clock())
		if err != nil && strings.Contains(err.Error(), "28P01") {
			break
		}
		if time.Now().After(limit) || err == nil {
			t.Fatalf("the wrong password: %v", err)
		}
	}
	if strings.Contains(err.Error(), "hunter") || strings.Contains(err.Error(), address) {
		t.Errorf("error %q", err)
	}
}
