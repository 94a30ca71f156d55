package httpconn

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"pegel/internal/line"
)

// A server that has closed an idle connection costs a new connection and no failure, over a line as without one, and a mail
// is not sent twice for it.
func TestClosedWhileIdleOverALine(t *testing.T) {
	var posts atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { posts.Add(1) }))
	server.Config.IdleTimeout = 20 * time.Millisecond
	server.Start()
	defer server.Close()
	for name, end := range map[string]*line.End{"direct": nil, "over a line": (&line.Line{RoundTrip: time.Millisecond}).End(1)} {
		to := target(t, server.URL)
		if end != nil {
			to.DialContext = end.Dial(new(net.Dialer).DialContext)
		}
		c, err := Open(turn(t), to, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for range 3 {
			before := posts.Load()
			if _, err := c.Do(turn(t), Request{Method: http.MethodPost, URL: to.URL, Body: []byte("mail")}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if n := posts.Load() - before; n != 1 {
				t.Errorf("%s: %d posts came", name, n)
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
}

// A compressed answer that is read as it comes leaves the connection usable.
func TestStreamOfCompressedAnswer(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write(bytes.Repeat([]byte("<response/>"), 10_000))
	z.Close()
	var dialled atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(packed.Bytes())
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			dialled.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	to := target(t, server.URL)
	c, err := Open(turn(t), to, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 5 {
		read := int64(0)
		_, err := c.Do(turn(t), Request{Method: "REPORT", URL: to.URL, Stream: func(_ *Response, body io.Reader) (err error) {
			read, err = io.Copy(io.Discard, body)
			return err
		}})
		if err != nil || read != 110_000 {
			t.Fatalf("%d bytes, %v", read, err)
		}
	}
	if n := dialled.Load(); n != 1 {
		t.Errorf("%d connections for five answers", n)
	}
}
