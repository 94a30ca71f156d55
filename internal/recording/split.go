package recording

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// shortest is the pause that can be one between two actions: a page's own requests follow each other faster.
const shortest = 100 * time.Millisecond

// Split cuts what a HAR file has of base into as many actions as there are names. Where the file has as many pages as there
// are actions, each page is one; else the cuts are at the longest pauses in which nothing was under way, because the actions
// of a page that is never left are told apart by nothing else. base nil means the origin of the first document. It returns how
// many requests went elsewhere.
func (h *HAR) Split(names []string, base *url.URL) (actions []Action, elsewhere int, err error) {
	if base == nil {
		base = h.Base()
	}
	list, pages := make([]*Exchange, 0, len(h.Entries)), map[*url.URL]string{}
	for _, e := range h.Entries {
		list = append(list, e.Exchange)
		pages[e.Exchange.URL] = e.Page
	}
	if list, elsewhere = Follow(list, base); len(list) == 0 {
		return nil, elsewhere, fmt.Errorf("%w: %s has no request to %s", ErrHAR, h.Name, origin(base))
	}
	var order []string
	for _, x := range list {
		if p := pages[x.URL]; !slices.Contains(order, p) {
			order = append(order, p)
		}
	}
	if len(order) == len(names) && !slices.Contains(order, "") {
		actions = make([]Action, len(names))
		for _, x := range list {
			a := &actions[slices.Index(order, pages[x.URL])]
			a.Exchanges = append(a.Exchanges, x)
		}
	} else if actions, err = atPauses(list, len(names)); err != nil {
		return nil, elsewhere, fmt.Errorf("%w: %s: %w", ErrHAR, h.Name, err)
	}
	for i := range actions {
		actions[i].Verb = names[i]
	}
	return actions, elsewhere, nil
}

// Base is the origin of the first document, or of the first request.
func (h *HAR) Base() *url.URL {
	first := h.Entries[0].Exchange
	for _, e := range h.Entries {
		if e.Exchange.Kind == "document" || strings.HasPrefix(e.Exchange.AnswerType, "text/html") {
			first = e.Exchange
			break
		}
	}
	return &url.URL{Scheme: first.URL.Scheme, Host: first.URL.Host, Path: "/"}
}

// atPauses cuts at the longest pauses.
func atPauses(list []*Exchange, parts int) ([]Action, error) {
	type pause struct {
		before int // number of the exchange that ends it
		long   time.Duration
	}
	var pauses []pause
	busy := list[0].Ended
	for i, x := range list[1:] {
		if long := x.Began.Sub(busy); long >= shortest {
			pauses = append(pauses, pause{i + 1, long})
		}
		if x.Ended.After(busy) {
			busy = x.Ended
		}
	}
	if len(pauses) < parts-1 {
		return nil, fmt.Errorf("%d actions are named, and the requests have only %d pauses of %v or more between them: name %d, or pause longer while recording",
			parts, len(pauses), shortest, len(pauses)+1)
	}
	slices.SortStableFunc(pauses, func(a, b pause) int { return int(b.long - a.long) })
	pauses = pauses[:parts-1]
	slices.SortFunc(pauses, func(a, b pause) int { return a.before - b.before })
	actions := make([]Action, 0, parts)
	from := 0
	for _, p := range append(pauses, pause{before: len(list)}) {
		actions = append(actions, Action{Exchanges: list[from:p.before]})
		from = p.before
	}
	return actions, nil
}
