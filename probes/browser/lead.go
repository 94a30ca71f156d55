package browser

import (
	"context"
	"fmt"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"

	"pegel/internal/site"
	"pegel/probes/probe"
)

// Guide leads a user who is watched instead of measured: it is how journeys are recorded.
type Guide struct {
	// Event is told of every event of the tab, on a goroutine that must not wait for Chromium.
	Event func(event any)
	// Value is what a template stands for, such as mail.subject; where it does not say, the user's own value is taken.
	Value func(name string) (value string, ok bool)
	// Total and Most are how many bytes of answers Chromium holds, of all and of one, until they are asked for.
	Total, Most int64
}

// Lead has a session of this protocol led by a guide from now on, and returns its tab, to be asked for bodies. What is drawn
// otherwise is the first that is shown. Nothing may be under way in the session.
func Lead(ctx context.Context, session probe.Session, g Guide) (cdp.Session, error) {
	s, ok := session.(*tab)
	if !ok {
		return nil, fmt.Errorf("a %T cannot be led: it is no browser's", session)
	}
	s.attached.guide.Store(&g)
	if _, err := cdp.Call(ctx, s.session, network.Disable, cdp.Empty{}); err != nil {
		return nil, fmt.Errorf("disable the network domain: %w", err)
	}
	if _, err := cdp.Call(ctx, s.session, network.Enable, network.EnableParams{MaxTotalBufferSize: &g.Total, MaxResourceBufferSize: &g.Most, MaxPostDataSize: &g.Most}); err != nil {
		return nil, fmt.Errorf("watch the network: %w", err)
	}
	return s.session, nil
}

// guided is the value that a guide gives.
func (w *walk) guided(number int) (value string, ok bool) {
	g := w.s.attached.guide.Load()
	if g == nil {
		return "", false
	}
	return g.Value(w.s.site.NameOf(number))
}

// draws says whether one of all that are shown is drawn.
func (w *walk) draws(g *site.Gesture) bool {
	return g.Any && !w.asked.first && w.s.attached.guide.Load() == nil
}
