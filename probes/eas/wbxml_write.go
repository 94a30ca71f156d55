package eas

// document writes a WBXML document. Methods chain; open elements are closed by end.
type document struct {
	bytes []byte
	page  byte
}

// newDocument begins one: version 1.3, unknown public identifier, UTF-8, no string table (MS-ASWBXML, section 2.1.1).
func newDocument() *document {
	return &document{bytes: append(make([]byte, 0, 256), 0x03, 0x01, charsetUTF, 0x00)}
}

func (d *document) tag(t tag, content byte) {
	if page := byte(t >> 8); page != d.page {
		d.page = page
		d.bytes = append(d.bytes, tokenPage, page)
	}
	d.bytes = append(d.bytes, byte(t)|content)
}

// open begins an element with content.
func (d *document) open(t tag) *document {
	d.tag(t, bitContent)
	return d
}

// end ends the element that was opened last.
func (d *document) end() *document {
	d.bytes = append(d.bytes, tokenEnd)
	return d
}

// empty is an element without content.
func (d *document) empty(t tag) *document {
	d.tag(t, 0)
	return d
}

// text is an element with a text, which must not hold the byte 0.
func (d *document) text(t tag, text string) *document {
	d.tag(t, bitContent)
	d.bytes = append(d.bytes, tokenInline)
	d.bytes = append(d.bytes, text...)
	d.bytes = append(d.bytes, 0, tokenEnd)
	return d
}

// opaque is an element with data of any kind.
func (d *document) opaque(t tag, data []byte) *document {
	d.tag(t, bitContent)
	d.bytes = append(d.bytes, tokenOpaque)
	d.uint(uint32(len(data)))
	d.bytes = append(d.bytes, data...)
	d.bytes = append(d.bytes, tokenEnd)
	return d
}

// uint writes an mb_u_int32.
func (d *document) uint(n uint32) {
	for shift := 28; shift > 0; shift -= 7 {
		if n>>shift > 0 {
			d.bytes = append(d.bytes, byte(n>>shift)&0x7f|0x80)
		}
	}
	d.bytes = append(d.bytes, byte(n)&0x7f)
}
