package web

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"pegel/internal/site"
	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// request is a request of the site with its values.
func (w *walk) request(r *site.Request) (httpconn.Request, error) {
	out := httpconn.Request{Method: r.Method, Auth: w.auth, Stay: r.Stay}
	var err error
	if out.URL, err = w.address(r.Path, r.QueryFields()); err != nil {
		return out, err
	}
	out.Fields = make([]httpconn.Field, 0, 3+len(r.HeaderFields())+len(w.s.shared.site.HeaderFields()))
	add := func(name string, value site.Text) {
		if text := value.In(w); text != "" {
			out.Fields = append(out.Fields, httpconn.Field{Name: name, Value: text})
		}
	}
	kind := ""
	switch {
	case len(r.FormFields()) > 0:
		kind, out.Body = "application/x-www-form-urlencoded", pairs(nil, r.FormFields(), w)
	case !r.JSON.Empty():
		kind, out.Body = "application/json", r.JSON.Fill(nil, w, inJSON)
	case len(r.Parts()) > 0:
		kind, out.Body = w.multipart(r.Parts())
	case !r.Body.Empty():
		out.Body = r.Body.Fill(nil, w, nil)
	}
	own := r.HeaderFields()
	if kind != "" && !named(own, "Content-Type") {
		out.Fields = append(out.Fields, httpconn.Field{Name: "Content-Type", Value: kind})
	}
	if !named(own, "Accept") {
		out.Fields = append(out.Fields, httpconn.Field{Name: "Accept", Value: "*/*"})
	}
	out.Fields = append(out.Fields, httpconn.Field{Name: "Accept-Language", Value: "en-US,en;q=0.9"})
	for _, f := range w.s.shared.site.HeaderFields() {
		if !named(own, f.Name) {
			add(f.Name, f.Value)
		}
	}
	for _, f := range own {
		add(f.Name, f.Value)
	}
	return out, nil
}

func named(list []site.Field, name string) bool {
	for _, f := range list {
		if strings.EqualFold(f.Name, name) {
			return true
		}
	}
	return false
}

// address is a path of the site with a query, below the target's own path.
func (w *walk) address(path site.Text, query []site.Field) (*url.URL, error) {
	b := path.Fill(make([]byte, 0, 128), w, inPath)
	if len(query) > 0 {
		mark := byte('?')
		if bytes.IndexByte(b, '?') >= 0 {
			mark = '&'
		}
		b = pairs(append(b, mark), query, w)
	}
	base := w.s.client.Base()
	u, err := url.Parse(string(b))
	if err != nil || !strings.HasPrefix(u.Path, "/") {
		return nil, probe.Failf(probe.Content, w.doing, "what was put into the path %s makes none that begins with /", path)
	}
	u.Scheme, u.Host, u.User, u.Fragment = base.Scheme, base.Host, nil, "" // of a link that was saved only path and query count
	if prefix := strings.TrimSuffix(base.Path, "/"); prefix != "" && !strings.HasPrefix(u.Path, prefix+"/") {
		if u.RawPath != "" {
			u.RawPath = strings.TrimSuffix(base.EscapedPath(), "/") + u.RawPath
		}
		u.Path = prefix + u.Path
	}
	return u, nil
}

// pairs appends name=value&name=value.
func pairs(b []byte, list []site.Field, values site.Values) []byte {
	for i, f := range list {
		if i > 0 {
			b = append(b, '&')
		}
		b = append(append(b, url.QueryEscape(f.Name)...), '=')
		if f.Value.Fixed() {
			b = append(b, url.QueryEscape(f.Value.String())...)
			continue
		}
		b = append(b, url.QueryEscape(f.Value.In(values))...)
	}
	return b
}

func (w *walk) multipart(parts []site.Field) (kind string, body []byte) {
	boundary := fmt.Sprintf("----pegel%016x", w.t.Draw(drawRandom))
	for _, f := range parts {
		body = fmt.Appendf(body, "--%s\r\nContent-Disposition: form-data; name=%q\r\n\r\n", boundary, f.Name)
		escape := func(b []byte, value string) []byte { return append(b, value...) }
		if s := strings.TrimSpace(f.Value.String()); strings.HasPrefix(s, "{") && !strings.HasPrefix(s, "{{") || strings.HasPrefix(s, "[") {
			escape = inJSON // a part of JSON
		}
		body = append(f.Value.Fill(body, w, escape), "\r\n"...)
	}
	return "multipart/form-data; boundary=" + boundary, fmt.Appendf(body, "--%s--\r\n", boundary)
}

// judge turns an answer into variables or into a failure. The application's own words come before the status.
func (w *walk) judge(r *site.Request, response *httpconn.Response) error {
	w.s.label(w.t, response)
	doing := w.doing + ": " + r.Method + " " + r.Path.String()
	if w.s.heard != nil {
		w.s.heard(probe.Heard{Doing: doing, Request: r, Status: response.Status, Type: response.Header.Get("Content-Type"), Body: response.Body})
	}
	class := httpconn.ClassOfStatus(response.Status)
	for i := range w.s.shared.site.Errors {
		text, code, name, found := w.s.shared.site.Errors[i].Find(response.Body)
		if !found {
			continue
		}
		if class == probe.OK {
			class = classNamed(name)
		}
		if code != "" {
			return probe.Failf(class, doing, "status %d: %s (code %q)", response.Status, clip(text), clip(code))
		}
		return probe.Failf(class, doing, "status %d: %s", response.Status, clip(text))
	}
	if err := response.Check(doing, r.Status...); err != nil {
		return err
	}
	for i := range r.Checks {
		if err := w.check(&r.Checks[i], doing, response.Body); err != nil {
			return err
		}
	}
	for i := range r.Saves() {
		if err := w.save(&r.Saves()[i], doing, response); err != nil {
			return err
		}
	}
	return nil
}

// classNamed is the class that a site file names, content where it names none.
func classNamed(name string) probe.Class {
	for c := probe.OK + 1; c < probe.NumClasses; c++ {
		if c.String() == name {
			return c
		}
	}
	return probe.Content
}

// answer is a response as captures see it.
type answer struct {
	w        *walk
	response *httpconn.Response
}

func (a answer) Header(name string) (string, bool) {
	list := a.response.Header.Values(name)
	if len(list) == 0 {
		return "", false
	}
	return list[0], true
}

func (a answer) Cookie(name string) (string, bool) {
	return a.w.s.client.CookieFor(a.response.URL, name)
}

func (w *walk) save(s *site.Saved, doing string, response *httpconn.Response) error {
	values, ok := s.Take(answer{w, response}, response.Body)
	switch {
	case !ok && s.Add:
	case !ok && s.Default != nil:
		values = []string{*s.Default}
	case !ok:
		return probe.Failf(probe.Content, doing, "%s", missing(response.Body, s.JSON != "", s.What()))
	}
	for _, v := range values {
		if len(v) > site.MostValue {
			return probe.Failf(probe.Content, doing, "the %s is longer than %d bytes", s.What(), site.MostValue)
		}
	}
	if s.Add {
		values = added(values, w.s.value(s.Variable))
	}
	w.s.save(s.Variable, strings.Join(values, apart))
	return nil
}

// added are values before those of a joined text that are not among them, at most as many as a capture takes.
func added(values []string, joined string) []string {
	for one := range strings.SplitSeq(joined, apart) {
		if one != "" && !slices.Contains(values, one) {
			values = append(values, one)
		}
	}
	return values[:min(len(values), site.MostValues)]
}
