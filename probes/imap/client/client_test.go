package client

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// serve plays a server for one connection, and returns the connection with what it noted.
func serve(t *testing.T, play func(c net.Conn, r *bufio.Reader)) (*Conn, *notes) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		play(c, bufio.NewReader(c))
	}()
	network, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	shown := new(notes)
	c := New(network, shown, func(text string) string { return strings.ReplaceAll(text, "Passphrase", "(secret)") })
	t.Cleanup(func() { c.Close(); l.Close(); <-ended })
	return c, shown
}

// line reads a command.
func line(r *bufio.Reader) (tag, rest string) {
	text, _ := r.ReadString('\n')
	tag, rest, _ = strings.Cut(strings.TrimRight(text, "\r\n"), " ")
	return tag, rest
}

// A literal waits for the server where it must, and goes out with the command where it may.
func TestLiterals(t *testing.T) {
	for can, want := range map[string]string{
		"IMAP4rev1":          `LOGIN "ann" {4}` + "\n" + `pä` + "\x01",
		"IMAP4rev1 LITERAL+": `LOGIN "ann" {4+}` + "\n" + `pä` + "\x01",
		"IMAP4rev1 LITERAL-": `LOGIN "ann" {4+}` + "\n" + `pä` + "\x01",
	} {
		got := make(chan string, 1)
		c, shown := serve(t, func(c net.Conn, r *bufio.Reader) {
			fmt.Fprintf(c, "* OK [CAPABILITY %s] hello\r\n", can)
			tag, first := line(r)
			if !strings.Contains(first, "+}") {
				if r.Buffered() > 0 {
					first = "the literal came before it was allowed: " + first
				}
				io.WriteString(c, "+ go on\r\n")
			}
			literal := make([]byte, 4)
			io.ReadFull(r, literal)
			line(r)
			got <- first + "\n" + string(literal)
			fmt.Fprintf(c, "* CAPABILITY IMAP4rev1\r\n%s OK Passphrase\r\n", tag)
		})
		if err := c.Greeting(); err != nil {
			t.Fatal(err)
		}
		if err := c.Login("ann", "pä\x01"); err != nil {
			t.Fatal(err)
		}
		if text := <-got; text != want {
			t.Errorf("%s: %q, want %q", can, text, want)
		}
		if text := shown.String(); strings.Contains(text, "pä") || strings.Contains(text, "Passphrase") || !strings.Contains(text, "(secret)") {
			t.Errorf("an observer is shown %q", text)
		}
	}
}

// Every way to log in says what it must, with and without an initial response, and tells no observer.
func TestAuthenticate(t *testing.T) {
	for _, sasl := range []string{"", " SASL-IR"} {
		for name, way := range map[string]struct {
			login func(c *Conn) error
			says  []string
		}{
			"PLAIN":   {func(c *Conn) error { return c.AuthPlain("ann", "hush") }, []string{"\x00ann\x00hush"}},
			"LOGIN":   {func(c *Conn) error { return c.AuthLogin("ann", "hush") }, []string{"ann", "hush"}},
			"XOAUTH2": {func(c *Conn) error { return c.AuthXOAuth2("ann", "hush") }, []string{"user=ann\x01auth=Bearer hush\x01\x01", "\x01"}},
		} {
			c, shown := serve(t, func(c net.Conn, r *bufio.Reader) {
				fmt.Fprintf(c, "* OK [CAPABILITY IMAP4rev1%s] hello\r\n", sasl)
				tag, rest := line(r)
				words := strings.Fields(rest)
				for i, want := range way.says {
					said := ""
					if i == 0 && len(words) == 3 {
						said = words[2]
					} else {
						io.WriteString(c, "+ \r\n")
						said, _ = line(r)
					}
					if got, err := base64.StdEncoding.DecodeString(said); err != nil || string(got) != want {
						fmt.Fprintf(c, "%s BAD %q instead of %q\r\n", tag, got, want)
						return
					}
				}
				if name == "XOAUTH2" { // its second word answers a refusal
					fmt.Fprintf(c, "%s NO [AUTHENTICATIONFAILED] no\r\n", tag)
					return
				}
				fmt.Fprintf(c, "%s OK done\r\n", tag)
			})
			if err := c.Greeting(); err != nil {
				t.Fatal(err)
			}
			err := way.login(c)
			var refused *Refused
			if name == "XOAUTH2" {
				if !errors.As(err, &refused) || refused.Code != "AUTHENTICATIONFAILED" {
					t.Errorf("%s%s: %v", name, sasl, err)
				}
			} else if err != nil || !c.LoggedIn {
				t.Errorf("%s%s: %v", name, sasl, err)
			}
			for _, secret := range []string{"hush", base64.StdEncoding.EncodeToString([]byte(way.says[0]))} {
				if strings.Contains(shown.String(), secret) {
					t.Errorf("%s%s: an observer is shown %q", name, sasl, shown)
				}
			}
		}
	}
}

// What an observer is told is what the server said.
func TestObserver(t *testing.T) {
	c, shown := serve(t, func(c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "* OK [CAPABILITY IMAP4rev1 CONDSTORE] hello\r\n")
		tag, _ := line(r)
		fmt.Fprintf(c, "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 9] x\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n* OK [HIGHESTMODSEQ 99] x\r\n%s OK [READ-WRITE] x\r\n", tag)
		tag, _ = line(r)
		fmt.Fprintf(c, "* 2 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (98) RFC822.SIZE 12 BODY[] {2}\r\nhi)\r\n* VANISHED 1\r\n* 1 EXPUNGE\r\n%s OK x\r\n", tag)
	})
	if err := c.Greeting(); err != nil {
		t.Fatal(err)
	}
	if err := c.Select("Gelöscht", false, true); err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	if err := c.Fetch(&Fetch{Set: Range(1, 3), Items: "(UID)", Body: &body}); err != nil {
		t.Fatal(err)
	}
	c.Rest()
	if body.String() != "hi" || c.Box.Exists != 1 || c.desk != nil {
		t.Errorf("body %q, box %+v, at rest %v", &body, c.Box, c.desk == nil)
	}
	for _, want := range []string{
		`> p1 SELECT "Gel&APY-scht" (CONDSTORE)`, "selected {Name:Gelöscht ReadOnly:false Exists:3 Validity:7 Next:9 ModSeq:99 Permanent:[\\Seen \\*]}",
		"exists 3", "> p2 FETCH 1:3 (UID)", `< * 2 FETCH (UID 5 FLAGS (\Seen) MODSEQ (98) RFC822.SIZE 12 BODY[] {2}`,
		`fetched 2 uid 5 size 12 modseq 98 flags "\\Seen"`, "vanished 1 false", "expunged 1",
	} {
		if !strings.Contains(shown.String(), want) {
			t.Errorf("an observer is not shown %q but\n%s", want, shown)
		}
	}
}

// After COMPRESS both sides understand each other.
func TestCompress(t *testing.T) {
	c, _ := serve(t, func(c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "* OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hello\r\n")
		tag, _ := line(r)
		fmt.Fprintf(c, "%s OK go\r\n", tag)
		unpacked := bufio.NewReader(flate.NewReader(r))
		packer, err := flate.NewWriter(c, flate.DefaultCompression)
		if err != nil {
			return
		}
		for range 3 {
			tag, _ := line(unpacked)
			fmt.Fprintf(packer, "* 7 EXISTS\r\n%s OK done\r\n", tag)
			packer.Flush()
		}
	})
	if err := c.Greeting(); err != nil {
		t.Fatal(err)
	}
	if err := c.Compress(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := c.Noop(); err != nil {
			t.Fatal(err)
		}
		c.Rest()
	}
	if c.Box.Exists != 7 {
		t.Errorf("%d messages", c.Box.Exists)
	}
}

// heard tells when news come.
type heard chan string

func (h heard) Exists(n uint32)   { h <- fmt.Sprint("exists ", n) }
func (h heard) Expunged(n uint32) { h <- fmt.Sprint("expunged ", n) }

// The lookout hears what is said during IDLE while nobody reads, holds nothing, and leaves the rest to the owner.
func TestLookout(t *testing.T) {
	l, err := NewLookout()
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	say := make(chan string)
	c, _ := serve(t, func(c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "* OK [CAPABILITY IMAP4rev1 IDLE] hello\r\n")
		tag, _ := line(r)
		io.WriteString(c, "+ idling\r\n")
		for text := range say {
			io.WriteString(c, text)
		}
		line(r)
		fmt.Fprintf(c, "STS\r\n* 9 EXISTS\r\n%s OK idled\r\n", tag)
	})
	news := make(heard, 10)
	c.News = news
	if err := c.Greeting(); err != nil {
		t.Fatal(err)
	}
	if err := c.Idle(); err != nil {
		t.Fatal(err)
	}
	c.Watch(l)
	for _, text := range []string{"* 4 EXISTS\r\n", "* OK still here\r\n* 5 EXISTS\r\n"} {
		say <- text
		select {
		case <-news:
		case <-time.After(20 * time.Second):
			t.Fatalf("%q was not heard", text)
		}
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		at := c.desk == nil
		c.mu.Unlock()
		if at {
			break
		}
		if time.Now().After(end) {
			t.Fatal("a resting connection holds a desk")
		}
	}
	say <- "* 6 EXI" // the end of the line comes with the owner's next command
	close(say)
	c.Wake()
	err = c.Done()
	if err != nil || c.Box.Exists != 9 || len(news) < 1 || <-news != "exists 6" {
		t.Errorf("the end of the IDLE came to %v, %d messages", err, c.Box.Exists)
	}
}

// The headline of an envelope is its date, its subject and the first sender, whatever way they are written; others are left out.
func TestHeadline(t *testing.T) {
	c, _ := serve(t, func(c net.Conn, r *bufio.Reader) {
		io.WriteString(c, "* OK [CAPABILITY IMAP4rev1] hello\r\n")
		tag, _ := line(r)
		io.WriteString(c, "* 1 FETCH (UID 1 ENVELOPE (\"today\" {5}\r\nHe\"lo ((NIL NIL \"anna\" \"a.test\")(\"B\" NIL \"bert\" \"b.test\")) ((NIL NIL \"other\" \"c.test\")) NIL NIL NIL NIL NIL \"<1@a>\"))\r\n")
		fmt.Fprintf(c, "* 2 FETCH (UID 2 ENVELOPE (NIL NIL NIL ((NIL NIL \"other\" \"c.test\")) NIL NIL NIL NIL NIL NIL))\r\n%s OK x\r\n", tag)
	})
	if err := c.Greeting(); err != nil {
		t.Fatal(err)
	}
	var got []string
	err := c.Fetch(&Fetch{Set: "1:2", Items: "(UID ENVELOPE)", Headline: true, Each: func(m *Message) error {
		got = append(got, string(m.ID)+" "+string(m.Headline))
		return nil
	}})
	if want := []string{"<1@a> today\x00He\"lo\x00anna\x00a.test\x00", " \x00\x00"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v: %q, want %q", err, got, want)
	}
}
