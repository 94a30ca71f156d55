package site

import (
	"fmt"
	"strings"
)

// Input says whether the page is given something to react to.
func (g *Gesture) Input() bool { return !g.Click.Empty() || !g.Type.Empty() || g.Press != "" }

// What names the gesture as the site file writes it, for failures: values in it are not filled in.
func (g *Gesture) What() string {
	for _, one := range []struct {
		doing string
		x     Text
	}{{"open", g.Open}, {"click", g.Click}, {"type into", g.Type}, {"wait for", g.Wait}, {"wait for the end of", g.Gone}, {"read", g.Read}} {
		if !one.x.Empty() {
			return one.doing + " " + one.x.source
		}
	}
	return "press " + g.Press
}

func (c *checker) gesture(g *Gesture) {
	given := 0
	for _, x := range []Text{g.Open, g.Click, g.Type, g.Wait, g.Gone, g.Read} {
		c.text(x)
		if !x.Empty() {
			given++
		}
		for part := range strings.SplitSeq(x.source, InFrame) {
			if strings.TrimSpace(part) == "" && strings.Contains(x.source, InFrame) {
				c.fail("write 'iframe#preview >>> #body'", "a selector is missing beside "+InFrame)
			}
		}
	}
	if g.Press != "" {
		given++
	}
	c.selector(g.Click, "click")
	c.selector(g.Type, "type")
	c.selector(g.Wait, "wait")
	c.selector(g.Gone, "gone")
	c.selector(g.Read, "read")
	c.text(g.Text, "text")
	switch {
	case given != 1:
		c.fail("write {open: /}, {click: '#send'}, {type: '#user', text: '{{account.login}}'}, {press: Enter}, {wait: '#inbox'}, {gone: '#busy'} or {read: '#count'}",
			"a gesture has exactly one of open, click, type, press, wait, gone and read")
	case !g.Open.Empty():
		c.within(func() { c.address(g.Open) }, "open")
	case g.Press != "" && !Key(g.Press):
		c.fail("known are "+strings.Join(Keys, ", ")+" and small letters", fmt.Sprintf("unknown key %q", g.Press), "press")
	case g.Type.Empty() != g.Text.Empty():
		c.fail("write {type: '#user', text: '{{account.login}}'}", "type and text belong together")
	case g.Read.Empty() && g.Save != "":
		c.fail("", "save belongs to read", "save")
	case g.Click.Empty() && g.Any:
		c.fail("", "any belongs to click", "any")
	case g.Wait.Empty() && g.Anew:
		c.fail("", "anew belongs to wait", "anew")
	}
	if g.Timeout < 0 {
		c.fail("", "timeout must not be negative", "timeout")
	}
}
