package browser

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/chromedp/chromedp"

	"pegel/probes/probe"
)

// startTimeout bounds the start of a browser on a machine that is busy.
const startTimeout = 60 * time.Second

// Browser is one target's Chromium with its proxy. It is what Prepare returns. A process that has died is replaced when
// the next user opens a tab.
type Browser struct {
	program string
	pin     string
	proxy   *proxy
	slots   chan struct{}  // one for each tab, until it is really gone
	closing sync.WaitGroup // tabs on their way out
	recycle int            // journeys of one context; 0: any number

	summary  summary
	exhibits exhibits
	watch    *watch
	usage    usage

	mu      sync.Mutex
	process *process
	closed  bool
}

var (
	_ io.Closer      = (*Browser)(nil)
	_ probe.Reporter = (*Browser)(nil)
)

// Readings implements probe.Reporter: sums and quantiles by verb, and what Chromium itself uses.
func (b *Browser) Readings() []probe.Reading {
	b.mu.Lock()
	group := 0
	if b.process != nil {
		group = b.process.group
	}
	b.mu.Unlock()
	return append(b.summary.readings(), b.usage.readings(group, len(b.slots))...)
}

// Exhibits implements probe.Reporter.
func (b *Browser) Exhibits() []probe.Exhibit { return b.exhibits.take() }

// process is one run of Chromium.
type process struct {
	ctx     context.Context // chromedp's, of the first tab
	cancel  context.CancelFunc
	lost    <-chan struct{} // closed when the connection to it has ended
	group   int             // process group; 0 where the program could not be started
	profile string
}

// prepare finds Chromium, verifies the target's certificate, and starts proxy and browser.
func prepare(ctx context.Context, target probe.Target) (io.Closer, error) {
	program, err := find()
	if err != nil {
		return nil, err
	}
	pin, err := verifiedPin(ctx, target)
	if err != nil {
		return nil, err
	}
	p, err := startProxy(target.DialContext)
	if err != nil {
		return nil, err
	}
	b := &Browser{program: program, pin: pin, proxy: p, slots: make(chan struct{}, MaxUsers), recycle: target.Recycle}
	if b.process, err = b.start(ctx); err != nil {
		p.Close()
		return nil, err
	}
	b.watch = startWatch()
	return b, nil
}

// Installed tells whether there is a Chromium to be driven.
func Installed() bool {
	_, err := find()
	return err == nil
}

func find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", probe.Fail(probe.Content, "prepare the browser", ErrNoChromium)
}

// niceness of Chromium against the generator.
const niceness = 5

// start runs Chromium with a profile of its own.
func (b *Browser) start(ctx context.Context) (*process, error) {
	profile, err := os.MkdirTemp("", "pegel-chromium-")
	if err != nil {
		return nil, fmt.Errorf("make a browser profile: %w", err)
	}
	// Its life is bounded by Close and not by ctx, which bounds the start only.
	alive, kill := context.WithCancel(context.WithoutCancel(ctx))
	var command *exec.Cmd
	// A group of its own can be killed as a whole, and does not hear the terminal's interrupt: it ends when pegel says.
	group := chromedp.ModifyCmdFunc(func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		command = c
	})
	allocator, stopAllocator := chromedp.NewExecAllocator(alive, append(b.options(profile), group)...)
	discard := func(string, ...any) {}
	tab, stopTab := chromedp.NewContext(allocator, chromedp.WithErrorf(discard), chromedp.WithLogf(discard))
	p := &process{ctx: tab, profile: profile}
	p.cancel = func() {
		kill()
		stopTab()
		stopAllocator()
	}
	starting, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	unhook := context.AfterFunc(starting, kill)
	err = chromedp.Do(tab)
	unhook()
	if running := chromedp.FromContext(tab).Browser; running != nil {
		p.lost = running.LostConnection
	}
	if command != nil && command.Process != nil {
		p.group = command.Process.Pid
		// Where the CPU is short, a few browsers must not make thousands of light users late. That it may fail changes
		// nothing but this.
		_ = syscall.Setpriority(syscall.PRIO_PGRP, p.group, niceness)
	}
	if err != nil {
		p.stop()
		if starting.Err() != nil {
			err = starting.Err()
		}
		return nil, probe.Fail(probe.ClassOf(err), "start chromium", err)
	}
	return p, nil
}

func (b *Browser) options(profile string) []chromedp.ExecAllocatorOption {
	o := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(b.program),
		chromedp.UserDataDir(profile),
		chromedp.DisableGPU,
		chromedp.WindowSize(1280, 900),
		// Nothing but the target's traffic, and that only through the proxy.
		chromedp.ProxyServer(b.proxy.address()),
		chromedp.Flag("proxy-bypass-list", "<-loopback>"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("force-webrtc-ip-handling-policy", "disable_non_proxied_udp"),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-domain-reliability", true),
		chromedp.Flag("no-pings", true),
		// The environment may hold the passwords that scenarios refer to.
		chromedp.NoInheritEnv,
		chromedp.Env("HOME="+profile, "TMPDIR="+profile, "PATH="+os.Getenv("PATH"), "LANG=C.UTF-8"),
	)
	if b.pin != "" {
		o = append(o, chromedp.Flag("ignore-certificate-errors-spki-list", b.pin))
	}
	if os.Getuid() == 0 {
		o = append(o, chromedp.NoSandbox) // Chromium's sandbox refuses to run as root
	}
	return o
}

// dead tells whether the connection to the browser has ended.
func (p *process) dead() bool {
	select {
	case <-p.lost:
		return true
	default:
		return false
	}
}

// stop kills the whole process group, waits for it, and removes the profile.
func (p *process) stop() error {
	if p.group > 0 {
		syscall.Kill(-p.group, syscall.SIGKILL)
	}
	p.cancel()
	// The helpers end at once, but they are not this process's children: wait until the group is empty. Where nobody reaps
	// orphans they stay as zombies, which hold no files, so the wait is bounded.
	for range 50 {
		if p.group <= 0 || errors.Is(syscall.Kill(-p.group, 0), syscall.ESRCH) {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	err := os.RemoveAll(p.profile)
	for range 50 {
		if err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
		err = os.RemoveAll(p.profile)
	}
	if err != nil {
		return fmt.Errorf("remove the browser's profile: %w", err)
	}
	return nil
}

// running returns the process, a new one where the last has died.
func (b *Browser) running(ctx context.Context) (*process, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, probe.Failf(probe.Canceled, "open a tab", "the browser is closed")
	}
	if b.process != nil && !b.process.dead() {
		return b.process, nil
	}
	if b.process != nil {
		if err := b.process.stop(); err != nil {
			return nil, probe.Fail(probe.Content, "replace the browser", err)
		}
		b.process = nil
	}
	var err error
	b.process, err = b.start(ctx)
	return b.process, err
}

// Close ends the browser with all its processes, the proxy, and all connections, and removes the profile. It waits.
func (b *Browser) Close() error {
	b.mu.Lock()
	b.closed = true
	p := b.process
	b.process = nil
	b.mu.Unlock()
	var err error
	if p != nil {
		err = p.stop()
	}
	b.closing.Wait()
	b.watch.close()
	return errors.Join(err, b.proxy.Close())
}
