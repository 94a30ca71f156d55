package browser

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"

	"pegel/probes/probe"
)

const (
	// MostExhibits is how many failures of a run are kept with screenshot and text, for each target.
	MostExhibits = 20

	exhibitWait = 3 * time.Second // so long a page may take to be photographed
	mostText    = 32 << 10        // of a page, in characters
	mostPicture = 1 << 20         // bytes
)

// exhibits are what was kept of failures.
type exhibits struct {
	mu    sync.Mutex
	taken int
	kept  []probe.Exhibit
}

// place is the number of the next one, or false where there is no room for it.
func (x *exhibits) place() (int, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.taken == MostExhibits {
		return 0, false
	}
	x.taken++
	return x.taken, true
}

// room says whether there is one.
func (x *exhibits) room() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.taken < MostExhibits
}

func (x *exhibits) keep(e probe.Exhibit) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.kept = append(x.kept, e)
}

func (x *exhibits) take() []probe.Exhibit {
	x.mu.Lock()
	defer x.mu.Unlock()
	kept := x.kept
	x.kept = nil
	return kept
}

// show keeps what the page looks like at a failure. Passwords are not in it: a browser shows dots for what stands in a field
// for them, fields that hold a secret otherwise are emptied first, and of the text secrets are cut out.
func (s *tab) show(t *probe.Turn, verb string, failure error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), exhibitWait)
	defer cancel()
	before := s.now
	s.now = ctx
	defer func() { s.now = before }()
	account := t.Account()
	var is struct{ Address, Title, Text string }
	secrets := []string{}
	for _, one := range []string{account.Password, account.AppPassword, account.Token} {
		if one != "" {
			secrets = append(secrets, one)
		}
	}
	err := s.evaluate(`(a) => {
		const texts = [];
		const look = (root) => {
			for (const e of root.querySelectorAll("input, textarea")) {
				if (e.type !== "password" && a.secrets.some((s) => e.value.includes(s))) e.value = "";
			}
			const walker = root.createTreeWalker(root, NodeFilter.SHOW_TEXT);
			for (let n; (n = walker.nextNode()); ) {
				for (const s of a.secrets) if (n.data.includes(s)) n.data = n.data.replaceAll(s, "(secret)");
			}
			texts.push(root.body ? root.body.innerText : "");
			for (const e of root.querySelectorAll("iframe, frame")) {
				try { if (e.contentDocument) look(e.contentDocument); } catch {}
			}
		};
		look(document);
		return {address: location.origin + location.pathname, title: document.title, text: texts.join("\n\n").slice(0, a.most)};
	}`, map[string]any{"secrets": secrets, "most": mostText}, &is)
	if err != nil {
		return // a page that does not answer has nothing to show
	}
	quality := int64(60)
	shot, err := cdp.Call(ctx, s.session, page.CaptureScreenshot, page.CaptureScreenshotParams{Format: page.CaptureScreenshotFormatJpeg, Quality: &quality})
	if err != nil {
		shot = page.CaptureScreenshotResult{}
	}
	number, room := s.browser.exhibits.place()
	if !room {
		return
	}
	said := account.Redact(failure.Error())
	words := fmt.Sprintf("%s.%s\n%s\n%s\n%s\n\n%s\n", s.name, verb, said, is.Address, is.Title, is.Text)
	name := fmt.Sprintf("failure-%s-%02d", plain(s.name), number)
	e := probe.Exhibit{Action: verb, Failure: said, Last: number == MostExhibits,
		Files: []probe.ExhibitFile{{Name: name + ".txt", Data: []byte(account.Redact(words))}}}
	if len(shot.Data) > 0 && len(shot.Data) <= mostPicture {
		e.Files = append(e.Files, probe.ExhibitFile{Name: name + ".jpg", Data: shot.Data})
	}
	s.browser.exhibits.keep(e)
}

// plain makes a name fit for a file.
func plain(name string) string {
	b := []byte(name)
	for i, c := range b {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			b[i] = '-'
		}
	}
	return string(b)
}
