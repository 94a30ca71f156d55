package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"
	"unique"

	"pegel/internal/site"
	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// cached is one static file in a browser's cache: what can be asked whether it is still the same, and until when nobody
// needs to ask. All users of a file share the texts.
type cached struct {
	tag, modified unique.Handle[string]
	until         int64 // Unix seconds
	there         bool
}

// heuristic is how long a file is taken to be fresh about which the server says nothing (RFC 9111, section 4.2.2, leaves it
// open; browsers take a tenth of the file's age).
const heuristic = 10 * time.Minute

// fill readies the session's cache for a login.
func (s *Session) fill(t *probe.Turn, how string) {
	if s.shared.site.Asset == 0 {
		return
	}
	s.shared.mu.Lock()
	defer s.shared.mu.Unlock()
	account := t.Account().Index
	switch how {
	case "cold":
		s.cache = make([]cached, s.shared.site.Asset)
		s.shared.kept[account] = s.cache
	case "warm":
		s.cache = append([]cached(nil), s.shared.known...)
		for i := range s.cache {
			s.cache[i].until = 0 // of a former day
		}
		s.shared.kept[account] = s.cache
	default:
		if s.cache = s.shared.kept[account]; s.cache == nil {
			s.cache = make([]cached, s.shared.site.Asset)
			s.shared.kept[account] = s.cache
		}
	}
}

// assets fetches the static files that the cache does not have, and asks for those that may have changed.
func (w *walk) assets(list []site.Request) error {
	var requests []httpconn.Request
	wanted := w.wanted(list, &requests)
	errs := make([]error, len(requests))
	if len(requests) == 0 {
		return nil
	}
	w.s.client.Together(w.t, requests, func(i int, response *httpconn.Response, err error) {
		if errs[i] = err; err == nil {
			errs[i] = w.fetched(wanted[i], response)
		}
	})
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// wanted adds the requests for those files that are not fresh, and returns the files.
func (w *walk) wanted(list []site.Request, requests *[]httpconn.Request) []*site.Request {
	var wanted []*site.Request
	w.s.shared.mu.Lock()
	defer w.s.shared.mu.Unlock()
	now := time.Now().Unix()
	for i := range list {
		file := &list[i]
		var have cached
		if w.s.cache != nil {
			have = w.s.cache[file.Place]
		}
		if have.there && now < have.until {
			continue
		}
		u, err := w.address(file.Path, nil)
		if err != nil {
			continue // its path is fixed and was checked
		}
		r := httpconn.Request{Method: http.MethodGet, URL: u, Discard: true, Auth: w.auth, Fields: []httpconn.Field{{Name: "Accept", Value: "*/*"}}}
		if have.there {
			if tag := have.tag.Value(); tag != "" {
				r.Fields = append(r.Fields, httpconn.Field{Name: "If-None-Match", Value: tag})
			}
			if modified := have.modified.Value(); modified != "" {
				r.Fields = append(r.Fields, httpconn.Field{Name: "If-Modified-Since", Value: modified})
			}
		}
		*requests = append(*requests, r)
		wanted = append(wanted, file)
	}
	return wanted
}

// fetched puts a file into the cache. It is called for several at the same time.
func (w *walk) fetched(file *site.Request, response *httpconn.Response) error {
	defer response.Release()
	s := w.s.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.s.heard != nil {
		w.s.heard(probe.Heard{Doing: w.doing + ": GET " + file.Path.String(), Request: file, Status: response.Status, Type: response.Header.Get("Content-Type")})
	}
	if response.Status != http.StatusNotModified {
		if err := response.Check(w.doing+": GET "+file.Path.String(), file.Status...); err != nil {
			return err
		}
	}
	var have cached
	if w.s.cache != nil {
		have = w.s.cache[file.Place]
	}
	if response.Status == http.StatusNotModified && !have.there {
		return probe.Failf(probe.BadProtocol, w.doing+": GET "+file.Path.String(), "304 for a file that nobody has")
	}
	now := have.refreshed(response, time.Now())
	if w.s.cache != nil {
		w.s.cache[file.Place] = now
	}
	if now.there {
		s.known[file.Place] = now
	}
	return nil
}

// refreshed is what the cache has after an answer.
func (c cached) refreshed(response *httpconn.Response, now time.Time) cached {
	life, store := lifetime(response.Header.Get("Cache-Control"))
	if !store {
		return cached{}
	}
	tag, modified := response.Header.Get("ETag"), response.Header.Get("Last-Modified")
	if response.Status == http.StatusOK || tag != "" {
		c.tag = unique.Make(clip(tag))
	}
	if response.Status == http.StatusOK || modified != "" {
		c.modified = unique.Make(clip(modified))
	}
	if life < 0 {
		life = 0
		if expires, err := http.ParseTime(response.Header.Get("Expires")); err == nil {
			life = time.Until(expires)
		} else if modified != "" {
			life = heuristic
		}
	}
	c.there, c.until = true, now.Add(life).Unix()
	return c
}

// lifetime is how long a Cache-Control lets a file be fresh, negative where it does not say, and whether it may be kept.
func lifetime(control string) (life time.Duration, store bool) {
	life = -1
	for part := range strings.SplitSeq(strings.ToLower(control), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "no-store":
			return 0, false
		case "no-cache":
			return 0, true
		case "max-age":
			if seconds, err := strconv.Atoi(strings.Trim(value, `"`)); err == nil && seconds >= 0 {
				life = time.Duration(min(seconds, 10*365*24*3600)) * time.Second
			}
		}
	}
	return life, true
}
