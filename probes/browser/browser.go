// Package browser is the user of a webmail in a real Chromium: it loads the page, types, clicks, and waits until what a
// person waits for is painted.
//
// All users of a target share one browser process; each has a browser context of its own (cookies, cache, connections) with
// one tab. That costs about 60 to 100 MiB a user, so there are tens of them beside the thousands of package web, at most
// MaxUsers for each target. Everything that Chromium sends goes through a proxy inside pegel that dials as all probes do, so
// the scenario's allow-list holds for it as well. Chromium resolves no names, and accepts, besides what it trusts anyway,
// the one certificate of the target that pegel has verified itself.
//
// Which elements make a page's login form, inbox and message is a matter of parameters (selectors), so that any webmail can
// be described; the defaults are those of pegel's own.
package browser

import (
	"errors"

	"pegel/probes/probe"
)

// MaxUsers is how many users one target's browser takes at once; further ones fail with class limited when they come.
const MaxUsers = 40

// ErrNoChromium is the failure of Prepare on a machine without Chromium.
var ErrNoChromium = errors.New("chromium is not installed: install the package chromium")

// Protocol returns the protocol browser: login, inbox, open, logout.
func Protocol() probe.Protocol {
	return probe.Protocol{
		Name: "browser", Schemes: []string{"http", "https"},
		Prepare: prepare,
		Open:    openTab,
		Actions: map[string]probe.Action{
			"login":  action((*tab).login),
			"inbox":  action((*tab).inbox),
			"open":   action((*tab).open),
			"logout": action((*tab).logout),
		},
	}
}

// selectors say where in a webmail's pages things are, as CSS selectors. Every action takes all of them.
type selectors struct {
	Path     string `yaml:"path"`     // of the page with the login form, below the target's URL; default /
	User     string `yaml:"user"`     // input for the login; default #user
	Password string `yaml:"password"` // input for the password; default #password
	SignIn   string `yaml:"signin"`   // what to click then; default #signin
	Inbox    string `yaml:"inbox"`    // is visible as soon as the inbox is shown; default #inbox
	Message  string `yaml:"message"`  // each mail in the inbox; default .message
	Empty    string `yaml:"empty"`    // is there if the inbox holds no mail; default #inbox:empty
	Body     string `yaml:"body"`     // the text of the open mail; default #message-body
	ID       string `yaml:"id"`       // attribute that a mail in the inbox and its open text have in common; default data-id
	SignOut  string `yaml:"signout"`  // what to click to log out; default #signout
	Error    string `yaml:"error"`    // holds the text of an error; default #error
}

// action binds selectors to a method of a tab.
func action(method func(*tab, *probe.Turn, *selectors) error) probe.Action {
	return func(decode func(any) error) (probe.Step, error) {
		at := selectors{
			Path: "/", User: "#user", Password: "#password", SignIn: "#signin",
			Inbox: "#inbox", Message: ".message", Empty: "#inbox:empty", Body: "#message-body", ID: "data-id",
			SignOut: "#signout", Error: "#error",
		}
		if err := decode(&at); err != nil {
			return nil, err
		}
		if err := at.check(); err != nil {
			return nil, err
		}
		return func(t *probe.Turn) error {
			tab, err := probe.SessionAs[*tab](t)
			if err != nil {
				return err
			}
			return tab.do(t, func() error { return method(tab, t, &at) })
		}, nil
	}
}

func (s *selectors) check() error {
	if s.Path == "" || s.Path[0] != '/' {
		return errors.New("path must begin with /")
	}
	for _, selector := range []string{s.User, s.Password, s.SignIn, s.Inbox, s.Message, s.Empty, s.Body, s.ID, s.SignOut, s.Error} {
		if selector == "" {
			return errors.New("a selector must not be empty")
		}
	}
	return nil
}
