package httpconn

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"pegel/probes/probe"
)

const (
	// MaxBody is the largest answer that is read, in bytes, after decompression; more is a failure of class content.
	MaxBody = 32 << 20
	// MaxRedirects is how many redirects one request follows.
	MaxRedirects = 10
)

// Request is what to ask for.
type Request struct {
	Method string
	URL    *url.URL
	Header http.Header
	Body   []byte
	// KeepMethod keeps method and body over every redirect, as WebDAV needs it; otherwise 301, 302 and 303 turn
	// everything but HEAD into GET, as browsers do.
	KeepMethod bool
	// Fields are sent after Header, in their order.
	Fields []Field
	// Stay takes a redirect as the answer.
	Stay bool
	// Discard reads the body and drops it: the answer has none.
	Discard bool
	// Hold says that the server is meant to hold its answer back: no phase is marked, and the response tells how long it took.
	Hold bool
	// Stream reads the body of a 2xx answer as it comes, and Response.Body stays empty unless the scenario saves from it. The
	// reader's own errors are to be passed on as they are. Body is bounded by MaxBody only, Stream sets bounds of its own.
	Stream func(r *Response, body io.Reader) error
	// Auth books the whole exchange as the phase auth instead of first_byte and complete: for a login that an action
	// needs first.
	Auth bool
}

// Field is one line of a header.
type Field struct{ Name, Value string }

// Response is a complete answer.
type Response struct {
	Status int
	Header Header
	Body   []byte
	URL    *url.URL // after redirects
	Hops   int      // how many redirects led to it

	// Waited is the time from the end of the request to the first byte of the answer, of a request with Hold.
	Waited time.Duration

	lent   *[]byte // where buffer came from
	buffer []byte  // holds header and body
}

// Release gives the memory of header and body to other answers; they must not be looked at any more. To leave it out costs
// memory and is no mistake.
func (r *Response) Release() {
	if r.lent == nil {
		return
	}
	if cap(r.buffer) <= largestLent {
		*r.lent = r.buffer[:0]
	}
	answers.Put(r.lent)
	r.lent, r.buffer, r.Header, r.Body = nil, nil, Header{}, nil
}

// Do sends a request, follows redirects and reads the answer to its end. Any status is an answer and no error; see
// Response.Check. Errors are classified, and all of them but content and denied leave no usable connection behind.
func (c *Client) Do(t *probe.Turn, r Request) (*Response, error) {
	in, out := c.in.Load(), c.out.Load()
	response, err := c.follow(t.Context(), t, &r)
	t.Transferred(c.in.Load()-in, c.out.Load()-out)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Auth:
		t.Mark(probe.PhaseAuth)
		return response, nil
	case !r.Hold:
		t.Mark(probe.PhaseComplete)
	}
	c.offer(t, response)
	return response, nil
}

// follow is one request with its redirects; t may be nil.
func (c *Client) follow(ctx context.Context, t *probe.Turn, r *Request) (*Response, error) {
	first, doing := r.URL, r.Method+" "+r.URL.Path
	for hop := 0; ; hop++ {
		response, err := c.once(ctx, t, r)
		if err != nil {
			return nil, Classify(ctx, doing, err)
		}
		response.Hops = hop
		if r.Stay {
			return response, nil
		}
		next, ok, err := redirected(response)
		if err != nil {
			return nil, probe.Fail(probe.BadProtocol, doing, err)
		}
		if !ok {
			return response, nil
		}
		if hop == MaxRedirects {
			return nil, probe.Failf(probe.BadProtocol, doing, "more than %d redirects", MaxRedirects)
		}
		if next.Scheme != r.URL.Scheme || next.Host != r.URL.Host {
			r.Header, r.Fields = public(r.Header), nil
		}
		r.URL = next
		if !r.KeepMethod && response.Status < http.StatusTemporaryRedirect && r.Method != http.MethodHead {
			r.Method, r.Body = http.MethodGet, nil
			if r.Header != nil {
				r.Header = r.Header.Clone()
				r.Header.Del("Content-Type")
			}
			r.Fields = slices.DeleteFunc(slices.Clone(r.Fields), func(f Field) bool { return strings.EqualFold(f.Name, "Content-Type") })
		}
		if doing = r.Method + " " + next.Path; next.Host != first.Host { // who wonders at the host is to see what led there
			doing += " at " + next.Host + ", where " + first.Path + " redirects to"
		}
		response.Release()
	}
}

// public is what of a request's headers may follow a redirect to another server: nothing that could be a secret.
func public(h http.Header) http.Header {
	out := http.Header{}
	for _, name := range []string{"Accept", "Accept-Language", "Content-Type", "Depth", "Prefer", "User-Agent"} {
		if v := h.Values(name); len(v) > 0 {
			out[name] = v
		}
	}
	return out
}

// once is one request without redirects. A connection that had been idle and turns out to be closed is replaced, once and
// where the request may be repeated (RFC 9110, section 9.2.2). Where a write is then refused for what lies there, it may be the write
// itself that lies there, done before the connection was lost: the loss is the failure, not the refusal.
func (c *Client) once(ctx context.Context, t *probe.Turn, r *Request) (*Response, error) {
	o := originOf(r.URL)
	c.sent.Add(1)
	var lost error
	for again := false; ; again = true {
		w, multi, reused, err := c.take(ctx, t, o, again)
		if err != nil {
			return nil, err
		}
		var response *Response
		if multi != nil {
			response, err = c.multiplexed(ctx, t, multi, r)
		} else {
			var begun, reusable bool
			response, begun, reusable, err = c.exchange(ctx, t, w, r)
			if reusable {
				c.give(w)
			} else {
				w.raw.Close()
			}
			if err != nil && reused && !begun && !again && ctx.Err() == nil && idempotent(r.Method) && probe.ClassOf(err) == probe.Reset {
				lost = err
				continue
			}
		}
		if err != nil {
			return nil, cause(err)
		}
		if lost != nil && writes(r.Method) && refusesRepeated(response.Status) {
			response.Release()
			return nil, lost
		}
		if c.jar != nil {
			if lines := response.Header.Values("Set-Cookie"); len(lines) > 0 {
				if err := c.jar.set(r.URL, lines, time.Now()); err != nil {
					return nil, err
				}
			}
		}
		return response, nil
	}
}

// refusesRepeated are the statuses by which a write is refused that has been done already.
func refusesRepeated(status int) bool {
	switch status {
	case http.StatusPreconditionFailed, http.StatusNotFound, http.StatusGone, http.StatusMethodNotAllowed, http.StatusConflict:
		return true
	}
	return false
}

// cause gives errors of HTTP/2 that say only by their text that the connection was lost the class that they have.
func cause(err error) error {
	if probe.ClassOf(err) == probe.BadProtocol {
		for _, text := range []string{"client connection lost", "client conn", "sent GOAWAY", "force closed"} {
			if strings.Contains(err.Error(), text) {
				return probe.Fail(probe.Reset, "", err)
			}
		}
	}
	return err
}

// redirected tells where a response sends the client, if it does.
func redirected(r *Response) (*url.URL, bool, error) {
	switch r.Status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, false, nil
	}
	location := r.Header.Get("Location")
	if location == "" {
		return nil, false, fmt.Errorf("status %d without a Location", r.Status)
	}
	next, err := r.URL.Parse(location)
	if err != nil {
		return nil, false, fmt.Errorf("redirect: %w", err)
	}
	if next.Scheme != "http" && next.Scheme != "https" || next.Host == "" {
		return nil, false, fmt.Errorf("redirect to %q, which is not a web address", location)
	}
	if r.URL.Scheme == "https" && next.Scheme == "http" {
		return nil, false, fmt.Errorf("redirect from https to http (%s)", next.Host)
	}
	next.User = nil
	return next, true, nil
}
