// Package browser is the user of a webmail in a real Chromium: it loads the page, types, clicks, and waits until what a
// person waits for is painted.
//
// All users of a target share one browser process; each has a browser context of its own (cookies, cache, connections) with
// one tab, which is thrown away after so many journeys as the target says. That costs about 60 to 100 MiB a user, so there
// are tens of them beside the thousands of package web, at most MaxUsers for each target. Everything that Chromium sends goes
// through a proxy inside pegel that dials as all probes do, so the scenario's allow-list holds for it as well. Chromium
// resolves no names, and accepts, besides what it trusts anyway, the one certificate of the target that pegel has verified
// itself.
//
// What login, list, read, compose, send, search, poll and logout do is written in the site file of the target, part browser.
// Login, inbox, open and logout can also be given the selectors of a simple page as parameters; page, click, type, wait and
// text are single gestures.
package browser

import (
	"errors"

	"pegel/probes/probe"
)

// MaxUsers is how many users one target's browser takes at once; further ones fail with class limited when they come.
const MaxUsers = 40

// ErrNoChromium is the failure of Prepare on a machine without Chromium.
var ErrNoChromium = errors.New("chromium is not installed: install the package chromium")

// Protocol returns the protocol browser: the actions of sites, single gestures, and the inbox of a page given by selectors.
func Protocol() probe.Protocol {
	return probe.Protocol{
		Name: "browser", Schemes: []string{"http", "https"},
		Prepare: prepare,
		Open:    openTab,
		Actions: map[string]probe.Action{
			"login":   either("login", (*tab).login),
			"list":    verb("list"),
			"read":    read,
			"compose": verb("compose"),
			"send":    send,
			"search":  search,
			"poll":    verb("poll"),
			"logout":  either("logout", (*tab).logout),
			"inbox":   action("inbox", (*tab).inbox),
			"open":    action("open", (*tab).open),
			"page":    openPage,
			"click":   clickOn,
			"type":    typeInto,
			"wait":    waitFor,
			"text":    readText,
		},
		Answers: []string{"text"},
	}
}
