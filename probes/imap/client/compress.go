package client

import (
	"compress/flate"
	"encoding/binary"
)

// Compress is COMPRESS=DEFLATE (RFC 4978). What the server says is unpacked, which takes some 40 KiB for the connection's
// life; what the client says goes out in stored blocks (RFC 1951, section 3.2.4), because commands are short and a packer
// takes half a megabyte.
func (c *Conn) Compress() error {
	if err := c.simple("COMPRESS DEFLATE"); err != nil {
		return err
	}
	if d := c.desk; d.r < d.w {
		return c.garbled("the server spoke out of turn")
	}
	c.deflate = flate.NewReader(below{c})
	return nil
}

// Compressed tells whether the connection is. The lookout cannot listen on one: an unpacker cannot stop between two bytes.
func (c *Conn) Compressed() bool { return c.deflate != nil }

// below is what lies below compression.
type below struct{ *Conn }

func (b below) Read(p []byte) (int, error) {
	if b.secure != nil {
		return b.secure.Read(p)
	}
	return counted(b).Read(p)
}

// sendStored writes stored blocks, which end at a byte's boundary, so that the server sees all of them at once.
func (c *Conn) sendStored(p []byte) error {
	out := make([]byte, 0, len(p)+5*(len(p)/0xffff+2))
	for len(p) > 0 {
		n := min(len(p), 0xffff)
		out = append(out, 0)
		out = binary.LittleEndian.AppendUint16(out, uint16(n))
		out = binary.LittleEndian.AppendUint16(out, ^uint16(n))
		out = append(out, p[:n]...)
		p = p[n:]
	}
	out = append(out, 0, 0, 0, 0xff, 0xff) // an empty block: some unpackers hand over nothing before it
	if c.secure != nil {
		_, err := c.secure.Write(out)
		return err
	}
	_, err := counted{c}.Write(out)
	return err
}
