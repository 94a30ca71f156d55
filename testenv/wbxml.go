package testenv

import (
	"bytes"
	"errors"
)

// node is an element of a WBXML document: its code page and code (page<<8 | code), its text, its children.
type node struct {
	tag  uint16
	text string
	kids []node
}

// el makes an element.
func el(tag uint16, kids ...node) node { return node{tag: tag, kids: kids} }

// txt makes an element with a text.
func txt(tag uint16, text string) node { return node{tag: tag, text: text} }

// find returns the first element with the tag, the root included; an empty one where there is none.
func (n *node) find(tag uint16) (found node, ok bool) {
	if n.tag == tag {
		return *n, true
	}
	for i := range n.kids {
		if found, ok = n.kids[i].find(tag); ok {
			return found, true
		}
	}
	return node{}, false
}

// value is the text of the first element with the tag.
func (n *node) value(tag uint16) string {
	found, _ := n.find(tag)
	return found.text
}

// writeWBXML writes a document as ActiveSync has them: version 1.3, UTF-8, no string table.
func writeWBXML(root node) []byte {
	out := bytes.NewBuffer([]byte{0x03, 0x01, 0x6A, 0x00})
	page := byte(0)
	var put func(n *node)
	put = func(n *node) {
		if p := byte(n.tag >> 8); p != page {
			page = p
			out.Write([]byte{0x00, p})
		}
		if n.text == "" && len(n.kids) == 0 {
			out.WriteByte(byte(n.tag))
			return
		}
		out.WriteByte(byte(n.tag) | 0x40)
		if n.text != "" {
			out.WriteByte(0x03)
			out.WriteString(string(bytes.ReplaceAll([]byte(n.text), []byte{0}, nil)))
			out.WriteByte(0x00)
		}
		for i := range n.kids {
			put(&n.kids[i])
		}
		out.WriteByte(0x01)
	}
	put(&root)
	return out.Bytes()
}

var errWBXML = errors.New("not the WBXML of ActiveSync")

// readWBXML reads what clients send: tags, inline strings and opaque data.
func readWBXML(data []byte) (node, error) {
	if len(data) < 5 || data[0] != 0x03 || data[3] != 0x00 {
		return node{}, errWBXML
	}
	at, page := 4, uint16(0)
	var read func(depth int) (node, error)
	read = func(depth int) (node, error) {
		for at+1 < len(data) && data[at] == 0x00 {
			page = uint16(data[at+1])
			at += 2
		}
		if at >= len(data) || depth > 32 || data[at]&0x80 != 0 || data[at]&0x3F < 5 {
			return node{}, errWBXML
		}
		n := node{tag: page<<8 | uint16(data[at]&0x3F)}
		content := data[at]&0x40 != 0
		at++
		for content {
			switch {
			case at >= len(data):
				return n, errWBXML
			case data[at] == 0x01:
				at++
				return n, nil
			case data[at] == 0x03:
				end := bytes.IndexByte(data[at:], 0)
				if end < 0 {
					return n, errWBXML
				}
				n.text += string(data[at+1 : at+end])
				at += end + 1
			case data[at] == 0xC3:
				length := 0
				for at++; at < len(data) && length <= maxBody; at++ {
					length = length<<7 | int(data[at]&0x7F)
					if data[at]&0x80 == 0 {
						break
					}
				}
				if at++; length > len(data)-at {
					return n, errWBXML
				}
				n.text += string(data[at : at+length])
				at += length
			case data[at] == 0x00 && at+2 < len(data) && data[at+2] == 0x01: // a switch before the end
				page = uint16(data[at+1])
				at += 2
			default:
				kid, err := read(depth + 1)
				if err != nil {
					return n, err
				}
				n.kids = append(n.kids, kid)
			}
		}
		return n, nil
	}
	return read(0)
}
