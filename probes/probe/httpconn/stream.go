package httpconn

import (
	"bytes"
	"io"

	"pegel/probes/probe"
)

// streams says whether the answer goes to Request.Stream.
func (r *Request) streams(response *Response) bool {
	return r.Stream != nil && response.Status/100 == 2
}

// stream hands the body to whoever reads it, and keeps a copy where the scenario saves from the answer. complete says that
// all of it was read.
func (r *Request) stream(t *probe.Turn, response *Response, body io.Reader) (complete bool, err error) {
	var kept boundedBuffer
	if t != nil && t.Wants() {
		body = io.TeeReader(body, &kept)
	}
	if err := r.Stream(response, body); err != nil {
		return false, err
	}
	// What follows a document is little and must be read, so that the connection can be used again.
	switch _, err := io.CopyN(io.Discard, body, 4<<10); err {
	case io.EOF:
		complete = true
	case nil:
	default:
		return false, unfinished(err)
	}
	response.Body = kept.Bytes()
	return complete, nil
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
