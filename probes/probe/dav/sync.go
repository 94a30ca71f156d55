package dav

import (
	"errors"
	"net/http"
	"net/url"
	"path"
	"strconv"
	"strings"

	"pegel/probes/probe"
)

// Way is how a collection is kept in step.
type Way string

// The ways. ByAuto takes the sync-token where the server offers it, else the CTag, else a listing each time.
const (
	ByAuto    Way = "auto"
	ByToken   Way = "token"
	ByCTag    Way = "ctag"
	ByListing Way = "listing"
)

// Ways are all of them.
func Ways() []Way { return []Way{ByAuto, ByToken, ByCTag, ByListing} }

// SyncOptions say how a program keeps a collection in step.
type SyncOptions struct {
	Way   Way
	Page  int // most changes in one answer, as the server is asked; 0: as many as it likes
	Fetch int // changed objects that are fetched in one multiget; 0: none are fetched
}

const (
	// maxPages is how many answers one sync may take.
	maxPages = 10_000
	// maxNames is how many bytes the names of changed objects may have that are still to be fetched.
	maxNames = 16 << 20
)

// Changes are what one sync has found.
type Changes struct {
	Full    bool     // the whole collection was listed
	Expired bool     // the server had forgotten the sync-token, so that it had to be
	Changed int      // new and changed objects
	Removed int      // objects that are gone
	names   []string // of new and changed objects, where they shall be fetched
	bytes   int
	way     Way
}

// Sync brings what is remembered of a collection up to date, and fetches what has changed.
func (s *Session) Sync(t *probe.Turn, u *url.URL, o SyncOptions) (Changes, error) {
	c, err := s.sync(t, u, o)
	if err != nil {
		return c, err
	}
	state := s.state(u)
	if err := s.recall(u, state); err != nil {
		return c, err
	}
	for names := c.names; len(names) > 0; {
		n := min(o.Fetch, len(names))
		if err := s.multiget(t, u, names[:n], state); err != nil {
			return c, err
		}
		names = names[n:]
	}
	return c, nil
}

func (s *Session) sync(t *probe.Turn, u *url.URL, o SyncOptions) (Changes, error) {
	state := s.state(u)
	way := o.Way
	if way == ByAuto || way == "" {
		switch {
		case state.Token != "":
			way = ByToken
		case state.CTag != "":
			way = ByCTag
		default:
			props, err := s.versions(t, u)
			if err != nil {
				return Changes{}, err
			}
			switch {
			case props.Token != "" || props.Syncs:
				way = ByToken
			case props.CTag != "":
				way = ByCTag
			default:
				way = ByListing
			}
		}
	}
	c := Changes{way: way}
	var err error
	switch way {
	case ByToken:
		err = s.byToken(t, u, state, o, &c)
	case ByCTag:
		var props *Props
		if props, err = s.versions(t, u); err != nil {
			break
		}
		if props.CTag == "" {
			return c, probe.Failf(probe.Content, "keep "+u.Path+" in step", "the server tells no CTag")
		}
		if state.known && props.CTag == state.CTag {
			return c, nil
		}
		// The tag is taken before the listing: what changes in between is listed again next time.
		if err = s.byListing(t, u, state, o, &c); err == nil {
			state.CTag = props.CTag
		}
	default:
		err = s.byListing(t, u, state, o, &c)
	}
	return c, err
}

// versions asks a collection for its sync-token and CTag.
func (s *Session) versions(t *probe.Turn, u *url.URL) (*Props, error) {
	props, _, err := s.ask0(t, "ask for the state of "+u.Path, u, "<sync-token/><s:getctag/><supported-report-set/>")
	return props, err
}

// byToken asks for the changes since the token (RFC 6578). Where the server has forgotten it, the collection is listed anew in the
// same action, as programs do; where it refuses even the first sync, that is the failure.
func (s *Session) byToken(t *probe.Turn, u *url.URL, state *State, o SyncOptions, c *Changes) error {
	doing := "sync " + u.Path
	token := state.Token
	c.Full = token == ""
	var changes []item
	for page := 0; ; page++ {
		if page == maxPages {
			return probe.Failf(probe.Content, doing, "not at its end after %d answers", maxPages)
		}
		more := false
		result, err := s.Ask(t, doing, "REPORT", u, "0", syncBody(token, o.Page), func(r *Response, at *url.URL) error {
			if at := pathOf(r.Href); path.Clean(at) == path.Clean(u.Path) {
				more = more || r.Status == http.StatusInsufficientStorage // section 3.6: there is more
				return nil
			}
			if len(changes) == MaxHrefs {
				return probe.Failf(probe.Content, doing, "more than %d changes", MaxHrefs)
			}
			if r.Status == http.StatusNotFound || r.Status == http.StatusGone {
				c.Removed++
				changes = append(changes, item{href: digest(pathOf(r.Href))})
				return nil
			}
			e, ok, err := s.entryOf(r, doing)
			if err == nil && ok {
				changes = append(changes, e)
				c.Changed++
				err = c.note(r.Href, o, doing)
			}
			return err
		})
		if err != nil {
			var why refusal
			if token != "" && errors.As(err, &why) && why == expiredToken {
				token, c.Full, c.Expired, changes = "", true, true, nil
				c.names, c.bytes, c.Changed, c.Removed = nil, 0, 0, 0
				*state = State{}
				continue
			}
			return err
		}
		if result.Token == "" {
			return probe.Failf(probe.Content, doing, "the answer has no sync-token")
		}
		if more && result.Token == token {
			return probe.Failf(probe.Content, doing, "the server says that there is more and gives the same sync-token again")
		}
		token = result.Token
		if !more {
			break
		}
	}
	if len(token) > maxToken {
		return probe.Failf(probe.Content, doing, "a sync-token of %d bytes", len(token))
	}
	if c.Full {
		state.replace(changes)
	} else {
		state.merge(changes)
	}
	state.Token = token
	return nil
}

// maxToken is how long a sync-token may be, in bytes.
const maxToken = 4 << 10

func syncBody(token string, page int) string {
	limit := ""
	if page > 0 {
		limit = "<limit><nresults>" + strconv.Itoa(page) + "</nresults></limit>"
	}
	return `<sync-collection xmlns="DAV:"><sync-token>` + escape(token) + `</sync-token><sync-level>1</sync-level>` + limit +
		`<prop><getetag/></prop></sync-collection>`
}

// byListing reads the whole collection, and finds what has changed by comparing.
func (s *Session) byListing(t *probe.Turn, u *url.URL, state *State, o SyncOptions, c *Changes) error {
	c.Full = true
	var list []item
	doing := "list " + u.Path
	added := 0
	err := s.listing(t, u, func(e item, href string) error {
		list = append(list, e)
		switch state.etag(e.href) {
		case e.etag:
			return nil
		case 0:
			added++
		}
		c.Changed++
		return c.note(href, o, doing)
	})
	if err != nil {
		return err
	}
	before := state.Len()
	state.replace(list)
	c.Removed = before + added - state.Len()
	return nil
}

// listing tells of every object of a collection by PROPFIND.
func (s *Session) listing(t *probe.Turn, u *url.URL, each func(e item, href string) error) error {
	doing := "list " + u.Path
	_, err := s.Ask(t, doing, "PROPFIND", u, "1", s.kind.propfind("<getetag/>"), func(r *Response, _ *url.URL) error {
		if path.Clean(pathOf(r.Href)) == path.Clean(u.Path) {
			return r.failed(doing)
		}
		e, ok, err := s.entryOf(r, doing)
		if err != nil || !ok {
			return err
		}
		return each(e, r.Href)
	})
	return err
}

// entryOf is a resource as it is remembered. Collections in a collection are none; an object without entity tag is a failure,
// because RFC 4791 (section 5.3.4) and RFC 6352 (section 5.3.3) demand one.
func (s *Session) entryOf(r *Response, doing string) (e item, ok bool, err error) {
	if err := r.failed(doing); err != nil {
		return e, false, err
	}
	if strings.HasSuffix(r.Href, "/") {
		return e, false, nil
	}
	if r.ETag == "" {
		return e, false, probe.Failf(probe.Content, doing, "%s has come without entity tag", clip(r.Href))
	}
	return item{digest(pathOf(r.Href)), digest(r.ETag)}, true, nil
}

// note keeps the name of an object that shall be fetched.
func (c *Changes) note(href string, o SyncOptions, doing string) error {
	if o.Fetch == 0 {
		return nil
	}
	if c.bytes += len(href); c.bytes > maxNames {
		return probe.Failf(probe.Content, doing, "the names of the changed objects have more than %d bytes", maxNames)
	}
	c.names = append(c.names, href)
	return nil
}

// Verify checks that what syncs have added up to equals a full listing. While others write to the collection a difference may be
// theirs; one that is still there after several rounds is the server's, and a failure of class content.
func (s *Session) Verify(t *probe.Turn, u *url.URL, o SyncOptions) error {
	const rounds = 4
	doing := "verify the sync of " + u.Path
	o.Fetch = 0
	var left map[uint64]bool
	for round := range rounds {
		if _, err := s.Sync(t, u, o); err != nil {
			return err
		}
		state := s.state(u)
		before := state.items // replaced by a sync, never changed in place
		var (
			listed  State
			list    []item
			example string
		)
		err := s.listing(t, u, func(e item, href string) error {
			list = append(list, e)
			if left[e.href] && example == "" {
				example = href
			}
			return nil
		})
		if err != nil {
			return err
		}
		listed.replace(list)
		if _, err := s.Sync(t, u, o); err != nil {
			return err
		}
		now := make(map[uint64]bool)
		was := State{items: before}
		for _, href := range differing(listed.items, state.items) {
			// What was changed between the two syncs may be listed either way.
			if (round == 0 || left[href]) && listed.etag(href) != was.etag(href) {
				now[href] = true
			}
		}
		if len(now) == 0 {
			return nil
		}
		if left = now; round == rounds-1 {
			where, of := "one that is not listed", listed.Len()
			*state = State{} // the next sync begins anew, so that a difference counts once
			if example != "" {
				where = clip(example)
			}
			return probe.Failf(probe.Content, doing, "sync difference: %d of %d objects differ from a full listing (%s)", len(now), of, where)
		}
	}
	return nil
}
