package browser

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/inspector"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"pegel/internal/site"
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
	name    string // of the target
	site    *site.Site
	*attached

	now      context.Context // of the step in progress
	doing    string          // what it is at, for failures
	lacks    string          // what it waits for, as "is not shown"; "": nothing of the page
	loggedIn bool
	journeys int      // logins in this context
	values   []string // of the site's variables

	// What the action in progress has come to.
	fresh    bool // a page was loaded whose paints were not read yet
	paints   []paints
	tasks    int64
	taskTime time.Duration
	last     measured
}

// attached is a browser context with its tab.
type attached struct {
	session cdp.Session     // the tab
	ctx     context.Context // chromedp's
	cancel  context.CancelFunc
	crashed chan struct{} // closed when the renderer has crashed
	crash   func()        // closes it, once
	tally   *tally
	guide   atomic.Pointer[Guide] // of a user who is led; nil: nobody
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
	s := &tab{browser: b, process: p, proxy: through, base: &base, name: to.Name, site: cmp.Or(to.Site, none), now: t.Context(), doing: doing}
	if err := s.attach(t); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// attach makes a browser context with a tab.
func (s *tab) attach(t *probe.Turn) error {
	a := &attached{crashed: make(chan struct{}), tally: newTally(s.site.Backend.Header)}
	s.attached, s.journeys, s.loggedIn, s.last = a, 0, false, measured{}
	a.crash = sync.OnceFunc(func() { close(a.crashed) })
	// The tab's context must outlive the turn: chromedp ends a tab with the context of its first command.
	parent, cancel := context.WithCancel(s.process.ctx)
	a.cancel = cancel
	a.ctx, _ = chromedp.NewContext(parent, chromedp.WithNewBrowserContext(s.proxy.only), chromedp.WithListener(a.listen))
	unhook := context.AfterFunc(t.Context(), cancel)
	err := chromedp.Do(a.ctx, only)
	if !unhook() && err == nil {
		err = t.Context().Err()
	}
	if err != nil {
		return s.classify(t.Context(), 0, err)
	}
	a.session = chromedp.FromContext(a.ctx).Target
	return nil
}

// renew throws the browser context away, as closing the browser does, and goes on in a new one.
func (s *tab) renew(t *probe.Turn) error {
	s.discard()
	clear(s.values)
	return s.attach(t)
}

// beginJourney counts a login: after so many the context is thrown away, and who is signed in begins without cookies.
func (s *tab) beginJourney(t *probe.Turn) error {
	if s.browser.recycle > 0 && s.journeys >= s.browser.recycle {
		if err := s.renew(t); err != nil {
			return err
		}
	} else if s.loggedIn {
		if _, err := cdp.Call(s.now, s.session, network.ClearBrowserCookies, cdp.Empty{}); err != nil {
			return err
		}
	}
	s.journeys++
	return nil
}

// listen sees the tab's events.
func (a *attached) listen(event any) {
	switch event.(type) {
	case *inspector.EventTargetCrashed:
		a.crash()
	case *page.EventJavascriptDialogOpening:
		// A dialog that nobody answers stops the page. This goroutine must not wait for an answer itself.
		go func() {
			ctx, cancel := context.WithTimeout(a.ctx, 5*time.Second)
			defer cancel()
			cdp.Call(ctx, chromedp.FromContext(a.ctx).Target, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		}()
	default:
		a.tally.see(event)
		if g := a.guide.Load(); g != nil {
			g.Event(event)
		}
	}
}

// only leaves on what is looked at (requests, errors of scripts, dialogs) of what chromedp turns on for its own actions:
// decoding events is most of the cost of a tab. Bodies of answers are not kept for anybody.
func only(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
	var none chromedp.Void
	for _, command := range []cdp.Command[cdp.Empty, cdp.Empty]{css.Disable, dom.Disable, log.Disable, network.Disable} {
		if _, err := cdp.Call(ctx, t, command, cdp.Empty{}); err != nil {
			return none, fmt.Errorf("%s: %w", command.Method, err)
		}
	}
	zero := int64(0)
	if _, err := cdp.Call(ctx, t, network.Enable, network.EnableParams{MaxTotalBufferSize: &zero, MaxResourceBufferSize: &zero, MaxPostDataSize: &zero}); err != nil {
		return none, fmt.Errorf("enable the network domain: %w", err)
	}
	_, err := cdp.Call(ctx, t, target.SetDiscoverTargets, target.SetDiscoverTargetsParams{Discover: false})
	return none, err
}

// discard throws the browser context away.
func (s *tab) discard() {
	s.cancel()
	chromedp.Cancel(s.ctx) // of no use any more, whatever it says
	// Without a tab, chromedp leaves a browser context that it has just made.
	if c := chromedp.FromContext(s.ctx); c.Target == nil && c.BrowserContextID != "" && !s.process.dead() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		cdp.Call(ctx, c.Browser, target.DisposeBrowserContext, target.DisposeBrowserContextParams{BrowserContextID: c.BrowserContextID})
	}
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
		s.discard()
	})
	select {
	case <-gone:
	case <-time.After(closeWait):
	}
	return nil
}

// do performs one action: it ends with the turn's context, when tab or browser crash, or when the page loads too much.
func (s *tab) do(t *probe.Turn, verb string, step func() error) error {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	began, counted, moment := time.Now(), s.tally.now(), s.proxy.moment()
	s.lacks = ""
	s.now, s.doing, s.fresh, s.paints, s.tasks, s.taskTime = ctx, verb, false, s.paints[:0], 0, 0
	select {
	case <-s.tally.tooMuch: // of the time between actions
	default:
	}
	a := s.attached
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-a.crashed:
		case <-s.process.lost:
		case <-a.tally.tooMuch:
			cancel(errTooMuch)
			return
		case <-ctx.Done():
			return
		}
		cancel(errCrashed)
	}()
	err := step()
	if err == nil {
		err = s.measure()
	}
	err = s.classify(ctx, moment, err)
	tooMuch := context.Cause(ctx) == errTooMuch
	cancel(nil)
	<-watched
	if s.attached != a {
		counted = counts{} // in a new context
	}
	loaded := s.tally.now().since(counted)
	t.Transferred(loaded.bytes, 0)
	class := probe.ClassOf(err)
	if class != probe.Canceled {
		s.browser.summary.note(verb, loaded, s.tasks, s.taskTime, s.paints, s.browser.watch.since(began))
	}
	if class != probe.Canceled && class != probe.Reset {
		before := time.Now()
		s.label(t)
		t.Awaited(time.Since(before)) // is not the platform's time
	}
	if err != nil && class != probe.Canceled {
		before := time.Now()
		s.afterFailure(t, verb, err, tooMuch)
		t.Awaited(time.Since(before))
	}
	return err
}

// afterFailure keeps what the page looks like, and stops what it is loading where that is too much.
func (s *tab) afterFailure(t *probe.Turn, verb string, err error, tooMuch bool) {
	select {
	case <-s.crashed:
		return
	case <-s.process.lost:
		return
	default:
	}
	if tooMuch {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), exhibitWait)
		cdp.Call(ctx, s.session, page.StopLoading, cdp.Empty{})
		cancel()
	}
	if s.browser.exhibits.room() {
		s.show(t, verb, err)
	}
}

// classify gives a failure its class: a crash is a reset, the end of the turn is what ended it, and where the proxy could
// not reach the platform it knows best why.
func (s *tab) classify(ctx context.Context, moment uint64, err error) error {
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
		return probe.Fail(probe.Reset, s.doing, errCrashed)
	case context.Cause(ctx) == errTooMuch:
		return probe.Fail(probe.Content, s.doing, errTooMuch)
	case ctx.Err() != nil:
		if why := s.unreached(moment); why != nil {
			return probe.Fail(probe.ClassOf(why), s.doing, why)
		}
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return probe.Failf(probe.Timeout, s.doing, "%s within the time of the action", cmp.Or(s.lacks, "did not end"))
		}
		return probe.Fail(probe.ClassOf(ctx.Err()), s.doing, ctx.Err())
	}
	var own *probe.Error
	if !errors.As(err, &own) {
		return probe.Fail(probe.ClassOf(err), s.doing, err)
	}
	if own.Class == probe.Overload || own.Class == probe.BadProtocol || own.Class == probe.Auth || own.Class == probe.Content {
		if why := s.unreached(moment); why != nil {
			return probe.Fail(probe.ClassOf(why), own.Doing, why)
		}
	}
	return err
}

// unreached is why the proxy could not reach the platform, or where a redirect has led, since a moment; nil where it could.
func (s *tab) unreached(moment uint64) error {
	if why := s.proxy.since(moment, hostPort(s.base)); why != nil {
		return why
	}
	if document := s.tally.asked(); document != nil && document.Host != "" {
		return s.proxy.since(moment, hostPort(document))
	}
	return nil
}
