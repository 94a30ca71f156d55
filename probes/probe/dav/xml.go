package dav

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
)

// Bounds of what one answer may be. An answer beyond them is refused with an error that names the bound.
const (
	// MaxAnswer is the longest multistatus in bytes: 200,000 entries of a listing, or 20,000 events.
	MaxAnswer = 64 << 20
	// MaxHrefs is how many resources one multistatus may tell of.
	MaxHrefs = 200_000
	// MaxText is the longest single tag or text in bytes, which bounds what is in memory at a time: one event with attachments.
	MaxText = 4 << 20
	// maxDepth is how deep elements may lie in one another.
	maxDepth = 32
)

// bounded reads bytes for an XML decoder and counts them: in all, and since the last token.
type bounded struct {
	r     *bufio.Reader
	total int
	token int
	err   error // the reader's own, but for io.EOF
}

var errLong = fmt.Errorf("the answer is longer than %d bytes", MaxAnswer)
var errText = fmt.Errorf("one text or tag is longer than %d bytes", MaxText)

// ReadByte implements io.ByteReader, by which the decoder reads nothing ahead.
func (b *bounded) ReadByte() (byte, error) {
	if b.total++; b.total > MaxAnswer {
		return 0, errLong
	}
	if b.token++; b.token > MaxText {
		return 0, errText
	}
	c, err := b.r.ReadByte()
	if err != nil && err != io.EOF {
		b.err = err
	}
	return c, err
}

// Read implements io.Reader, which the decoder asks for and does not use.
func (b *bounded) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	c, err := b.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = c
	return 1, nil
}

var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 16<<10) }}

// parser walks through a document element by element. It refuses document types and with them every entity of a server's own
// (there is no way to define one otherwise), and never holds more than one token.
type parser struct {
	in    bounded
	d     *xml.Decoder
	depth int
}

func newParser(r io.Reader) *parser {
	p := &parser{}
	p.in.r = readers.Get().(*bufio.Reader)
	p.in.r.Reset(r)
	p.d = xml.NewDecoder(&p.in)
	return p
}

// close gives the buffer back. The parser must not be used afterwards.
func (p *parser) close() {
	p.in.r.Reset(nil)
	readers.Put(p.in.r)
	p.in.r = nil
}

// fail is the error of a document: that of the reader where it had one.
func (p *parser) fail(err error) error {
	if p.in.err != nil {
		return p.in.err
	}
	if errors.Is(err, io.EOF) {
		return errors.New("the document ends too early")
	}
	return err
}

// next is the next token that matters.
func (p *parser) next() (xml.Token, error) {
	for {
		p.in.token = 0
		token, err := p.d.Token()
		if err != nil {
			return nil, err
		}
		switch token.(type) {
		case xml.StartElement:
			if p.depth++; p.depth > maxDepth {
				return nil, fmt.Errorf("elements lie deeper than %d in one another", maxDepth)
			}
			return token, nil
		case xml.EndElement:
			p.depth--
			return token, nil
		case xml.CharData:
			return token, nil
		case xml.Directive:
			return nil, errors.New("the document has a document type, which may define entities")
		}
	}
}

// root reads up to the root element, which must be the named one.
func (p *parser) root(space, local string) error {
	for {
		token, err := p.next()
		if err != nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok {
			if start.Name.Space != space || start.Name.Local != local {
				return fmt.Errorf("the document is a %q of %q, not a %s", start.Name.Local, start.Name.Space, local)
			}
			return nil
		}
	}
}

// children calls each for every element inside the one that was just begun; each reads that element to its end.
func (p *parser) children(each func(start xml.StartElement) error) error {
	for {
		token, err := p.next()
		if err != nil {
			return err
		}
		switch token := token.(type) {
		case xml.EndElement:
			return nil
		case xml.StartElement:
			if err := each(token); err != nil {
				return err
			}
		}
	}
}

// skip reads the element that was just begun to its end.
func (p *parser) skip() error {
	for depth := p.depth; p.depth >= depth; {
		if _, err := p.next(); err != nil {
			return err
		}
	}
	return nil
}

// text reads the text of the element that was just begun, without that of elements inside.
func (p *parser) text() (string, error) {
	var (
		b     strings.Builder
		depth = p.depth
	)
	for {
		token, err := p.next()
		if err != nil {
			return "", err
		}
		if p.depth < depth {
			return strings.TrimSpace(b.String()), nil
		}
		if text, ok := token.(xml.CharData); ok && p.depth == depth {
			if b.Len()+len(text) > MaxText {
				return "", errText
			}
			b.Write(text)
		}
	}
}

// names reads the names of the elements inside the one that was just begun.
func (p *parser) names(each func(xml.Name)) error {
	return p.children(func(start xml.StartElement) error {
		each(start.Name)
		return p.skip()
	})
}

// href reads the address inside the element that was just begun, the first of them.
func (p *parser) href() (string, error) {
	var href string
	err := p.children(func(start xml.StartElement) error {
		if href != "" || start.Name.Space != nsDAV || start.Name.Local != "href" {
			return p.skip()
		}
		var err error
		href, err = p.text()
		return err
	})
	return href, err
}
