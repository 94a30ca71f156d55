package smtp

import (
	"bytes"
	"errors"
	"net"
)

// lineLimit is the longest line that is read. RFC 5321, section 4.5.3.1.5, allows a reply line of 512 octets; servers that list
// their ways to log in go beyond it.
const lineLimit = 2 << 10

// errLongLine is a line that no server may send.
var errLongLine = errors.New("the server sent a line of more than 2048 bytes")

// wire is the connection below a session: it counts bytes as they are on the network and reads lines. It belongs to one
// goroutine but for closing Conn.
type wire struct {
	net.Conn          // of the network
	secure   net.Conn // TLS on top of it, nil in plain text
	in, out  int64

	buf        [lineLimit]byte
	start, end int // what has been read and not yet used
}

// counted is the network's side of a wire, which TLS is put on.
type counted struct{ *wire }

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.in += int64(n)
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.out += int64(n)
	return n, err
}

// send writes what the other side is to read at once: one write, one segment if it fits.
func (w *wire) send(p []byte) error {
	var err error
	if w.secure != nil {
		_, err = w.secure.Write(p)
	} else {
		_, err = counted{w}.Write(p)
	}
	return err
}

// line reads one line without its end; a bare LF ends one too. It is valid until the next call.
func (w *wire) line() ([]byte, error) {
	for seen := w.start; ; {
		if i := bytes.IndexByte(w.buf[seen:w.end], '\n'); i >= 0 {
			text := w.buf[w.start : seen+i]
			w.start = seen + i + 1
			return bytes.TrimSuffix(text, []byte{'\r'}), nil
		}
		if w.start > 0 {
			w.end = copy(w.buf[:], w.buf[w.start:w.end])
			w.start = 0
		}
		if w.end == len(w.buf) {
			return nil, errLongLine
		}
		seen = w.end
		n, err := w.fill()
		if n == 0 && err != nil {
			return nil, err
		}
	}
}

func (w *wire) fill() (n int, err error) {
	if w.secure != nil {
		n, err = w.secure.Read(w.buf[w.end:])
	} else {
		n, err = counted{w}.Read(w.buf[w.end:])
	}
	w.end += n
	return n, err
}

// ahead is how many bytes the server has sent that nobody has asked for yet.
func (w *wire) ahead() int { return w.end - w.start }
