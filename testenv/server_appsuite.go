package testenv

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2"
)

// appsuite answers to the part of the Open-Xchange HTTP API that the page of App Suite needs most, as the public description
// of that API says, over the accounts and mail of the webmail: login, multiple, mail, folders, chronos, and the websocket of
// its push. It is no App Suite: what is not described, and what a real one does besides, it does not do.
type appsuite struct{ *webmail }

// appFault is an error of the API: it comes with status 200.
type appFault struct {
	Error    string `json:"error"`
	Code     string `json:"code"`
	Category int    `json:"category"`
}

var (
	appExpired  = appFault{"Your session expired. Please login again.", "SES-0203", 4}
	appPassword = appFault{"The user name or password is incorrect.", "LGI-0006", 1}
	appUnknown  = appFault{"Unknown or unsupported request.", "SVL-0001", 8}
	appMissing  = appFault{"The mail cannot be found.", "MSG-0032", 8}
	appDown     = appFault{"The service is not available at the moment. Please try again later.", "SRV-0001", 6}
)

const appSecret = "open-xchange-secret-pegel"

// routes adds the paths of App Suite.
func (a appsuite) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /appsuite/{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, "<!DOCTYPE html><title>App Suite. Please sign in.</title>")
	})
	mux.HandleFunc("/appsuite/api/login", a.entry)
	mux.HandleFunc("PUT /appsuite/api/multiple", a.multiple)
	for module, serve := range map[string]func(http.ResponseWriter, *http.Request, *webSession, map[string]any) any{"mail": a.mail, "folders": a.folders, "chronos": a.chronos} {
		mux.HandleFunc("/appsuite/api/"+module, func(w http.ResponseWriter, r *http.Request) {
			session := a.of(r)
			if session == nil {
				writeJSON(w, http.StatusOK, appExpired)
				return
			}
			writeJSON(w, http.StatusOK, serve(w, r, session, nil))
		})
	}
	mux.HandleFunc("GET /socket.io/appsuite/{$}", a.socket)
}

// of finds the session of a request: its parameter names it, and a cookie proves it.
func (a appsuite) of(r *http.Request) *webSession {
	cookie, err := r.Cookie(appSecret)
	if err != nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	session := a.sessions[cookie.Value]
	if session == nil || session.xsrf != r.URL.Query().Get("session") || time.Since(session.used) > sessionLife {
		return nil
	}
	session.used = time.Now()
	return session
}

func (a appsuite) entry(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		writeJSON(w, http.StatusOK, appUnknown)
		return
	}
	switch r.Form.Get("action") {
	case "login":
		account, ok := a.store.authenticate(r.PostForm.Get("name"), r.PostForm.Get("password"))
		if !ok {
			writeJSON(w, http.StatusOK, appPassword)
			return
		}
		if err := a.charge(w, r, "web.login", account); err != nil {
			if errors.Is(err, ErrLimited) {
				writeDown(w, err) // the limit stands before the API
				return
			}
			writeJSON(w, http.StatusOK, appDown)
			return
		}
		token, session := a.open(account)
		h := fnv.New64a()
		io.WriteString(h, token)
		http.SetCookie(w, &http.Cookie{Name: appSecret, Value: token, Path: "/", HttpOnly: true, Secure: r.TLS != nil})
		http.SetCookie(w, &http.Cookie{Name: "JSESSIONID", Value: fmt.Sprintf("%016x.%s", h.Sum64(), w.Header().Get("X-Backend")), Path: "/", HttpOnly: true})
		writeJSON(w, http.StatusOK, map[string]any{"session": session.xsrf, "user": a.store.login(account), "user_id": account + 3, "context_id": 1, "locale": "en_US"})
	case "logout":
		if session := a.of(r); session != nil {
			if err := a.charge(w, r, "web.logout", session.account); err != nil {
				writeJSON(w, http.StatusOK, appDown)
				return
			}
			cookie, _ := r.Cookie(appSecret) // of has seen it
			a.mu.Lock()
			delete(a.sessions, cookie.Value)
			a.mu.Unlock()
		}
		w.WriteHeader(http.StatusOK)
	default:
		writeJSON(w, http.StatusOK, appUnknown)
	}
}

// multiple does several requests in one, and answers with a list.
func (a appsuite) multiple(w http.ResponseWriter, r *http.Request) {
	session := a.of(r)
	if session == nil {
		writeJSON(w, http.StatusOK, appExpired)
		return
	}
	var list []map[string]any
	if !readJSON(w, r, &list) {
		return
	}
	if err := a.charge(w, r, "web.page", session.account); err != nil {
		writeJSON(w, http.StatusOK, appDown)
		return
	}
	answers := make([]any, len(list))
	for i, one := range list {
		switch one["module"] {
		case "jslob", "account", "capabilities":
			answers[i] = map[string]any{"data": []any{}, "timestamp": time.Now().UnixMilli()}
		case "user":
			answers[i] = map[string]any{"data": map[string]any{"id": session.account + 3, "email1": a.store.login(session.account)}}
		case "quota":
			answers[i] = map[string]any{"data": map[string]any{}}
		case "folders":
			answers[i] = a.folders(w, r, session, one)
		default:
			answers[i] = appUnknown
		}
	}
	writeJSON(w, http.StatusOK, answers)
}

func (a appsuite) folders(_ http.ResponseWriter, r *http.Request, session *webSession, one map[string]any) any {
	if one["action"] == "list" {
		return map[string]any{"data": []any{[]any{"default0/INBOX", "Inbox", "mail", 1}}, "timestamp": time.Now().UnixMilli()}
	}
	_, total, unread := a.inbox(session.account).newest(1)
	return map[string]any{"data": map[string]any{"id": "default0/INBOX", "title": "Inbox", "total": total, "unread": unread}, "timestamp": time.Now().UnixMilli()}
}

func (a appsuite) chronos(http.ResponseWriter, *http.Request, *webSession, map[string]any) any {
	return map[string]any{"data": []any{}, "timestamp": time.Now().UnixMilli()}
}

func (a appsuite) mail(w http.ResponseWriter, r *http.Request, session *webSession, _ map[string]any) any {
	q := r.URL.Query()
	op := map[string]string{"all": "web.list", "search": "web.list", "get": "web.read", "new": "web.send"}[q.Get("action")]
	if op == "" {
		return appUnknown
	}
	if err := a.charge(w, r, op, session.account); err != nil {
		return appDown
	}
	switch q.Get("action") {
	case "get":
		return a.one(session, q.Get("id"))
	case "new":
		return a.new(r, session)
	}
	limit := 50
	if n, err := strconv.Atoi(q.Get("right_hand_limit")); err == nil && n > 0 {
		limit = min(n, maxList)
	}
	items, _, _ := a.inbox(session.account).newest(limit)
	rows := make([]any, 0, len(items))
	for _, item := range items {
		rows = append(rows, []any{strconv.FormatUint(uint64(item.uid), 10), "default0/INBOX"})
	}
	return map[string]any{"data": rows, "timestamp": time.Now().UnixMilli()}
}

func (a appsuite) one(session *webSession, id string) any {
	uid, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return appMissing
	}
	item, ok := a.inbox(session.account).byUID(imap.UID(uid))
	if !ok {
		return appMissing
	}
	item.content.parse()
	return map[string]any{"data": map[string]any{
		"id": id, "folder_id": "default0/INBOX", "subject": item.content.envelope.Subject, "from": []any{[]string{"", sender(item.content.envelope)}},
		"attachments": []any{map[string]any{"content_type": "text/plain", "content": item.content.text}},
	}, "timestamp": time.Now().UnixMilli()}
}

func (a appsuite) new(r *http.Request, session *webSession) any {
	var ask struct {
		To          [][]string
		Subject     string
		Attachments []struct{ Content string }
	}
	r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
	if err := json.Unmarshal([]byte(r.FormValue("json_0")), &ask); err != nil || len(ask.To) == 0 || len(ask.To[0]) != 2 || len(ask.Attachments) == 0 {
		return appUnknown
	}
	to := ask.To[0][1]
	account, ok := a.store.index(to)
	if !ok || strings.ContainsAny(to, "\r\n<>") {
		return appFault{"The recipient was refused.", "MSG-1031", 1}
	}
	now := time.Now()
	id := randomToken() + "@" + a.store.domain
	a.store.deliver(account, newContent(compose(a.store.login(session.account), []string{to}, ask.Subject, ask.Attachments[0].Content, id, now)), now)
	return map[string]any{"data": "default0/Sent/1"}
}

// socket is the push: engine.io, version 3, over a websocket. It has nothing to tell.
func (a appsuite) socket(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Sec-WebSocket-Key")
	switch {
	case a.of(r) == nil:
		http.Error(w, "no session", http.StatusForbidden)
		return
	case key == "" || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket"):
		http.Error(w, "websocket only", http.StatusBadRequest)
		return
	}
	conn, both, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "websocket is not possible here", http.StatusInternalServerError)
		return
	}
	defer conn.Close()
	digest := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	fmt.Fprintf(both, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
		base64.StdEncoding.EncodeToString(digest[:]))
	tell(both, fmt.Sprintf(`0{"sid":"%s","upgrades":[],"pingInterval":25000,"pingTimeout":60000}`, randomToken()))
	tell(both, "40")
	if both.Flush() != nil {
		return
	}
	for {
		text, err := hear(both.Reader)
		if err != nil {
			return
		}
		if strings.HasPrefix(text, "2") { // a ping
			tell(both, "3"+text[1:])
			if both.Flush() != nil {
				return
			}
		}
	}
}

// tell writes a short message of a websocket.
func tell(w io.Writer, text string) {
	w.Write(append([]byte{0x81, byte(min(len(text), 125))}, text[:min(len(text), 125)]...))
}

// hear reads a short message that a client has masked.
func hear(r *bufio.Reader) (string, error) {
	var head [6]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", err
	}
	size := int(head[1] & 0x7f)
	if size > 125 || head[0]&0x0f == 8 {
		return "", io.EOF
	}
	payload := make([]byte, size)
	if _, err := io.ReadFull(r, payload); err != nil {
		return "", err
	}
	for i := range payload {
		payload[i] ^= head[2+i%4]
	}
	return string(payload), nil
}
