package browser

import (
	"fmt"
	"strings"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"

	"pegel/probes/probe"
)

// click clicks the drawn one of the visible elements of a selector, as soon as it can be, and returns where the page's clock
// stood. draw 0 is the first.
func (s *tab) click(selector string, draw uint64) (*seen, error) {
	got, err := s.wait(ask{Want: []want{{State: "there", Shown: selector, Hit: true, Draw: draw}}, Limit: inputWait.Seconds() * 1000})
	if err != nil {
		return nil, err
	}
	if got.State == "late" {
		why := got.Text
		if why == "" {
			why = "is not there"
		}
		return nil, probe.Failf(probe.Content, s.doing, "%s %s", selector, why)
	}
	return got, s.clickAt(got.X, got.Y)
}

// clickAt clicks a point of the screen.
func (s *tab) clickAt(x, y float64) error {
	if _, err := cdp.Call(s.now, s.session, input.DispatchMouseEvent, input.DispatchMouseEventParams{Type: input.DispatchMouseEventTypeMouseMoved, X: x, Y: y}); err != nil {
		return err
	}
	for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
		_, err := cdp.Call(s.now, s.session, input.DispatchMouseEvent, input.DispatchMouseEventParams{
			Type: kind, X: x, Y: y, Button: input.MouseButtonLeft, ClickCount: 1,
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// enter clicks into a field and replaces what it holds.
func (s *tab) enter(selector, text string) error {
	if _, err := s.click(selector, 0); err != nil {
		return err
	}
	return s.fill(selector, text)
}

// mostTyped is the longest text, in bytes, that is typed. What is longer is put in at once, as a program that pastes does:
// Chromium's own input needs minutes for a megabyte of lines.
const mostTyped = 8 << 10

// fill replaces what a field holds that was clicked.
func (s *tab) fill(selector, text string) error {
	var focused bool
	err := s.evaluate(`(selector) => {
		let e = document;
		for (const part of selector.split(">>>")) {
			const list = [...(e.contentDocument || e).querySelectorAll(part)];
			e = list.find((e) => e.getClientRects().length > 0) || list[0];
			if (!e) return false;
		}
		e.focus();
		const at = e.ownerDocument;
		if (e.select) e.select();
		else if (e.isContentEditable) at.defaultView.getSelection().selectAllChildren(e);
		const active = at.activeElement;
		return active === e || e.contains(active) || (!!active && active.isContentEditable && active.contains(e));
	}`, selector, &focused)
	if err != nil {
		return err
	}
	if !focused {
		return probe.Failf(probe.Content, s.doing, "%s takes no input", selector)
	}
	if len(text) > mostTyped {
		if err := s.paste(text); err != nil {
			return fmt.Errorf("put a long text into %s: %w", selector, err)
		}
		return nil
	}
	if _, err := cdp.Call(s.now, s.session, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		return fmt.Errorf("type into %s: %w", selector, err)
	}
	return nil
}

// paste makes a text the content of the field that has the focus, and tells the page as after any input.
func (s *tab) paste(text string) error {
	var done bool
	return s.evaluate(`(text) => {
		let e = document.activeElement;
		while (e && e.contentDocument) e = e.contentDocument.activeElement; // in a frame
		if ("value" in e) e.value = text;
		else e.replaceChildren(...text.split("\n").map((line) => {
			const p = e.ownerDocument.createElement("p");
			p.textContent = line;
			return p;
		}));
		e.dispatchEvent(new (e.ownerDocument.defaultView.InputEvent)("input", {bubbles: true, inputType: "insertFromPaste"}));
		e.dispatchEvent(new (e.ownerDocument.defaultView.Event)("change", {bubbles: true}));
		return true;
	}`, text, &done)
}

// key is what the keyboard says of a key.
type key struct {
	code int64
	text string
}

var keys = map[string]key{"Enter": {13, "\r"}, "Tab": {9, ""}, "Escape": {27, ""}}

// press presses a key where the focus is.
func (s *tab) press(name string) error {
	k := keys[name]
	if len(name) == 1 {
		k = key{int64(name[0]) - 'a' + 'A', name}
	}
	code := name
	if len(name) == 1 {
		code = "Key" + strings.ToUpper(name)
	}
	down := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: name, Code: code, Text: k.text, UnmodifiedText: k.text, WindowsVirtualKeyCode: k.code}
	if k.text == "" {
		down.Type = input.DispatchKeyEventTypeRawKeyDown
	}
	up := input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: name, Code: code, WindowsVirtualKeyCode: k.code}
	for _, event := range []input.DispatchKeyEventParams{down, up} {
		if _, err := cdp.Call(s.now, s.session, input.DispatchKeyEvent, event); err != nil {
			return err
		}
	}
	return nil
}
