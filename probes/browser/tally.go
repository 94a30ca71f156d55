package browser

import (
	"errors"
	"net/url"
	"sync"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"

	"pegel/probes/probe/httpconn"
)

// mostUnderWay bounds how many requests under way a tab keeps account of.
const mostUnderWay = 4096

// errTooMuch is the cause of a step's end where an answer is larger than any page of a web application.
var errTooMuch = errors.New("an answer is larger than 32 MiB")

// counts are what a tab has loaded and what went wrong in it.
type counts struct {
	requests, failed, bytes int64
	errors                  int64 // of JavaScript that nothing in the page has caught
}

func (c counts) since(before counts) counts {
	return counts{c.requests - before.requests, c.failed - before.failed, c.bytes - before.bytes, c.errors - before.errors}
}

// tally counts the events of one tab. Chromedp's goroutine adds, the user's looks.
type tally struct {
	mu       sync.Mutex
	counts   counts
	sizes    map[network.RequestID]int64 // of answers under way, decoded
	document *url.URL                    // that was asked for last, after redirects
	frame    string                      // the main one
	tooMuch  chan struct{}               // holds one where an answer was too large

	header  string // that names the backend; "": none
	backend string // that it named last
}

func newTally(header string) *tally {
	return &tally{header: header, sizes: map[network.RequestID]int64{}, tooMuch: make(chan struct{}, 1)}
}

// see takes in an event; whatever it does not know is no matter.
func (y *tally) see(event any) {
	y.mu.Lock()
	defer y.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		y.counts.requests++
		if e.RedirectResponse != nil {
			y.counts.bytes += int64(e.RedirectResponse.EncodedDataLength)
		}
		if e.Type == network.ResourceTypeDocument && (y.frame == "" || string(e.FrameID) == y.frame) {
			if u, err := url.Parse(e.Request.URL); err == nil {
				y.document = u
			}
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			y.counts.failed++
		}
		y.note(e)
	case *network.EventDataReceived:
		if _, known := y.sizes[e.RequestID]; known || len(y.sizes) < mostUnderWay {
			y.sizes[e.RequestID] += e.DataLength
		}
		if y.sizes[e.RequestID] > httpconn.MaxBody {
			select {
			case y.tooMuch <- struct{}{}:
			default:
			}
		}
	case *network.EventLoadingFinished:
		y.counts.bytes += int64(e.EncodedDataLength)
		delete(y.sizes, e.RequestID)
	case *network.EventLoadingFailed:
		if !e.Canceled {
			y.counts.failed++
		}
		y.counts.bytes += y.sizes[e.RequestID]
		delete(y.sizes, e.RequestID)
	case *runtime.EventExceptionThrown:
		y.counts.errors++
	case *page.EventFrameNavigated:
		if e.Frame.ParentID == "" {
			y.frame = string(e.Frame.ID)
		}
	}
}

// now is what was counted so far.
func (y *tally) now() counts {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.counts
}

// asked is the address of the document that was asked for last; nil before the first.
func (y *tally) asked() *url.URL {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.document
}
