package real

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

const (
	postgresUser  = "postgres"
	memcachedUser = "memcache"
	sogoUser      = "sogo"
)

// postgres returns the path of one of PostgreSQL's programs of the newest version installed; "" if there is none.
func postgres(name string) string {
	if found := matching("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		return found[0]
	}
	return ""
}

// sogoScript starts sogod in a mount namespace of its own, because the place of its configuration is part of the program,
// and as its own user, because it refuses to run as root. It is the first process of a process namespace: the kernel kills
// the workers, which lead process groups of their own, when that one ends.
const sogoScript = `mount --bind "$1/etc" /etc/sogo && cd "$1/home" &&
exec setpriv --reuid="$2" --regid="$2" --init-groups --pdeathsig KILL env HOME="$1/home" "$3"`

// writeSOGo writes the configurations of PostgreSQL and of every instance of SOGo.
func writeSOGo(dir string, o Options, s settings) error {
	for _, i := range s.Web {
		for _, d := range []string{"", "etc", "home", "spool"} {
			if err := makeDir(filepath.Join(dir, i.Name, d), 0o755, sogoUser); err != nil {
				return err
			}
		}
		s.Instance, s.Extra = i, o.Tweaks.SOGoExtra
		if err := writeTemplate("sogo.conf.tmpl", filepath.Join(dir, i.Name, "etc", "sogo.conf"), s, 0o600, sogoUser); err != nil {
			return err
		}
	}
	return makeDir(filepath.Join(dir, "postgresql"), 0o755, postgresUser)
}

// startSOGo makes the database, starts it with memcached, enters the accounts, and starts the instances.
func (s *Stack) startSOGo(ctx context.Context, o Options) error {
	for _, l := range o.lines() {
		opened, err := newLine(*l.port, l.to, l.latency)
		if err != nil {
			return err
		}
		s.lines = append(s.lines, opened)
	}
	memcached := program{name: "memcached", path: find("memcached"), user: memcachedUser,
		args: []string{"-l", "127.0.0.1", "-p", strconv.Itoa(o.Ports.Memcached), "-m", "64", "-c", "4096"}}
	if err := s.launch(memcached); err != nil {
		return err
	}
	data := filepath.Join(s.Dir, "postgresql", "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); errors.Is(err, fs.ErrNotExist) {
		if err := s.launcher.run(ctx, postgresUser, "", postgres("initdb"), "-D", data, "-A", "trust", "-U", postgresUser, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"); err != nil {
			return err
		}
	}
	set := newSettings(s.Dir, o)
	set.Extra = o.Tweaks.DatabaseExtra
	if err := writeTemplate("postgresql.conf.tmpl", filepath.Join(data, "postgresql.conf"), set, 0o600, postgresUser); err != nil {
		return err
	}
	// SIGINT ends the sessions, SIGTERM would wait for them
	err := s.launch(program{name: "postgresql", path: postgres("postgres"), user: postgresUser, signal: syscall.SIGINT, args: []string{"-D", data}})
	if err != nil {
		return err
	}
	port := strconv.Itoa(o.Ports.PostgreSQL)
	ready := func(ctx context.Context) error {
		return check(ctx, postgres("pg_isready"), "-q", "-h", "127.0.0.1", "-p", port)
	}
	if err := s.await(ctx, "postgresql", "PostgreSQL", ready); err != nil {
		return err
	}
	accounts, err := render("sogo.sql.tmpl", set)
	if err != nil {
		return err
	}
	if err := s.launcher.run(ctx, postgresUser, string(accounts), postgres("psql"), "-X", "-q", "-h", "127.0.0.1", "-p", port, "-U", postgresUser, "-d", "postgres"); err != nil {
		return fmt.Errorf("entering SOGo's accounts: %w", err)
	}
	for n, i := range o.instances(s.Dir) {
		err := s.launch(program{name: i.Name, path: find("unshare"), killed: true,
			args: []string{"--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc", "/bin/sh", "-c", sogoScript, i.Name, filepath.Join(s.Dir, i.Name), sogoUser, find("sogod")}})
		if err != nil {
			return err
		}
		if n == 0 {
			// the first one makes the tables; others at the same time would complain that they exist
			if err := s.await(ctx, i.Name, "SOGo", page("http://"+loopback(i.App)+"/SOGo/", http.StatusOK)); err != nil {
				return err
			}
		}
	}
	return nil
}
