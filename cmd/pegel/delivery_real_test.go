package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/internal/delivery"
	"pegel/testenv/real"
)

// right checks a run whose platform lost nothing and delivered nothing wrongly: the ledger says of each message what the files
// say.
func (m *mailRun) right(t *testing.T, stack *real.Stack, atLeast int) {
	t.Helper()
	d, lie := m.d, audit(t, stack, m.run)
	if d.Accepted < atLeast || d.Lost+d.Wrong+d.Unseen+d.Elsewhere+d.Untracked > 0 || d.Delivered != d.Accepted {
		t.Errorf("exit code %d: %+v\n%s", m.code, *d, m.said)
	}
	if n := len(lie.copies); n != d.Delivered+d.UncertainArrived {
		t.Errorf("%d messages lie in INBOXes, the ledger has %d and %d without an answer", len(lie.copies), d.Delivered, d.UncertainArrived)
	}
	if n := lie.twice(); n != d.Twice+d.AgainTwice+d.UncertainTwice {
		t.Errorf("%d messages lie twice, the ledger has %+v", n, *d)
	}
	if (m.code == exitObjective) != d.Broken() {
		t.Errorf("exit code %d with %+v\n%s", m.code, *d, m.said)
	}
	t.Logf("%v for run and search: %+v", m.took.Round(time.Millisecond), *d)
}

// Delivery is interrupted in the middle, three times by killing the agents and once by a platform whose mail server is down for
// seconds: everything waits in Postfix's queue, is waited for, and arrives. An agent killed between delivering and saying so
// makes Postfix deliver again, which the ledger must then have found.
func TestDeliveryInterrupted(t *testing.T) {
	var stack *real.Stack
	var m mailRun
	for range 3 {
		stack = mailStack(t, 60, quickQueue)
		var meanwhile sync.WaitGroup
		meanwhile.Go(func() { interrupt(t, stack, 30, 500*time.Millisecond, time.Second) })
		m = sendMail(t, stack, "", "load.stages={users: [20], ramp: 200ms, settle: 200ms, hold: 4s}")
		meanwhile.Wait()
		if m.d.Unseen == 0 || !strings.Contains(m.said, "could not be looked through") {
			break
		}
		// An agent killed while it wrote leaves now and then a mailbox in which Dovecot delivers nothing and which it does not
		// open for minutes; the account says so, and there is nothing to compare.
		t.Logf("once more: a mailbox stayed shut\n%s", m.said)
	}
	m.right(t, stack, 100)
	if m.d.Late == 0 {
		t.Errorf("nothing was late though delivery stood still: %+v", *m.d)
	}
}

// interrupt kills the delivery agents three times, and then stops Dovecot and starts it again, once so many messages have been
// delivered.
func interrupt(t *testing.T, stack *real.Stack, messages int, apart, down time.Duration) {
	pattern := filepath.Join(stack.Dir, "mail", "*", "*", "mailboxes", "INBOX", "dbox-Mails", "u.*")
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if files, _ := filepath.Glob(pattern); len(files) >= messages {
			break
		}
	}
	killed := 0
	for range 3 {
		time.Sleep(apart)
		n, err := stack.KillDelivery()
		if err != nil {
			t.Error(err)
		}
		killed += n
	}
	if err := stack.StopServer("dovecot"); err != nil {
		t.Error(err)
	}
	time.Sleep(down)
	if err := stack.StartServer(context.Background(), "dovecot"); err != nil {
		t.Error(err)
	}
	t.Logf("%d delivery agents were killed", killed)
	if killed == 0 {
		t.Error("there was no delivery agent to be killed")
	}
}

// Postfix is configured to swap two recipients and to deliver to a third twice, and a message is expunged and another one's file
// deleted behind Dovecot's back: each is found, with the right accounts, and what lies on the disk is what the ledger says.
func TestRealWrongDelivery(t *testing.T) {
	stack := mailStack(t, 60, quickQueue+`virtual_mailbox_domains = example.test, old.test
virtual_alias_maps = inline:{ {u00003@example.test=u00004@old.test}, {u00004@example.test=u00003@old.test}, {u00007@example.test=u00007@example.test u00007@old.test} }
`)
	var meanwhile sync.WaitGroup
	var gone [2]string // what was taken away, as in audit
	meanwhile.Go(func() {
		for end := time.Now().Add(30 * time.Second); time.Now().Before(end) && gone[1] == ""; time.Sleep(20 * time.Millisecond) {
			for i := range gone { // from the first accounts that have mail and no other fault, in turn
				for number := 10 + i; number < 60 && gone[i] == ""; number += 2 {
					gone[i] = takeAway(t, stack, number, i == 0)
				}
			}
		}
	})
	m := sendMail(t, stack, "", "delivery.wait=8s")
	meanwhile.Wait()
	d := m.d
	if gone[0] == "" || gone[1] == "" {
		t.Fatalf("nothing came that could be taken away: %q", gone)
	}
	lie := audit(t, stack, m.run)
	swapped, doubled := 0, 0
	for key, n := range lie.copies {
		switch _, account, _ := strings.Cut(key, " "); account {
		case "3", "4":
			swapped += n
		case "7":
			if n == 2 {
				doubled++
			}
		}
	}
	if m.code != exitObjective || swapped == 0 || doubled == 0 {
		t.Errorf("exit code %d, %d swapped, %d doubled", m.code, swapped, doubled)
	}
	if d.Wrong != swapped || d.Lost != swapped+2 || d.Twice != doubled || d.Unseen+d.Uncertain > 0 || d.Delivered != d.Accepted-d.Lost {
		t.Errorf("%d swapped, %d doubled, 2 taken away, and the ledger says %+v", swapped, doubled, *d)
	}
	named := map[string]bool{}
	for _, e := range d.Examples {
		number := e.Account + 1
		key := fmt.Sprintf("%s %d", e.MessageID, number)
		named[e.Kind+" "+key] = true
		if ok := map[string]bool{
			delivery.Wrong: number == 3 || number == 4, delivery.Twice: number == 7,
			delivery.Lost: number == 3 || number == 4 || key == gone[0] || key == gone[1],
		}; !ok[e.Kind] {
			t.Errorf("%+v", e)
		}
	}
	if d.Lost <= 20 { // all are named
		for _, key := range gone {
			if !named[delivery.Lost+" "+key] {
				t.Errorf("%s was taken away and is not named: %+v", key, d.Examples)
			}
		}
	}
	t.Logf("%d swapped, %d doubled, 2 taken away: %+v", swapped, doubled, *d)
}

// takeAway removes a message from an account's INBOX, as doveadm does or by deleting its file, and returns what it was; "": there is
// none yet.
func takeAway(t *testing.T, stack *real.Stack, number int, properly bool) string {
	user := strings.TrimSuffix(real.Account(number), "@"+real.Domain)
	files, _ := filepath.Glob(filepath.Join(stack.Dir, "mail", "*", user, "mailboxes", "INBOX", "dbox-Mails", "u.*"))
	if len(files) == 0 {
		return ""
	}
	id := messageID(t, files[0])
	if id == "" {
		return "" // is being written
	}
	if properly {
		uid := strings.TrimPrefix(filepath.Ext(files[0]), ".")
		out, err := exec.Command("doveadm", "-c", filepath.Join(stack.Dir, "dovecot", "dovecot.conf"), "expunge", "-u", real.Account(number), "mailbox", "INBOX", "uid", uid).CombinedOutput()
		if err != nil {
			t.Errorf("doveadm: %v: %s", err, out)
		}
	} else if err := os.Remove(files[0]); err != nil {
		t.Error(err)
	}
	return fmt.Sprintf("%s %d", id, number)
}

// 50,000 mails through Postfix into Dovecot, undisturbed: none lost, none twice.
func TestLongDelivery(t *testing.T) { longDelivery(t, false) }

// So too with delivery agents killed and Dovecot down for seconds in the middle.
func TestLongDeliveryInterrupted(t *testing.T) { longDelivery(t, true) }

func longDelivery(t *testing.T, disturbed bool) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("50,000 mails take some minutes; set PEGEL_LONG=1, or make test-long")
	}
	const want = 50_000
	stack := mailStack(t, 1000, quickQueue)
	var meanwhile sync.WaitGroup
	if disturbed {
		meanwhile.Go(func() { interrupt(t, stack, 10_000, 5*time.Second, 10*time.Second) })
	}
	// Each of 120 users sends 420 mails and then rests, so that their number depends on no machine's speed above 140 a second.
	m := sendMail(t, stack, "", "accounts.count=1000", "delivery.wait=15m",
		"journeys.send=[{repeat: {times: 420}, steps: [{do: smtp.send, with: {size: 2KB, as: mta, from: x@outside.example, backoff: 300ms}, think: 200ms}]}, {think: 2h}]",
		"load.stages={users: [120], ramp: 2s, settle: 1s, hold: 6m}")
	meanwhile.Wait()
	m.right(t, stack, want)
	if !disturbed && m.d.Twice > 0 {
		t.Errorf("%d twice", m.d.Twice)
	}
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	t.Logf("the process has had %d MiB from the system", memory.Sys>>20)
}
