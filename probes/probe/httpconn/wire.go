package httpconn

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"pegel/probes/probe"
)

// What an exchange needs is lent to it: an idle connection has no buffers.
var (
	readers  = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}
	requests = sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}
	answers  = sync.Pool{New: func() any { b := make([]byte, 0, 8<<10); return &b }}
)

// largestLent is the largest buffer that is kept for others, in bytes.
const largestLent = 256 << 10

// maxInterim is how many answers of the kind 1xx may come before the answer.
const maxInterim = 10

// aLongTimeAgo ends whatever waits on a connection.
var aLongTimeAgo = time.Unix(1, 0)

// exchange sends a request on w and reads the answer. begun says whether anything of an answer came, reusable whether the
// connection can be used again.
func (c *Client) exchange(ctx context.Context, t *probe.Turn, w *wire, r *Request) (response *Response, begun, reusable bool, err error) {
	stop := probe.AfterFunc(ctx, func() { w.raw.SetDeadline(aLongTimeAgo) })
	defer func() {
		if !stop() {
			reusable = false
		}
	}()
	if err := c.send(w, r); err != nil {
		return nil, false, false, err
	}
	var sent time.Time
	if r.Hold {
		sent = time.Now()
	}
	from := readers.Get().(*bufio.Reader)
	from.Reset(w.conn)
	defer func() {
		reusable = reusable && from.Buffered() == 0 // what nobody asked for is no answer to the next request
		from.Reset(nil)
		readers.Put(from)
	}()
	if _, err := from.Peek(1); err != nil {
		return nil, false, false, err
	}
	var waited time.Duration
	if r.Hold {
		waited = time.Since(sent)
	}
	if !r.Auth && !r.Hold {
		mark(t, probe.PhaseFirstByte)
	}
	lent := answers.Get().(*[]byte)
	response, keep, err := readAnswer(from, t, r, (*lent)[:0])
	if err != nil {
		answers.Put(lent)
		return nil, true, false, err
	}
	response.lent = lent
	if r.Hold {
		response.Waited = waited
	}
	return response, true, keep, nil
}

// send writes the request in one piece.
func (c *Client) send(w *wire, r *Request) error {
	lent := requests.Get().(*[]byte)
	b, err := c.compose((*lent)[:0], r)
	if err == nil {
		_, err = w.conn.Write(b)
	}
	if cap(b) <= largestLent {
		clear(b) // it held secrets
		*lent = b[:0]
		requests.Put(lent)
	}
	return err
}

func (c *Client) compose(b []byte, r *Request) ([]byte, error) {
	b = append(append(append(b, r.Method...), ' '), r.URL.RequestURI()...)
	b = append(append(b, " HTTP/1.1\r\nHost: "...), r.URL.Host...)
	var err error
	field := func(name, value string) {
		if strings.ContainsAny(value, "\r\n\x00") {
			err = probe.Failf(probe.Content, "", "the value of the header %s is more than one line", name)
			return
		}
		b = append(append(append(append(b, "\r\n"...), name...), ": "...), value...)
	}
	field("User-Agent", c.options.UserAgent)
	for name, values := range r.Header {
		if name == "User-Agent" {
			continue
		}
		for _, value := range values {
			field(name, value)
		}
	}
	for _, f := range r.Fields {
		field(f.Name, f.Value)
	}
	field("Accept-Encoding", "gzip, deflate")
	if c.authorized(r) {
		field("Authorization", c.options.Authorization)
	}
	if c.jar != nil {
		before := len(b)
		b = append(b, "\r\nCookie: "...)
		start := len(b)
		if b = c.jar.write(b, r.URL); len(b) == start {
			b = b[:before]
		}
	}
	if len(r.Body) > 0 || r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		b = strconv.AppendInt(append(b, "\r\nContent-Length: "...), int64(len(r.Body)), 10)
	}
	return append(append(b, "\r\n\r\n"...), r.Body...), err
}

// authorized says whether a request goes to the target's own origin, so that it may carry the user's authorization.
func (c *Client) authorized(r *Request) bool {
	return c.options.Authorization != "" && r.URL.Scheme == c.base.Scheme && address(r.URL) == address(c.base)
}

// framing is what the header says about the body.
type framing struct {
	length          int64 // -1: not said
	chunked, closes bool
	coding          string
}

// readAnswer reads the answer into b: its header, and behind it the body. keep says whether the connection can go on.
func readAnswer(from *bufio.Reader, t *probe.Turn, r *Request, b []byte) (response *Response, keep bool, err error) {
	var status, from10 int
	for interim := 0; ; interim++ {
		if status, from10, b, err = readHeader(from, b[:0]); err != nil {
			return nil, false, err
		}
		if status >= 200 || status == http.StatusSwitchingProtocols {
			break
		}
		if interim == maxInterim {
			return nil, false, probe.Failf(probe.BadProtocol, "", "more than %d interim answers", maxInterim)
		}
	}
	response = &Response{Status: status, Header: Header{b}, URL: r.URL, buffer: b}
	f, err := response.Header.framing()
	if err != nil {
		return nil, false, err
	}
	keep = !f.closes && from10 != 0
	if r.Method == http.MethodHead || status < 200 || status == http.StatusNoContent || status == http.StatusNotModified {
		return response, keep, nil
	}
	var body io.Reader
	switch {
	case f.chunked:
		body = &chunked{from: from}
	case f.length > MaxBody:
		return nil, false, tooLong()
	case f.length >= 0:
		body = &exactly{from, f.length}
	default:
		body, keep = from, false
	}
	undo := func() {}
	source := body
	if f.coding != "" && !r.Discard && f.length != 0 {
		if body, undo, err = inflate(f.coding, body); err != nil {
			return nil, false, fmt.Errorf("read the answer: %w", err)
		}
	}
	defer undo()
	if r.Discard {
		n, err := io.Copy(io.Discard, io.LimitReader(body, MaxBody+1))
		if err == nil && n > MaxBody {
			err = tooLong()
		}
		return response, keep, unfinished(err)
	}
	if r.streams(response) {
		complete, err := r.stream(t, response, body)
		if err != nil {
			return nil, false, err
		}
		if complete && source != body { // what follows the end of the compression is to be gone too
			n, err := io.Copy(io.Discard, io.LimitReader(source, 64<<10))
			complete = err == nil && n < 64<<10
		}
		return response, keep && complete, nil
	}
	head := len(b)
	if b, err = readBody(body, b); err != nil {
		return nil, false, unfinished(err)
	}
	response.Header.raw, response.Body, response.buffer = b[:head:head], b[head:len(b):len(b)], b
	if keep && source != body { // what follows the end of the compression is to be gone too
		if n, err := io.Copy(io.Discard, io.LimitReader(source, 64<<10)); err != nil || n == 64<<10 {
			keep = false
		}
	}
	return response, keep, nil
}

func tooLong() error {
	return probe.Failf(probe.Content, "read the answer", "longer than %d MiB", MaxBody>>20)
}

// unfinished says that it was the answer's body that could not be read.
func unfinished(err error) error {
	var own *probe.Error
	if err == nil || errors.As(err, &own) && own.Doing != "" {
		return err
	}
	return fmt.Errorf("read the answer: %w", err)
}

// readBody appends a body to b.
func readBody(body io.Reader, b []byte) ([]byte, error) {
	head := len(b)
	for {
		if len(b) == cap(b) {
			grown := make([]byte, len(b), max(min(2*cap(b), head+MaxBody+1), len(b)+1<<10)) // never twice the bound
			copy(grown, b)
			b = grown
		}
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b)-head > MaxBody:
			return b, tooLong()
		case err == io.EOF:
			return b, nil
		case err != nil:
			return b, err
		}
	}
}

// exactly reads a body of known length.
type exactly struct {
	from *bufio.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.from.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// readHeader reads the status line and the header, which it returns in b. minor is that of HTTP/1.x.
func readHeader(from *bufio.Reader, b []byte) (status, minor int, _ []byte, err error) {
	line, err := readLine(from)
	if err != nil {
		return 0, 0, b, broken(err, "the status line is too long")
	}
	if len(line) < len("HTTP/1.1 200") || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' || len(line) > 12 && line[12] != ' ' {
		return 0, 0, b, probe.Failf(probe.BadProtocol, "", "the answer is not HTTP: %q", clip(string(line)))
	}
	minor = int(line[7] - '0')
	for _, digit := range line[9:12] {
		if digit < '0' || digit > '9' {
			return 0, 0, b, probe.Failf(probe.BadProtocol, "", "the answer is not HTTP: %q", clip(string(line)))
		}
		status = 10*status + int(digit-'0')
	}
	if status < 100 {
		return 0, 0, b, probe.Failf(probe.BadProtocol, "", "status %d", status)
	}
	begin := len(b)
	for {
		start := len(b)
		for {
			part, err := from.ReadSlice('\n')
			b = append(b, part...)
			if len(b)-begin > maxHeader {
				return 0, 0, b, probe.Failf(probe.BadProtocol, "", "the header is longer than %d bytes", maxHeader)
			}
			if err == nil {
				break
			}
			if !errors.Is(err, bufio.ErrBufferFull) {
				return 0, 0, b, reading(err)
			}
		}
		if len(bytes.TrimRight(b[start:], "\r\n")) == 0 {
			return status, minor, b[:start], nil
		}
	}
}

// framing reads what concerns the body. Two lengths that differ are a mistake of the server or worse.
func (h Header) framing() (f framing, err error) {
	f.length = -1
	h.each(func(name, value []byte) bool {
		switch {
		case same(name, "Content-Length"):
			n, bad := strconv.ParseInt(string(value), 10, 64)
			if bad != nil || n < 0 || f.length >= 0 && f.length != n {
				err = probe.Failf(probe.BadProtocol, "", "the length of the answer is %q", clip(string(value)))
				return false
			}
			f.length = n
		case same(name, "Transfer-Encoding"):
			if !same(value, "chunked") {
				err = probe.Failf(probe.BadProtocol, "", "the answer has the transfer coding %q", clip(string(value)))
				return false
			}
			f.chunked = true
		case same(name, "Connection"):
			f.closes = f.closes || has(value, "close")
		case same(name, "Content-Encoding"):
			if f.coding = strings.ToLower(string(value)); f.coding == "identity" {
				f.coding = ""
			}
		}
		return true
	})
	return f, err
}
