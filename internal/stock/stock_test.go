package stock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/testenv"
)

// Accounts are filled, an interrupted fill goes on where it ended and adds nothing twice, a repeated one adds nothing, one that is
// asked for more adds the rest, and what the messages are does not depend on how they came. Cleaning takes all of them, those that
// were moved or came to a wrong account included, and nothing else.
func TestFillInterruptResumeClean(t *testing.T) {
	platforms(t, func(t *testing.T, s stage) {
		// Foreign messages: one marked as deleted, one that claims to be of the run but is not signed, one that merely cites it.
		putForeign(t, s, 0, "From: <a@example.test>\r\nMessage-ID: <deleted@example.test>\r\nSubject: x\r\n\r\nx\r\n", imap.FlagDeleted)
		putForeign(t, s, 0, "From: <a@example.test>\r\nMessage-ID: <claims@example.test>\r\nX-Pegel-Run: "+prefix+"20251002\r\nX-Pegel-Owner: "+s.accounts[0].Address+"\r\nX-Pegel-Sign: 1:AAAAAAAAAAAAAAAAAAAAAA\r\n\r\nx\r\n")
		putForeign(t, s, 0, "From: <a@example.test>\r\nMessage-ID: <cites@example.test>\r\nX-Pegel-Run: not "+prefix+"\r\n\r\nx\r\n")
		before := stored(t, s, 0)
		content := Content{Messages: 20, Folders: folders, Today: day(2), Sizes: sizes(t, "uniform(1KB, 40KB)")}

		o := s.options()
		stop := make(chan struct{})
		o.Stop = stop
		var once sync.Once
		content.Done = func(string) { once.Do(func() { close(stop) }) }
		o.Connections = 1
		failed, err := Fill(t.Context(), o, content)
		if !errors.Is(err, ErrStopped) || len(failed) > 0 || o.Tally.Added.Load() != 20 || o.Tally.Accounts.Load() != 1 {
			t.Fatalf("interrupted: %v, %v, %d messages in %d accounts", failed, err, o.Tally.Added.Load(), o.Tally.Accounts.Load())
		}

		// Another day: accounts that have begun go on as of the first.
		o, content.Done, content.Today = s.options(), nil, day(3)
		failed, err = Fill(t.Context(), o, content)
		check(t, failed, err)
		if o.Tally.Added.Load() != 40 || o.Tally.Present.Load() != 20 || o.Tally.Accounts.Load() != 3 || o.Tally.Bytes.Load() < 40*1000 {
			t.Errorf("resumed: %d added, %d present, %d bytes", o.Tally.Added.Load(), o.Tally.Present.Load(), o.Tally.Bytes.Load())
		}
		first := stored(t, s, 0)
		box := corpus.Mailbox{Run: corpus.RunUntil(prefix, day(2)), Seed: 7, Owner: s.accounts[0].Address, Folders: folders, Until: day(2), Sizes: content.Sizes, Secret: secret}
		for n := range 20 {
			if text := first[box.MessageID(n)]; !strings.HasSuffix(text, string(corpus.Message(box.Item(n).Message))) || !strings.Contains(text, box.Item(n).Message.Date.UTC().Format(time.RFC3339)) ||
				!strings.HasPrefix(text, box.Item(n).Folder+" ") || box.Item(n).Seen != strings.Contains(text[:strings.Index(text, "\n")], `\Seen`) {
				t.Errorf("message %d is stored as %.200q", n, text)
			}
		}

		o, content.Messages = s.options(), 25
		failed, err = Fill(t.Context(), o, content)
		check(t, failed, err)
		if o.Tally.Added.Load() != 15 || o.Tally.Present.Load() != 60 {
			t.Errorf("enlarged: %d added, %d present", o.Tally.Added.Load(), o.Tally.Present.Load())
		}
		again := stored(t, s, 0)
		for id, text := range first {
			if again[id] != text {
				t.Errorf("%s has changed", id)
			}
		}

		// One is moved by its owner, one comes to a wrong account.
		c, err := Dial(t.Context(), s.target, s.accounts[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Select("Archiv", nil).Wait(); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Move(imap.SeqSetNum(1), "Trash").Wait(); err != nil {
			t.Fatal(err)
		}
		c.Close()
		astray := box
		astray.Owner = s.accounts[1].Address
		putForeign(t, s, 0, string(corpus.Message(astray.Item(100).Message)))

		o = s.options()
		failed, err = Clean(t.Context(), o, true)
		check(t, failed, err)
		if got := stored(t, s, 0); o.Tally.Removed.Load() != 76 || len(got) != len(before)+26 {
			t.Errorf("dry run: %d to be removed, %d messages there", o.Tally.Removed.Load(), len(got))
		}
		o = s.options()
		failed, err = Clean(t.Context(), o, false)
		check(t, failed, err)
		if o.Tally.Removed.Load() != 76 || o.Tally.Unsigned.Load() != 1 || o.Tally.Astray.Load() != 1 {
			t.Errorf("cleaned: %d removed, %d unsigned, %d astray", o.Tally.Removed.Load(), o.Tally.Unsigned.Load(), o.Tally.Astray.Load())
		}
		after := stored(t, s, 0)
		if len(after) != len(before) {
			t.Errorf("%d messages were there before, %d are after", len(before), len(after))
		}
		for id, text := range before {
			if after[id] != text {
				t.Errorf("%s of somebody else has changed:\n%.200q\n%.200q", id, text, after[id])
			}
		}
	})
}

// One account is filled by several connections, each message once.
func TestFillByBytesOverSeveralConnections(t *testing.T) {
	s := embedded(t)
	s.accounts = s.accounts[:1]
	o := s.options()
	failed, err := Fill(t.Context(), o, Content{Bytes: 1 << 20, Folders: folders, Until: day(2), Sizes: sizes(t, "uniform(1KB, 40KB)")})
	check(t, failed, err)
	if n := o.Tally.Bytes.Load(); n < 1<<20*95/100 || n > 1<<20*110/100+40_000 || o.Tally.Accounts.Load() != 1 {
		t.Errorf("%d bytes in %d accounts", n, o.Tally.Accounts.Load())
	}
	ours := 0
	for id := range stored(t, s, 0) {
		if _, ok := corpus.KeyOf(corpus.RunUntil(prefix, day(2)), id); ok {
			ours++
		}
	}
	if ours != int(o.Tally.Added.Load()) {
		t.Errorf("%d messages added, %d there", o.Tally.Added.Load(), ours)
	}
}

// Without UID EXPUNGE a folder in which somebody else has deleted something is left alone.
func TestCleanWithoutUIDPlus(t *testing.T) {
	memory := imapmemserver.New()
	user := imapmemserver.NewUser("ann", "word")
	if err := user.Create("INBOX", nil); err != nil {
		t.Fatal(err)
	}
	memory.AddUser(user)
	server := imapserver.New(&imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return memory.NewSession(), nil, nil
		},
		Caps: imap.CapSet{imap.CapIMAP4rev1: {}}, InsecureAuth: true, Logger: log.New(io.Discard, "", 0),
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ln) }) // ends by Close
	defer serving.Wait()
	defer server.Close()
	s := stage{target: target(t, "imap://"+ln.Addr().String(), nil), accounts: []probe.Account{{Login: "ann", Address: "ann@example.test", Password: "word"}}}

	o := s.options()
	failed, err := Fill(t.Context(), o, Content{Messages: 5, Folders: []string{"INBOX"}, Until: day(2), Sizes: sizes(t, "2KB")})
	check(t, failed, err)
	putForeign(t, s, 0, "From: <a@example.test>\r\nMessage-ID: <deleted@example.test>\r\n\r\nx\r\n", imap.FlagDeleted)
	failed, err = Clean(t.Context(), o, false)
	if err != nil || len(failed) != 1 || !strings.Contains(failed[0].Err.Error(), "1 messages of others are marked as deleted") {
		t.Fatalf("%v, %v", failed, err)
	}
	if got := stored(t, s, 0); len(got) != 6 {
		t.Errorf("%d messages left, want 6", len(got))
	}
	c, err := Dial(t.Context(), s.target, s.accounts[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	if err := c.Store(imap.SeqSet{{Start: 1}}, &imap.StoreFlags{Op: imap.StoreFlagsDel, Flags: []imap.Flag{imap.FlagDeleted}, Silent: true}, nil).Close(); err != nil {
		t.Fatal(err)
	}
	failed, err = Clean(t.Context(), o, false)
	check(t, failed, err)
	if got := stored(t, s, 0); len(got) != 1 {
		t.Errorf("%d messages left, want 1", len(got))
	}
}

func TestRefusedLoginStopsBeforeOthersTry(t *testing.T) {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 10, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s := stage{target: target(t, p.URLs.IMAP, nil)}
	for n := range 5 {
		s.accounts = append(s.accounts, probe.Account{Login: p.Login(n), Address: p.Login(n), Password: "wrong-word"})
	}
	_, err = Fill(t.Context(), s.options(), Content{Messages: 1})
	var start *StartError
	if !errors.As(err, &start) || probe.ClassOf(err) != probe.Auth || strings.Contains(err.Error(), "wrong-word") {
		t.Errorf("%v", err)
	}
}

// brittle is a connection that is cut after so many bytes were sent.
type brittle struct {
	net.Conn
	left *atomic.Int64
}

func (b brittle) Write(p []byte) (int, error) {
	if b.left.Add(-int64(len(p))) < 0 {
		b.Conn.Close()
	}
	return b.Conn.Write(p)
}

// A connection that is cut in the middle of a message is made anew, and no message is stored twice or in part.
func TestFillSurvivesACutConnection(t *testing.T) {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 10, MessagesPerAccount: -1, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	s := stage{target: target(t, p.URLs.IMAP, nil), accounts: []probe.Account{{Login: p.Login(1), Address: p.Login(1), Password: "right-word"}}}
	o := s.options()
	o.Connections = 1
	dials := 0
	o.Target.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		dials++
		left := new(atomic.Int64)
		left.Store(1 << 40)
		if dials == 2 { // the first one only tries the login
			left.Store(200_000)
		}
		return brittle{conn, left}, err
	}
	failed, err := Fill(t.Context(), o, Content{Messages: 12, Folders: folders, Until: day(2), Sizes: sizes(t, "40KB")})
	check(t, failed, err)
	if got := stored(t, s, 0); dials != 3 || len(got) != 12 || o.Tally.Added.Load() != 12 {
		t.Errorf("%d connections, %d messages stored, %d counted", dials, len(got), o.Tally.Added.Load())
	}
}

// BenchmarkFill fills an account on Dovecot with 200 MB: how fast, and with how much memory in use at most.
func BenchmarkFill(b *testing.B) {
	s := dovecot(b)
	s.accounts = s.accounts[:1]
	for n := 0; b.Loop(); n++ {
		o := s.options()
		o.Prefix = corpus.RunPrefix(fmt.Sprint("bench", n), 7) // another corpus each time
		var most uint64
		done := make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() {
			sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
			for {
				metrics.Read(sample)
				most = max(most, sample[0].Value.Uint64()-sample[1].Value.Uint64())
				select {
				case <-time.After(20 * time.Millisecond):
				case <-done:
					return
				}
			}
		})
		failed, err := Fill(b.Context(), o, Content{Bytes: 200e6, Folders: folders, Until: day(2)})
		close(done)
		watching.Wait()
		if err != nil || len(failed) > 0 {
			b.Fatal(failed, err)
		}
		b.SetBytes(o.Tally.Bytes.Load())
		b.ReportMetric(float64(most)/(1<<20), "MiB-in-use")
		b.ReportMetric(float64(o.Tally.Added.Load()), "messages")
	}
}

func TestPaceSpreads(t *testing.T) {
	p := newPace(200)
	began := time.Now()
	for range 21 {
		if err := p.wait(context.Background(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(began); took < 99*time.Millisecond {
		t.Errorf("21 messages at 200 a second took %s", took)
	}
	stop := make(chan struct{})
	close(stop)
	if err := p.wait(context.Background(), stop); !errors.Is(err, ErrStopped) {
		t.Errorf("after a stop: %v", err)
	}
}
