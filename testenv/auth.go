package testenv

import (
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/emersion/go-sasl"
)

// Auth are the ways to log in to a platform besides login and password.
type Auth struct {
	AppPassword    string // of all accounts, for programs: taken by IMAP, SMTP and CalDAV, not by the web page; "": none
	Token          string // OAuth 2.0: an account's access token is this, a dot and its login; XOAUTH2 takes the part before the dot as well; "": none
	Master         string // name of the master user, who logs in as account, Joint, name; "": none
	MasterPassword string
	Joint          string // "*" by default
}

const xoauth2 = "XOAUTH2"

// same compares secrets; none is the same as nothing.
func same(given, right string) bool {
	return right != "" && subtle.ConstantTimeCompare([]byte(given), []byte(right)) == 1
}

// program finds the account of a program's login: by its password, its app password, or the master user's.
func (s *mailStore) program(login, password string) (int, bool) {
	if account, name, joined := strings.Cut(login, s.auth.Joint); joined && s.auth.Master != "" && name == s.auth.Master {
		i, ok := s.index(account)
		return i, ok && same(password, s.auth.MasterPassword)
	}
	i, ok := s.index(login)
	return i, ok && (same(password, s.password) || same(password, s.auth.AppPassword))
}

// mechanisms are the SASL mechanisms that IMAP and SMTP offer.
func (s *mailStore) mechanisms() []string {
	if s.auth.Token == "" {
		return []string{sasl.Plain}
	}
	return []string{sasl.Plain, xoauth2}
}

// saslServer is the server's side of a mechanism; login is told the account that it comes to. nil where the mechanism is not
// offered.
func (s *mailStore) saslServer(mechanism string, login func(account int, ok bool) error) sasl.Server {
	switch {
	case mechanism == sasl.Plain:
		return sasl.NewPlainServer(func(identity, user, password string) error {
			account, ok := s.program(user, password)
			return login(account, ok && (identity == "" || identity == user))
		})
	case mechanism == xoauth2 && s.auth.Token != "":
		return &tokenServer{store: s, login: login}
	}
	return nil
}

// tokenServer is the server's side of XOAUTH2: a refusal is told as a challenge first, which the client answers.
type tokenServer struct {
	store   *mailStore
	login   func(account int, ok bool) error
	refused bool
}

func (t *tokenServer) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case t.refused:
		return nil, true, t.login(0, false)
	case response == nil:
		return []byte{}, false, nil
	}
	fields := strings.Split(string(response), "\x01")
	if len(fields) == 4 {
		user, named := strings.CutPrefix(fields[0], "user=")
		token, bears := strings.CutPrefix(fields[1], "auth=Bearer ")
		i, known := t.store.index(user)
		if known && named && bears && (same(token, t.store.auth.Token) || same(token, t.store.token(i))) {
			return nil, true, t.login(i, true)
		}
	}
	t.refused = true
	return []byte(`{"status":"401","schemes":"bearer","scope":"mail"}`), false, nil
}

// token is the access token of account i.
func (s *mailStore) token(i int) string {
	if s.auth.Token == "" {
		return ""
	}
	return s.auth.Token + "." + s.login(i)
}

// request finds the account of a request by its header: a program's password, or the account's token.
func (s *mailStore) request(r *http.Request) (int, bool) {
	if user, password, basic := r.BasicAuth(); basic {
		return s.program(user, password)
	}
	return s.bearer(r)
}

// bearer finds the account of a request with an access token.
func (s *mailStore) bearer(r *http.Request) (int, bool) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	_, user, whose := strings.Cut(token, ".")
	i, known := s.index(user)
	return i, ok && whose && known && same(token, s.token(i))
}
