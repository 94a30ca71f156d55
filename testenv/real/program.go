package real

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// program is a server to be started: run in the foreground, as the given system user or as root.
type program struct {
	name string
	path string
	args []string
	user string
	env  []string // in addition to a minimal environment
	// guarded is for a server that changes its rights while it runs: Linux then forgets the death signal asked for. A
	// shell, which changes nothing, stands above it and hands the signal on.
	guarded bool
	// killed is for a server that ignores requests to end: the shell kills the whole process group with itself, also when
	// the first process ends.
	killed bool
	signal syscall.Signal // asks it to end; 0 means SIGTERM
}

func (p program) stopSignal() syscall.Signal {
	if p.signal == 0 {
		return syscall.SIGTERM
	}
	return p.signal
}

// guard runs its arguments and ends them with itself, also if the signal comes before they have started.
const guard = `trap 'ending=1; kill -TERM $child 2>/dev/null' TERM
"$@" & child=$!
[ -z "$ending" ] || kill -TERM $child
while wait $child; code=$?; [ $code -gt 128 ] && kill -0 $child 2>/dev/null; do :; done
exit $code`

// killingGuard is the guard of a server whose processes have to be killed.
const killingGuard = `trap 'kill -KILL 0' TERM
"$@" & wait $!
echo "ended with status $?"
kill -KILL 0`

// commandLine returns what is to be executed.
func (p program) commandLine() []string {
	line := append([]string{p.path}, p.args...)
	switch {
	case p.killed:
		line = append([]string{"/bin/sh", "-c", killingGuard, p.name}, line...)
	case p.guarded:
		line = append([]string{"/bin/sh", "-c", guard, p.name}, line...)
	}
	return line
}

// programs returns the servers that can be started at once, with their configurations below dir, HAProxy's and nginx's
// having been checked by themselves.
func programs(ctx context.Context, dir string, o Options) ([]program, error) {
	haproxy := program{name: "haproxy", path: find("haproxy"), user: haproxyUser,
		args: []string{"-db", "-f", filepath.Join(dir, "haproxy", "haproxy.cfg")}}
	if err := check(ctx, haproxy.path, "-c", "-f", filepath.Join(dir, "haproxy", "haproxy.cfg")); err != nil {
		return nil, err
	}
	master, err := postfixMaster(ctx)
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "postfix")
	all := []program{
		{name: "dovecot", path: find("dovecot"), args: []string{"-F", "-c", filepath.Join(dir, "dovecot", "dovecot.conf")}},
		// The master itself, not "postfix start-fg", which does not hand signals on and checks every file beforehand.
		{name: "postfix", path: master, args: []string{"-c", config, "-s"}, env: []string{"MAIL_CONFIG=" + config}, guarded: true},
		{name: "radicale", path: find("radicale"), args: []string{"--config", filepath.Join(dir, "radicale", "config")}, user: radicaleUser},
		haproxy,
	}
	if o.Tweaks.MailShard > 0 {
		all = append(all, program{name: "shard", path: find("dovecot"), args: []string{"-F", "-c", filepath.Join(dir, "shard", "dovecot.conf")}})
	}
	if o.Xandikos {
		all = append(all, program{name: "xandikos", path: find("xandikos"), user: xandikosUser, args: []string{"-l", "127.0.0.1", "-p", strconv.Itoa(o.Ports.Xandikos),
			"-d", filepath.Join(dir, "xandikos", "data"), "--defaults", "--current-user-principal", "/" + XandikosAccount() + "/"}})
	}
	if o.Instances() > 0 {
		nginx := program{name: "nginx", path: find("nginx"), args: []string{"-e", "stderr", "-p", filepath.Join(dir, "nginx"), "-c", filepath.Join(dir, "nginx", "nginx.conf")}}
		if err := check(ctx, nginx.path, append([]string{"-t", "-q"}, nginx.args...)...); err != nil {
			return nil, err
		}
		all = append(all, nginx)
	}
	if o.Roundcube != nil {
		for _, i := range o.instances(dir) {
			all = append(all, program{name: i.Name, path: phpFPM(), args: []string{"-y", filepath.Join(dir, i.Name, "php-fpm.conf")}})
		}
	}
	return all, nil
}

// check runs a command to its end and returns what it printed as the error if it fails.
func check(ctx context.Context, path string, args ...string) error {
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("checking with %s %s: %w: %s", filepath.Base(path), strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// postfixMaster asks Postfix where its daemons are: it differs between distributions.
func postfixMaster(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, find("postconf"), "-d", "-h", "daemon_directory").Output()
	if err != nil {
		return "", fmt.Errorf("asking Postfix for its daemons: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "master"), nil
}

// find returns the path of a program, also from the directories that belong to root alone; "" if there is none.
func find(name string) string {
	for _, dir := range []string{"/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/sbin", "/bin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}
