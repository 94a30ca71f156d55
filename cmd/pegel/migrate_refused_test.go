package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"pegel/internal/archive"
	"pegel/testenv/real"
)

// smallMail is a Dovecot that refuses messages of more than 20 kB.
const smallMail = `
mail_plugins = $mail_plugins quota
plugin {
  quota = count:User quota
  quota_vsizes = yes
  quota_max_mail_size = 20k
}
`

// A migrator whose target refuses a message that is too large: the archive and the report say which it was and why, whether both
// sides were compared or not.
func TestMigratorRefused(t *testing.T) {
	from := mailStack(t, 20, "")
	to, err := real.Start(t.Context(), real.Options{Accounts: 20, Ports: real.Ports{Free: true}, Tweaks: real.Tweaks{DovecotStock: true, DovecotExtra: smallMail}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { to.Close() })
	for n := 11; n <= 13; n++ {
		c := rawIMAP(t, from, n)
		for i, size := range []int{1000, 30_000, 2000} {
			if n == 12 {
				size = 1000
			}
			text := fmt.Sprintf("From: a@old.example\r\nSubject: %d\r\nMessage-ID: <m%d.%d@old.example>\r\n\r\n%s", i, n, i, strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72))
			cmd := c.Append("INBOX", int64(len(text)), &imap.AppendOptions{Time: time.Now().AddDate(0, 0, -1)})
			if _, err := cmd.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			cmd.Close()
			if _, err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, compared := range []bool{true, false} {
		dir := t.TempDir()
		file, out := filepath.Join(dir, "migrating.yaml"), filepath.Join(dir, "run")
		text := migrating
		if !compared {
			text = strings.Replace(text, "do: imap.verify_copy, with: {digest: body}", "do: imap.noop", 1)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), []string{"run", file, "--out", out, "--set", "load.stages={users: [2], ramp: 200ms, settle: 200ms, hold: 5s}", "--set",
			fmt.Sprintf(`targets={imap: {url: "%s", ca: "%s"}, imap.source: {url: "%s", ca: "%s"}}`, to.IMAPDirect, to.CAFile, from.IMAPDirect, from.CAFile)},
			environment{stdout: &stdout, stderr: &stderr, getenv: func(name string) (string, bool) { return real.DefaultPassword, name == "PEGEL_PASSWORD" }})
		said := stdout.String() + stderr.String()
		r, err := archive.Open(out)
		if err != nil {
			t.Fatalf("exit code %d: %v\n%s", code, err, said)
		}
		copies, err := r.Copies()
		if err != nil || copies == nil {
			t.Fatalf("nothing is told of copies: %v\n%s", err, said)
		}
		refused := 0
		for _, a := range copies.Accounts {
			if a.Uncompared == compared {
				t.Errorf("compared %v: %+v", compared, a)
			}
			refused += a.Refused
			if a.Refused == 0 {
				continue
			}
			if len(a.Refusals) != 1 || a.Refused != 1 || compared && a.Missing != 1 {
				t.Errorf("%+v", a)
				continue
			}
			no := a.Refusals[0]
			want := fmt.Sprintf("<m%d.1@old.example>", a.Account+1)
			if no.MessageID != want || no.Mailbox != "INBOX" || no.Tries < 1 || !strings.Contains(no.Reason, "server answered NO") {
				t.Errorf("%+v, want %s", no, want)
			}
			html, err := os.ReadFile(filepath.Join(out, archive.ReportFile))
			if err != nil || !bytes.Contains(html, []byte(strings.Trim(want, "<>"))) || !strings.Contains(said, want) {
				t.Errorf("the report does not tell of %s: %v\n%s", want, err, said)
			}
		}
		if refused != 2 || !strings.Contains(said, "2 messages of 2 accounts were not copied because the source or the target refused them") {
			t.Errorf("compared %v: %d refused: %+v\n%s", compared, refused, copies, said)
		}
	}
}
