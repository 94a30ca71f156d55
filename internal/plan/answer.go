package plan

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"io"
	"strconv"
	"strings"
)

// jsonValue finds a plain value by its path: keys of objects, elements of lists counted from 0, * for any of them, of which
// one is drawn by key among all that lead to a value. It reads the text once and builds nothing of it; a text that is cut off
// or goes wrong further on counts as far as it goes.
func jsonValue(body []byte, path []string, key uint64) (string, bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	type level struct {
		list    bool
		index   int    // of the element to come
		name    string // of the member to come
		named   bool   // name has been read
		matched bool   // the way to here is that of the path
	}
	var open []level
	var found []string
	drawn := strings.Contains("."+strings.Join(path, ".")+".", ".*.")
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		var top *level
		if len(open) > 0 {
			top = &open[len(open)-1]
		}
		if delim, ok := token.(json.Delim); ok && (delim == '}' || delim == ']') {
			open = open[:len(open)-1]
			continue
		}
		if top != nil && !top.list && !top.named {
			top.name, _ = token.(string)
			top.named = true
			continue
		}
		matched := true // of what begins here
		if top != nil {
			depth := len(open) - 1
			part := top.name
			if top.list {
				part = strconv.Itoa(top.index)
			}
			matched = top.matched && depth < len(path) && (path[depth] == "*" || path[depth] == part)
			top.index++
			top.named = false
		}
		if delim, ok := token.(json.Delim); ok {
			open = append(open, level{list: delim == '[', matched: matched})
			continue
		}
		if !matched || len(open) != len(path) {
			if top == nil {
				break // a plain value and nothing else
			}
			continue
		}
		switch v := token.(type) {
		case string:
			found = append(found, v)
		case json.Number:
			found = append(found, v.String())
		case bool:
			found = append(found, strconv.FormatBool(v))
		}
		if !drawn && len(found) > 0 {
			break
		}
	}
	if len(found) == 0 {
		return "", false
	}
	return found[key%uint64(len(found))], true
}

// xmlValue is the text of the first element at the path of local names from the root, without that of elements inside it.
func xmlValue(body []byte, path []string) (string, bool) {
	d := xml.NewDecoder(bytes.NewReader(body))
	d.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	depth, matched := 0, 0 // how many elements are open, and how many of them lie on the path
	var text []byte
	for {
		token, err := d.RawToken()
		if err != nil {
			return "", false
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == matched && matched < len(path) && t.Name.Local == path[matched] {
				matched++
			}
			depth++
		case xml.EndElement:
			if depth == matched && matched == len(path) {
				return strings.TrimSpace(string(text)), true
			}
			if depth--; depth < 0 {
				return "", false
			}
			matched = min(matched, depth)
		case xml.CharData:
			if depth == matched && matched == len(path) {
				text = append(text, t...)
			}
		}
	}
}
