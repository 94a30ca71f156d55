package delivery

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

const run = "r1"

func address(i int) string { return fmt.Sprintf("u%05d@example.test", i) }

func id(key uint64) string { return corpus.MessageID(run, key) }

func inbox(key uint64, uid uint32) probe.Sighting {
	return probe.Sighting{ID: id(key), Mailbox: "INBOX", Validity: 1, UID: uid}
}

// Every fate that a message can have, each told once.
func TestFates(t *testing.T) {
	l := New(run, 10, address)
	sent := func(key uint64, sure bool, to ...int) {
		var list []string
		for _, i := range to {
			list = append(list, address(i))
		}
		l.Sent(id(key), list, 0, time.Second, sure)
	}
	see := func(account int, s probe.Sighting) { l.Seen(address(account), s, 0, 0, false) }

	sent(1, true, 1, 2) // to two, both see it, one of them again and again
	see(1, inbox(1, 5))
	see(2, inbox(1, 7))
	see(2, inbox(1, 7))
	sent(2, true, 3) // twice
	see(3, inbox(2, 8))
	see(3, inbox(2, 9))
	sent(3, true, 4) // to 5 instead of 4
	see(5, inbox(3, 1))
	sent(4, true, 6) // never seen
	sent(5, true, 7) // filed by a filter
	see(7, probe.Sighting{ID: id(5), Mailbox: "Junk", Validity: 3, UID: 1})
	sent(6, false, 8) // taken, or not: two copies
	see(8, inbox(6, 1))
	see(8, inbox(6, 2))
	sent(7, false, 8)   // or not
	see(9, inbox(8, 1)) // seen before the sender has its 250
	sent(8, true, 9)
	sent(9, true, 1) // late
	l.Seen(address(1), inbox(9, 6), 0, 0, true)
	see(0, inbox(77, 1))                                                                   // nobody has sent it
	see(0, probe.Sighting{ID: corpus.MessageID("r2", 1), Mailbox: "INBOX", UID: 1})        // of another run
	see(0, probe.Sighting{ID: id(1), Mailbox: "Sent", UID: 1})                             // the sender's own copy
	l.Sent(corpus.MessageID("r2", 1), []string{address(1)}, 0, time.Second, true)          // of another run
	l.Sent(id(10), []string{"somebody@elsewhere.test", "U00001@EXAMPLE.TEST"}, 0, 0, true) // one of two is followed
	see(1, inbox(10, 11))
	sent(11, false, 1) // no answer, then sent again and taken: must be there, may be there twice
	sent(11, true, 1)
	see(1, inbox(11, 12))
	see(1, inbox(11, 13))
	sent(12, false, 4) // so too, and lost all the same
	sent(12, true, 4)
	sent(13, true, 1) // taken, and sent again without an answer
	sent(13, false, 1)
	see(1, inbox(13, 14))
	l.Looked(4)
	l.Looked(1)

	got := l.Count()
	want := Count{Messages: 13, Accepted: 12, Delivered: 8, Late: 1, Elsewhere: 1, Lost: 2, Unseen: 1, Twice: 1, Wrong: 1, Again: 3, AgainTwice: 1,
		Uncertain: 2, UncertainArrived: 1, UncertainTwice: 1}
	want.Examples = []Example{{Lost, id(3), 4}, {Lost, id(12), 4}, {Twice, id(2), 3}, {Wrong, id(3), 5}}
	if fmt.Sprint(got) != fmt.Sprint(want) || fmt.Sprint(got.Examples) != fmt.Sprint(want.Examples) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if list := fmt.Sprint(l.Outstanding()); list != "[4 6]" {
		t.Errorf("outstanding: %s", list)
	}
	if list := fmt.Sprint(l.Recipients()); list != "[1 2 3 4 6 7 8 9]" {
		t.Errorf("recipients: %s", list)
	}
}

// How long a message was on its way is known only to who was waiting for it when it was accepted.
func TestLatency(t *testing.T) {
	const accepted, visible = 10 * time.Second, 12 * time.Second
	for _, c := range []struct {
		name           string
		visible, since time.Duration
		known          bool
	}{
		{"announced", visible, 5 * time.Second, true},
		{"announced before the 250", 9 * time.Second, 5 * time.Second, true},
		{"came across", 0, 0, false},
		{"began to wait afterwards", visible, 11 * time.Second, false},
	} {
		l := New(run, 2, address)
		l.Sent(id(1), []string{address(1)}, 3, accepted, true)
		a, known := l.Seen(address(1), inbox(1, 1), c.visible, c.since, false)
		if known != c.known {
			t.Errorf("%s: known is %v", c.name, known)
		}
		if want := max(c.visible, accepted); known && (a.Accepted != accepted || a.Visible != want || a.Persona != 3 || a.Outstanding != 1) {
			t.Errorf("%s: %+v", c.name, a)
		}
		if _, again := l.Seen(address(1), inbox(1, 1), c.visible, c.since, false); again {
			t.Errorf("%s: counted twice", c.name)
		}
	}
	l := New(run, 2, address)
	l.Seen(address(1), inbox(1, 1), visible, time.Second, false)
	if early := l.Sent(id(1), []string{address(1), address(0)}, 0, accepted, true); early != 1 {
		t.Errorf("%d of those before the 250", early)
	}
}

// The sums do not depend on the order in which things are told, nor on how many tell them.
func TestOrder(t *testing.T) {
	type told struct {
		sent    bool
		key     uint64
		account int
		uid     uint32
	}
	var all []told
	for key := range uint64(500) {
		all = append(all, told{sent: true, key: key, account: int(key % 50)})
		if key%7 != 0 {
			all = append(all, told{key: key, account: int(key % 50), uid: uint32(key + 1)})
		}
		if key%11 == 0 {
			all = append(all, told{key: key, account: int(key+1) % 50, uid: 1000})
		}
	}
	var first string
	for seed := range uint64(4) {
		rng := rand.New(rand.NewPCG(seed, 0))
		rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		l := New(run, 50, address)
		var wg sync.WaitGroup
		for w := range 4 {
			wg.Go(func() {
				for i := w; i < len(all); i += 4 {
					if x := all[i]; x.sent {
						l.Sent(id(x.key), []string{address(x.account)}, 0, time.Second, true)
					} else {
						l.Seen(address(x.account), inbox(x.key, x.uid), 0, 0, false)
					}
				}
			})
		}
		wg.Wait()
		for i := range 50 {
			l.Looked(i)
		}
		c := l.Count()
		if c.Accepted != 500 || c.Lost != 72 || c.Delivered != 428 || c.Wrong != 46 || len(c.Examples) != 2*mostExamples {
			t.Fatalf("seed %d: %+v", seed, c)
		}
		if got := fmt.Sprintf("%+v", c); first == "" {
			first = got
		} else if got != first {
			t.Errorf("seed %d: %s, not %s", seed, got, first)
		}
	}
}

func TestFull(t *testing.T) {
	l := New(run, 1, address)
	l.most = 10
	for key := range uint64(25) {
		l.Sent(id(key), []string{address(0)}, 0, 0, true)
	}
	if c := l.Count(); c.Accepted != 10 || c.Untracked != 15 {
		t.Errorf("%+v", c)
	}
}

// A ledger of 200,000 messages takes less than 150 bytes for each.
func TestMemory(t *testing.T) {
	const n = 200_000
	before := heap()
	l := New(run, 1000, address)
	fill(l, n)
	if per := float64(heap()-before) / n; per > 150 {
		t.Errorf("%.0f bytes for a message", per)
	} else {
		t.Logf("%.0f bytes for a message", per)
	}
	runtime.KeepAlive(l)
}

func fill(l *Ledger, n int) {
	for key := range uint64(n) {
		to := address(int(key % 1000))
		l.Sent(id(probe.Mix(key)), []string{to}, 0, time.Second, true)
		l.Seen(to, inbox(probe.Mix(key), uint32(key)), 0, 0, false)
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// One message sent and seen.
func BenchmarkLedger(b *testing.B) {
	l := New(run, 1000, address)
	ids, to := make([]string, b.N), make([]string, 1000)
	for i := range ids {
		ids[i] = id(probe.Mix(uint64(i)))
	}
	for i := range to {
		to[i] = address(i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		l.Sent(ids[i], to[i%1000:i%1000+1], 0, time.Second, true)
		l.Seen(to[i%1000], probe.Sighting{ID: ids[i], Mailbox: "INBOX", UID: 1}, 0, 0, false)
	}
}
