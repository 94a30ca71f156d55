package plan

import (
	"bytes"
	"encoding/xml"
	"io"
	"math"
	"slices"
	"strings"

	"pegel/probes/probe/jsonpath"
)

// jsonValue finds a plain value by its path: keys of objects, elements of lists counted from 0, * for any of them, of which
// one is drawn by key among all that lead to a value.
func jsonValue(body []byte, path []string, key uint64) (string, bool) {
	most := 1
	if slices.Contains(path, "*") {
		most = math.MaxInt
	}
	found := jsonpath.Values(body, path, most)
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
