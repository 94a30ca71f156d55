package browser

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"pegel/probes/probe"
)

// closeWait is how long Close waits for Chromium to throw a tab away; then that goes on without it.
const closeWait = 800 * time.Millisecond

// tab is one user: a browser context with one tab.
type tab struct {
	browser *Browser
	process *process
	proxy   *proxy // the browser's, or the user's own where it comes over a line
	base    *url.URL
	session cdp.Session     // the tab
	ctx     context.Context // chromedp's
	cancel  context.CancelFunc
	crashed chan struct{} // closed when the renderer has crashed
	crash   func()        // closes it, once

	now      context.Context // of the step in progress
	loggedIn bool
}

var _ probe.Session = (*tab)(nil)

// errCrashed is the cause of a step's end if the tab or the browser has gone.
var errCrashed = errors.New("the tab has crashed")

func openTab(t *probe.Turn, to probe.Target, _ probe.Account) (probe.Session, error) {
	const doing = "open a tab"
	b, ok := to.Shared.(*Browser)
	if !ok {
		return nil, probe.Failf(probe.Content, doing, "the target %s was not prepared", to.Name)
	}
	select {
	case b.slots <- struct{}{}:
	default:
		return nil, probe.Failf(probe.Limited, doing, "one browser takes %d users at once", MaxUsers)
	}
	p, err := b.running(t.Context())
	through := b.proxy
	if err == nil && to.Line != 0 {
		through, err = startProxy(to.DialContext)
	}
	if err != nil {
		<-b.slots
		return nil, err
	}
	base := *to.URL
	base.User = nil
	s := &tab{browser: b, process: p, proxy: through, base: &base, crashed: make(chan struct{}), now: t.Context()}
	s.crash = sync.OnceFunc(func() { close(s.crashed) })
	// The tab's context must outlive the turn: chromedp ends a tab with the context of its first command.
	parent, cancel := context.WithCancel(p.ctx)
	s.cancel = cancel
	s.ctx, _ = chromedp.NewContext(parent, chromedp.WithNewBrowserContext(through.only), chromedp.WithListener(s.listen))
	unhook := context.AfterFunc(t.Context(), cancel)
	err = chromedp.Do(s.ctx, quiet)
	if !unhook() && err == nil {
		err = t.Context().Err()
	}
	if err != nil {
		err = s.classify(t.Context(), 0, doing, err)
		s.Close()
		return nil, err
	}
	s.session = chromedp.FromContext(s.ctx).Target
	return s, nil
}

// listen sees the tab's events; of those it is only told of the crash.
func (s *tab) listen(event any) {
	if _, ok := event.(*inspector.EventTargetCrashed); ok {
		s.crash()
	}
}

// quiet turns off what chromedp turns on for its own actions: decoding these events is most of the cost of a tab.
func quiet(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	var none chromedp.Void
	for _, command := range []cdp.Command[cdp.Empty, cdp.Empty]{css.Disable, dom.Disable, network.Disable, log.Disable, page.Disable, runtime.Disable} {
		if _, err := cdp.Call(ctx, t, command, cdp.Empty{}); err != nil {
			return none, fmt.Errorf("%s: %w", command.Method, err)
		}
	}
	_, err := cdp.Call(ctx, t, target.SetDiscoverTargets, target.SetDiscoverTargetsParams{Discover: false})
	return none, err
}

// Close throws the tab and its browser context away.
func (s *tab) Close() error {
	s.cancel()
	gone := make(chan struct{})
	s.browser.closing.Go(func() {
		defer close(gone)
		defer func() { <-s.browser.slots }()
		if s.proxy != s.browser.proxy {
			defer s.proxy.Close() // only this tab used it, and its connections end with it
		}
		chromedp.Cancel(s.ctx) // of no use any more, whatever it says
		// Without a tab, chromedp leaves a browser context that it has just made.
		if c := chromedp.FromContext(s.ctx); c.Target == nil && c.BrowserContextID != "" && !s.process.dead() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			cdp.Call(ctx, c.Browser, target.DisposeBrowserContext, target.DisposeBrowserContextParams{BrowserContextID: c.BrowserContextID})
		}
	})
	select {
	case <-gone:
	case <-time.After(closeWait):
	}
	return nil
}

// do performs one step: it ends with the turn's context, or when tab or browser crash.
func (s *tab) do(t *probe.Turn, step func() error) error {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-s.crashed:
		case <-s.process.lost:
		case <-ctx.Done():
			return
		}
		cancel(errCrashed)
	}()
	s.now = ctx
	moment := s.proxy.moment()
	err := step()
	err = s.classify(ctx, moment, "", err)
	cancel(nil)
	<-watched
	return err
}

// classify gives a failure its class: a crash is a reset, the end of the turn is what ended it, and where the proxy could
// not reach the platform it knows best why.
func (s *tab) classify(ctx context.Context, moment uint64, doing string, err error) error {
	if err == nil {
		return nil
	}
	crashed := context.Cause(ctx) == errCrashed || s.process.dead()
	select {
	case <-s.crashed:
		crashed = true
	default:
	}
	switch {
	case crashed:
		return probe.Fail(probe.Reset, doing, errCrashed)
	case ctx.Err() != nil:
		return probe.Fail(probe.ClassOf(ctx.Err()), doing, err)
	}
	var own *probe.Error
	if !errors.As(err, &own) {
		return probe.Fail(probe.ClassOf(err), doing, err)
	}
	if own.Class == probe.Overload || own.Class == probe.BadProtocol || own.Class == probe.Auth || own.Class == probe.Content {
		if why := s.proxy.since(moment, hostPort(s.base)); why != nil {
			return probe.Fail(probe.ClassOf(why), own.Doing, why)
		}
	}
	return err
}
