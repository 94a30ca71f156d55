package testenv

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
)

// contactServer answers CardDAV (RFC 6352) as far as programs use it: discovery, sync-collection, multiget, queries by name, and
// writes under conditions. A request costs what the same one costs of a calendar.
type contactServer struct {
	store  *contactStore
	charge charger
}

var _ http.Handler = (*contactServer)(nil)

// globalPath is the global address book.
const globalPath = "/global/contacts/"

func booksPath(account int) string { return principalPath(account) + "contacts/" }

func (s *contactServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	account, ok := s.store.mail.request(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="contacts", charset="UTF-8"`)
		writeError(w, http.StatusUnauthorized, "UNAUTHORIZED", "wrong user or password")
		return
	}
	if strings.HasPrefix(r.URL.Path, "/.well-known/") {
		http.Redirect(w, r, principalPath(account), http.StatusPermanentRedirect)
		return
	}
	var body *davBody
	switch r.Method {
	case "PROPFIND", "REPORT", "MKCOL":
		if body, ok = readDAV(w, r); !ok {
			return
		}
	}
	if op := contactOperation(r, account); op != "" {
		if err := s.charge(w, r, op, account); err != nil {
			writeDown(w, err)
			return
		}
	}
	at := path.Clean(r.URL.Path) + "/"
	switch {
	case r.Method == "PROPFIND" && (at == "//" || at == principalPath(account) || at == booksPath(account)):
		s.home(w, r, account, at)
		return
	case at == globalPath || strings.HasPrefix(at, globalPath):
		s.everybody(w, r, body)
		return
	}
	rest, ok := strings.CutPrefix(at, booksPath(account))
	name, file, _ := strings.Cut(strings.TrimSuffix(rest, "/"), "/")
	switch {
	case !ok && strings.HasPrefix(at, "/u"):
		sendError(w, http.StatusForbidden, "need-privileges")
		return
	case !ok || name == "" || strings.Contains(file, "/"):
		http.NotFound(w, r)
		return
	}
	var text string
	if r.Method == http.MethodPut { // before the lock is taken: the client may be slow
		raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxDAV))
		text = string(raw)
		if err != nil || !strings.HasPrefix(text, "BEGIN:VCARD") || !strings.Contains(text, "END:VCARD") {
			sendError(w, http.StatusForbidden, "valid-address-data")
			return
		}
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	books := s.store.of(account)
	book := books[name]
	switch {
	case r.Method == "MKCOL" && file == "" && book == nil:
		books[name] = &addressBook{title: name, cards: make(map[string]card)}
		w.WriteHeader(http.StatusCreated)
	case r.Method == "MKCOL":
		w.WriteHeader(http.StatusMethodNotAllowed)
	case book == nil:
		http.NotFound(w, r)
	case file != "":
		s.object(w, r, book, file, text)
	default:
		s.book(w, r, body, booksPath(account)+name+"/", book)
	}
}

// contactOperation names what a request costs; "" is free.
func contactOperation(r *http.Request, account int) string {
	switch at := path.Clean(r.URL.Path) + "/"; r.Method {
	case "PROPFIND":
		if r.Header.Get("Depth") == "0" && at == principalPath(account) {
			return "caldav.discover"
		}
	case "REPORT":
		return "caldav.query"
	case http.MethodGet:
		return "caldav.get"
	case http.MethodDelete:
		return "caldav.delete"
	case http.MethodPut:
		switch {
		case strings.HasPrefix(path.Base(path.Dir(r.URL.Path)), copyTarget):
			return "caldav.copy"
		case r.Header.Get("If-Match") != "":
			return "caldav.update"
		}
		return "caldav.create"
	}
	return ""
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

const bookType = "<resourcetype><collection/><a:addressbook/></resourcetype>"

// home tells of the principal and of the address books.
func (s *contactServer) home(w http.ResponseWriter, r *http.Request, account int, at string) {
	var m multistatus
	m.found(path.Clean(at), fmt.Sprintf("<resourcetype><collection/></resourcetype><current-user-principal><href>%s</href></current-user-principal>"+
		"<a:addressbook-home-set><href>%s</href></a:addressbook-home-set>", principalPath(account), booksPath(account)))
	if at == booksPath(account) && r.Header.Get("Depth") != "0" {
		s.store.mu.Lock()
		books := s.store.of(account)
		names := make([]string, 0, len(books))
		for name := range books {
			names = append(names, name)
		}
		// The personal one first: many clients take the first one.
		slices.SortFunc(names, func(x, y string) int {
			return cmp.Or(-cmp.Compare(btoi(x == "personal"), btoi(y == "personal")), cmp.Compare(x, y))
		})
		for _, name := range names {
			m.found(at+name+"/", bookType+"<displayname>"+m.text(books[name].title)+"</displayname>")
		}
		s.store.mu.Unlock()
		m.found(globalPath, bookType+"<displayname>Global</displayname><owner><href>/global/</href></owner>")
	}
	m.send(w, "")
}

// book answers requests to one address book. The store's lock is held.
func (s *contactServer) book(w http.ResponseWriter, r *http.Request, body *davBody, href string, b *addressBook) {
	names := func() []string {
		list := make([]string, 0, len(b.cards))
		for name := range b.cards {
			list = append(list, name)
		}
		slices.Sort(list)
		return list
	}
	var m multistatus
	full := func(name string) {
		c := b.cards[name]
		m.found(href+name, m.etagProp(c.etag)+"<a:address-data>"+m.text(c.text)+"</a:address-data>")
	}
	switch {
	case r.Method == "PROPFIND" && r.Header.Get("Depth") == "0" && body.asks("sync-token"):
		b.log.versions(w, href)
		return
	case r.Method == "PROPFIND":
		m.found(href, bookType+"<displayname>"+m.text(b.title)+"</displayname>"+
			"<current-user-privilege-set><privilege><all/></privilege></current-user-privilege-set>")
		if r.Header.Get("Depth") == "1" {
			for _, name := range names() {
				m.found(href+name, m.etagProp(b.cards[name].etag))
			}
		}
	case r.Method == "REPORT" && body.XMLName.Local == "sync-collection":
		b.log.sync(w, href, body, names, func(name string) string { return b.cards[name].etag })
		return
	case r.Method == "REPORT" && body.XMLName.Local == "addressbook-multiget":
		for _, h := range body.Hrefs {
			if _, there := b.cards[path.Base(h)]; there {
				full(path.Base(h))
			} else {
				m.failed(h, http.StatusNotFound)
			}
		}
	case r.Method == "REPORT" && body.XMLName.Local == "addressbook-query":
		for _, name := range names() {
			if body.matches(searched(b.cards[name].text)) {
				full(name)
			}
		}
	case r.Method == "REPORT":
		sendError(w, http.StatusForbidden, "supported-report")
		return
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	m.send(w, "")
}

// object answers requests to one contact; text is what a PUT brings. The store's lock is held.
func (s *contactServer) object(w http.ResponseWriter, r *http.Request, b *addressBook, file, text string) {
	c, there := b.cards[file]
	if want := r.Header.Get("If-Match"); want != "" && (!there || want != strconv.Quote(c.etag)) || there && r.Header.Get("If-None-Match") == "*" {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	switch r.Method {
	case http.MethodPut:
		s.store.etag++
		c = card{fmt.Sprintf("c%d", s.store.etag), text}
		b.cards[file] = c
		b.log.note(file)
		w.Header().Set("ETag", strconv.Quote(c.etag))
		if there {
			w.WriteHeader(http.StatusNoContent)
		} else {
			w.WriteHeader(http.StatusCreated)
		}
	case http.MethodGet:
		if !there {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/vcard; charset=utf-8")
		w.Header().Set("ETag", strconv.Quote(c.etag))
		_, _ = io.WriteString(w, c.text)
	case http.MethodDelete:
		if !there {
			http.NotFound(w, r)
			return
		}
		delete(b.cards, file)
		b.log.note(file)
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// everybody answers requests to the global address book: it can be searched and kept in step, and never changes.
func (s *contactServer) everybody(w http.ResponseWriter, r *http.Request, body *davBody) {
	var (
		m    multistatus
		none journal
	)
	names := s.store.names()
	etag := func(account int) string { return m.etagProp(fmt.Sprintf("g%d", account)) }
	full := func(account int) {
		m.found(fmt.Sprintf("%s%d.vcf", globalPath, account), etag(account)+"<a:address-data>"+m.text(s.store.entry(account))+"</a:address-data>")
	}
	switch {
	case r.Method == "PROPFIND" && r.Header.Get("Depth") == "0" && body.asks("sync-token"):
		none.versions(w, globalPath)
		return
	case r.Method == "PROPFIND":
		m.found(globalPath, bookType+"<current-user-privilege-set><privilege><read/></privilege></current-user-privilege-set>")
		for i := 0; i < len(names) && r.Header.Get("Depth") == "1"; i++ {
			m.found(fmt.Sprintf("%s%d.vcf", globalPath, i), etag(i))
		}
	case r.Method == "REPORT" && body.XMLName.Local == "sync-collection":
		if body.Token != "" && body.Token != none.token() {
			sendError(w, http.StatusForbidden, "valid-sync-token")
			return
		}
		for i := 0; i < len(names) && body.Token == ""; i++ {
			m.found(fmt.Sprintf("%s%d.vcf", globalPath, i), etag(i))
		}
		m.send(w, none.token())
		return
	case r.Method == "REPORT" && body.XMLName.Local == "addressbook-multiget":
		for _, h := range body.Hrefs {
			if i, err := strconv.Atoi(strings.TrimSuffix(path.Base(h), ".vcf")); err == nil && i >= 0 && i < len(names) {
				full(i)
			} else {
				m.failed(h, http.StatusNotFound)
			}
		}
	case r.Method == "REPORT" && body.XMLName.Local == "addressbook-query":
		count := 0
		for i, name := range names {
			if !body.matches(name) {
				continue
			}
			if count++; body.Most > 0 && count > body.Most {
				m.failed(globalPath, http.StatusInsufficientStorage) // RFC 6352, section 8.6.2
				break
			}
			full(i)
		}
	default:
		sendError(w, http.StatusForbidden, "need-privileges")
		return
	}
	m.send(w, "")
}
