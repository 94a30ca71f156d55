package testenv

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/mail"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
)

const (
	phonePath   = "/Microsoft-Server-ActiveSync"
	phoneKey    = "1726354" // the policy key of all phones
	phoneInbox  = "2"
	phoneWBXML  = "application/vnd.ms-sync.wbxml"
	longestBeat = 3540 // seconds
)

// phoneServer answers ActiveSync 14.1 for the mail of a store: the inbox's mail as it comes, empty calendars and address books.
// What is read or deleted otherwise is not told to phones. A command holds one of the workers, Ping for all its heartbeat.
type phoneServer struct {
	store   *mailStore
	charge  charger
	ctx     context.Context // the platform's
	workers *workers
	policy  bool // phones need a policy key

	mu    sync.Mutex
	known map[phone]imap.UID // the first message that a phone has not been told of
}

// phone is one device of an account.
type phone struct {
	account int
	device  string
}

// phoneRequest is one command.
type phoneRequest struct {
	phone
	root node
}

func (s *phoneServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != phonePath {
		http.NotFound(w, r)
		return
	}
	account, ok := s.store.request(r)
	if !ok {
		w.Header().Set("WWW-Authenticate", `Basic realm="phones"`)
		http.Error(w, "wrong user or password", http.StatusUnauthorized)
		return
	}
	if !s.workers.take(r.Context()) {
		return
	}
	defer s.workers.give()
	w.Header().Set("MS-Server-ActiveSync", "14.1")
	if r.Method == http.MethodOptions {
		s.options(w, r, account)
		return
	}
	query := r.URL.Query()
	command := query.Get("Cmd")
	answer, known := map[string]func(http.ResponseWriter, *http.Request, *phoneRequest){
		"Provision": s.provision, "FolderSync": s.folders, "Sync": s.sync, "Ping": s.ping, "SendMail": s.send, "MeetingResponse": s.respond,
	}[command]
	if !known || r.Method != http.MethodPost {
		http.Error(w, "no such command", http.StatusNotImplemented)
		return
	}
	if s.policy && command != "Provision" && r.Header.Get("X-MS-PolicyKey") != phoneKey {
		http.Error(w, "provision first", 449)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return
	}
	root, err := readWBXML(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer(w, r, &phoneRequest{phone: phone{account, query.Get("DeviceId")}, root: root})
}

// pay charges an operation; where a limit refuses it the answer is 503.
func (s *phoneServer) pay(w http.ResponseWriter, r *http.Request, op string, account int) bool {
	if err := s.charge(w, r, op, account); err != nil {
		http.Error(w, "try again later", http.StatusServiceUnavailable)
		return false
	}
	return true
}

func (s *phoneServer) answer(w http.ResponseWriter, root node) {
	w.Header().Set("Content-Type", phoneWBXML)
	w.Write(writeWBXML(root))
}

func (s *phoneServer) options(w http.ResponseWriter, r *http.Request, account int) {
	if !s.pay(w, r, "eas.options", account) {
		return
	}
	w.Header().Set("MS-ASProtocolVersions", "14.0,14.1")
	w.Header().Set("MS-ASProtocolCommands", "Sync,SendMail,FolderSync,MeetingResponse,Ping,Provision")
}

// provision gives the key in two steps, with an empty policy.
func (s *phoneServer) provision(w http.ResponseWriter, r *http.Request, q *phoneRequest) {
	if !s.pay(w, r, "eas.provision", q.account) {
		return
	}
	key := "1"
	if q.root.value(0x0E09) == key {
		key = phoneKey
	}
	policy := el(0x0E07, txt(0x0E08, "MS-EAS-Provisioning-WBXML"), txt(0x0E0B, "1"), txt(0x0E09, key))
	s.answer(w, el(0x0E05, txt(0x0E0B, "1"), el(0x0E06, policy)))
}

// folders never change, so every phone's key is 1.
func (s *phoneServer) folders(w http.ResponseWriter, r *http.Request, q *phoneRequest) {
	if !s.pay(w, r, "eas.folders", q.account) {
		return
	}
	var changes []node
	switch q.root.value(0x0712) {
	case "0":
		list := [][3]string{{phoneInbox, "Inbox", "2"}, {"3", "Drafts", "3"}, {"4", "Trash", "4"}, {"5", "Sent", "5"}, {"7", "Tasks", "7"}, {"8", "Calendar", "8"}, {"9", "Contacts", "9"}}
		changes = append(changes, txt(0x0717, strconv.Itoa(len(list))))
		for _, f := range list {
			changes = append(changes, el(0x070F, txt(0x0708, f[0]), txt(0x0709, "0"), txt(0x0707, f[1]), txt(0x070A, f[2])))
		}
	case "1":
		changes = append(changes, txt(0x0717, "0"))
	default:
		s.answer(w, el(0x0716, txt(0x070C, "9")))
		return
	}
	s.answer(w, el(0x0716, txt(0x070C, "1"), txt(0x0712, "1"), el(0x070E, changes...)))
}

func (s *phoneServer) inbox(account int) *mailbox {
	box, _ := s.store.account(account).find("INBOX") // always there
	return box
}

// next is the first message that a phone does not know.
func (s *phoneServer) next(p phone) imap.UID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(s.known[p], 1)
}

// ping waits until a message comes that the phone does not know.
func (s *phoneServer) ping(w http.ResponseWriter, r *http.Request, q *phoneRequest) {
	beat, err := strconv.Atoi(q.root.value(0x0D08))
	if err != nil || beat < 1 || beat > longestBeat {
		s.answer(w, el(0x0D05, txt(0x0D07, "5"), txt(0x0D08, strconv.Itoa(min(max(beat, 1), longestBeat)))))
		return
	}
	watches := false
	if list, ok := q.root.find(0x0D09); ok {
		for _, f := range list.kids {
			watches = watches || f.value(0x0D0B) == phoneInbox
		}
	}
	if !s.pay(w, r, "eas.ping", q.account) {
		return
	}
	box := s.inbox(q.account)
	view, _ := box.view(true)
	defer view.close()
	over := time.NewTimer(time.Duration(beat) * time.Second)
	defer over.Stop()
	for {
		if watches && box.upTo() > s.next(q.phone) {
			s.answer(w, el(0x0D05, txt(0x0D07, "2"), el(0x0D09, txt(0x0D0A, phoneInbox))))
			return
		}
		select {
		case <-view.changed:
		case <-over.C:
			s.answer(w, el(0x0D05, txt(0x0D07, "1")))
			return
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// send takes a mail for the recipients in its header.
func (s *phoneServer) send(w http.ResponseWriter, r *http.Request, q *phoneRequest) {
	raw := []byte(q.root.value(0x1510))
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		s.answer(w, el(0x1505, txt(0x1512, "107")))
		return
	}
	var to []int
	for _, field := range []string{"To", "Cc", "Bcc"} {
		list, err := message.Header.AddressList(field)
		if err != nil {
			continue
		}
		for _, a := range list {
			account, known := s.store.index(a.Address)
			if !known && s.store.local(a.Address) {
				s.answer(w, el(0x1505, txt(0x1512, "119")))
				return
			}
			if known {
				to = append(to, account)
			}
		}
	}
	if !s.pay(w, r, "eas.send", q.account) {
		return
	}
	now := time.Now()
	received := fmt.Appendf(nil, "Received: by mail.%s with ActiveSync; %s\r\n", s.store.domain, now.Format(time.RFC1123Z))
	content := newContent(append(received, raw...))
	for _, account := range to {
		s.store.deliver(account, content, now)
	}
	if _, keep := q.root.find(0x1508); keep {
		if sent, ok := s.store.account(q.account).find("Sent"); ok {
			sent.add(mailItem{date: now, content: content, flags: mailFlags{bits: bitSeen}})
		}
	}
}

// respond takes an invitation out of the inbox, as Exchange does when it is answered.
func (s *phoneServer) respond(w http.ResponseWriter, r *http.Request, q *phoneRequest) {
	if !s.pay(w, r, "eas.respond", q.account) {
		return
	}
	id, status := q.root.value(0x0808), "2"
	uid, err := strconv.ParseUint(strings.TrimPrefix(id, phoneInbox+":"), 10, 32)
	if item, ok := s.inbox(q.account).byUID(imap.UID(uid)); err == nil && ok && invitation(item.content) != "" {
		s.inbox(q.account).take(func(m mailItem) bool { return m.uid == item.uid })
		status = "1"
	}
	s.answer(w, el(0x0807, el(0x080A, txt(0x0808, id), txt(0x080B, status))))
}
