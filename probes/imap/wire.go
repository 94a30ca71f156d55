package imap

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"pegel/probes/probe"
)

// wire is the connection below the IMAP client. It counts bytes as they are on the network, keeps the error that ended
// the connection and the last thing the server said, because the client library drops both, and lets the greeting be
// read before the client starts.
type wire struct {
	net.Conn // raw or TLS
	raw      *meter
	ahead    []byte // read but not yet delivered; only touched before the client starts and by its reader
	bounds   bounds
	listener *listener // nil: nobody listens

	mu   sync.Mutex
	idle *idling // whose answers are to be taken out, nil if there is none
	tail []byte  // the last bytes that arrived, at most tailSize
	err  error   // why reading or writing ended
}

// tailSize is room for one BYE with its text.
const tailSize = 512

// maxLine is how long a greeting may be; capabilities make some of them long.
const maxLine = 16 << 10

type meter struct {
	net.Conn
	in, out atomic.Int64
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Conn.Read(p)
	m.in.Add(int64(n))
	return n, err
}

func (m *meter) Write(p []byte) (int, error) {
	n, err := m.Conn.Write(p)
	m.out.Add(int64(n))
	return n, err
}

func newWire(conn net.Conn) *wire {
	raw := &meter{Conn: conn}
	return &wire{Conn: raw, raw: raw}
}

// Close closes the network connection without a farewell of TLS, which could block.
func (w *wire) Close() error { return w.raw.Close() }

func (w *wire) Read(p []byte) (int, error) {
	for {
		if len(w.ahead) > 0 {
			n := copy(p, w.ahead)
			w.ahead = w.ahead[n:]
			if len(w.ahead) == 0 {
				w.ahead = nil
			}
			return n, nil
		}
		fresh := w.bounds.fresh()
		n, err := w.arrive(p)
		pass, filtered, idleErr := w.sift(p[:n], fresh)
		if err == nil && idleErr != nil {
			w.mu.Lock()
			w.note(idleErr)
			w.mu.Unlock()
			return 0, idleErr
		}
		if !filtered {
			return n, err
		}
		if err != nil && len(pass) == 0 {
			return 0, err
		}
		w.ahead = pass
	}
}

// watch makes the wire take the answers of an IDLE out of what is read, from the next line on.
func (w *wire) watch(x *idling) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.idle = x
}

// sift takes out what concerns an IDLE. fresh says that p begins a line.
func (w *wire) sift(p []byte, fresh bool) (pass []byte, filtered bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.idle
	if x == nil || len(p) == 0 {
		return nil, false, nil
	}
	if !fresh && x.held == nil {
		// The rest of what the server was saying before.
		i := bytes.IndexByte(p, '\n') + 1
		if i == 0 {
			return nil, false, nil
		}
		pass, p = bytes.Clone(p[:i]), p[i:]
	}
	more, over, err := x.filter(p)
	if over {
		w.idle = nil
	}
	return append(pass, more...), true, err
}

// arrive reads from the network, and takes note of what it brings.
func (w *wire) arrive(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if bad := w.bounds.scan(p[:n]); bad != nil {
		n, err = 0, bad
	}
	if w.listener != nil && n > 0 {
		w.listener.read(p[:n])
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if n >= tailSize {
		w.tail = append(w.tail[:0], p[n-tailSize:n]...)
	} else if n > 0 {
		if over := len(w.tail) + n - tailSize; over > 0 {
			w.tail = append(w.tail[:0], w.tail[over:]...)
		}
		w.tail = append(w.tail, p[:n]...)
	}
	w.note(err)
	return n, err
}

func (w *wire) Write(p []byte) (int, error) {
	if w.listener != nil {
		w.listener.wrote(p)
	}
	n, err := w.Conn.Write(p)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.note(err)
	}
	return n, err
}

// note keeps the first error that is not just our own closing. w.mu is held.
func (w *wire) note(err error) {
	if w.err == nil && err != nil && !errors.Is(err, net.ErrClosed) {
		w.err = err
	}
}

// cause returns the farewell of the server, if any, and the error of the network that ended the connection, if any.
func (w *wire) cause() (bye statusLine, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := bytes.Split(w.tail, []byte("\n"))
	for i := len(lines) - 1; i >= 0; i-- {
		if st := parseStatus(string(lines[i]), "*"); st.kind == "BYE" {
			return st, w.err
		}
	}
	return statusLine{}, w.err
}

// readLine reads one line, without its end, before the client has started.
func (w *wire) readLine() (string, error) {
	for {
		if i := bytes.IndexByte(w.ahead, '\n'); i >= 0 {
			line := string(bytes.TrimRight(w.ahead[:i], "\r"))
			w.ahead = w.ahead[i+1:]
			return line, nil
		}
		if len(w.ahead) > maxLine {
			return "", probe.Failf(probe.BadProtocol, "read the greeting", "line of more than %d bytes", maxLine)
		}
		got := w.ahead
		w.ahead = nil
		var chunk [1024]byte
		n, err := w.Read(chunk[:])
		w.ahead = append(got, chunk[:n]...)
		if err != nil && n == 0 {
			return "", err
		}
	}
}

// startTLS puts TLS on the connection.
func (w *wire) startTLS(ctx context.Context, target probe.Target) error {
	if len(w.ahead) > 0 {
		// Whatever a third party puts in before TLS would be taken for the server's word after it.
		return probe.Failf(probe.BadProtocol, "start TLS", "the server spoke out of turn")
	}
	config := target.TLS.Clone()
	if config == nil {
		config = &tls.Config{}
	}
	if config.ServerName == "" {
		config.ServerName = target.URL.Hostname()
	}
	conn := tls.Client(w.Conn, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		if ctx.Err() == nil && probe.ClassOf(err) == probe.BadProtocol {
			return probe.Fail(probe.TLS, "TLS handshake", err) // alerts of the other side have no type of their own
		}
		return err
	}
	w.Conn = conn
	return nil
}
