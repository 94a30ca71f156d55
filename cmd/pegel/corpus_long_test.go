package main

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"pegel/internal/corpus"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

// An account on a real Dovecot is filled with 500 MB (PEGEL_LONG_BYTES says otherwise, such as 10GB) by a process that is killed in
// the middle and begun again: messages and bytes are exactly those that the corpus says, memory stays where it is with a tenth of that, and
// cleaning leaves what was there before.
func TestLongCorpusKilledAndResumed(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("takes some minutes: set PEGEL_LONG=1")
	}
	if missing := real.Missing(); len(missing) > 0 {
		t.Skipf("the corpus is not tested on a real Dovecot: missing %s", strings.Join(missing, ", "))
	}
	amount := "500MB"
	if set := os.Getenv("PEGEL_LONG_BYTES"); set != "" {
		amount = set
	}
	wanted, ok := corpus.ParseBytes(amount)
	if !ok {
		t.Fatalf("PEGEL_LONG_BYTES is %q", amount)
	}
	stack, err := real.Start(t.Context(), real.Options{Accounts: 5, Ports: real.Ports{Free: true}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stack.Close() })
	dir := t.TempDir()
	program, file := filepath.Join(dir, "pegel"), filepath.Join(dir, "stock.yaml")
	if out, err := exec.Command("go", "build", "-o", program, "pegel/cmd/pegel").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := fmt.Sprintf(`name: stock
seed: 9
targets: {imap: {url: %q, ca: %q}}
accounts: {pattern: "u{n:05}@example.test", count: 3, first: 1, password: {env: PEGEL_PASSWORD}}
activity: {reader: 10%%, source: test}
personas: [{name: reader, journey: read}]
journeys: {read: [{do: imap.login}]}
load: {stages: {users: [1], hold: 10s}}
objectives: [{errors: 1%%}]
`, stack.IMAPDirect, stack.CAFile)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	pegel := func(after time.Duration, args ...string) (out string, mebibytes int64, took time.Duration) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		cmd := exec.Command(program, append([]string{"corpus"}, args...)...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		cmd.Env = append(os.Environ(), "PEGEL_PASSWORD="+stack.Password, corpusSecretVariable+"=ours")
		began := time.Now()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if after > 0 {
			defer time.AfterFunc(after, func() { cmd.Process.Kill() }).Stop()
		}
		if err := cmd.Wait(); (err == nil) == (after > 0) {
			t.Fatalf("%v: %v\n%s%s", args, err, &stdout, &stderr)
		}
		return stdout.String(), cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10, time.Since(began)
	}
	pool := probetest.Roots(t, stack.CAFile)
	held := func(account int) (messages int, bytes int64) {
		u, err := url.Parse(stack.IMAPDirect)
		if err != nil {
			t.Fatal(err)
		}
		c, err := imapclient.DialTLS(u.Host, &imapclient.Options{TLSConfig: &tls.Config{RootCAs: pool}})
		if err == nil {
			err = c.Login(real.Account(account), stack.Password).Wait()
		}
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, name := range []string{"INBOX", "Sent", "Archive"} {
			box, err := c.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
			if err != nil || box.NumMessages == 0 {
				continue // nothing was put there yet
			}
			list, err := c.Fetch(imap.SeqSet{{Start: 1}}, &imap.FetchOptions{RFC822Size: true}).Collect()
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range list {
				messages, bytes = messages+1, bytes+m.RFC822Size
			}
		}
		return messages, bytes
	}

	_, little, _ := pegel(0, "fill", file, "--accounts", "2", "--bytes", fmt.Sprintf("%.0fB", wanted/10), "--connections", "3", "--until", "2026-03-31")
	args := []string{"fill", file, "--accounts", "1", "--bytes", amount, "--connections", "3", "--until", "2026-03-31", "--json"}
	done := int64(0)
	var most int64
	for tries := 0; done < int64(wanted/4); tries++ { // killed again and again, until a good part is there
		_, used, _ := pegel(4*time.Second, args...)
		most = max(most, used)
		var n int
		if n, done = held(1); tries > 200 {
			t.Fatalf("only %d messages after %d tries", n, tries)
		}
	}
	killedAt, _ := held(1)
	out, used, took := pegel(0, args...)
	most = max(most, used)
	var told struct {
		Added, Present int
		Bytes          int64
	}
	if err := json.Unmarshal([]byte(out), &told); err != nil {
		t.Fatal(err)
	}

	prefix := corpus.RunPrefix("stock", 9)
	until := time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC)
	box := corpus.Mailbox{Run: corpus.RunUntil(prefix, until), Seed: 9, Owner: real.Account(1), Folders: []string{"INBOX", "Sent", "Archive"}, Until: until,
		Secret: corpus.NewSecret("ours", 9)}
	count, size := box.Count(int64(wanted)), int64(0)
	for n := range count {
		size += corpus.Compose(box.Item(n).Message).Size()
	}
	messages, bytes := held(1)
	t.Logf("%s: %d messages, %d bytes; killed with %d messages there; last run added %d messages in %s (%.0f MB/s); at most %d MiB resident, %d MiB with a tenth of it",
		amount, messages, bytes, killedAt, told.Added, took.Round(time.Second), float64(told.Bytes)/1e6/took.Seconds(), most, little)
	if messages != count || bytes != size || told.Added+told.Present != count || killedAt == 0 || killedAt >= count {
		t.Errorf("%d messages of %d bytes are there, want %d of %d; %d added, %d present", messages, bytes, count, size, told.Added, told.Present)
	}
	if most > 2*little && most > 150 {
		t.Errorf("%d MiB resident at most, %d MiB with a tenth of the bytes", most, little)
	}
	if out, _, _ := pegel(0, "clean", file, "--accounts", "1"); !strings.Contains(out, fmt.Sprintf("%d messages removed", count)) {
		t.Error(out)
	}
	if messages, _ := held(1); messages != 0 {
		t.Errorf("%d messages left", messages)
	}
	if messages, _ := held(2); messages == 0 {
		t.Error("the other account was emptied as well")
	}
}
