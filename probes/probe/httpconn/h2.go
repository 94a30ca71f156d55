package httpconn

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"pegel/probes/probe"
)

// transport speaks HTTP/2 over connections that are dialled and secured already. It pools none.
var transport = &http.Transport{
	DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return ctx.Value(securedKey{}).(net.Conn), nil
	},
	ForceAttemptHTTP2:      true,
	DisableCompression:     true,
	MaxResponseHeaderBytes: maxHeader,
}

type securedKey struct{}

// overHTTP2 is HTTP/2 over a connection whose server has agreed to it.
func overHTTP2(ctx context.Context, conn *tls.Conn, address string) (*http.ClientConn, error) {
	return transport.NewClientConn(context.WithValue(ctx, securedKey{}, conn), "https", address)
}

// multiplexed sends a request on a connection of HTTP/2.
func (c *Client) multiplexed(ctx context.Context, t *probe.Turn, conn *http.ClientConn, r *Request) (*Response, error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, r.URL.String(), bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	for _, f := range r.Fields {
		request.Header.Add(f.Name, f.Value)
	}
	request.Header.Set("User-Agent", c.options.UserAgent)
	request.Header.Set("Accept-Encoding", "gzip, deflate")
	if c.authorized(r) {
		request.Header.Set("Authorization", c.options.Authorization)
	}
	if c.jar != nil {
		if cookies := c.jar.write(nil, r.URL); len(cookies) > 0 {
			request.Header.Set("Cookie", string(cookies))
		}
	}
	sent, waited := time.Now(), time.Duration(0) // the request's own time on its way is not told
	answer, err := conn.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if r.Hold {
		waited = time.Since(sent)
	} else if !r.Auth {
		mark(t, probe.PhaseFirstByte)
	}
	var head bytes.Buffer
	if err := answer.Header.Write(&head); err != nil {
		return nil, err
	}
	response := &Response{Status: answer.StatusCode, Header: Header{head.Bytes()}, URL: r.URL, Waited: waited}
	if r.Method == http.MethodHead || answer.StatusCode == http.StatusNoContent || answer.StatusCode == http.StatusNotModified {
		return response, nil
	}
	if r.Discard {
		n, err := io.Copy(io.Discard, io.LimitReader(answer.Body, MaxBody+1))
		if err == nil && n > MaxBody {
			err = tooLong()
		}
		return response, unfinished(err)
	}
	var body io.Reader = answer.Body
	if coding := response.Header.Get("Content-Encoding"); coding != "" && coding != "identity" && answer.ContentLength != 0 {
		inflated, undo, err := inflate(coding, body)
		if err != nil {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		defer undo()
		body = inflated
	}
	if r.streams(response) {
		_, err := r.stream(t, response, body)
		return response, err
	}
	if response.Body, err = readBody(body, nil); err != nil {
		return nil, unfinished(err)
	}
	return response, nil
}
