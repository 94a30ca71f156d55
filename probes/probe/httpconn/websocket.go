package httpconn

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"pegel/probes/probe"
)

// maxMessage bounds one message of a websocket, in bytes.
const maxMessage = 1 << 20

// WebSocket is a connection of messages (RFC 6455). One goroutine may read while others write.
type WebSocket struct {
	wire *wire
	mu   sync.Mutex // of writing
}

// WebSocket opens one at a URL of the scheme http or https, with the user's cookies. Its first message is not waited for.
// t may be nil.
func (c *Client) WebSocket(ctx context.Context, t *probe.Turn, u *url.URL, fields []Field) (*WebSocket, error) {
	doing := "open a websocket at " + u.Path
	w, multi, err := c.dial(ctx, t, originOf(u), true)
	if err != nil {
		return nil, Classify(ctx, doing, err)
	}
	if multi != nil {
		return nil, probe.Failf(probe.BadProtocol, doing, "the server insists on HTTP/2")
	}
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	key := base64.StdEncoding.EncodeToString(nonce[:])
	r := Request{Method: http.MethodGet, URL: u, Stay: true, Fields: append([]Field{
		{"Connection", "Upgrade"}, {"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}, {"Sec-WebSocket-Key", key},
		{"Origin", c.base.Scheme + "://" + c.base.Host},
	}, fields...)}
	response, status, err := c.upgrade(ctx, t, w, &r)
	if err != nil {
		w.raw.Close()
		return nil, Classify(ctx, doing, err)
	}
	if status != http.StatusSwitchingProtocols {
		w.raw.Close()
		return nil, response.Check(doing, http.StatusSwitchingProtocols)
	}
	digest := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if response.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(digest[:]) {
		w.raw.Close()
		return nil, probe.Failf(probe.BadProtocol, doing, "the server does not prove that it speaks websocket")
	}
	return &WebSocket{wire: w}, nil
}

// upgrade is the exchange that opens a websocket. What the server sends right behind its answer belongs to the websocket, so
// that nothing may be read ahead.
func (c *Client) upgrade(ctx context.Context, t *probe.Turn, w *wire, r *Request) (*Response, int, error) {
	stop := probe.AfterFunc(ctx, func() { w.raw.SetDeadline(aLongTimeAgo) })
	defer stop()
	if err := c.send(w, r); err != nil {
		return nil, 0, err
	}
	from := bufio.NewReader(oneByOne{w.conn})
	status, _, head, err := readHeader(from, nil)
	if err != nil {
		return nil, 0, err
	}
	mark(t, probe.PhaseFirstByte)
	if c.jar != nil {
		if err := c.jar.set(r.URL, (Header{head}).Values("Set-Cookie"), time.Now()); err != nil {
			return nil, 0, err
		}
	}
	return &Response{Status: status, Header: Header{head}, URL: r.URL}, status, nil
}

// oneByOne reads single bytes.
type oneByOne struct{ io.Reader }

func (o oneByOne) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(1, len(p))]) }

// The kinds of frames.
const (
	textFrame  = 1
	closeFrame = 8
	pingFrame  = 9
	pongFrame  = 10
)

// Read waits for the next message; pings are answered on the way. The error after which nothing comes is io.EOF where the
// server said goodbye.
func (s *WebSocket) Read() (message []byte, err error) {
	for {
		head, payload, err := s.frame(len(message))
		if err != nil {
			return nil, err
		}
		switch kind := head & 0x0f; kind {
		case closeFrame:
			s.write(closeFrame, payload[:min(2, len(payload))])
			return nil, io.EOF
		case pingFrame:
			if err := s.write(pongFrame, payload); err != nil {
				return nil, err
			}
		case pongFrame:
		case 0, textFrame, 2:
			message = append(message, payload...)
			if head&0x80 != 0 {
				return message, nil
			}
		default:
			return nil, probe.Failf(probe.BadProtocol, "read from the websocket", "a frame of the kind %d", kind)
		}
	}
}

// frame reads one frame of a message of which so much is there already.
func (s *WebSocket) frame(there int) (head byte, payload []byte, err error) {
	var b [10]byte
	if _, err := io.ReadFull(s.wire.conn, b[:2]); err != nil {
		return 0, nil, err
	}
	size := uint64(b[1] & 0x7f)
	switch {
	case b[0]&0x70 != 0 || b[1]&0x80 != 0:
		return 0, nil, probe.Failf(probe.BadProtocol, "read from the websocket", "a frame that was not agreed on")
	case size == 126:
		if _, err = io.ReadFull(s.wire.conn, b[2:4]); err == nil {
			size = uint64(binary.BigEndian.Uint16(b[2:4]))
		}
	case size == 127:
		if _, err = io.ReadFull(s.wire.conn, b[2:10]); err == nil {
			size = binary.BigEndian.Uint64(b[2:10])
		}
	}
	if err != nil {
		return 0, nil, reading(err)
	}
	if size > maxMessage || uint64(there)+size > maxMessage {
		return 0, nil, probe.Failf(probe.Content, "read from the websocket", "a message longer than %d bytes", maxMessage)
	}
	payload = make([]byte, size)
	if _, err := io.ReadFull(s.wire.conn, payload); err != nil {
		return 0, nil, reading(err)
	}
	return b[0], payload, nil
}

// Write sends one message of text.
func (s *WebSocket) Write(message string) error { return s.write(textFrame, []byte(message)) }

func (s *WebSocket) write(kind byte, payload []byte) error {
	if len(payload) > maxMessage {
		return fmt.Errorf("a message of %d bytes is too long", len(payload))
	}
	var mask [4]byte
	rand.Read(mask[:]) // never fails
	b := []byte{0x80 | kind}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, mask[:]...)
	for i, c := range payload {
		b = append(b, c^mask[i%4])
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wire.raw.SetWriteDeadline(time.Now().Add(10 * time.Second)) // a server that does not read must not hold anybody up
	_, err := s.wire.conn.Write(b)
	return err
}

// Close ends the connection, and with it a Read under way.
func (s *WebSocket) Close() error { return s.wire.raw.Close() }

// Lost says what an error of Read means: a goodbye, or how the connection broke.
func Lost(err error) string {
	if err == io.EOF {
		return "the server closed it"
	}
	return strings.TrimSpace(fmt.Sprint(err))
}
