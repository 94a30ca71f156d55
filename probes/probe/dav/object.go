package dav

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// maxOwn is how many of its own objects a session remembers; the oldest are forgotten first.
const maxOwn = 64

// object is an object of pegel's own as the session knows it.
type object struct {
	path string
	etag string   // as of the last time it was seen; "" where not told
	seen revision // the newest that the server has acknowledged or shown
	past uint64   // digest of the entity tag before the session's last acknowledged write; 0: there was none
}

// The random numbers of what is done here; a protocol's own begin at DrawFree.
const (
	drawObject = iota + 1000
	drawMark
	drawRival
)

// remember notes an object of pegel's own.
func (s *Session) remember(o object) {
	for i := range s.own {
		if s.own[i].path == o.path {
			s.own[i] = o
			return
		}
	}
	if len(s.own) == maxOwn {
		s.own = append(s.own[:0], s.own[1:]...)
	}
	s.own = append(s.own, o)
}

func (s *Session) forget(path string) {
	for i := range s.own {
		if s.own[i].path == path {
			s.own = append(s.own[:i], s.own[i+1:]...)
			return
		}
	}
}

func (s *Session) mine(path string) *object {
	for i := range s.own {
		if s.own[i].path == path {
			return &s.own[i]
		}
	}
	return nil
}

// url is where an object lies.
func (s *Session) url(o *object) *url.URL {
	u := *s.place
	u.Path, u.RawPath, u.RawQuery = o.path, "", ""
	return &u
}

// pick returns one of pegel's own objects, drawn. Where the session remembers none it looks for those of earlier sessions, and
// where there are none either it creates one, so that a journey need not begin with create.
func (s *Session) pick(t *probe.Turn) (*object, error) {
	if len(s.own) == 0 {
		s.adopts = true
		err := s.Query(t, s.place, "look for own "+s.kind.Noun+"s", s.kind.FindOwn)
		s.adopts = false
		if err != nil {
			return nil, err
		}
	}
	if len(s.own) == 0 {
		if err := s.kind.Create(t, s); err != nil {
			return nil, err
		}
	}
	return &s.own[t.Draw(drawObject)%uint64(len(s.own))], nil
}

// show takes in what a read has shown of an object: one of the session's own must be no older than the session knows it. own says
// whether it is pegel's. Those of other sessions are taken over only while the session adopts, so that several programs of an
// account mostly keep out of one another's way.
func (s *Session) show(doing, href, etag, data string) (own bool, err error) {
	r, own := isOwn(data)
	if !own {
		return false, nil
	}
	path := pathOf(href)
	o := s.mine(path)
	if o == nil {
		if organizer := value(data, "ORGANIZER"); s.adopts && (organizer == "" || strings.EqualFold(organizer, "mailto:"+s.account.Address)) {
			s.remember(object{path: path, etag: etag, seen: r})
		}
		return true, nil
	}
	if r.count < o.seen.count || r.count == o.seen.count && r.mark != o.seen.mark {
		return true, probe.Failf(probe.Content, doing, "lost update: %s is in revision %s after %s was there", path, r, o.seen)
	}
	o.seen, o.etag = r, etag
	return true, nil
}

// recall compares what a sync has told with the session's own writes: an entity tag from before an acknowledged one is a lost
// update. An object that is gone was deleted by another program of the account.
func (s *Session) recall(u *url.URL, state *State) error {
	prefix := strings.TrimSuffix(u.Path, "/") + "/"
	for i := len(s.own) - 1; i >= 0; i-- {
		o := &s.own[i]
		if !strings.HasPrefix(o.path, prefix) {
			continue
		}
		switch etag := state.etag(digest(o.path)); {
		case etag == 0:
			s.forget(o.path)
		case o.past != 0 && etag == o.past:
			return probe.Failf(probe.Content, "sync "+u.Path, "lost update: %s has the entity tag from before an acknowledged write", o.path)
		}
	}
	return nil
}

// Create writes a new object into a collection, nil for the one in use, on the condition that nothing lies there yet. keep says whether the session may
// change it later.
func (s *Session) Create(t *probe.Turn, doing string, place *url.URL, name string, data []byte, keep bool) error {
	if place == nil {
		place = s.place
	}
	u := place.JoinPath(url.PathEscape(name + s.kind.Extension))
	response, err := s.write(t, u, data, "If-None-Match", "*")
	if err != nil {
		return err
	}
	if err := Check(response, doing, http.StatusCreated, http.StatusNoContent); err != nil {
		return err
	}
	if keep {
		s.remember(object{path: u.Path, etag: response.Header.Get("ETag")})
	}
	return nil
}

// Update fetches one of pegel's own objects, changes it, and writes it back on the condition that nobody else has. Where somebody
// has, it does so again with what is there now, as programs do; after the third time that is a failure of class content.
func (s *Session) Update(t *probe.Turn) error {
	const tries = 3
	doing := "update " + s.kind.one()
	o, err := s.pick(t)
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		data, err := s.get(t, o)
		if err != nil {
			return err
		}
		next := revision{o.seen.count + 1, uint32(t.Draw(drawMark + 10*try))}
		changed, err := s.kind.revise(data, next, time.Now())
		if err != nil {
			return probe.Fail(probe.Content, "change "+s.kind.one(), err)
		}
		response, err := s.write(t, s.url(o), changed, "If-Match", o.etag)
		if err != nil {
			return err
		}
		if response.Status == http.StatusPreconditionFailed && try < tries {
			continue
		}
		if err := Check(response, doing, http.StatusNoContent, http.StatusCreated, http.StatusOK); err != nil {
			s.gone(o, response.Status)
			return err
		}
		o.acknowledged(next, response)
		return nil
	}
}

// acknowledged notes a write that the server has taken under the entity tag that the session knew.
func (o *object) acknowledged(r revision, response *httpconn.Response) {
	o.past, o.seen, o.etag = digest(o.etag), r, response.Header.Get("ETag")
}

// Delete deletes one of pegel's own objects, on the condition that nobody else has changed it.
func (s *Session) Delete(t *probe.Turn) error {
	o, err := s.pick(t)
	if err != nil {
		return err
	}
	if o.etag == "" || strings.HasPrefix(o.etag, "W/") { // some servers do not tell it when an object is written
		if _, err := s.get(t, o); err != nil {
			return err
		}
	}
	response, err := s.send(t, httpconn.Request{
		Method: http.MethodDelete, URL: s.url(o), KeepMethod: true, Header: http.Header{"If-Match": {o.etag}},
	})
	if err != nil {
		return err
	}
	if err := Check(response, "delete "+s.kind.one(), http.StatusNoContent, http.StatusOK); err != nil {
		s.gone(o, response.Status)
		return err
	}
	s.forget(o.path)
	return nil
}

// get reads an own object and notes its entity tag. It refuses to go on with one that is not pegel's, or whose entity tag
// cannot guard a write.
func (s *Session) get(t *probe.Turn, o *object) (string, error) {
	doing := "get " + s.kind.one()
	response, err := s.send(t, httpconn.Request{
		Method: http.MethodGet, URL: s.url(o), KeepMethod: true, Header: http.Header{"Accept": {s.kind.MediaType}},
	})
	if err != nil {
		return "", err
	}
	if err := Check(response, doing, http.StatusOK); err != nil {
		s.gone(o, response.Status)
		return "", err
	}
	etag := response.Header.Get("ETag")
	switch {
	case etag == "":
		return "", probe.Failf(probe.Content, doing, "the answer has no entity tag")
	case strings.HasPrefix(etag, "W/"):
		// RFC 9110, section 13.1.1: If-Match compares strongly, so a weak one matches nothing.
		return "", probe.Failf(probe.Content, doing, "the entity tag %s is weak and cannot guard a write", clip(etag))
	}
	data := string(response.Body)
	own, err := s.show(doing, o.path, etag, data)
	if err == nil && !own {
		path := o.path
		s.forget(path)
		err = probe.Failf(probe.Content, doing, "%s is not %s that pegel made", path, s.kind.one())
	}
	return data, err
}

// gone forgets an own object where a status says that it is not what the session believes.
func (s *Session) gone(o *object, status int) {
	switch status {
	case http.StatusNotFound, http.StatusGone, http.StatusPreconditionFailed:
		s.forget(o.path)
	}
}

// write puts an object under a condition.
func (s *Session) write(t *probe.Turn, u *url.URL, data []byte, condition, value string) (*httpconn.Response, error) {
	return s.send(t, s.put(u, data, condition, value))
}

func (s *Session) put(u *url.URL, data []byte, condition, value string) httpconn.Request {
	return httpconn.Request{
		Method: http.MethodPut, URL: u, Body: data, KeepMethod: true,
		Header: http.Header{"Content-Type": {s.kind.MediaType + "; charset=utf-8"}, condition: {value}},
	}
}
