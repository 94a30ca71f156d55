package httpconn

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"

	"pegel/probes/probe"
)

// chunked reads a body in chunks (RFC 9112, section 7.1), trailer and all.
type chunked struct {
	from *bufio.Reader
	left int64 // of the chunk under way
	done bool
	any  bool // a chunk has ended
}

// maxTrailer bounds the lines after the last chunk.
const maxTrailer = 64

func (c *chunked) Read(p []byte) (int, error) {
	if c.done {
		return 0, io.EOF
	}
	if c.left == 0 {
		if err := c.next(); err != nil {
			return 0, err
		}
		if c.done {
			return 0, io.EOF
		}
	}
	n, err := c.from.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *chunked) next() error {
	if c.any {
		if line, err := readLine(c.from); err != nil || len(line) != 0 {
			return broken(err, "a chunk does not end where it should")
		}
	}
	c.any = true
	line, err := readLine(c.from)
	if err != nil {
		return broken(err, "the length of a chunk is too long")
	}
	if at := bytes.IndexByte(line, ';'); at >= 0 {
		line = line[:at]
	}
	size, ok := hexadecimal(bytes.TrimSpace(line))
	if !ok {
		return probe.Failf(probe.BadProtocol, "", "a chunk without a length")
	}
	if c.left = size; size > 0 {
		return nil
	}
	for range maxTrailer {
		line, err := readLine(c.from)
		if err != nil {
			return broken(err, "a line of the trailer is too long")
		}
		if len(line) == 0 {
			c.done = true
			return nil
		}
	}
	return probe.Failf(probe.BadProtocol, "", "a trailer of more than %d lines", maxTrailer)
}

func hexadecimal(text []byte) (n int64, ok bool) {
	for _, b := range text {
		var digit byte
		switch {
		case '0' <= b && b <= '9':
			digit = b - '0'
		case 'a' <= b && b <= 'f':
			digit = b - 'a' + 10
		case 'A' <= b && b <= 'F':
			digit = b - 'A' + 10
		default:
			return 0, false
		}
		n = n<<4 | int64(digit)
	}
	return n, len(text) > 0 && len(text) <= 15
}

// readLine is one line without its end; it is valid until the next read.
func readLine(from *bufio.Reader) ([]byte, error) {
	line, err := from.ReadSlice('\n')
	if err != nil {
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

// broken is an error of reading, or what it means where a line did not fit.
func broken(err error, text string) error {
	if err == nil || errors.Is(err, bufio.ErrBufferFull) {
		return probe.Failf(probe.BadProtocol, "", "%s", text)
	}
	return err
}

// The readers that undo compression are large, and used for moments.
var (
	gzips = sync.Pool{}
	zlibs = sync.Pool{}
)

// inflate undoes the coding of a body. Call the function when the body has been read.
func inflate(coding string, body io.Reader) (io.Reader, func(), error) {
	wrong := func(err error) error {
		return probe.Fail(probe.BadProtocol, "", fmt.Errorf("the answer is not compressed as it says (%s): %w", coding, reading(err)))
	}
	switch coding {
	case "gzip", "x-gzip":
		r, _ := gzips.Get().(*gzip.Reader)
		if r == nil {
			r = new(gzip.Reader)
		}
		if err := r.Reset(body); err != nil {
			if probe.ClassOf(err) == probe.BadProtocol {
				err = wrong(err)
			}
			return nil, nil, err
		}
		return decoding{r, wrong}, func() { gzips.Put(r) }, nil
	case "deflate":
		// By the standard a zlib stream; some servers send the bare one.
		from := bufio.NewReader(body)
		head, err := from.Peek(2)
		if err == nil && (head[0]&0x0f != 8 || (int(head[0])<<8|int(head[1]))%31 != 0) {
			return decoding{flate.NewReader(from), wrong}, func() {}, nil
		}
		if r, _ := zlibs.Get().(io.ReadCloser); r != nil {
			if err := r.(zlib.Resetter).Reset(from, nil); err != nil {
				return nil, nil, wrong(err)
			}
			return decoding{r, wrong}, func() { zlibs.Put(r) }, nil
		}
		r, err := zlib.NewReader(from)
		if err != nil {
			return nil, nil, wrong(err)
		}
		return decoding{r, wrong}, func() { zlibs.Put(r) }, nil
	}
	return nil, nil, probe.Failf(probe.BadProtocol, "", "the answer has the coding %q, which was not asked for", clip(coding))
}

// decoding gives errors of the compression their class, and leaves those of the network theirs.
type decoding struct {
	io.Reader
	wrong func(error) error
}

func (d decoding) Read(p []byte) (int, error) {
	n, err := d.Reader.Read(p)
	if err != nil && err != io.EOF && probe.ClassOf(err) == probe.BadProtocol {
		err = d.wrong(err)
	}
	return n, err
}

// reading is an end of file that came too early, as such.
func reading(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// clip bounds what a server may put into an error text.
func clip(s string) string {
	const most = 200
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}
