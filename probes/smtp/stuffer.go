package smtp

import (
	"bytes"
	"io"
	"sync"
)

// stuffer writes a message as it goes over the wire (RFC 5321, section 4.5.2): lines that begin with a dot get a second one, and
// a dot alone ends it. What fits into its buffer is one write.
type stuffer struct {
	send func([]byte) error
	buf  []byte
	line bool // at the beginning of a line
}

// stuffSize holds most mails without an attachment whole, together with their end.
const stuffSize = 32 << 10

// stuffers lends out buffers: only users with a mail under way need one.
var stuffers = sync.Pool{New: func() any { return &stuffer{buf: make([]byte, 0, stuffSize)} }}

// stuff sends a message up to and with the final dot.
func (s *session) stuff(message io.WriterTo) error {
	w := stuffers.Get().(*stuffer)
	defer func() {
		w.send = nil
		stuffers.Put(w)
	}()
	w.send, w.buf, w.line = s.send, w.buf[:0], true
	if _, err := message.WriteTo(w); err != nil {
		return err
	}
	return w.end()
}

// Write implements io.Writer.
func (w *stuffer) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		if w.line && rest[0] == '.' {
			if err := w.put([]byte{'.'}); err != nil {
				return 0, err
			}
		}
		// All up to the next dot at the beginning of a line goes at once.
		end := len(rest)
		if i := bytes.Index(rest, []byte("\n.")); i >= 0 {
			end = i + 1
		}
		if err := w.put(rest[:end]); err != nil {
			return 0, err
		}
		w.line = rest[end-1] == '\n'
		rest = rest[end:]
	}
	return len(p), nil
}

// put appends to the buffer and sends it where it is full.
func (w *stuffer) put(p []byte) error {
	for len(p) > 0 {
		if len(w.buf) == cap(w.buf) {
			if err := w.flush(); err != nil {
				return err
			}
		}
		n := min(len(p), cap(w.buf)-len(w.buf))
		w.buf = append(w.buf, p[:n]...)
		p = p[n:]
	}
	return nil
}

func (w *stuffer) flush() error {
	err := w.send(w.buf)
	w.buf = w.buf[:0]
	return err
}

// end completes the last line and puts the dot behind it.
func (w *stuffer) end() error {
	if !w.line {
		if err := w.put([]byte("\r\n")); err != nil {
			return err
		}
	}
	if err := w.put([]byte(".\r\n")); err != nil {
		return err
	}
	return w.flush()
}
