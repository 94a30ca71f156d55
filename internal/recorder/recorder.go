// Package recorder leads a real Chromium through the browser part of a site, for one account, and notes every exchange.
//
// It measures nothing, so it may ask Chromium for everything that is expensive: all network events, all bodies. Everything
// that Chromium sends goes through a proxy in this process that dials with the caller's dialer, so that the allow-list holds;
// Chromium resolves no names itself, and trusts beside its own authorities the one certificate that the caller has verified.
package recorder

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"pegel/internal/recording"
	"pegel/internal/site"
)

// ErrNoChromium is the failure on a machine without Chromium.
var ErrNoChromium = errors.New("chromium is not installed")

const (
	startLimit  = 60 * time.Second
	quietSpan   = 700 * time.Millisecond // without requests: the action is over
	quietLimit  = 20 * time.Second       // pages that never stop asking
	gestureWait = 30 * time.Second
)

// Journey is what is to be recorded.
type Journey struct {
	Site    *site.Site
	Base    *url.URL
	Verbs   []string          // in their order
	Values  map[string]string // of templates: account.login, peer.address
	Source  string            // what to call the recording
	Known   []recording.Known
	Pin     string // hash of the certificate's key that may be trusted; ""
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
	Timeout time.Duration // of a gesture without one of its own; 0: 30 s
}

// Program is the path of Chromium, or ErrNoChromium.
func Program() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNoChromium
}

// Record plays the journey in a browser of its own, with empty cache and without cookies.
func Record(ctx context.Context, j Journey) (*recording.Recording, []string, error) {
	program, err := Program()
	if err != nil {
		return nil, nil, err
	}
	if j.Timeout == 0 {
		j.Timeout = gestureWait
	}
	p, err := startProxy(j.Dial, j.Base.Hostname())
	if err != nil {
		return nil, nil, err
	}
	defer p.Close()
	profile, err := os.MkdirTemp("", "pegel-record-")
	if err != nil {
		return nil, nil, fmt.Errorf("make a browser profile: %w", err)
	}
	defer removeProfile(profile)

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var command *exec.Cmd
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(program), chromedp.UserDataDir(profile), chromedp.DisableGPU, chromedp.WindowSize(1280, 900),
		chromedp.ProxyServer(p.address()), chromedp.Flag("proxy-bypass-list", "<-loopback>"),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
		chromedp.Flag("disable-quic", true), chromedp.Flag("force-webrtc-ip-handling-policy", "disable_non_proxied_udp"),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-domain-reliability", true), chromedp.Flag("no-pings", true),
		chromedp.NoInheritEnv, chromedp.Env("HOME="+profile, "TMPDIR="+profile, "PATH="+os.Getenv("PATH"), "LANG=C.UTF-8"),
		chromedp.ModifyCmdFunc(func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that it can be killed as a whole
			command = c
		}),
	)
	if j.Pin != "" {
		options = append(options, chromedp.Flag("ignore-certificate-errors-spki-list", j.Pin))
	}
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium's sandbox refuses to run as root
	}
	allocator, stopAllocator := chromedp.NewExecAllocator(ctx, options...)
	defer stopAllocator()
	log := newTraffic()
	silent := func(string, ...any) {}
	tab, stopTab := chromedp.NewContext(allocator, chromedp.WithErrorf(silent), chromedp.WithLogf(silent), chromedp.WithListener(log.event))
	defer stopTab()
	defer func() {
		if command != nil && command.Process != nil {
			syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
		}
	}()
	starting := time.AfterFunc(startLimit, cancel)
	err = chromedp.Do(tab)
	if !starting.Stop() || err != nil {
		return nil, nil, fmt.Errorf("start chromium: %w", errors.Join(err, context.Cause(ctx)))
	}
	r := &runner{ctx: ctx, session: chromedp.FromContext(tab).Target, journey: &j, values: map[string]string{}, log: log}
	for name, value := range j.Values {
		r.values[name] = value
	}
	buffer, one := int64(256<<20), int64(recording.MostBody)
	if _, err := cdp.Call(ctx, r.session, network.Enable, network.EnableParams{MaxTotalBufferSize: &buffer, MaxResourceBufferSize: &one, MaxPostDataSize: &one}); err != nil {
		return nil, nil, fmt.Errorf("watch the network: %w", err)
	}
	if _, err := cdp.Call(ctx, r.session, page.Enable, page.EnableParams{}); err != nil {
		return nil, nil, fmt.Errorf("watch the page: %w", err)
	}
	collected := make(chan struct{})
	go func() {
		defer close(collected)
		log.collect(ctx, r.session)
	}()
	out := &recording.Recording{Source: j.Source, Known: j.Known}
	err = r.play(out)
	log.stop()
	<-collected
	if err != nil {
		if why := p.last(); why != nil && ctx.Err() == nil {
			err = fmt.Errorf("%w (%w)", err, why)
		}
		return nil, nil, err
	}
	return out, log.noted(), nil
}

func removeProfile(dir string) {
	for range 50 {
		if os.RemoveAll(dir) == nil {
			return
		}
		time.Sleep(20 * time.Millisecond) // helpers of Chromium are on their way out
	}
}
