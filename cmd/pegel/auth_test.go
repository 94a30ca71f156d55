package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"pegel/testenv"
)

const offices = `
name: offices
targets: {imap: {url: %q}, smtp: {url: %q}, caldav: {url: %q}, web: {url: %q}}
accounts: %s
activity: {desktop: 50%%, browser: 50%%, source: test}
personas: [{name: desktop, journey: mail, tags: {from: office}}, {name: browser, journey: %s}]
journeys:
  mail:
    - {do: imap.login}
    - {do: smtp.send, think: 20ms}
    - {do: caldav.discover}
    - repeat: {for: session}
      steps: [{do: imap.fetch, think: 20ms, tags: {folder: inbox}}]
  webmail:
    - {do: web.login}
    - repeat: {for: session}
      steps: [{do: web.list, think: 20ms}]
load: {stages: {users: [16], ramp: 500ms, settle: 500ms, hold: 3s}}
objectives: [{action: "imap.*", p95: 5s}]
`

// A run with each way to log in: it works, groups and tags are in its report and its exports, and no secret is in anything that
// it leaves behind, compressed or not.
func TestWaysToLogInLeaveNoSecret(t *testing.T) {
	const token, app, master, own = "token-3f9a77", "app-word-7712", "master-word-1299", "own-word-4411"
	platform, err := testenv.Start(t.Context(), testenv.Options{Accounts: 100, Password: own,
		Auth: testenv.Auth{AppPassword: app, Token: token, Master: "migration", MasterPassword: master}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { platform.Close() })
	var tokens strings.Builder
	tokens.WriteString("login,token,group\n")
	for i := range 40 {
		group := []string{"interior", "tax"}[i/4%2]
		fmt.Fprintf(&tokens, "%s,%s.%s,%s\n", platform.Login(i), token, platform.Login(i), group)
	}
	secrets := map[string]string{"OWN": own, "APP": app, "MASTER": master, "BAD": "wrong-word-55"}
	pattern := `pattern: "u{n:05}@example.test", count: 40, first: 0, groups: {interior: 1-4, tax: 5-40}`
	for _, c := range []struct {
		name, accounts, journey string
		code                    int
	}{
		{"token", "{csv: tokens.csv, auth: {method: xoauth2}}", "webmail", exitCaution},
		{"app", "{" + pattern + ", password: {env: OWN}, auth: {method: app_password, app_password: {env: APP}}}", "webmail", exitCaution},
		{"master", "{" + pattern + ", password: {env: MASTER}, auth: {method: master, user: migration}}", "mail", exitCaution},
		{"refused", "{" + pattern + ", password: {env: BAD}, auth: {method: master, user: migration}}", "mail", exitNoStart},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			scenario := fmt.Sprintf(offices, platform.URLs.IMAP, platform.URLs.SMTP, platform.URLs.CalDAV, platform.URLs.Web, c.accounts, c.journey)
			for name, text := range map[string]string{"s.yaml": scenario, "tokens.csv": tokens.String()} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			getenv := func(name string) (string, bool) {
				value, ok := secrets[name]
				return value, ok
			}
			out := filepath.Join(dir, "run")
			code, stdout, stderr := runInto(t, out, []string{"run", filepath.Join(dir, "s.yaml"), "--out", out}, getenv)
			if code != c.code {
				t.Fatalf("exit code %d, want %d\n%s%s", code, c.code, stdout, stderr)
			}
			everything := []string{stdout, stderr}
			if c.code != exitNoStart {
				run(t.Context(), []string{"export", out}, environment{stdout: io.Discard, stderr: io.Discard, getenv: getenv})
				rows, err := os.ReadFile(filepath.Join(out, "export", "dimensions.csv"))
				if err != nil {
					t.Fatal(err)
				}
				for _, want := range []string{",group,interior,imap.fetch,", ",group,tax,imap.fetch,", ",tag:from,office,imap.login,", ",tag:folder,inbox,imap.fetch,"} {
					if !strings.Contains(string(rows), want) {
						t.Errorf("dimensions.csv has no %s", want)
					}
				}
				report, err := os.ReadFile(filepath.Join(out, "report.html"))
				if err != nil || !bytes.Contains(report, []byte(`id="groups"`)) || !strings.Contains(stdout, "interior") {
					t.Errorf("groups are not in the report (%v) or in the summary\n%s", err, stdout)
				}
				everything = append(everything, archived(t, out)...)
			}
			for _, text := range everything {
				for _, secret := range []string{own, app, master, token, secrets["BAD"]} {
					if strings.Contains(text, secret) {
						t.Errorf("%s is told:\n%.300s", secret, text)
					}
				}
			}
		})
	}
}

// archived is the content of all files of a run, its rows unpacked.
func archived(t *testing.T, dir string) (texts []string) {
	t.Helper()
	unpack, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer unpack.Close()
	err = fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := os.ReadFile(filepath.Join(dir, path))
		texts = append(texts, string(raw))
		magic := []byte{0x28, 0xb5, 0x2f, 0xfd} // of a zstd frame; the rows are such frames
		for rest := raw; filepath.Ext(path) == ".pgl"; {
			at := bytes.Index(rest, magic)
			if at < 0 {
				break
			}
			end := len(rest)
			if next := bytes.Index(rest[at+4:], magic); next >= 0 {
				end = at + 4 + next - 9 // less the next one's head
			}
			if row, err := unpack.DecodeAll(rest[at:end], nil); err == nil {
				texts = append(texts, string(row))
			}
			rest = rest[at+4:]
		}
		return err
	})
	if err != nil || len(texts) < 20 {
		t.Fatalf("%d texts of %s: %v", len(texts), dir, err)
	}
	return texts
}
