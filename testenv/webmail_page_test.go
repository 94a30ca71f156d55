package testenv

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromium opens a real browser that reaches nothing but this machine.
func chromium(t *testing.T) context.Context {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium on this machine: the page's JavaScript cannot be run")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"))
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting chromium: %v", err)
	}
	return ctx
}

func TestPageInRealBrowser(t *testing.T) {
	ctx := chromium(t)
	p := start(t, Options{})
	do := func(what string, steps ...chromedp.Action[chromedp.Void]) {
		t.Helper()
		if err := chromedp.Do(ctx, steps...); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	text := func(id string) string {
		t.Helper()
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.querySelector("`+id+`").textContent`))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	id := func(name string) chromedp.CSS { return chromedp.CSS("#" + name) }

	do("open the page", chromedp.Navigate(p.URLs.Web), chromedp.WaitVisible(id("signin")))
	do("sign in with a wrong password", chromedp.SendKeys(id("user"), p.Login(1)), chromedp.SendKeys(id("password"), "wrong"),
		chromedp.Click(id("signin")))
	eventually(t, "the error to show", func() bool { return text("#error") == "wrong user or password" })

	do("sign in", chromedp.SetValue(id("password"), p.Password()), chromedp.Click(id("signin")),
		chromedp.WaitVisible(chromedp.CSS("#inbox .message")))
	if got, want := text("#count"), "20 messages, 4 unread"; got != want {
		t.Errorf("the page counts %q, want %q", got, want)
	}
	do("read the newest", chromedp.Click(chromedp.CSS("#inbox .message:first-child")), chromedp.WaitVisible(chromedp.CSS("#message-body[data-id='20']")))
	if len(text("#message-body")) < 150 {
		t.Errorf("the message shown is %q", text("#message-body"))
	}

	do("write to myself", chromedp.Click(id("compose")), chromedp.WaitVisible(id("to")), chromedp.SendKeys(id("to"), p.Login(1)),
		chromedp.SendKeys(id("subject"), "High tide"), chromedp.SendKeys(id("text"), "at noon"), chromedp.Click(id("send")))
	eventually(t, "the mail to be sent", func() bool { return text("#status") == "Message sent." })
	do("load again", chromedp.Navigate(p.URLs.Web), chromedp.WaitVisible(chromedp.CSS("#inbox .message[data-id='21']")))
	if got := text("#inbox .message:first-child .subject"); got != "High tide" {
		t.Errorf("the newest message is %q", got)
	}
	do("sign out", chromedp.Click(id("signout")), chromedp.WaitVisible(id("signin")))

	got := charged(p)
	for op, want := range map[string]int64{"web.page": 2, "web.login": 1, "web.list": 2, "web.read": 1, "web.send": 1, "web.logout": 1} {
		if got[op] != want {
			t.Errorf("%s is charged %d times, want %d: the page must ask for nothing by itself", op, got[op], want)
		}
	}
}
