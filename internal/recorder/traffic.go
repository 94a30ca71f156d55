package recorder

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"

	"pegel/internal/recording"
)

// traffic puts Chromium's network events together to exchanges. Events come on chromedp's goroutine, which must not wait for
// Chromium, so bodies are asked for by collect.
type traffic struct {
	mu      sync.Mutex
	all     []*entry
	open    map[network.RequestID]*entry   // the present hop of each request
	extra   map[network.RequestID][]extras // fields that came before their answer
	moved   time.Time                      // when a request last began or ended
	busy    int
	start   time.Time // wall clock of the monotonic 0
	bodies  chan *entry
	closed  bool
	kept    int
	cut     int
	dropped int
}

type entry struct {
	id       network.RequestID
	exchange recording.Exchange
	open     bool
	asksSent bool // the request's body must be asked for
	wants    bool // the answer's body must be asked for
	ready    bool // nothing more to be asked
}

// extras is an answer's fields as they came over the wire.
type extras struct {
	status int
	fields []recording.Field
}

func newTraffic() *traffic {
	return &traffic{open: map[network.RequestID]*entry{}, extra: map[network.RequestID][]extras{}, bodies: make(chan *entry, 2*recording.MostExchanges), moved: time.Now()}
}

// event is told of everything that Chromium says.
func (l *traffic) event(event any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return
	}
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		l.sent(e)
	case *network.EventResponseReceivedExtraInfo:
		x := extras{int(e.StatusCode), fieldsOf(e.Headers)}
		if o := l.open[e.RequestID]; o != nil && o.exchange.Status == x.status {
			o.exchange.Answer = x.fields // came after the answer
			return
		}
		l.extra[e.RequestID] = append(l.extra[e.RequestID], x)
	case *network.EventResponseReceived:
		if o := l.open[e.RequestID]; o != nil {
			o.exchange.Kind = strings.ToLower(string(e.Type))
			l.answered(o, e.Response)
		}
	case *network.EventLoadingFinished:
		if o := l.open[e.RequestID]; o != nil {
			o.wants = o.exchange.Status != 204 && o.exchange.Status != 304
			l.ended(o, e.Timestamp)
		}
	case *network.EventLoadingFailed:
		if o := l.open[e.RequestID]; o != nil {
			l.ended(o, e.Timestamp)
		}
	}
}

func (l *traffic) sent(e *network.EventRequestWillBeSent) {
	if l.start.IsZero() && e.WallTime != 0 {
		l.start = wall(float64(e.WallTime) - float64(e.Timestamp))
	}
	if o := l.open[e.RequestID]; o != nil && e.RedirectResponse != nil {
		l.answered(o, e.RedirectResponse)
		l.ended(o, e.Timestamp)
	}
	u, err := url.Parse(e.Request.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || e.Type == network.ResourceTypeWebSocket {
		return
	}
	if len(l.all) >= recording.MostExchanges {
		l.dropped++
		return
	}
	o := &entry{id: e.RequestID, open: true}
	o.exchange = recording.Exchange{Method: e.Request.Method, URL: u, Kind: strings.ToLower(string(e.Type)), Header: fieldsOf(e.Request.Headers), Began: l.at(e.Timestamp)}
	o.exchange.Type = o.exchange.Sent("Content-Type")
	for _, part := range e.Request.PostDataEntries {
		o.exchange.Body = append(o.exchange.Body, part.Bytes...)
	}
	o.asksSent = e.Request.HasPostData && len(o.exchange.Body) == 0
	l.open[e.RequestID] = o
	l.all = append(l.all, o)
	l.busy++
	l.moved = time.Now()
}

func (l *traffic) answered(o *entry, r *network.Response) {
	x := &o.exchange
	x.Status, x.AnswerType = int(r.Status), r.MimeType
	x.Answer = fieldsOf(r.Headers)
	if list := l.extra[o.id]; len(list) > 0 {
		x.Answer = list[0].fields
		l.extra[o.id] = list[1:]
	}
}

func (l *traffic) ended(o *entry, at cdp.MonotonicTime) {
	if !o.open {
		return
	}
	o.open = false
	o.exchange.Ended = l.at(at)
	l.busy--
	l.moved = time.Now()
	if !o.wants && !o.asksSent {
		o.ready = true
		return
	}
	select {
	case l.bodies <- o:
	default:
		o.ready = true // more than MostExchanges never are under way
	}
}

func wall(seconds float64) time.Time { return time.UnixMicro(int64(seconds * 1e6)) }

func (l *traffic) at(m cdp.MonotonicTime) time.Time {
	return l.start.Add(time.Duration(float64(m) * float64(time.Second)))
}

// collect asks for bodies until stop.
func (l *traffic) collect(ctx context.Context, session cdp.Session) {
	for o := range l.bodies {
		var text, sent []byte
		// A body that Chromium has thrown away already counts as none.
		if o.wants {
			if r, err := cdp.Call(ctx, session, network.GetResponseBody, network.GetResponseBodyParams{RequestID: o.id}); err == nil {
				text = r.Body
			}
		}
		if o.asksSent {
			if r, err := cdp.Call(ctx, session, network.GetRequestPostData, network.GetRequestPostDataParams{RequestID: o.id}); err == nil {
				sent = r.PostData
			}
		}
		l.mu.Lock()
		if most := min(recording.MostBody, recording.MostBodies-l.kept); len(text) > most {
			text, o.exchange.Cut = text[:most], true
			l.cut++
		}
		l.kept += len(text)
		o.exchange.Text = text
		if o.asksSent {
			o.exchange.Body = sent
		}
		o.ready = true
		l.mu.Unlock()
	}
}

func (l *traffic) stop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.closed = true
		close(l.bodies)
	}
}

// quiet says whether nothing has been under way for some time, and every body is there.
func (l *traffic) quiet(span time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.all {
		if !o.open && !o.ready {
			return false
		}
	}
	return l.busy == 0 && time.Since(l.moved) >= span
}

func (l *traffic) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all)
}

// since are the exchanges from a count on that have an answer.
func (l *traffic) since(n int) (list []*recording.Exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.all[n:] {
		if o.exchange.Status != 0 && !o.open {
			x := o.exchange
			list = append(list, &x)
		}
	}
	return list
}

func (l *traffic) noted() (notes []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut > 0 {
		notes = append(notes, fmt.Sprintf("%d answers are longer than what is kept of them", l.cut))
	}
	if l.dropped > 0 {
		notes = append(notes, fmt.Sprintf("%d requests beyond the first %d were left out", l.dropped, recording.MostExchanges))
	}
	return notes
}

// fieldsOf are Chromium's fields; several of a name come in lines.
func fieldsOf(h network.Headers) (list []recording.Field) {
	for name, value := range h {
		text, ok := value.(string)
		if !ok {
			continue
		}
		for line := range strings.SplitSeq(text, "\n") {
			list = append(list, recording.Field{Name: name, Value: line})
		}
	}
	return list
}
