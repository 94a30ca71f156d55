package imap

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"pegel/internal/corpus"
	"pegel/probes/imap/client"
	"pegel/probes/probe"
	"pegel/probes/probetest"
)

var account = probe.Account{Login: "anna", Address: "anna@example.test", Password: "s3cret-Passphrase"}

// serve starts a real server over TCP with one account and its messages, and returns its address and the user.
func serve(t *testing.T, config *tls.Config, implicit bool, messages int) (string, *imapmemserver.User) {
	t.Helper()
	user := imapmemserver.NewUser(account.Login, account.Password)
	for _, mailbox := range []string{"INBOX", "Archive"} {
		if err := user.Create(mailbox, nil); err != nil {
			t.Fatal(err)
		}
	}
	for i := range messages {
		put(t, user, "INBOX", message(uint64(i)), time.Now().AddDate(0, 0, -i))
	}
	memory := imapmemserver.New()
	memory.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return memory.NewSession(), nil, nil
		},
		Caps:         imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapIMAP4rev2: {}},
		TLSConfig:    config,
		InsecureAuth: true,
		Logger:       log.New(io.Discard, "", 0), // connections are broken on purpose here
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if implicit {
		l = tls.NewListener(l, config)
	}
	var running sync.WaitGroup
	running.Go(func() { server.Serve(l) })
	t.Cleanup(func() {
		server.Close()
		running.Wait()
	})
	return address, user
}

func message(key uint64) []byte {
	return corpus.Message(corpus.MessageSpec{
		Run: "earlier", Key: key, From: "b@example.test", To: []string{account.Address}, Owner: account.Address,
		Date: time.Date(2025, 10, 2, 8, 0, 0, 0, time.UTC), Size: 3000 + int(key%3)*20000,
	})
}

// literal is a message on its way into the memory server.
type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

func put(t *testing.T, user *imapmemserver.User, mailbox string, message []byte, arrived time.Time) {
	t.Helper()
	if _, err := user.Append(mailbox, literal{bytes.NewReader(message)}, &imap.AppendOptions{Time: arrived}); err != nil {
		t.Fatal(err)
	}
}

func moved(t *testing.T, _ *probetest.Host, r probetest.Result) {
	if r.In == 0 || r.Out == 0 {
		t.Errorf("%d bytes in, %d out", r.In, r.Out)
	}
}

func cases() []probetest.Case {
	const auth, first, complete = probe.PhaseAuth, probe.PhaseFirstByte, probe.PhaseComplete
	return []probetest.Case{
		{Do: "login", Phases: []probe.Phase{auth, complete}, Check: moved},
		{Do: "login", Before: []probetest.Case{{Do: "login"}}, Phases: []probe.Phase{probe.PhaseConnect, probe.PhaseGreeting, auth}},
		{Do: "logout", Before: []probetest.Case{{Do: "login"}}, Phases: []probe.Phase{complete}},
		{Do: "noop", Before: []probetest.Case{{Do: "logout"}}, Phases: []probe.Phase{probe.PhaseConnect, auth, complete}},
		{Do: "select", Phases: []probe.Phase{auth, complete}},
		{Do: "select", With: "mailbox: Nowhere", Fails: probe.Content},
		{Do: "list", Phases: []probe.Phase{first, complete}, Check: moved},
		{Do: "status", With: "mailbox: Archive", Phases: []probe.Phase{complete}},
		{Do: "fetch_headers", With: "last: 5", Phases: []probe.Phase{first, complete}},
		{Do: "fetch_headers", With: "mailbox: Archive"}, {Do: "fetch", With: "mailbox: Archive", Fails: probe.Content},
		{Do: "fetch", Before: []probetest.Case{{Do: "select"}}, Phases: []probe.Phase{first, complete}, Check: moved},
		{Do: "fetch", With: "which: newest", Phases: []probe.Phase{auth, first, complete}},
		{Do: "sync", With: "chunk: 7", Phases: []probe.Phase{first, complete}, Check: func(t *testing.T, _ *probetest.Host, r probetest.Result) {
			if r.In < 20*3000 {
				t.Errorf("a download of 20 messages brought %d bytes", r.In)
			}
		}},
		{Do: "sync", With: `mailbox: "*"`, Phases: []probe.Phase{first, complete}},
		{Do: "search", Phases: []probe.Phase{complete}},
		{Do: "search", With: "header: Subject\nvalue: Protokoll", Phases: []probe.Phase{complete}},
		{Do: "look", Phases: []probe.Phase{complete}},
		{Do: "look", With: `mailbox: "*"`, Phases: []probe.Phase{complete}},
		{Do: "append", With: "size: 30KB", Phases: []probe.Phase{first, complete}, Check: moved},
		{Do: "append", With: "mailbox: INBOX\nsize: 1KB", Phases: []probe.Phase{complete}},
		{Do: "store", Phases: []probe.Phase{complete}},
		{Do: "store", With: "flag: pegel-test\nset: on", Before: []probetest.Case{{Do: "select"}}, Phases: []probe.Phase{complete}},
		{Do: "store", With: "mailbox: Archive", Fails: probe.Content},
		{Do: "copy", Phases: []probe.Phase{first, complete}, Check: moved},
		{Do: "copy", With: "days: 7\ninto: Recent", Phases: []probe.Phase{first, complete}},
		{Do: "copy", With: "older: 400", Fails: probe.Content},
		{Do: "migrate", With: "into: Here", Phases: []probe.Phase{first, complete}, Check: moved},
		{Do: "migrate", With: "mailbox: Nowhere", Fails: probe.Content},
		{Do: "verify_copy", With: "mailbox: INBOX\ninto: There", Fails: probe.Content},
		{Do: "fetch", Before: []probetest.Case{{Do: "append"}, {Do: "select", With: "mailbox: Sent"}}, Phases: []probe.Phase{first}},
		{Do: "idle", Phases: []probe.Phase{first}},
		{Do: "fetch", Before: []probetest.Case{{Do: "idle"}}, Phases: []probe.Phase{first, complete}},
		{Do: "idle", Before: []probetest.Case{{Do: "idle"}}, Phases: []probe.Phase{first}},
		{Do: "discover", Phases: []probe.Phase{first, complete}},
		{Do: "namespace", Phases: []probe.Phase{first, complete}},
		{Do: "rights", Fails: probe.Content}, // the library's server has no ACL
		{Do: "list", With: "of: shared", Fails: probe.Content},
		{Do: "check", Phases: []probe.Phase{auth, complete}},
		{Do: "check", With: "others: status", Before: []probetest.Case{{Do: "check"}}, Phases: []probe.Phase{first, complete}},
		{Do: "resync", Phases: []probe.Phase{first, complete}},
		{Do: "resync", With: "mailbox: \"*\"\nby: changes", Phases: []probe.Phase{first, complete}},
		{Do: "move", With: "mailbox: Archive", Fails: probe.Content}, // there is none of pegel's; TestMove has the others
		{Do: "checkpoint", With: "mailbox: INBOX", Phases: []probe.Phase{complete}},
		{Do: "expunge", With: "mailbox: Done\nmost: 1", Before: []probetest.Case{{Do: "append", With: "mailbox: Done\nsize: 1KB"}}, Phases: []probe.Phase{first, complete}},
	}
}

func TestConformance(t *testing.T) {
	server, client := probetest.Certificate(t)
	for _, way := range []struct {
		name, scheme, startTLS string
	}{{"plain", "imap", ""}, {"starttls", "imap", "required"}, {"tls", "imaps", ""}} {
		t.Run(way.name, func(t *testing.T) {
			address, _ := serve(t, server, way.scheme == "imaps", 20)
			target := probetest.Target(t, "imap", way.scheme+"://"+address)
			target.StartTLS, target.TLS = way.startTLS, client
			source := target
			source.Name = "imap.source"
			probetest.Suite{
				Protocol: Protocol(), Target: target, Others: []probe.Target{source}, Account: account, Cases: cases(),
			}.Run(t)
		})
	}
}

func do(t *testing.T, h *probetest.Host, verb, params string) probetest.Result {
	t.Helper()
	step, err := probetest.Bind(Protocol(), verb, params)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	return h.Do(ctx, step)
}

func TestOpenMarksItsPhases(t *testing.T) {
	server, client := probetest.Certificate(t)
	address, _ := serve(t, server, false, 0)
	target := probetest.Target(t, "imap", "imap://"+address)
	target.StartTLS, target.TLS = "optional", client
	h := probetest.NewHost(Protocol(), account, target)
	defer h.Close()
	r := h.Open(context.Background(), "")
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	for _, p := range []probe.Phase{probe.PhaseConnect, probe.PhaseTLS, probe.PhaseGreeting, probe.PhaseComplete} {
		if r.Phases[p] <= 0 {
			t.Errorf("phase %v is not marked; marked are %v", p, r.Order)
		}
	}
}

func TestStartTLSRefused(t *testing.T) {
	address, _ := serve(t, nil, false, 1)
	for startTLS, want := range map[string]probe.Class{"required": probe.TLS, "optional": probe.OK} {
		target := probetest.Target(t, "imap", "imap://"+address)
		target.StartTLS = startTLS
		h := probetest.NewHost(Protocol(), account, target)
		if r := do(t, h, "fetch", ""); r.Class != want {
			t.Errorf("%s: %v, want %v: %v", startTLS, r.Class, want, r.Err)
		}
		h.Close()
	}
}

func TestUntrustedCertificate(t *testing.T) {
	server, _ := probetest.Certificate(t)
	address, _ := serve(t, server, true, 0)
	h := probetest.NewHost(Protocol(), account, probetest.Target(t, "imap", "imaps://"+address))
	defer h.Close()
	if r := h.Open(context.Background(), ""); r.Class != probe.TLS {
		t.Errorf("came to %v, want tls: %v", r.Class, r.Err)
	}
}

// contents returns the messages of a mailbox, with a client of its own.
func contents(t *testing.T, address, mailbox string) []*original {
	t.Helper()
	h := probetest.NewHost(Protocol(), account, probetest.Target(t, "imap", "imap://"+address))
	defer h.Close()
	var all []*original
	r := h.Do(context.Background(), step(func(turn *probe.Turn, s *session) error {
		if err := s.use(turn, mailbox, true); err != nil {
			return err
		}
		for range s.count() {
			m, err := s.take(turn, selection{Mailbox: mailbox})
			if err != nil {
				return err
			}
			all = append(all, m)
		}
		return nil
	}))
	if r.Err != nil {
		t.Fatal(r.Err)
	}
	return all
}

func TestCopyKeepsBytesFlagsAndDate(t *testing.T) {
	from, user := serve(t, nil, false, 0)
	to, _ := serve(t, nil, false, 0)
	arrived := time.Date(2024, 2, 29, 23, 59, 58, 0, time.FixedZone("", 3600))
	raw := message(1)
	if _, err := user.Append("INBOX", literal{bytes.NewReader(raw)}, &imap.AppendOptions{
		Time: arrived, Flags: []imap.Flag{imap.FlagAnswered, "$Work"},
	}); err != nil {
		t.Fatal(err)
	}
	h := probetest.NewHost(Protocol(), account,
		probetest.Target(t, "imap", "imap://"+to), probetest.Target(t, "imap.source", "imap://"+from))
	defer h.Close()
	for range 2 {
		if r := do(t, h, "copy", "into: Moved"); r.Err != nil {
			t.Fatal(r.Err)
		}
	}
	got := contents(t, to, "Moved")
	if len(got) != 2 {
		t.Fatalf("%d messages in the target, want 2", len(got))
	}
	for _, m := range got {
		if !bytes.Equal(m.bytes, raw) {
			t.Errorf("%d bytes differ from the %d of the original", len(m.bytes), len(raw))
		}
		if !m.arrived.Equal(arrived) {
			t.Errorf("arrived %v, want %v", m.arrived, arrived)
		}
		if len(m.flags) != 2 {
			t.Errorf("flags %v", m.flags)
		}
	}
	if flags := contents(t, from, "INBOX")[0].flags; len(flags) != 2 {
		t.Errorf("the source was changed: flags %v", flags)
	}
}

func TestReadingAndStoringLeaveOthersMailAlone(t *testing.T) {
	address, user := serve(t, nil, false, 0)
	foreign := []byte("From: b@example.test\r\nSubject: private\r\n\r\nText\r\n")
	put(t, user, "INBOX", foreign, time.Now())
	put(t, user, "INBOX", message(1), time.Now())
	h := probetest.NewHost(Protocol(), account, probetest.Target(t, "imap", "imap://"+address))
	defer h.Close()
	for range 5 {
		for _, a := range [][2]string{{"fetch", ""}, {"sync", ""}, {"fetch_headers", ""}, {"store", "flag: flagged\nset: on"}, {"store", "set: on"}} {
			if r := do(t, h, a[0], a[1]); r.Err != nil {
				t.Fatal(r.Err)
			}
		}
	}
	for _, m := range contents(t, address, "INBOX") {
		if own := bytes.Contains(m.bytes, []byte(corpus.RunField)); own != (len(m.flags) == 2) {
			t.Errorf("own %v, flags %v", own, m.flags)
		}
	}
}

// speak plays a server that says its lines in answer to each line of the client; "%" stands for the client's tag.
func speak(t *testing.T, greeting string, answers map[string]string) probe.Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				io.WriteString(c, greeting)
				buf := make([]byte, 4096)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					tag, rest, _ := strings.Cut(strings.TrimSpace(string(buf[:n])), " ")
					verb, _, _ := strings.Cut(rest, " ")
					answer, known := answers[strings.ToUpper(verb)]
					if !known {
						answer = "% OK done\r\n"
					}
					io.WriteString(c, strings.ReplaceAll(answer, "%", tag))
					if strings.HasPrefix(answer, "* BYE") {
						return
					}
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); running.Wait() })
	return probetest.Target(t, "imap", "imap://"+l.Addr().String())
}

func TestClasses(t *testing.T) {
	const hello = "* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n"
	for _, c := range []struct {
		name, greeting string
		do             string
		answers        map[string]string
		want           probe.Class
	}{
		{"greeting bye limit", "* BYE [LIMIT] too many of you\r\n", "noop", nil, probe.Limited},
		{"greeting bye words", "* BYE Maximum number of connections from user+IP exceeded\r\n", "noop", nil, probe.Limited},
		{"greeting bye", "* BYE go away\r\n", "noop", nil, probe.Reset},
		{"no greeting", "HTTP/1.1 400 Bad Request\r\n", "noop", nil, probe.BadProtocol},
		{"login refused", hello, "login", map[string]string{"LOGIN": "% NO no such user\r\n"}, probe.Auth},
		{"login unavailable", hello, "login", map[string]string{"LOGIN": "% NO [UNAVAILABLE] Temporary authentication failure.\r\n"}, probe.Overload},
		{"login limit", hello, "login", map[string]string{"LOGIN": "% NO [LIMIT] Maximum number of connections\r\n"}, probe.Limited},
		{"login echoes", hello, "login", map[string]string{"LOGIN": "% BAD unknown: LOGIN anna " + account.Password + "\r\n"}, probe.BadProtocol},
		{"select denied", hello, "select", map[string]string{"SELECT": "% NO [NOPERM] not yours\r\n"}, probe.Denied},
		{"select in use", hello, "select", map[string]string{"SELECT": "% NO [INUSE] locked\r\n"}, probe.Overload},
		{"append over quota", hello, "append", map[string]string{"APPEND": "% NO [OVERQUOTA] full\r\n"}, probe.Limited},
		{"bye while working", hello, "select", map[string]string{"SELECT": "* BYE Server shutting down.\r\n"}, probe.Overload},
		{"bye for inactivity", hello, "select", map[string]string{"SELECT": "* BYE Disconnected for inactivity.\r\n"}, probe.Reset},
		{"nonsense", hello, "select", map[string]string{"SELECT": "* GIBBERISH (\r\n"}, probe.BadProtocol},
		{"logout by hanging up", hello, "logout", map[string]string{"LOGOUT": "* BYE see you\r\n"}, probe.OK},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := probetest.NewHost(Protocol(), account, speak(t, c.greeting, c.answers))
			defer h.Close()
			r := do(t, h, c.do, "")
			if r.Class != c.want {
				t.Errorf("came to %v, want %v: %v", r.Class, c.want, r.Err)
			}
			if r.Err != nil && strings.Contains(r.Err.Error(), account.Password) {
				t.Errorf("the error tells the password: %v", r.Err)
			}
		})
	}
}

// A server that refuses with a limit and hangs up leaves a session that the engine keeps; the next step must work again.
func TestStepAfterReportedEnd(t *testing.T) {
	target := speak(t, "* OK [CAPABILITY IMAP4rev1] ready\r\n", map[string]string{"SELECT": "* BYE [LIMIT] later\r\n"})
	h := probetest.NewHost(Protocol(), account, target)
	defer h.Close()
	if r := do(t, h, "select", ""); r.Class != probe.Limited {
		t.Fatalf("came to %v, want limited: %v", r.Class, r.Err)
	}
	if r := do(t, h, "noop", ""); r.Class != probe.OK || r.Phases[probe.PhaseConnect] == 0 {
		t.Errorf("came to %v with phases %v: %v", r.Class, r.Order, r.Err)
	}
}

func TestBadParameters(t *testing.T) {
	for verb, params := range map[string][]string{
		"login": {"compress: perhaps"}, "fetch": {"which: oldest"}, "fetch_headers": {"last: 0", "last: -1"}, "sync": {"chunk: 0"},
		"append": {"size: huge"}, "store": {"flag: 'two words'", "set: maybe", "flag: ''"},
		"list": {"of: mine"}, "rights": {"need: q", `mailbox: '\Inbox'`}, "check": {"others: all"}, "resync": {"by: vanished"},
		"move": {"by: hand", `into: '\Bin'`}, "expunge": {"most: 0", "most: 5000"},
		"search": {"text: a\nheader: b", "value: x"}, "copy": {"days: -1"}, "migrate": {"older: -1"}, "verify_copy": {"digest: sometimes"}, "checkpoint": {"last: 0", "last: 20000"},
	} {
		for _, p := range params {
			if _, err := probetest.Bind(Protocol(), verb, p); err == nil {
				t.Errorf("%s accepts %q", verb, p)
			}
		}
	}
}

func FuzzParseStatus(f *testing.F) {
	f.Add("* BYE [LIMIT x] text", "*")
	f.Add("S0 NO [", "S0")
	f.Fuzz(func(t *testing.T, line, tag string) {
		st := client.ParseStatus(line, tag)
		if st.Kind != "" && !strings.Contains(strings.ToUpper(line), st.Kind) {
			t.Errorf("%q gave %+v", line, st)
		}
		classOf(st, loggingIn)
	})
}

func TestStepsStayInTheSelectedMailbox(t *testing.T) {
	address, user := serve(t, nil, false, 0) // with an empty INBOX
	put(t, user, "Archive", message(1), time.Now())
	h := probetest.NewHost(Protocol(), account, probetest.Target(t, "imap", "imap://"+address))
	defer h.Close()
	for _, a := range [][2]string{
		{"select", "mailbox: Archive"}, {"fetch_headers", ""}, {"fetch", ""}, {"search", ""}, {"store", ""}, {"idle", ""},
		{"logout", ""}, {"fetch", ""},
	} {
		if r := do(t, h, a[0], a[1]); r.Err != nil {
			t.Errorf("%s: %v", a[0], r.Err)
		}
	}
}
