package recording

import (
	"fmt"
	"mime"
	"net/url"
	"path"
	"slices"
	"strings"
)

// row is the same exchange in all recordings.
type row struct {
	action int
	x      []*Exchange
	asset  bool
}

// align finds the exchanges that belong together, action by action: the same method and the likest address, in about the same
// place. What not all recordings have is left out and said.
func align(list []*Recording) (rows []row, notes []string) {
	known := map[*Exchange]*address{}
	of := func(x *Exchange) *address {
		if known[x] == nil {
			known[x] = addressOf(x)
		}
		return known[x]
	}
	for a := range list[0].Actions {
		verb := list[0].Actions[a].Verb
		taken := make([]map[*Exchange]bool, len(list))
		for n := range taken {
			taken[n] = map[*Exchange]bool{}
		}
		var dropped []string
		for i, x := range list[0].Actions[a].Exchanges {
			r := row{action: a, x: []*Exchange{x}}
			for n, other := range list[1:] {
				var best *Exchange
				most := 0.0
				for j, y := range other.Actions[a].Exchanges {
					if taken[n+1][y] {
						continue
					}
					// The order decides between equals only.
					if like := likeness(of(x), of(y)) - 0.001*float64(max(i-j, j-i)); like > most {
						best, most = y, like
					}
				}
				if best == nil {
					break
				}
				taken[n+1][best] = true
				r.x = append(r.x, best)
			}
			if len(r.x) < len(list) {
				dropped = append(dropped, x.Method+" "+shown(x.URL))
				continue
			}
			r.asset = r.static()
			rows = append(rows, r)
		}
		extra := 0
		for n, other := range list[1:] {
			extra += len(other.Actions[a].Exchanges) - len(taken[n+1])
		}
		if len(dropped) > 0 {
			notes = append(notes, fmt.Sprintf("%s: not in all recordings, left out: %s", verb, shorten(dropped, 5)))
		}
		if extra > 0 {
			notes = append(notes, fmt.Sprintf("%s: %d requests of the other recordings have no counterpart in the first, and are left out", verb, extra))
		}
	}
	return rows, notes
}

// address is what of a request is compared with many others.
type address struct {
	method, kind, raw string
	path, keys        []string
	query             url.Values
}

func addressOf(x *Exchange) *address {
	query := x.URL.Query()
	return &address{x.Method, kindOfBody(x), x.URL.RawQuery, strings.Split(x.URL.EscapedPath(), "/"), keysOf(query), query}
}

// likeness is how much two requests are the same, 0 for not at all.
func likeness(x, y *address) float64 {
	if x.method != y.method || x.kind != y.kind {
		return 0
	}
	p, q := x.path, y.path
	if len(p) != len(q) {
		return 0
	}
	same := 0
	for i := range p {
		if p[i] == q[i] {
			same++
		}
	}
	like := float64(same) / float64(len(p))
	if like < 0.5 && len(p) > 2 {
		return 0
	}
	if x.raw == y.raw {
		return 3*like + 2
	}
	if !slices.Equal(x.keys, y.keys) {
		return 3 * like / 2
	}
	equal := 0
	for name, values := range x.query {
		if slices.Equal(values, y.query[name]) {
			equal++
		}
	}
	return 3*like + 2*float64(equal)/float64(max(len(x.keys), 1))
}

func keysOf(v url.Values) (names []string) {
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// shown is a path that may be told: what may be an account's own, a query's values, are not in it.
func shown(u *url.URL) string {
	text := u.EscapedPath()
	if u.RawQuery != "" {
		text += "?" + strings.Join(keysOf(u.Query()), "&")
	}
	if len(text) > 100 {
		text = text[:100] + "…"
	}
	return text
}

func shorten(list []string, most int) string {
	if len(list) > most {
		return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", len(list)-most)
	}
	return strings.Join(list, ", ")
}

// static says whether it is a file that a browser keeps: by what the browser took it for, or by its type and the answer's word.
func (r *row) static() bool {
	for _, x := range r.x {
		if x.Method != "GET" || x.URL.String() != r.x[0].URL.String() || x.Status != 200 && x.Status != 304 {
			return false
		}
		control := strings.ToLower(x.Got("Cache-Control"))
		if strings.Contains(control, "no-store") {
			return false
		}
		switch x.Kind {
		case "stylesheet", "script", "image", "font", "media", "manifest", "texttrack":
			continue
		case "document", "xhr", "fetch", "websocket", "eventsource":
			return false
		}
		kind, _, _ := mime.ParseMediaType(x.AnswerType)
		switch {
		case strings.HasPrefix(kind, "image/"), strings.HasPrefix(kind, "font/"), kind == "text/css", strings.HasSuffix(kind, "javascript"):
		case slices.Contains([]string{".js", ".css", ".png", ".jpg", ".gif", ".svg", ".ico", ".woff", ".woff2"}, path.Ext(x.URL.Path)):
		case strings.Contains(control, "max-age=") && !strings.Contains(control, "max-age=0") && !strings.HasPrefix(kind, "text/html") && kind != "application/json":
		default:
			return false
		}
	}
	return true
}
