package archive

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"
)

// A segment is a header and then frames until its end:
//
//	header  magic "PGLR", version u16, flags u16, start of the segment in ns u64, CRC-32C of these u32
//	frame   kind u8, length of the payload u32, CRC-32C of kind, length and payload u32, payload (zstd)
//
// Numbers are little-endian. Every segment can be read by itself: what frames refer to (the names of metrics, the
// values that deltas count from) begins anew with each.
const (
	magic       = "PGLR"
	headerSize  = 20
	frameHeader = 9

	maxPayload = 8 << 20  // of one frame, compressed
	maxRaw     = 16 << 20 // of one frame, decompressed
)

// thinned marks a segment whose intervals have been merged.
const thinned = 1 << 0

const (
	kindInterval byte = 1 + iota
	kindEvent
	kindNames
	kindMetrics
	kindDimensions
	kindBranches
	kindViolation
	kindResources
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type header struct {
	flags uint16
	start time.Duration
}

func appendHeader(b []byte, h header) []byte {
	from := len(b)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint16(b, Version)
	b = binary.LittleEndian.AppendUint16(b, h.flags)
	b = binary.LittleEndian.AppendUint64(b, uint64(h.start))
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[from:], castagnoli))
}

// cutError says that what follows offset was not written to its end, or has been damaged since.
type cutError struct {
	offset int64
	why    string
}

func (e *cutError) Error() string { return e.why }

func parseHeader(b []byte) (header, error) {
	if string(b[:4]) != magic {
		return header{}, errors.New("is not a segment of a run")
	}
	if v := binary.LittleEndian.Uint16(b[4:]); v != Version {
		return header{}, fmt.Errorf("has format %d, only format %d is known", v, Version)
	}
	if crc32.Checksum(b[:16], castagnoli) != binary.LittleEndian.Uint32(b[16:]) {
		return header{}, &cutError{0, "checksum of the segment's header is wrong"}
	}
	return header{binary.LittleEndian.Uint16(b[6:]), time.Duration(binary.LittleEndian.Uint64(b[8:]))}, nil
}

// packer makes frames. Not safe for concurrent use.
type packer struct{ zstd *zstd.Encoder }

func newPacker() (*packer, error) {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("making the compressor: %w", err)
	}
	return &packer{z}, nil
}

// frame appends raw as one frame.
func (p *packer) frame(b []byte, kind byte, raw []byte) ([]byte, error) {
	if len(raw) > maxRaw {
		return b, fmt.Errorf("a row of %d bytes is too large, at most %d can be stored", len(raw), maxRaw)
	}
	from := len(b)
	b = append(b, make([]byte, frameHeader)...)
	b = p.zstd.EncodeAll(raw, b)
	return sealFrame(b, from, kind)
}

// copied appends a frame that has been read elsewhere.
func (p *packer) copied(b []byte, f *frame) ([]byte, error) {
	from := len(b)
	b = append(b, make([]byte, frameHeader)...)
	b = append(b, f.payload...)
	return sealFrame(b, from, f.kind)
}

func sealFrame(b []byte, from int, kind byte) ([]byte, error) {
	size := len(b) - from - frameHeader
	if size > maxPayload {
		return b[:from], fmt.Errorf("a compressed row of %d bytes is too large, at most %d can be stored", size, maxPayload)
	}
	b[from] = kind
	binary.LittleEndian.PutUint32(b[from+1:], uint32(size))
	binary.LittleEndian.PutUint32(b[from+5:], frameSum(b[from:from+5], b[from+frameHeader:]))
	return b, nil
}

func frameSum(head, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(head, castagnoli), castagnoli, payload)
}

// frame is one frame as it lies in a segment. Payload is valid until the next one is read.
type frame struct {
	kind    byte
	offset  int64
	payload []byte
}

// scanner reads segments. Not safe for concurrent use; close it after use.
type scanner struct {
	zstd    *zstd.Decoder
	payload []byte
	raw     []byte
}

func newScanner() (*scanner, error) {
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxRaw))
	if err != nil {
		return nil, fmt.Errorf("making the decompressor: %w", err)
	}
	return &scanner{zstd: z}, nil
}

func (s *scanner) close() { s.zstd.Close() }

// unpack returns the content of a frame, valid until the next call.
func (s *scanner) unpack(f *frame) ([]byte, error) {
	raw, err := s.zstd.DecodeAll(f.payload, s.raw[:0])
	if err != nil {
		return nil, fmt.Errorf("decompressing: %w", err)
	}
	s.raw = raw
	return raw, nil
}

// segment visits the frames of one segment of size bytes. It answers a *cutError where the segment ends within a frame
// or a checksum is wrong; every frame before that has been visited. An error of visit ends it and is returned with the
// offset of its frame before it, unless it is errStop. Memory is bounded by size and maxPayload, whatever lengths say.
func (s *scanner) segment(name string, r io.Reader, size int64, visit func(header, *frame) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	var head [headerSize]byte
	if size < headerSize {
		return &cutError{0, "the segment's header is cut off"}
	}
	if _, err := io.ReadFull(in, head[:]); err != nil {
		return readFailed(err, 0)
	}
	h, err := parseHeader(head[:])
	if err != nil {
		return err
	}
	for offset := int64(headerSize); offset < size; {
		if size-offset < frameHeader {
			return &cutError{offset, "the head of a frame is cut off"}
		}
		if _, err := io.ReadFull(in, head[:frameHeader]); err != nil {
			return readFailed(err, offset)
		}
		length := int64(binary.LittleEndian.Uint32(head[1:]))
		if length > maxPayload || length > size-offset-frameHeader {
			return &cutError{offset, fmt.Sprintf("a frame of %d bytes is cut off", length)}
		}
		if int64(cap(s.payload)) < length {
			s.payload = make([]byte, length)
		}
		f := frame{kind: head[0], offset: offset, payload: s.payload[:length]}
		if _, err := io.ReadFull(in, f.payload); err != nil {
			return readFailed(err, offset)
		}
		if frameSum(head[:5], f.payload) != binary.LittleEndian.Uint32(head[5:]) {
			return &cutError{offset, "the checksum of a frame is wrong"}
		}
		switch err := visit(h, &f); {
		case err == errStop:
			return err
		case err != nil:
			return fmt.Errorf("%s:%d: %w", name, offset, err)
		}
		offset += frameHeader + length
	}
	return nil
}

// errStop ends a scan early.
var errStop = errors.New("stop")

// readFailed tells a file that has become shorter since its size was asked for from one that cannot be read.
func readFailed(err error, offset int64) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &cutError{offset, "the file has become shorter while it was read"}
	}
	return err
}
