package eas

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// WBXML is the binary form of XML of WAP-192-WBXML-20010725, of which ActiveSync uses a part (MS-ASWBXML, section 2.1.1): code
// pages of tags, inline strings, opaque data, no attributes. What a server may send besides, the string table and entities, is
// read as well; what has no meaning here (attributes, extensions, literals, processing instructions) is an error.

// Bounds of a document. Nothing honest comes near them: the deepest documents are some ten elements deep.
const (
	maxDepth   = 64
	maxTable   = 64 << 10
	maxText    = 8 << 20 // of one element
	maxRead    = 64 << 20
	maxNodes   = 1 << 20
	maxPublic  = 1 << 20
	charsetUTF = 106 // MIBenum of UTF-8
)

// Global tokens, WBXML section 7.1.
const (
	tokenPage    = 0x00
	tokenEnd     = 0x01
	tokenEntity  = 0x02
	tokenInline  = 0x03
	tokenTable   = 0x83
	tokenOpaque  = 0xC3
	bitAttribute = 0x80
	bitContent   = 0x40
	maskTag      = 0x3F
	firstTag     = 0x05
)

// tag is an element's code page and its code in it: page<<8 | code.
type tag uint16

// String is the tag as MS-ASWBXML has it, by number: 0D:07.
func (t tag) String() string { return fmt.Sprintf("%02X:%02X", uint16(t)>>8, uint16(t)&0xff) }

var errTruncated = errors.New("the document ends within an element")

// element is what visit is called for: the path from the root to it, and the text directly in it.
type element struct {
	path []tag
	text []byte
}

// is tells whether the element is this tag.
func (e *element) is(t tag) bool { return e.path[len(e.path)-1] == t }

// in tells whether the element lies in one with this tag.
func (e *element) in(t tag) bool {
	for _, p := range e.path[:len(e.path)-1] {
		if p == t {
			return true
		}
	}
	return false
}

// number is the element's text as a number; -1 where it is none.
func (e *element) number() int {
	n, err := strconv.Atoi(string(e.text))
	if err != nil {
		return -1
	}
	return n
}

// decode reads one document and calls visit at the end of each element, inner ones first. Path and text are good until visit
// returns. Elements that nobody knows are visited like others. Memory is bounded by the longest text, not by the document.
func decode(r io.Reader, visit func(e *element) error) error {
	limited := &io.LimitedReader{R: r, N: maxRead}
	d := &decoder{r: bufio.NewReaderSize(limited, 4096)}
	err := d.document(visit)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errTruncated
		if limited.N == 0 {
			err = fmt.Errorf("the document is longer than %d bytes", maxRead)
		}
	}
	return err
}

type decoder struct {
	r     *bufio.Reader
	table []byte
	page  byte
	path  []tag
	texts [][]byte // of the open elements; memory is used again
	nodes int
}

func (d *decoder) document(visit func(*element) error) error {
	if err := d.header(); err != nil {
		return err
	}
	for {
		token, err := d.r.ReadByte()
		if err != nil {
			return err
		}
		switch {
		case token == tokenPage:
			if d.page, err = d.r.ReadByte(); err != nil {
				return err
			}
		case len(d.path) == 0 && (token&maskTag < firstTag || token&bitAttribute != 0):
			return fmt.Errorf("the document begins with the token %02X, which is no element", token)
		case token == tokenEnd:
			if err := d.end(visit); err != nil {
				return err
			}
		case token == tokenEntity, token == tokenInline, token == tokenTable, token == tokenOpaque:
			if err := d.content(token); err != nil {
				return err
			}
		case token&bitAttribute != 0:
			return fmt.Errorf("attributes are not part of ActiveSync (token %02X)", token)
		case token&maskTag < firstTag:
			return fmt.Errorf("the token %02X is not part of ActiveSync", token)
		default:
			if d.nodes == maxNodes {
				return fmt.Errorf("the document has more than %d elements", maxNodes)
			}
			if len(d.path) == maxDepth {
				return fmt.Errorf("elements are more than %d deep", maxDepth)
			}
			d.begin(tag(d.page)<<8 | tag(token&maskTag))
			if token&bitContent == 0 {
				if err := d.end(visit); err != nil {
					return err
				}
			}
		}
		if len(d.path) == 0 && d.nodes > 0 {
			return d.rest()
		}
	}
}

// rest checks that nothing follows the root.
func (d *decoder) rest() error {
	if _, err := d.r.ReadByte(); err != io.EOF {
		if err == nil {
			err = errors.New("something follows the end of the document")
		}
		return err
	}
	return nil
}

// header reads version, public identifier, charset and string table.
func (d *decoder) header() error {
	version, err := d.r.ReadByte()
	if err != nil {
		return err
	}
	if version < 0x01 || version > 0x03 {
		return fmt.Errorf("not WBXML: it begins with the byte %02X", version)
	}
	public, err := d.uint(maxPublic)
	if err != nil {
		return err
	}
	if public == 0 { // the identifier's place in the string table
		if _, err := d.uint(maxTable); err != nil {
			return err
		}
	}
	charset, err := d.uint(1 << 16)
	if err != nil {
		return err
	}
	if charset != charsetUTF && charset != 0 {
		return fmt.Errorf("the charset with the number %d is not UTF-8", charset)
	}
	length, err := d.uint(maxTable)
	if err != nil {
		return fmt.Errorf("string table: %w", err)
	}
	if length > 0 {
		d.table = make([]byte, length)
		_, err = io.ReadFull(d.r, d.table)
	}
	return err
}

// uint reads an mb_u_int32: seven bits a byte, the highest first.
func (d *decoder) uint(most uint32) (uint32, error) {
	var n uint64
	for {
		b, err := d.r.ReadByte()
		if err != nil {
			return 0, err
		}
		if n = n<<7 | uint64(b&0x7f); n > uint64(most) {
			return 0, fmt.Errorf("a number or length above %d", most)
		}
		if b&0x80 == 0 {
			return uint32(n), nil
		}
	}
}

func (d *decoder) begin(t tag) {
	d.nodes++
	d.path = append(d.path, t)
	if len(d.texts) < len(d.path) {
		d.texts = append(d.texts, nil)
	}
	d.texts[len(d.path)-1] = d.texts[len(d.path)-1][:0]
}

func (d *decoder) end(visit func(*element) error) error {
	last := len(d.path) - 1
	err := visit(&element{path: d.path, text: d.texts[last]})
	if cap(d.texts[last]) > 64<<10 { // one long text is no reason to keep its memory
		d.texts[last] = nil
	}
	d.path = d.path[:last]
	return err
}

// content adds text or data to the open element.
func (d *decoder) content(token byte) error {
	at := &d.texts[len(d.path)-1]
	switch token {
	case tokenEntity:
		r, err := d.uint(utf8.MaxRune)
		if err != nil {
			return err
		}
		return d.room(at, utf8.AppendRune(nil, rune(r)))
	case tokenTable:
		from, err := d.uint(maxTable)
		if err != nil {
			return err
		}
		if int(from) >= len(d.table) {
			return fmt.Errorf("the string table has no place %d", from)
		}
		text := d.table[from:]
		for i, b := range text {
			if b == 0 {
				return d.room(at, text[:i])
			}
		}
		return errors.New("a string of the table has no end")
	case tokenOpaque:
		length, err := d.uint(maxText)
		if err != nil {
			return err
		}
		for length > 0 { // in parts, so that a length alone takes no memory
			part := make([]byte, min(length, 32<<10))
			if _, err := io.ReadFull(d.r, part); err != nil {
				return err
			}
			if err := d.room(at, part); err != nil {
				return err
			}
			length -= uint32(len(part))
		}
		return nil
	}
	for {
		part, err := d.r.ReadSlice(0)
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		full := err != nil
		if !full {
			part = part[:len(part)-1]
		}
		if err := d.room(at, part); err != nil {
			return err
		}
		if !full {
			return nil
		}
	}
}

func (d *decoder) room(at *[]byte, part []byte) error {
	if len(*at)+len(part) > maxText {
		return fmt.Errorf("the text of one element is longer than %d bytes", maxText)
	}
	*at = append(*at, part...)
	return nil
}
