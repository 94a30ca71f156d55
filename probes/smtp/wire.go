package smtp

import (
	"bufio"
	"net"
	"net/textproto"
	"sync/atomic"

	"github.com/emersion/go-smtp"
)

// wire is the connection below the SMTP client. It counts bytes as they are on the network, and lets the beginning of the
// dialogue be read before the client starts. It belongs to one goroutine but for closing Conn.
type wire struct {
	net.Conn          // of the network
	secure   net.Conn // TLS on top of it, nil in plain text
	ahead    []byte   // read but not yet delivered
	in, out  atomic.Int64
}

func (w *wire) Read(p []byte) (int, error) {
	if len(w.ahead) > 0 {
		n := copy(p, w.ahead)
		w.ahead = w.ahead[n:]
		return n, nil
	}
	if w.secure != nil {
		return w.secure.Read(p)
	}
	return counted{w}.Read(p)
}

func (w *wire) Write(p []byte) (int, error) {
	if w.secure != nil {
		return w.secure.Write(p)
	}
	return counted{w}.Write(p)
}

// counted is the network's side of a wire.
type counted struct{ *wire }

func (c counted) Read(p []byte) (int, error) {
	n, err := c.wire.Conn.Read(p)
	c.in.Add(int64(n))
	return n, err
}

func (c counted) Write(p []byte) (int, error) {
	n, err := c.wire.Conn.Write(p)
	c.out.Add(int64(n))
	return n, err
}

// dialogue is SMTP before the library takes over.
type dialogue struct {
	r    *textproto.Reader
	conn net.Conn
}

func newDialogue(conn net.Conn) *dialogue {
	return &dialogue{r: textproto.NewReader(bufio.NewReader(conn)), conn: conn}
}

// rest is what has been read from the connection and not yet used.
func (d *dialogue) rest() []byte {
	rest, _ := d.r.R.Peek(d.r.R.Buffered()) // cannot fail for what is buffered
	return rest
}

// read reads an answer, which must have the given code; another one is an *smtp.SMTPError.
func (d *dialogue) read(code int) (string, error) {
	_, text, err := d.r.ReadResponse(code)
	if answer, ok := err.(*textproto.Error); ok {
		err = &smtp.SMTPError{Code: answer.Code, EnhancedCode: enhanced(answer.Msg), Message: answer.Msg}
	}
	return text, err
}

// ask sends a command and reads its answer.
func (d *dialogue) ask(code int, command string) (string, error) {
	if _, err := d.conn.Write([]byte(command + "\r\n")); err != nil {
		return "", err
	}
	return d.read(code)
}
