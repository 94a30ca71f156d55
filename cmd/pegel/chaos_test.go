//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pegel/probes/browser"
	"pegel/testenv"
	"pegel/testenv/real"
)

const (
	chaosInside = "PEGEL_CHAOS_INSIDE" // set in the namespace
	chaosStep   = 150 * time.Second    // when the wall clock of the process is stepped on; it is stepped back chaosApart later
	chaosApart  = 10 * time.Second
)

// One run of all protocols against Dovecot, Postfix, Radicale and the embedded webmail, also with a real Chromium, in which
// everything goes wrong, one thing after the other. After each the run goes on: nothing has panicked, every protocol's
// actions succeed again, failures have classes that fit, and no goroutine and no descriptor is left over. The last one, a
// full disk, ends the run, as it must where nothing can be written any more; what was written before can be read.
func TestChaosLong(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("eight faults take some minutes; set PEGEL_LONG=1, or make test-long")
	}
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("real servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	if os.Getenv(chaosInside) == "" && ownNetwork(t) {
		return
	}
	chaos(t)
}

// ownNetwork does the test again in a network namespace of its own, whose loopback can be taken down without anybody else's
// noticing. It is false where that is not permitted.
func ownNetwork(t *testing.T) bool {
	if _, err := exec.LookPath("ip"); err != nil {
		t.Logf("no namespace: %v", err)
		return false
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inside := exec.Command(self, "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "20m")
	inside.Env = append(os.Environ(), chaosInside+"=1")
	inside.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	inside.Stdout, inside.Stderr = t.Output(), t.Output()
	err = inside.Run()
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) {
		t.Logf("no namespace: %v", err)
		return false
	}
	if err != nil {
		t.Errorf("in a network namespace of its own: %v", err)
	}
	return true
}

// loopback takes the network of this namespace up or down.
func loopback(state string) error {
	if out, err := exec.Command("ip", "link", "set", "lo", state).CombinedOutput(); err != nil {
		return fmt.Errorf("ip link set lo %s: %w: %s", state, err, out)
	}
	return nil
}

// chaosScenario has users of every protocol who think for a second, and time-outs that end while the network is away.
func chaosScenario(wires map[string]*wire, ca string, withBrowser bool) string {
	at := func(name string) string { return wires[name].address() }
	src := fmt.Sprintf(`name: chaos
seed: 5
targets:
  imap:   {url: "imaps://%s", ca: %q, timeout: 8s}
  smtp:   {url: "smtp://%s", ca: %q, starttls: required, timeout: 8s}
  caldav: {url: "http://%s/", timeout: 8s}
  web:    {url: "http://%s/", timeout: 8s}
`, at("imap"), ca, at("smtp"), ca, at("caldav"), at("web"))
	personas, journeys := "", ""
	if withBrowser {
		src += fmt.Sprintf("  browser: {url: \"http://%s/\", timeout: 15s}\n", at("browser"))
		personas = "  - {name: watching, journey: watching, count: 2}\n"
		journeys = "  watching: [{do: browser.login, think: 1s}, {repeat: {for: session}, steps: [{do: browser.open, think: 2s}, {do: browser.inbox, think: 2s}]}]\n"
	}
	return src + fmt.Sprintf(`accounts: {pattern: "u{n:05}@example.test", count: 100, password: {env: PEGEL_REAL_PASSWORD}}
activity: {desktop: 15%%, phone: 5%%, mailer: 5%%, calendar: 5%%, web: 10%%, source: "made up for this test"}
personas:
  - {name: desktop, journey: desktop}
  - {name: phone, journey: phone}
  - {name: mailer, journey: mailer}
  - {name: calendar, journey: calendar}
  - {name: web, journey: web}
%sjourneys:
  desktop: [{do: imap.login}, {do: imap.append, with: {size: 4KB}}, {do: imap.select}, {repeat: {for: session}, steps: [{do: imap.fetch_headers, think: 1s}, {do: imap.search, think: 1s}]}]
  phone: [{do: imap.login}, {do: imap.select}, {repeat: {for: session}, steps: [{do: imap.idle, think: 5s}]}]
  mailer: [{repeat: {for: session}, steps: [{do: smtp.send, with: {size: 4KB}, think: 1s}]}]
  calendar: [{do: caldav.discover}, {do: caldav.create}, {repeat: {for: session}, steps: [{do: caldav.query, think: 2s}]}]
  web: [{do: web.login}, {repeat: {for: session}, steps: [{do: web.list, think: 1s}, {do: web.read, think: 1s}]}]
%senvironment: {name: chaos, role: test}
load: {stages: {users: [40], ramp: 5s, settle: 2s, hold: 30m}}
objectives: [{errors: 50%%}]
`, personas, journeys)
}

func chaos(t *testing.T) {
	inside := os.Getenv(chaosInside) != ""
	if inside {
		if err := loopback("up"); err != nil {
			t.Fatal(err)
		}
	}
	webmail, err := testenv.Start(t.Context(), testenv.Options{Accounts: 200, Password: real.DefaultPassword})
	if err != nil {
		t.Fatal(err)
	}
	defer webmail.Close()
	stack, err := real.Start(t.Context(), real.Options{Accounts: 200, Ports: real.Ports{Free: true}})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	wires := map[string]*wire{}
	for name, address := range map[string]string{"imap": stack.IMAPDirect, "smtp": stack.SMTP, "caldav": stack.CalDAVDirect, "web": webmail.URLs.Web, "browser": webmail.URLs.Web} {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		wires[name] = newWire(t, u.Host)
	}
	c := &chaotic{t: t, stack: stack, wires: wires, inside: inside, browsers: browser.Installed()}
	c.start(chaosScenario(wires, stack.CAFile, c.browsers))
	rng := rand.New(rand.NewPCG(8, 8))

	c.fault("servers killed and restarted", []string{"reset", "refused", "timeout", "overload"}, func() {
		c.must(stack.KillServer("dovecot"))
		c.must(stack.KillServer("postfix")) // which would hold on to Dovecot's old authentication, and say 454 for minutes
		time.Sleep(5 * time.Second)
		c.must(stack.StartServer(t.Context(), "dovecot"))
		c.must(stack.StartServer(t.Context(), "postfix"))
	})
	c.fault("no network for 20 s", []string{"timeout", "reset", "refused"}, func() {
		c.network(false)
		time.Sleep(20 * time.Second)
		c.network(true)
	})
	c.fault("all users reconnect at once", []string{"reset"}, func() {
		n := 0
		for _, w := range wires {
			n += w.cut(1, nil)
		}
		t.Logf("%d connections were cut", n)
	})
	c.fault("no descriptor left", []string{"reset", "refused"}, func() {
		before := c.descriptors(0) // which stay, and no further one
		for _, name := range []string{"imap", "smtp", "caldav", "web"} {
			wires[name].cut(1, nil)
		}
		c.must(unix.Prlimit(c.pegel.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 12, Max: before.Max}, nil))
		time.Sleep(8 * time.Second)
		c.must(unix.Prlimit(c.pegel.Process.Pid, unix.RLIMIT_NOFILE, &before, nil))
	})
	if c.stepped {
		c.fault("the clock stepped by an hour", []string{}, func() {
			time.Sleep(time.Until(c.begun.Add(chaosStep + chaosApart + 5*time.Second)))
		})
	}
	if c.browsers {
		c.fault("Chromium killed", []string{"reset"}, func() {
			if n := c.killChromium(); n == 0 {
				t.Error("there was no Chromium to be killed")
			}
		})
	}
	c.fault("connections reset at random", []string{"reset"}, func() {
		n := 0
		for range 20 {
			for _, w := range wires {
				n += w.cut(0.05, rng)
			}
			time.Sleep(time.Second)
		}
		t.Logf("%d connections were reset", n)
	})
	c.settled()
	c.fillDisk()
	c.ended()
}

// network takes the network away, or brings it back: that of the namespace, or where there is none of its own, the wires.
func (c *chaotic) network(there bool) {
	if !c.inside {
		c.t.Log("no namespace: the wires let nothing through")
		for _, w := range c.wires {
			w.mute.Store(!there)
		}
		return
	}
	c.must(loopback(map[bool]string{true: "up", false: "down"}[there]))
}

// descriptors is the limit of pegel's descriptors less some.
func (c *chaotic) descriptors(less uint64) (l unix.Rlimit) {
	c.must(unix.Prlimit(c.pegel.Process.Pid, unix.RLIMIT_NOFILE, nil, &l))
	l.Cur -= less
	return l
}

// killChromium kills every process of pegel's Chromium and returns how many there were: those whose profile is in its
// temporary directory, which is this test's own.
func (c *chaotic) killChromium() (n int) {
	for _, pid := range c.chromiums() {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

func (c *chaotic) chromiums() (list []int) {
	entries, err := os.ReadDir("/proc")
	c.must(err)
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == c.pegel.Process.Pid {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err == nil && strings.Contains(string(line), c.temporary) {
			list = append(list, pid)
		}
	}
	return list
}

// fillDisk fills the file system on which the archive lies. The run has to end by itself, and to say why.
func (c *chaotic) fillDisk() {
	c.t.Helper()
	filler, err := os.Create(filepath.Join(c.disk, "filler"))
	c.must(err)
	defer filler.Close()
	if c.mounted {
		block := make([]byte, 64<<10)
		for err = nil; err == nil; {
			_, err = filler.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			c.t.Errorf("filling the disk: %v", err)
		}
	} else {
		c.t.Log("no tmpfs could be mounted: files of pegel may not grow any more instead")
		c.must(unix.Prlimit(c.pegel.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 1, Max: unix.RLIM_INFINITY}, nil))
	}
	select {
	case <-c.exited:
	case <-time.After(time.Minute):
		c.t.Error("the run goes on for a minute though nothing can be archived")
		c.pegel.Process.Kill()
		<-c.exited
	}
	if code := c.pegel.ProcessState.ExitCode(); code != exitFailure {
		c.t.Errorf("exit code %d, want %d", code, exitFailure)
	}
	if said := c.said.String(); !strings.Contains(said, "writing the archive") {
		c.t.Errorf("it does not say that the archive could not be written:\n%s", said)
	}
}
