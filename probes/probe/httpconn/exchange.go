package httpconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
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
	// Auth books the whole exchange as the phase auth instead of first_byte and complete: for a login that an action
	// needs first.
	Auth bool
	// Hold says that the server is meant to hold its answer back: no phase is marked, and the response tells how long it took.
	Hold bool
	// Stream reads the body of a 2xx answer as it comes, and Response.Body stays empty unless the scenario saves from it. The
	// reader's own errors are to be passed on as they are. Body is bounded by MaxBody only, Stream sets bounds of its own.
	Stream func(r *Response, body io.Reader) error
}

// Response is a complete answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	URL    *url.URL // after redirects

	// Waited is the time from the end of the request to the first byte of the answer, of a request with Hold.
	Waited time.Duration
}

// Do sends a request, follows redirects and reads the answer to its end. Any status is an answer and no error; see
// Response.Check. Errors are classified, and all of them but content and denied leave no usable connection behind.
func (c *Client) Do(t *probe.Turn, r Request) (*Response, error) {
	in, out := c.in.Load(), c.out.Load()
	defer func() { t.Transferred(c.in.Load()-in, c.out.Load()-out) }()
	end := probe.PhaseComplete
	if r.Auth {
		end = probe.PhaseAuth
	}
	for hop := 0; ; hop++ {
		response, err := c.once(t, r)
		if err != nil {
			return nil, Classify(t.Context(), r.Method+" "+r.URL.Path, err)
		}
		next, ok, err := redirected(response)
		if err != nil {
			return nil, probe.Fail(probe.BadProtocol, r.Method+" "+r.URL.Path, err)
		}
		if !ok {
			if !r.Hold {
				t.Mark(end)
			}
			c.offer(t, r, response)
			return response, nil
		}
		if hop == MaxRedirects {
			return nil, probe.Failf(probe.BadProtocol, r.Method+" "+r.URL.Path, "more than %d redirects", MaxRedirects)
		}
		if next.Scheme != r.URL.Scheme || next.Host != r.URL.Host {
			r.Header = public(r.Header)
		}
		r.URL = next
		if !r.KeepMethod && response.Status < http.StatusTemporaryRedirect && r.Method != http.MethodHead {
			r.Method, r.Body = http.MethodGet, nil
			if r.Header != nil {
				r.Header = r.Header.Clone()
				r.Header.Del("Content-Type")
			}
		}
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

// once is one request without redirects.
func (c *Client) once(t *probe.Turn, r Request) (*Response, error) {
	ex := &exchange{turn: t, secure: r.URL.Scheme == "https"}
	defer ex.end()
	ctx := context.WithValue(t.Context(), exchangeKey{}, ex)
	var wrote, first atomic.Int64 // Unix nanoseconds; the transport's goroutines set them
	switch {
	case r.Hold:
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			WroteRequest:         func(httptrace.WroteRequestInfo) { wrote.Store(time.Now().UnixNano()) },
			GotFirstResponseByte: func() { first.Store(time.Now().UnixNano()) },
		})
	case !r.Auth:
		ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
			GotFirstResponseByte: func() { ex.mark(probe.PhaseFirstByte) },
		})
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	request.Header.Set("User-Agent", c.options.UserAgent)
	if c.options.Authorization != "" && r.URL.Scheme == c.base.Scheme && address(r.URL) == address(c.base) {
		request.Header.Set("Authorization", c.options.Authorization)
	}
	answer, err := c.client.Do(request)
	if err != nil {
		return nil, cause(err)
	}
	defer answer.Body.Close()
	response := &Response{Status: answer.StatusCode, Header: answer.Header, URL: r.URL}
	if r.Stream != nil && answer.StatusCode/100 == 2 {
		return response, stream(t, r, response, answer.Body)
	}
	if response.Body, err = io.ReadAll(io.LimitReader(answer.Body, MaxBody+1)); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if len(response.Body) > MaxBody {
		return nil, tooLong()
	}
	if from, to := wrote.Load(), first.Load(); from > 0 && to > from {
		response.Waited = time.Duration(to - from)
	}
	return response, nil
}

func tooLong() error {
	return probe.Failf(probe.Content, "read the answer", "longer than %d bytes", MaxBody)
}

// stream hands the body to whoever reads it, and keeps a copy where the scenario saves from the answer.
func stream(t *probe.Turn, r Request, response *Response, body io.Reader) error {
	var kept boundedBuffer
	if t.Wants() {
		body = io.TeeReader(body, &kept)
	}
	if err := r.Stream(response, body); err != nil {
		return err
	}
	// What follows a document is little and must be read, so that the connection can be used again.
	if _, err := io.CopyN(io.Discard, body, 4<<10); err != nil && err != io.EOF {
		return fmt.Errorf("read the answer: %w", err)
	}
	response.Body = kept.Bytes()
	return nil
}

// boundedBuffer is a buffer of at most MaxBody bytes.
type boundedBuffer struct{ bytes.Buffer }

// Write implements io.Writer.
func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > MaxBody {
		return 0, tooLong()
	}
	return b.Buffer.Write(p)
}

// cause takes the wrapping off that repeats method and URL; what is inside stays recognisable to errors.Is. For a
// connection that the server closed the transport has errors of its own that say so by their text only.
func cause(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	if probe.ClassOf(err) == probe.BadProtocol {
		for _, text := range []string{"server closed idle connection", "transport connection broken", "client connection lost", "sent GOAWAY"} {
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
