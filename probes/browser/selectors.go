package browser

import (
	"errors"

	"pegel/probes/probe"
)

// selectors say where in a webmail's pages things are, as CSS selectors. Every action on such a page takes all of them.
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

// ownWebmail are the selectors of pegel's own webmail.
var ownWebmail = selectors{
	Path: "/", User: "#user", Password: "#password", SignIn: "#signin",
	Inbox: "#inbox", Message: ".message", Empty: "#inbox:empty", Body: "#message-body", ID: "data-id",
	SignOut: "#signout", Error: "#error",
}

type method = func(*tab, *probe.Turn, *selectors) error

// action binds selectors to a method of a tab.
func action(verb string, do method) probe.Action {
	return func(decode func(any) error) (probe.Step, error) {
		at, err := decodeSelectors(decode)
		if err != nil {
			return nil, err
		}
		return func(t *probe.Turn) error { return onTab(t, verb, func(s *tab) error { return do(s, t, at) }) }, nil
	}
}

// either is an action of the target's site where there is one with such a part and no selectors are given, else one on a page
// given by selectors.
func either(verb string, do method) probe.Action {
	return func(decode func(any) error) (probe.Step, error) {
		at, err := decodeSelectors(decode)
		if err != nil {
			return nil, err
		}
		given := *at != ownWebmail
		return func(t *probe.Turn) error {
			return onTab(t, verb, func(s *tab) error {
				if given || len(s.site.Actions[verb].Browser) == 0 {
					return do(s, t, at)
				}
				return s.perform(t, verb, asked{})
			})
		}, nil
	}
}

func decodeSelectors(decode func(any) error) (*selectors, error) {
	at := ownWebmail
	if err := decode(&at); err != nil {
		return nil, err
	}
	if err := at.check(); err != nil {
		return nil, err
	}
	return &at, nil
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
