package imap

import (
	"fmt"
	"strings"
	"testing"

	"pegel/probes/probe"
)

// play feeds a tracker with what a server says and a client sends, one event a line:
//
//	> TAG command              sent
//	< TAG OK                   received, an answer
//	select BOX v=7 n=10 e=3    SELECT that the server answers so: UIDVALIDITY, UIDNEXT, EXISTS, m=HIGHESTMODSEQ
//	select BOX                 SELECT that is answered later by: selected v=…
//	exists 3, expunge 2, vanished 4:7, earlier 4:7
//	fetch 1 uid=5 size=10 env=3 modseq=4 flags=\Seen,x
//	append BOX v=7 uid=9 flags=\Seen
//	store 9 +\Seen; stored, failed
//	create BOX, close
func play(t *testing.T, tr *tracker, script string) {
	t.Helper()
	for line := range strings.SplitSeq(strings.TrimSpace(script), "\n") {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		var n [8]uint64
		names, given := "vnemusf", map[byte]bool{}
		var flags []string
		var env uint64
		for _, arg := range f[1:] {
			key, value, ok := strings.Cut(arg, "=")
			if !ok {
				continue
			}
			if key == "flags" {
				given['f'] = true
				if value != "" {
					flags = strings.Split(value, ",")
				}
				continue
			}
			var x uint64
			fmt.Sscan(value, &x)
			if key == "env" {
				env = x
				continue
			}
			k := key[0]
			if key == "modseq" {
				k = 'm'
			}
			n[strings.IndexByte(names, k)], given[k] = x, true
		}
		get := func(k byte) uint64 { return n[strings.IndexByte(names, k)] }
		number := func(s string) (x uint32) { fmt.Sscan(s, &x); return x }
		box := opened{validity: uint32(get('v')), uidNext: uint32(get('n')), exists: uint32(get('e')), highestModSeq: get('m')}
		switch f[0] {
		case ">":
			tr.Sent([]byte(strings.TrimPrefix(line, "> ")))
		case "<":
			tr.Received([]byte(strings.TrimPrefix(line, "< ")))
		case "select":
			tr.Selecting(f[1])
			if len(f) > 2 {
				tr.Selected(box)
			}
		case "selected":
			tr.Selected(box)
		case "exists":
			tr.Exists(number(f[1]))
		case "expunge":
			tr.Expunged(number(f[1]))
		case "vanished", "earlier":
			tr.Vanished([]byte(f[1]), f[0] == "earlier")
		case "fetch":
			m := fetchedMessage{seq: number(f[1]), uid: uint32(get('u')), size: -1, modSeq: get('m'), envelope: env, flags: flags, flagsTold: given['f']}
			if given['s'] {
				m.size = int64(get('s'))
			}
			tr.Fetched(&m)
		case "append":
			tr.Sent([]byte("p APPEND"))
			tr.Received([]byte("p OK"))
			tr.appended(f[1], uint32(get('v')), uint32(get('u')), flags)
		case "store":
			tr.storing(number(f[1]), f[2][0] == '+', []string{f[2][1:]})
		case "stored":
			tr.stored(true)
		case "failed":
			tr.stored(false)
		case "create":
			tr.memory.created(f[1])
		case "close":
			tr.Closed()
		default:
			t.Fatalf("no event %q", line)
		}
	}
}

func newMemory(account uint32, c *claims) *accountMemory {
	return &accountMemory{account: account, claims: c}
}

// Each rule, by sequences of two connections of one account ("A:" and "B:" say whose lines follow) and one of another ("C:"),
// which shares the mailbox; the legal ones are close to the illegal ones.
func TestRules(t *testing.T) {
	own := "A:\n select Sent v=7 n=5 e=0\n append Sent v=7 uid=5 flags=\\Seen\n exists 1\n > a FETCH 1\n fetch 1 uid=5 flags=\\Seen\n < a OK\n"
	store := "> b UID STORE\n store 5 +\\Flagged\n fetch 1 uid=5 flags=\\Seen,\\Flagged\n stored\n < b OK\n"
	for _, c := range []struct{ name, script, rule string }{
		{"UIDs ascend", "A:\nselect X v=1 e=3\nfetch 1 uid=1\nfetch 2 uid=5\nfetch 3 uid=6\nfetch 2 uid=5", ""},
		{"UIDs fall", "A:\nselect X v=1 e=3\nfetch 1 uid=4\nfetch 2 uid=3", ruleUIDOrder},
		{"one UID twice", "A:\nselect X v=1 e=3\nfetch 1 uid=4\nfetch 2 uid=4", ruleUIDOrder},
		{"no room for the UIDs between", "A:\nselect X v=1 e=9\nfetch 1 uid=4\nfetch 9 uid=7", ruleUIDOrder},
		{"a number gets another UID", "A:\nselect X v=1 e=3\nfetch 2 uid=4\nfetch 2 uid=5", ruleUIDOrder},
		{"a number gets another UID after EXPUNGE", "A:\nselect X v=1 e=3\nfetch 2 uid=4\nexpunge 2\nfetch 2 uid=5", ""},
		{"numbers move down", "A:\nselect X v=1 e=3\nfetch 3 uid=4\nexpunge 1\nfetch 2 uid=4\nfetch 2 uid=4", ""},
		{"numbers fail to move down", "A:\nselect X v=1 e=4\nfetch 3 uid=4\nexpunge 1\nfetch 3 uid=4", ruleUIDOrder},
		{"vanished messages move numbers", "A:\nselect X v=1 e=4\nfetch 4 uid=9\nvanished 2:3\nfetch 2 uid=9", ""},
		{"vanished messages fail to", "A:\nselect X v=1 e=4\nfetch 3 uid=9\nvanished 2:3\nfetch 2 uid=9", ruleUIDOrder},
		{"vanished before", "A:\nselect X v=1 e=4\nfetch 4 uid=9\nearlier 1:300\nfetch 4 uid=9", ""},

		{"the same UIDVALIDITY", "A:\nselect inbox v=1 e=0\nB:\nselect INBOX v=1 e=0", ""},
		{"another UIDVALIDITY", "A:\nselect inbox v=1 e=0\nB:\nselect INBOX v=2 e=0", ruleUIDValidity},
		{"another UIDVALIDITY of the same connection", "A:\nselect X v=1 e=0\nselect X v=2 e=0", ruleUIDValidity},
		{"another mailbox", "A:\nselect X v=1 e=0\nselect x v=2 e=0", ""},
		{"made anew", "A:\nselect X v=1 e=0\ncreate X\nB:\nselect X v=2 e=0\nA:\nselect X v=2 e=0", ""},
		{"made anew while SELECT was under way", "A:\nselect X v=1 e=0\nB:\nselect X\nA:\ncreate X\nB:\nselected v=2", ""},
		{"no UIDVALIDITY", "A:\nselect X v=1 e=0\nB:\nselect X e=0\nA:\nselect X v=3 e=0", ""},
		{"another account's mailbox of that name", "A:\nselect X v=1 e=0\nC:\nselect X v=2 e=0", ""},

		{"UIDNEXT grows", "A:\nselect X v=1 n=9 e=3\nexists 4\nfetch 4 uid=9\nB:\nselect X v=1 n=10 e=4", ""},
		{"UIDNEXT below a UID", "A:\nselect X v=1 n=9 e=3\nexists 4\nfetch 4 uid=9\nB:\nselect X v=1 n=9 e=4", ruleUIDNext},
		{"UIDNEXT of before the message came", "B:\nselect X v=1 n=9 e=3\nselect X\nA:\nselect X v=1 n=9 e=3\nexists 4\nfetch 4 uid=9\nB:\nselected v=1 n=9 e=3", ""},
		{"UIDNEXT below an appended UID", "A:\nselect X v=1 n=9 e=3\nappend X v=1 uid=9\nB:\nselect X v=1 n=9 e=4", ruleUIDNext},

		{"EXISTS falls", "A:\nselect X v=1 e=5\nexists 4", ruleExists},
		{"EXISTS falls after EXPUNGE", "A:\nselect X v=1 e=5\nexpunge 5\nexists 4\nexists 6", ""},
		{"EXISTS falls after VANISHED", "A:\nselect X v=1 e=5\nvanished 7,9:10\nexists 2", ""},
		{"EXISTS falls by more", "A:\nselect X v=1 e=5\nexpunge 5\nexists 3", ruleExists},
		{"EXISTS of the next mailbox", "A:\nselect X v=1 e=5\nselect Y\nexists 1\nselected v=1 e=1\nselect X v=1 e=3", ""},

		{"a message beyond EXISTS", "A:\nselect X v=1 e=5\nfetch 6 uid=9", ruleSequence},
		{"message 0", "A:\nselect X v=1 e=5\nfetch 0 uid=9", ruleSequence},
		{"a new message", "A:\nselect X v=1 e=5\nexists 6\nfetch 6 uid=9", ""},
		{"nothing is selected", "A:\nfetch 6 uid=9\nexists 5\nexists 3\nexpunge 9", ""},

		{"expunged what is not there", "A:\nselect X v=1 e=5\nexpunge 6", ruleExpunge},
		{"expunged 0", "A:\nselect X v=1 e=5\nexpunge 0", ruleExpunge},
		{"more vanish than there are", "A:\nselect X v=1 e=5\nvanished 1:6", ruleExpunge},
		{"expunged during FETCH", "A:\nselect X v=1 e=5\n> a FETCH 1:5 (FLAGS)\nexpunge 1", ruleExpunge},
		{"expunged during STORE", "A:\nselect X v=1 e=5\n> a STORE 1 +FLAGS (x)\nexpunge 1", ruleExpunge},
		{"vanished during SEARCH", "A:\nselect X v=1 e=5\n> a SEARCH ALL\nvanished 1", ruleExpunge},
		{"expunged during UID FETCH", "A:\nselect X v=1 e=5\n> a UID FETCH 1:5 (FLAGS)\nexpunge 1", ""},
		{"expunged during NOOP", "A:\nselect X v=1 e=5\n> a FETCH 1:5 (FLAGS)\n< a OK\n> b NOOP\nexpunge 1", ""},
		{"expunged during FETCH and NOOP", "A:\nselect X v=1 e=5\n> a FETCH 1:5 (FLAGS)\n> b NOOP\nexpunge 1", ""},

		{"the same message", "A:\nselect X v=1 e=5\nfetch 1 uid=4096 size=10 env=7\nB:\nselect X v=1 e=5\nfetch 2 uid=4096 size=10\nfetch 2 uid=4096 env=7", ""},
		{"another size", "A:\nselect X v=1 e=5\nfetch 1 uid=4096 size=10\nfetch 1 uid=4096 size=11", ruleMessage},
		{"a message that is gone is filled in with nothing", "A:\nselect X v=1 e=5\nfetch 1 uid=4096 size=10\nfetch 1 uid=4096 size=0", ""},
		{"another size on another connection", "A:\nselect X v=1 e=5\nfetch 1 uid=4096 size=10\nB:\nselect X v=1 e=5\nfetch 2 uid=4096 size=1", ruleMessage},
		{"another envelope", "A:\nselect X v=1 e=5\nfetch 1 uid=4096 env=7\nB:\nselect X v=1 e=5\nfetch 2 uid=4096 env=8", ruleMessage},
		{"another mailbox's message", "A:\nselect X v=1 e=5\nfetch 1 uid=4096 env=7\nselect Y v=1 e=5\nfetch 1 uid=4096 env=8", ""},
		{"the message without its UID", "A:\nselect X v=1 e=5\nfetch 1 uid=4096 size=10\nfetch 1 size=11", ruleMessage},
		{"a mailbox that was made anew", "A:\nselect X v=1 e=5\nfetch 1 uid=4096 env=7\ncreate X\nselect X v=2 e=5\nfetch 1 uid=4096 env=8", ""},

		{"MODSEQ grows", "A:\nselect X v=1 e=5 m=9\nfetch 1 uid=4 modseq=3\nfetch 2 uid=5 modseq=2\nfetch 1 uid=4 modseq=4\nB:\nselect X v=1 e=5 m=9", ""},
		{"MODSEQ falls", "A:\nselect X v=1 e=5 m=9\nfetch 1 uid=4 modseq=3\nfetch 1 uid=4 modseq=2", ruleModSeq},
		{"HIGHESTMODSEQ falls", "A:\nselect X v=1 e=5 m=9\nB:\nselect X v=1 e=5 m=8", ruleModSeq},
		{"HIGHESTMODSEQ below a MODSEQ", "A:\nselect X v=1 e=5 m=9\nfetch 1 uid=4 modseq=12\nB:\nselect X v=1 e=5 m=11", ruleModSeq},
		{"HIGHESTMODSEQ of before", "B:\nselect X v=1 e=5 m=9\nselect X\nA:\nselect X v=1 e=5 m=9\nfetch 1 uid=4 modseq=12\nB:\nselected v=1 e=5 m=9", ""},
		{"the other connection sees an older MODSEQ", "B:\nselect X v=1 e=5 m=9\nA:\nselect X v=1 e=5 m=9\nfetch 1 uid=4 modseq=12\nB:\nfetch 1 uid=4 modseq=9", ""},
		{"no MODSEQ at all", "A:\nselect X v=1 e=5 m=9\nB:\nselect X v=1 e=5", ""},

		{"an own flag stays", own + store + "> c NOOP\n< c OK\n> d FETCH 1\n fetch 1 uid=5 flags=\\Flagged,\\Seen\n < d OK", ""},
		{"an own flag is lost", own + store + "> d FETCH 1\n fetch 1 uid=5 flags=\\Seen\n < d OK", ruleFlags},
		{"a flag of APPEND is lost", own + "> d FETCH 1\n fetch 1 uid=5 flags=\n < d OK", ruleFlags},
		{"a flag of APPEND was never there", "A:\nselect Sent v=7 n=5 e=0\nappend Sent v=7 uid=5 flags=key\nexists 1\n> a FETCH 1\nfetch 1 uid=5 flags=\n< a OK", ""},
		{"a flag is lost for a new connection", own + store + "B:\n select Sent v=7 e=1\n > d FETCH 1\n fetch 1 uid=5 flags=\\Seen", ruleFlags},
		{"a connection that has not looked since", "B:\n select Sent v=7 e=0\n" + own + store + "B:\n exists 1\n > d FETCH 1\n fetch 1 uid=5 flags=\\Seen", ""},
		{"an answer to a question of before", own + "> b UID STORE\n store 5 +\\Flagged\n fetch 1 uid=5 flags=\\Seen,\\Flagged\nB:\n select Sent v=7 e=1\n > d FETCH 1\nA:\n stored\n < b OK\nB:\n fetch 1 uid=5 flags=\\Seen", ""},
		{"taken away again", own + store + "> c UID STORE\n store 5 -\\Flagged\n fetch 1 uid=5 flags=\\Seen\n stored\n < c OK\n > d FETCH 1\n fetch 1 uid=5 flags=\\Seen", ""},
		{"taken away by the other connection", own + store + "B:\n select Sent v=7 e=1\n > c UID STORE\n store 5 -\\Flagged\n stored\n < c OK\nA:\n > d FETCH 1\n fetch 1 uid=5 flags=\\Seen", ""},
		{"two at once", own + "B:\n select Sent v=7 e=1\n > c UID STORE\n store 5 -\\Flagged\nA:\n> b UID STORE\n store 5 +\\Flagged\n fetch 1 uid=5 flags=\\Seen,\\Flagged\n stored\n < b OK\nB:\n stored\n < c OK\nA:\n > d FETCH 1\n fetch 1 uid=5 flags=\\Seen", ""},
		{"STORE was refused", own + store + "> c UID STORE\n store 5 +\\Flagged\n failed\n < c NO\n > d FETCH 1\n fetch 1 uid=5 flags=\\Seen", ""},
		{"somebody else's message", "A:\nselect X v=7 e=1\n> b UID STORE\nstore 5 +\\Flagged\nfetch 1 uid=5 flags=\\Flagged\nstored\n< b OK\n> d FETCH 1\nfetch 1 uid=5 flags=", ""},
		{"another account shares the mailbox", own + store + "C:\n select Sent v=7 e=1\n > c UID STORE\n store 5 -\\Flagged\n stored\n < c OK\nA:\n > d FETCH 1\n fetch 1 uid=5 flags=\\Seen", ""},
		{"others add flags", own + "> d FETCH 1\n fetch 1 uid=5 flags=\\Seen,\\Answered,key\n < d OK\n > e FETCH 1\n fetch 1 uid=5 flags=\\Seen", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			shared := new(claims)
			memory := newMemory(1, shared)
			all := map[string]*tracker{"A": newTracker(memory), "B": newTracker(memory), "C": newTracker(newMemory(2, shared))}
			var on *tracker
			for line := range strings.SplitSeq(c.script, "\n") {
				line = strings.TrimSpace(line)
				if who, ok := strings.CutSuffix(line, ":"); ok {
					on = all[who]
					continue
				}
				play(t, on, line)
			}
			got := ""
			for _, tr := range all {
				if v := tr.take(probe.Account{}); v != nil {
					got = v.Rule
					t.Log(v.Text())
					if v.Expected == "" || v.Came == "" {
						t.Errorf("incomplete: %+v", v)
					}
				}
			}
			if got != c.rule {
				t.Errorf("broken rule %q, want %q", got, c.rule)
			}
		})
	}
}

// After a violation the server's word holds, so that one mistake is told once.
func TestViolationIsToldOnce(t *testing.T) {
	tr := newTracker(newMemory(1, new(claims)))
	for _, script := range []string{
		"select X v=1 e=5\nexists 4", "fetch 1 uid=4096 size=10\nfetch 1 uid=4096 size=11", "select X v=2 e=4",
		"fetch 1 uid=5\nfetch 2 uid=3", "append X v=2 uid=9 flags=\\Seen\nexists 5\n> a FETCH 5\nfetch 5 uid=9 flags=\\Seen\nfetch 5 uid=9 flags=",
	} {
		play(t, tr, script)
		if tr.take(probe.Account{}) == nil {
			t.Errorf("nothing was found in %q", script)
		}
		if v := tr.take(probe.Account{}); v != nil {
			t.Errorf("told twice: %+v", v)
		}
	}
	play(t, tr, "exists 5\nfetch 2 uid=3\nselect X v=2 e=4\nfetch 2 uid=3")
	if v := tr.take(probe.Account{}); v != nil {
		t.Errorf("told again: %s", v.Text())
	}
}
