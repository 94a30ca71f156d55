package recording

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
)

// slot is one place in a request where a value stands.
type slot struct {
	name  string // of the field; "" in a path
	value string
	text  bool // in JSON: it stands in quotes
}

// request is a request in its parts.
type request struct {
	path    []slot // what stands between slashes
	query   []slot
	headers []slot
	kind    string // of the body: "", form, json, multipart, body
	body    []slot
	around  []string // of JSON: what stands around the values, one more than these
}

// kindOfBody is how a body is written in a site.
func kindOfBody(x *Exchange) string {
	kind, _, _ := mime.ParseMediaType(x.Type)
	switch {
	case len(x.Body) == 0 && len(x.Parts) == 0:
		return ""
	case kind == "application/x-www-form-urlencoded":
		return "form"
	case kind == "multipart/form-data":
		return "multipart"
	case (kind == "application/json" || strings.HasSuffix(kind, "+json") || kind == "text/plain" || kind == "") && json.Valid(x.Body) && bytes.ContainsAny(x.Body, "{["):
		return "json"
	}
	return "body"
}

// unwanted are fields that the client writes itself, that belong to a browser's cache, or that say where the page lies.
var unwanted = []string{"accept-encoding", "accept-language", "access-control-request-headers", "access-control-request-method", "cache-control", "connection",
	"content-length", "cookie", "dnt", "host", "if-modified-since", "if-none-match", "if-range", "keep-alive", "origin", "pragma", "priority", "proxy-connection", "purpose",
	"range", "referer", "te", "transfer-encoding", "upgrade-insecure-requests", "user-agent", "x-client-data"}

func take(x *Exchange) request {
	r := request{kind: kindOfBody(x)}
	for part := range strings.SplitSeq(strings.TrimPrefix(x.URL.EscapedPath(), "/"), "/") {
		plain, err := url.PathUnescape(part)
		if err != nil {
			plain = part
		}
		r.path = append(r.path, slot{value: plain})
	}
	r.query = pairs(x.URL.RawQuery)
	for _, f := range x.Header {
		name := strings.ToLower(f.Name)
		switch {
		case slices.Contains(unwanted, name), strings.HasPrefix(name, "sec-"), strings.HasPrefix(name, ":"):
		case name == "accept" && (f.Value == "*/*" || strings.HasPrefix(f.Value, "text/html") || strings.HasPrefix(f.Value, "image/")):
		case name == "content-type":
			kind, _, _ := mime.ParseMediaType(f.Value)
			if r.kind == "body" || r.kind == "json" && kind != "application/json" {
				r.headers = append(r.headers, slot{name: f.Name, value: f.Value})
			}
		case !slices.ContainsFunc(r.headers, func(s slot) bool { return strings.EqualFold(s.name, f.Name) }):
			r.headers = append(r.headers, slot{name: f.Name, value: f.Value})
		}
	}
	switch r.kind {
	case "form":
		if r.body = pairs(string(x.Body)); len(x.Body) == 0 {
			r.body = slotsOf(x.Parts)
		}
	case "multipart":
		if r.body = multipartOf(x); len(r.body) == 0 {
			r.body = slotsOf(x.Parts)
		}
	case "json":
		r.body, r.around = leavesOf(string(x.Body))
	case "body":
		r.body = []slot{{value: string(x.Body)}}
	}
	return r
}

func slotsOf(list []Field) (slots []slot) {
	for _, f := range list {
		slots = append(slots, slot{name: f.Name, value: f.Value})
	}
	return slots
}

// pairs reads name=value&name=value in its order.
func pairs(text string) (list []slot) {
	for pair := range strings.SplitSeq(text, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		plain := func(s string) string {
			if p, err := url.QueryUnescape(s); err == nil {
				return p
			}
			return s
		}
		list = append(list, slot{name: plain(name), value: plain(value)})
	}
	return list
}

// multipartOf reads the fields of a form; files are left out.
func multipartOf(x *Exchange) (list []slot) {
	_, params, err := mime.ParseMediaType(x.Type)
	if err != nil || params["boundary"] == "" {
		return nil
	}
	from := multipart.NewReader(bytes.NewReader(x.Body), params["boundary"])
	for range mostFields {
		part, err := from.NextPart()
		if err != nil {
			return list
		}
		if part.FileName() != "" {
			continue
		}
		value, err := io.ReadAll(io.LimitReader(part, 64<<10))
		if err != nil {
			return list
		}
		list = append(list, slot{name: part.FormName(), value: string(value)})
	}
	return list
}

// leavesOf are the plain values of valid JSON, with what stands around them.
func leavesOf(text string) (leaves []slot, around []string) {
	key, from := "", 0
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '"':
			end := i + 1
			for text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end++
			var value string
			if json.Unmarshal([]byte(text[i:end]), &value) != nil {
				value = text[i+1 : end-1]
			}
			if rest := strings.TrimLeft(text[end:], " \t\r\n"); strings.HasPrefix(rest, ":") {
				key = value
			} else {
				leaves, around = append(leaves, slot{key, value, true}), append(around, text[from:i])
				from = end
			}
			i = end
		case c == '-' || c >= '0' && c <= '9':
			end := i
			for end < len(text) && strings.IndexByte("+-.eE0123456789", text[end]) >= 0 {
				end++
			}
			leaves, around = append(leaves, slot{key, text[i:end], false}), append(around, text[from:i])
			from, i = end, end
		default:
			i++
		}
	}
	return leaves, append(around, text[from:])
}

// fits says whether two requests have the same slots, so that these can be compared one by one.
func fits(a, b []slot) bool {
	return slices.EqualFunc(a, b, func(a, b slot) bool { return a.name == b.name && a.text == b.text })
}
