package smtp

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

// What a script may answer instead of a reply.
const (
	cut    = "\x00cut"    // close the connection
	silent = "\x00silent" // say nothing more
)

// script is a server that answers each command by a function: "" is the greeting, "." the end of a message. It notes what it got.
type script struct {
	answer func(command string) string

	mu       sync.Mutex
	commands []string // their first words and addresses, over all connections
	mails    int
}

func (s *script) serve(t *testing.T) string {
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
				s.talk(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l.Addr().String()
}

func (s *script) talk(c net.Conn) {
	r := bufio.NewReader(c)
	for command := ""; ; {
		reply := s.answer(command)
		switch reply {
		case cut:
			return
		case silent:
			io.Copy(io.Discard, r)
			return
		}
		if _, err := io.WriteString(c, reply); err != nil {
			return
		}
		inMail := command == "DATA" && strings.HasPrefix(reply, "354")
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			command = strings.TrimSpace(line)
			if !inMail || command == "." {
				break
			}
		}
		s.mu.Lock()
		s.commands = append(s.commands, command)
		if command == "." {
			s.mails++
		}
		s.mu.Unlock()
	}
}

// got is what the server was told, without EHLO.
func (s *script) got() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var words []string
	for _, c := range s.commands {
		word, rest, _ := strings.Cut(c, " ")
		if name, _, found := strings.Cut(rest, "@"); found && word == "RCPT" {
			word = "RCPT:" + strings.TrimPrefix(name, "TO:<")
		}
		if word != "EHLO" {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// whole is how many messages came with their final dot.
func (s *script) whole() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails
}

// usual answers as a server that takes everything and offers what is given.
func usual(offers string) func(command string) string {
	return func(command string) string {
		switch word, _, _ := strings.Cut(command, " "); word {
		case "":
			return "220 mx.example.test ESMTP\r\n"
		case "EHLO":
			return "250-mx.example.test\r\n" + offers + "250 HELP\r\n"
		case "AUTH":
			return "235 2.7.0 welcome\r\n"
		case "DATA":
			return "354 go on\r\n"
		case "QUIT":
			return "221 bye\r\n"
		case "STARTTLS":
			return "220 go\r\n"
		}
		return "250 2.0.0 fine\r\n"
	}
}

// but answers commands that begin with a word differently.
func but(usual func(string) string, word, reply string) func(string) string {
	return func(command string) string {
		if command == word || word != "" && strings.HasPrefix(command, word) {
			return reply
		}
		return usual(command)
	}
}

const (
	plainAuth = "250-AUTH PLAIN\r\n"
	pipelined = "250-PIPELINING\r\n"
)

func shortly(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

func bound(t *testing.T, verb, params string) probe.Step {
	t.Helper()
	step, err := probetest.Bind(Protocol(), verb, params)
	if err != nil {
		t.Fatal(err)
	}
	return step
}

// Every way in which a server can fail is one classified failure, and only the final dot leaves open what became of the mail.
func TestBadServers(t *testing.T) {
	before := runtime.NumGoroutine()
	endless := strings.Repeat("250-more\r\n", 200_000)
	phases := []string{"", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."}
	for _, offers := range []string{plainAuth, plainAuth + pipelined} {
		for _, bad := range []struct {
			name, reply string
			want        probe.Class
		}{
			{"cut", cut, probe.Reset},
			{"silent", silent, probe.Timeout},
			{"garbage", "SSH-2.0-OpenSSH_9.2\r\n", probe.BadProtocol},
			{"binary", "\x16\x03\x01\x00\x00\n", probe.BadProtocol},
			{"out of range", "999 what\r\n", probe.BadProtocol},
			{"endless lines", endless, probe.BadProtocol},
			{"endless line", strings.Repeat("250", 1<<20), probe.BadProtocol},
			{"two codes", "250-one\r\n251 other\r\n", probe.BadProtocol},
			{"goes down", "421 4.3.2 shutting down\r\n", probe.Overload},
			{"limits", "421 4.7.0 Error: too many connections\r\n", probe.Limited},
		} {
			for _, phase := range phases {
				t.Run(bad.name+" at "+phase+strings.TrimSpace(offers[len(plainAuth):]), func(t *testing.T) {
					t.Parallel()
					s := &script{answer: but(usual(offers), phase, bad.reply)}
					h := host(t, s.serve(t))
					limit := 10 * time.Second
					if bad.reply == silent {
						limit = 200 * time.Millisecond
					}
					r := h.Do(shortly(t, limit), bound(t, "send", "size: 4KB"))
					if r.Class != bad.want {
						t.Fatalf("came to %v, want %v: %v", r.Class, bad.want, r.Err)
					}
					if strings.Contains(r.Err.Error(), account.Password) || len(r.Err.Error()) > 600 {
						t.Errorf("error of %d bytes: %.600v", len(r.Err.Error()), r.Err)
					}
					heard := strings.HasPrefix(bad.reply, "421") // a refusal, even after the dot
					if open := phase == "." && !heard; probe.MayBeTaken(r.Err) != open {
						t.Errorf("may be taken is %v: %v", !open, r.Err)
					}
					if n := s.whole(); n > 0 && phase != "." {
						t.Errorf("%d mails were sent whole", n)
					}
				})
			}
		}
	}
	t.Cleanup(func() {
		for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before+2; runtime.Gosched() {
			if time.Now().After(end) {
				stacks := make([]byte, 1<<18)
				t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
			}
		}
	})
}

func TestBadTLS(t *testing.T) {
	_, client := probetest.Certificate(t)
	server, _ := probetest.Certificate(t) // of another authority
	foreign := func() string {
		l, err := tls.Listen("tcp", "127.0.0.1:0", server)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				io.Copy(io.Discard, c)
				c.Close()
			}
		}()
		return l.Addr().String()
	}
	starting := usual("250-STARTTLS\r\n")
	for name, c := range map[string]struct {
		url  string
		want probe.Class
	}{
		"foreign certificate": {"smtps://" + foreign(), probe.TLS},
		"plain text at 465":   {"smtps://" + (&script{answer: usual("")}).serve(t), probe.TLS},
		"stripped":            {"smtp://" + (&script{answer: usual("")}).serve(t), probe.TLS},
		"refused":             {"smtp://" + (&script{answer: but(starting, "STARTTLS", "454 4.7.0 TLS not available\r\n")}).serve(t), probe.TLS},
		"no handshake":        {"smtp://" + (&script{answer: but(starting, "\x16", "502 what\r\n")}).serve(t), probe.TLS},
		"put in before":       {"smtp://" + (&script{answer: but(starting, "STARTTLS", "220 go\r\n250 evil\r\n")}).serve(t), probe.BadProtocol},
		"cut":                 {"smtp://" + (&script{answer: but(starting, "STARTTLS", cut)}).serve(t), probe.Reset},
	} {
		t.Run(name, func(t *testing.T) {
			target := probetest.Target(t, "smtp", c.url)
			target.TLS = client
			if target.URL.Scheme == "smtp" {
				target.StartTLS = "required"
			}
			h := probetest.NewHost(Protocol(), account, target)
			defer h.Close()
			if r := h.Open(shortly(t, 500*time.Millisecond), ""); r.Class != c.want {
				t.Errorf("came to %v, want %v: %v", r.Class, c.want, r.Err)
			}
		})
	}
}

// three is a mail to all three peers of the host; it draws more often, so that all are among those drawn.
const three = "recipients: 60\nsize: 2KB\n"

func TestRefusedRecipients(t *testing.T) {
	for _, offers := range []string{"", pipelined} {
		for _, c := range []struct {
			name, params, reply string
			class               probe.Class
			mails, taken        int
		}{
			{"abort", "", "550 5.1.1 unknown\r\n", probe.Content, 0, 0},
			{"rest", "refused: rest", "550 5.1.1 unknown\r\n", probe.Content, 1, 2},
			{"full", "refused: rest", "452 4.2.2 full\r\n", probe.Limited, 1, 2},
			{"mail server", "as: mta\nbackoff: 10m", "450 4.3.0 later\r\n", probe.Overload, 1, 2},
		} {
			t.Run(c.name+offers, func(t *testing.T) {
				s := &script{answer: but(usual(offers), "RCPT TO:<c@", c.reply)}
				h := host(t, s.serve(t))
				r := h.Do(shortly(t, 10*time.Second), bound(t, "send", three+c.params))
				if r.Class != c.class || !strings.Contains(r.Err.Error(), "1 of 3 recipients") {
					t.Fatalf("came to %v: %v", r.Class, r.Err)
				}
				taken := probe.TakenFor(r.Err)
				if s.whole() != c.mails || len(taken) != c.taken || slices.Contains(taken, "c@example.test") || probe.MayBeTaken(r.Err) {
					t.Errorf("%d mails, taken for %v: %s", s.whole(), taken, s.got())
				}
			})
		}
	}
}

// A server that wants to be waited for gets one command at a time, one that offers PIPELINING the group; and RSET after a mail
// that was broken off.
func TestGroups(t *testing.T) {
	for _, c := range []struct{ name, offers, params, want string }{
		{"off", pipelined, "pipelining: off", "MAIL RCPT:nobody RSET MAIL RCPT:b DATA ."},
		{"not offered", "", "", "MAIL RCPT:nobody RSET MAIL RCPT:b DATA ."},
		{"one group", pipelined, "", "MAIL RCPT:nobody DATA RSET MAIL RCPT:b DATA ."},
	} {
		t.Run(c.name, func(t *testing.T) {
			dataAfterRefusal := func(command string) string {
				if command == "RCPT TO:<nobody@example.test>" {
					return "550 5.1.1 unknown\r\n"
				}
				return usual(c.offers)(command)
			}
			refused := false
			s := &script{answer: func(command string) string {
				reply := dataAfterRefusal(command)
				if command == "DATA" && refused {
					reply = "554 5.5.1 no valid recipients\r\n"
				}
				refused = strings.HasPrefix(reply, "550")
				return reply
			}}
			h := host(t, s.serve(t))
			for _, peer := range []string{"nobody", "b"} {
				h.Peers = []probe.Account{{Address: peer + "@example.test"}}
				r := h.Do(shortly(t, 5*time.Second), bound(t, "send", c.params))
				if (r.Err == nil) != (peer == "b") {
					t.Fatalf("%s: %v", peer, r.Err)
				}
			}
			if got := s.got(); got != c.want {
				t.Errorf("the server got %s, want %s", got, c.want)
			}
		})
	}
}

// A server that says 354 although it took no recipient gets an empty message, as RFC 2920 asks.
func TestGoAheadForNobody(t *testing.T) {
	s := &script{answer: but(but(usual(pipelined), "RCPT", "550 5.1.1 unknown\r\n"), ".", "554 5.5.1 no recipients\r\n")}
	h := host(t, s.serve(t))
	h.Peers = h.Peers[:1]
	for range 2 {
		if r := h.Do(shortly(t, 5*time.Second), bound(t, "send", "")); r.Class != probe.Content || !strings.Contains(r.Err.Error(), "550 5.1.1") {
			t.Fatalf("%v: %v", r.Class, r.Err)
		}
	}
	if got := s.got(); got != "MAIL RCPT:b DATA . RSET MAIL RCPT:b DATA ." {
		t.Error(got)
	}
}

// A mail server tries again what was refused for the time being, and only that.
func TestRetry(t *testing.T) {
	var left int
	s := &script{}
	s.answer = func(command string) string {
		s.mu.Lock()
		defer s.mu.Unlock()
		if strings.HasPrefix(command, "RCPT TO:<c@") && left > 0 {
			left--
			return "450 4.2.0 Greylisted\r\n"
		}
		return usual(pipelined)(command)
	}
	address := s.serve(t)
	for _, c := range []struct {
		params  string
		refuses int
		class   probe.Class
		mails   int
	}{
		{"as: mta\nbackoff: 10ms", 2, probe.OK, 3},    // one of them empty: the script goes on although it took no recipient
		{"as: mta\nbackoff: 1h", 1, probe.Limited, 1}, // no time for it
		{"retry: mta\nbackoff: 10ms", 1, probe.OK, 1}, // all or nothing
		{"", 1, probe.Limited, 0},
	} {
		s.mu.Lock()
		left, s.commands, s.mails = c.refuses, nil, 0
		s.mu.Unlock()
		h := host(t, address)
		r := h.Do(shortly(t, 5*time.Second), bound(t, "send", three+c.params))
		if r.Class != c.class || s.whole() != c.mails {
			t.Errorf("%q came to %v with %d mails: %v: %s", c.params, r.Class, s.whole(), r.Err, s.got())
		}
		h.Close()
	}
}

// Hundreds of recipients in groups, none lost.
func TestManyRecipients(t *testing.T) {
	s := &script{answer: usual(pipelined)}
	h := host(t, s.serve(t))
	h.Peers = nil
	for i := range 5000 {
		h.Peers = append(h.Peers, probe.Account{Address: "u" + strings.Repeat("x", i%40) + string(rune('a'+i%26)) + "@example.test"})
	}
	if r := h.Do(shortly(t, 10*time.Second), bound(t, "send", "recipients: 1000")); r.Err != nil {
		t.Fatal(r.Err)
	}
	if n := strings.Count(s.got(), "RCPT"); n < groupSize || s.whole() != 1 {
		t.Errorf("%d recipients, %d mails", n, s.whole())
	}
}

func TestLoginByLogin(t *testing.T) {
	s := &script{answer: func(command string) string {
		switch {
		case command == "AUTH LOGIN", command == coded(account.Login):
			return "334 VXNlcm5hbWU6\r\n"
		case command == coded(account.Password):
			return "235 in\r\n"
		}
		return usual("250-AUTH=LOGIN\r\n")(command)
	}}
	h := host(t, s.serve(t))
	if r := h.Do(shortly(t, 5*time.Second), bound(t, "login", "")); r.Err != nil {
		t.Error(r.Err)
	}
}

// A server from before 1995.
func TestHELO(t *testing.T) {
	s := &script{answer: but(usual(""), "EHLO", "502 unknown\r\n")}
	h := host(t, s.serve(t))
	if r := h.Do(shortly(t, 5*time.Second), bound(t, "send", "")); r.Err != nil || !strings.Contains(s.got(), "HELO MAIL") {
		t.Errorf("%v: %s", r.Err, s.got())
	}
}

// Whoever keeps account of the mail finds what is left open, and the class is that of the network.
func TestMayBeTaken(t *testing.T) {
	err := (&session{ctx: t.Context()}).unheard(doingSend, io.EOF)
	if !errors.Is(err, probe.ErrMayBeTaken) || probe.ClassOf(err) != probe.Reset || !strings.Contains(err.Error(), "after the final dot: the mail may have been taken") {
		t.Error(err)
	}
}
