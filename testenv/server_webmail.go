package testenv

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
)

//go:embed webmail
var webmailFiles embed.FS

const (
	sessionCookie = "session"
	sessionLife   = 12 * time.Hour
	maxList       = 1000 // most messages in one list
)

// webmail is the mail page and its API. Sessions live in memory and end after sessionLife without a request.
type webmail struct {
	store  *mailStore
	charge charger
	page   *template.Template
	turn   atomic.Uint64 // requests without a session go round the web nodes

	mu       sync.Mutex
	sessions map[string]*webSession
	swept    time.Time
}

type webSession struct {
	account int
	xsrf    string
	used    time.Time
}

// newWebmail makes the handler of the page, its assets and its API.
func newWebmail(store *mailStore, charge charger) (http.Handler, error) {
	page, err := template.ParseFS(webmailFiles, "webmail/index.html")
	if err != nil {
		return nil, fmt.Errorf("reading the mail page: %w", err)
	}
	assets, err := fs.Sub(webmailFiles, "webmail/assets")
	if err != nil {
		return nil, fmt.Errorf("reading the mail page's assets: %w", err)
	}
	w := &webmail{store: store, charge: charge, page: page, sessions: make(map[string]*webSession)}
	files := http.StripPrefix("/assets/", http.FileServerFS(assets))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", w.servePage)
	mux.HandleFunc("GET /assets/", func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Cache-Control", "public, max-age=3600")
		files.ServeHTTP(rw, r)
	})
	mux.HandleFunc("GET /redirect", redirect)
	mux.HandleFunc("POST /api/login", w.login)
	mux.HandleFunc("GET /api/messages", w.withSession(w.list))
	mux.HandleFunc("GET /api/messages/{id}", w.withSession(w.read))
	mux.HandleFunc("POST /api/messages", w.withSession(w.send))
	mux.HandleFunc("POST /api/logout", w.withSession(w.logout))
	appsuite{w}.routes(mux)
	return mux, nil
}

// redirect sends the client anywhere, so that a client can be shown to refuse to follow.
func redirect(w http.ResponseWriter, r *http.Request) {
	to := r.URL.Query().Get("to")
	if to == "" {
		writeError(w, http.StatusBadRequest, "BAD_REQUEST", "parameter to is missing")
		return
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// session finds the live session of a request.
func (s *webmail) session(r *http.Request) *webSession {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	session := s.sessions[cookie.Value]
	if session == nil || time.Since(session.used) > sessionLife {
		return nil
	}
	session.used = time.Now()
	return session
}

// open starts a session and returns its token. Forgotten sessions are swept out now and then.
func (s *webmail) open(account int) (token string, session *webSession) {
	now := time.Now()
	token, session = randomToken(), &webSession{account: account, xsrf: randomToken(), used: now}
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.swept) > time.Hour {
		for old, o := range s.sessions {
			if now.Sub(o.used) > sessionLife {
				delete(s.sessions, old)
			}
		}
		s.swept = now
	}
	s.sessions[token] = session
	return token, session
}

func randomToken() string {
	var b [18]byte
	rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

func (s *webmail) servePage(w http.ResponseWriter, r *http.Request) {
	data := struct{ Domain, User, XSRF string }{Domain: s.store.domain}
	account := int(s.turn.Add(1) % uint64(s.store.accounts+1))
	if session := s.session(r); session != nil {
		account = session.account
		data.User, data.XSRF = s.store.login(account), session.xsrf
	}
	if err := s.charge(w, r, "web.page", account); err != nil {
		writeDown(w, err)
		return
	}
	var page bytes.Buffer
	if err := s.page.Execute(&page, data); err != nil {
		writeError(w, http.StatusInternalServerError, "INTERNAL", err.Error())
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'self'; form-action 'self'; frame-ancestors 'none'")
	w.Write(page.Bytes())
}

func (s *webmail) login(w http.ResponseWriter, r *http.Request) {
	var ask struct{ User, Password string }
	if !readJSON(w, r, &ask) {
		return
	}
	account, ok := s.store.authenticate(ask.User, ask.Password)
	if !ok && ask.Password == "" {
		account, ok = s.store.bearer(r)
	}
	if !ok {
		writeError(w, http.StatusUnauthorized, "WRONG_PASSWORD", "wrong user or password")
		return
	}
	if err := s.charge(w, r, "web.login", account); err != nil {
		writeDown(w, err)
		return
	}
	token, session := s.open(account)
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: token, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
	})
	writeJSON(w, http.StatusOK, struct {
		User string `json:"user"`
		XSRF string `json:"xsrf"`
	}{s.store.login(account), session.xsrf})
}

// withSession lets only requests of a live session through, and only those that change something if their header proves
// that a page of ours has sent them.
func (s *webmail) withSession(serve func(http.ResponseWriter, *http.Request, *webSession)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session := s.session(r)
		if session == nil {
			writeError(w, http.StatusUnauthorized, "SESSION_EXPIRED", "please sign in")
			return
		}
		if r.Method != http.MethodGet && r.Header.Get("X-XSRF-Token") != session.xsrf {
			writeError(w, http.StatusForbidden, "WRONG_TOKEN", "the request does not come from this page")
			return
		}
		serve(w, r, session)
	}
}

type webMessage struct {
	ID      string    `json:"id"`
	From    string    `json:"from"`
	Subject string    `json:"subject"`
	Date    time.Time `json:"date"`
	Size    int       `json:"size"`
	Seen    bool      `json:"seen"`
}

// sender is whom a message says it is from.
func sender(e *imap.Envelope) string {
	if from := addresses(e.From); from != "" {
		return from
	}
	return "(no sender)"
}

func (s *webmail) inbox(account int) *mailbox {
	box, _ := s.store.account(account).find("INBOX") // always there
	return box
}

func (s *webmail) list(w http.ResponseWriter, r *http.Request, session *webSession) {
	limit := 50
	if text := r.URL.Query().Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxList {
			writeError(w, http.StatusBadRequest, "BAD_REQUEST", fmt.Sprintf("limit must be a number from 1 to %d", maxList))
			return
		}
		limit = n
	}
	if err := s.charge(w, r, "web.list", session.account); err != nil {
		writeDown(w, err)
		return
	}
	items, total, unread := s.inbox(session.account).newest(limit)
	messages := make([]webMessage, len(items))
	for i, item := range items {
		item.content.parse()
		messages[i] = webMessage{
			ID:      strconv.FormatUint(uint64(item.uid), 10),
			From:    sender(item.content.envelope),
			Subject: item.content.envelope.Subject,
			Date:    item.date,
			Size:    len(item.content.raw),
			Seen:    item.flags.bits&bitSeen != 0,
		}
	}
	writeJSON(w, http.StatusOK, struct {
		Total    int          `json:"total"`
		Unread   int          `json:"unread"`
		Messages []webMessage `json:"messages"`
	}{total, unread, messages})
}

func (s *webmail) read(w http.ResponseWriter, r *http.Request, session *webSession) {
	uid, err := strconv.ParseUint(r.PathValue("id"), 10, 32)
	if err != nil {
		writeError(w, http.StatusNotFound, "NOT_FOUND", "no such message")
		return
	}
	if err := s.charge(w, r, "web.read", session.account); err != nil {
		writeDown(w, err)
		return
	}
	box := s.inbox(session.account)
	item, ok := box.byUID(imap.UID(uid))
	if !ok {
		writeError(w, http.StatusNotFound, "NOT_FOUND", "no such message")
		return
	}
	if item.flags.bits&bitSeen == 0 {
		box.change(map[imap.UID]bool{item.uid: true}, nil, func(f *mailFlags) { f.set(imap.FlagSeen, true) })
	}
	item.content.parse()
	envelope := item.content.envelope
	writeJSON(w, http.StatusOK, struct {
		ID      string    `json:"id"`
		From    string    `json:"from"`
		To      string    `json:"to"`
		Subject string    `json:"subject"`
		Date    time.Time `json:"date"`
		Body    string    `json:"body"`
	}{r.PathValue("id"), sender(envelope), addresses(envelope.To), envelope.Subject, item.date, item.content.text})
}

func (s *webmail) send(w http.ResponseWriter, r *http.Request, session *webSession) {
	var ask struct {
		To            []string
		Subject, Body string
	}
	if !readJSON(w, r, &ask) {
		return
	}
	if len(ask.To) == 0 {
		writeError(w, http.StatusBadRequest, "NO_RECIPIENT", "a message needs a recipient")
		return
	}
	var local []int
	for _, to := range ask.To {
		account, ok := s.store.index(to)
		switch {
		case strings.ContainsAny(to, "\r\n<>") || !ok && s.store.local(to):
			writeError(w, http.StatusBadRequest, "UNKNOWN_RECIPIENT", fmt.Sprintf("no such user: %q", to))
			return
		case ok:
			local = append(local, account)
		}
	}
	if err := s.charge(w, r, "web.send", session.account); err != nil {
		writeDown(w, err)
		return
	}
	now := time.Now()
	id := randomToken() + "@" + s.store.domain
	content := newContent(compose(s.store.login(session.account), ask.To, ask.Subject, ask.Body, id, now))
	for _, account := range local {
		s.store.deliver(account, content, now)
	}
	if sent, ok := s.store.account(session.account).find("Sent"); ok {
		sent.add(mailItem{date: now, content: content, flags: mailFlags{bits: bitSeen}})
	}
	writeJSON(w, http.StatusAccepted, struct {
		ID string `json:"id"`
	}{id})
}

// compose writes the message that a form was filled in for.
func compose(from string, to []string, subject, body, id string, now time.Time) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "From: <%s>\r\nTo: %s\r\nSubject: %s\r\nDate: %s\r\nMessage-ID: <%s>\r\n",
		from, strings.Join(to, ", "), mime.QEncoding.Encode("utf-8", subject), now.Format(time.RFC1123Z), id)
	b.WriteString("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n")
	b.WriteString(strings.ReplaceAll(strings.ReplaceAll(body, "\r\n", "\n"), "\n", "\r\n"))
	b.WriteString("\r\n")
	return b.Bytes()
}

func (s *webmail) logout(w http.ResponseWriter, r *http.Request, session *webSession) {
	if err := s.charge(w, r, "web.logout", session.account); err != nil {
		writeDown(w, err)
		return
	}
	if cookie, err := r.Cookie(sessionCookie); err == nil {
		s.mu.Lock()
		delete(s.sessions, cookie.Value)
		s.mu.Unlock()
	}
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", HttpOnly: true, MaxAge: -1})
	w.WriteHeader(http.StatusNoContent)
}
