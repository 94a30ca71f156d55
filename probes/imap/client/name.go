package client

import (
	"encoding/base64"
	"unicode/utf16"
	"unicode/utf8"
)

// nameEncoding is the BASE64 of mailbox names (RFC 3501, section 5.1.3).
var nameEncoding = base64.NewEncoding("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,").WithPadding(base64.NoPadding)

// encodeName writes the name of a mailbox in modified UTF-7.
func encodeName(name string) string {
	plain := true
	for i := range len(name) {
		plain = plain && direct(name[i])
	}
	if plain {
		return name
	}
	var out []byte
	for len(name) > 0 {
		switch {
		case name[0] == '&':
			out = append(out, "&-"...)
			name = name[1:]
		case direct(name[0]):
			out = append(out, name[0])
			name = name[1:]
		default:
			var units []byte
			for len(name) > 0 && name[0] != '&' && !direct(name[0]) {
				r, size := utf8.DecodeRuneInString(name)
				for _, u := range utf16.AppendRune(nil, r) {
					units = append(units, byte(u>>8), byte(u))
				}
				name = name[size:]
			}
			out = append(nameEncoding.AppendEncode(append(out, '&'), units), '-')
		}
	}
	return string(out)
}

// direct tells the characters that stand for themselves.
func direct(b byte) bool { return b >= ' ' && b <= '~' && b != '&' }

// decodeName reads modified UTF-7. What is none stays as it is: some servers send UTF-8.
func decodeName(name []byte) string {
	var out []byte
	for i := 0; i < len(name); i++ {
		if name[i] != '&' {
			out = append(out, name[i])
			continue
		}
		end := i + 1
		for end < len(name) && name[end] != '-' {
			end++
		}
		if end == len(name) {
			return string(name)
		}
		if end == i+1 {
			out = append(out, '&')
			i = end
			continue
		}
		raw, err := nameEncoding.DecodeString(string(name[i+1 : end]))
		if err != nil || len(raw)%2 != 0 {
			return string(name)
		}
		units := make([]uint16, len(raw)/2)
		for k := range units {
			units[k] = uint16(raw[2*k])<<8 | uint16(raw[2*k+1])
		}
		for _, r := range utf16.Decode(units) {
			out = utf8.AppendRune(out, r)
		}
		i = end
	}
	return string(out)
}
