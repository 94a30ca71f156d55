package scenarios

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Credentials are how one account logs in. Its String keeps the secrets.
type Credentials struct {
	Login       string // what the platform is told; with a master user its name is part of it
	Address     string // mail address
	Password    string // of the account, or of the master user
	AppPassword string // what programs log in with instead of Password; "": Password
	Token       string // OAuth 2.0 access token, used instead of a password; "": none
	group       string
}

// String keeps the secrets.
func (c Credentials) String() string { return c.Login + " (secret)" }

// GoString keeps the secrets.
func (c Credentials) GoString() string { return c.String() }

// Method is how accounts log in: Password where the scenario does not say.
func (a Accounts) Method() string { return cmp.Or(a.Auth.Method, Password) }

// as is what the platform is told at login: with a master user its name behind the account's, as Dovecot and Cyrus have it.
func (a Accounts) as(login string) string {
	if a.Method() != MasterUser {
		return login
	}
	return login + cmp.Or(a.Auth.Joint, "*") + a.Auth.User
}

// needs are the columns that a CSV file must have besides login, where the scenario does not give the secret for all.
func (a Accounts) needs() []string {
	switch {
	case a.Method() == XOAuth2 && !a.Auth.Token.given():
		return []string{"token"}
	case a.Method() == Password && !a.Password.given():
		return []string{"password"}
	}
	return nil
}

// auth checks how accounts log in, and that the secret for it is given.
func (c *checker) auth() {
	a := c.Accounts
	if a.Pos == (Pos{}) {
		return // reported already
	}
	methods := []string{Password, AppPassword, XOAuth2, MasterUser}
	at := c.Field(a.Pos, "auth")
	if !slices.Contains(methods, a.Method()) {
		c.fail(didYouMean(a.Auth.Method, methods), fmt.Sprintf("unknown method %q", a.Auth.Method), at, "method")
		return
	}
	for _, only := range []struct{ key, method string }{
		{"token", XOAuth2}, {"app_password", AppPassword}, {"user", MasterUser}, {"joint", MasterUser},
	} {
		if a.Method() != only.method && a.Auth.Pos != (Pos{}) && c.has(at, only.key) {
			c.failKey("", fmt.Sprintf("%s makes no sense with the method %s, only with %s", only.key, a.Method(), only.method), at, only.key)
		}
	}
	switch a.Method() {
	case MasterUser:
		c.master(at)
	case XOAuth2:
		if !a.Auth.Token.given() && a.CSV == "" {
			c.missing(at, "token is", "write token: {env: PEGEL_TOKEN}, or take the accounts from a CSV file with a column token", "token")
		}
	case AppPassword:
		if !a.Auth.AppPassword.given() && !a.Password.given() && a.CSV == "" {
			c.missing(at, "app_password is", "write app_password: {env: PEGEL_APP_PASSWORD}", "app_password")
		}
	default:
		if !a.Password.given() && a.CSV == "" {
			c.missing(a.Pos, "password is", "write password: {env: PEGEL_PASSWORD}", "password")
		}
	}
	c.formLogins(at)
}

func (c *checker) master(at Pos) {
	a := c.Accounts
	if a.Auth.User == "" {
		c.missing(at, "user is", "write user: migration, the name of the master user", "user")
	} else if strings.ContainsFunc(a.Auth.User, control) {
		c.fail("", "a name has no control characters", at, "user")
	}
	if strings.ContainsFunc(a.Auth.Joint, control) || len(a.Auth.Joint) > 8 {
		c.fail("Dovecot's auth_master_user_separator is *", "joint is a few plain characters", at, "joint")
	}
	if !a.Password.given() { // one password for all; what a file has is the accounts' own
		c.missing(a.Pos, "password of the master user is", "write accounts.password: {env: PEGEL_MASTER_PASSWORD}", "password")
	}
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

// formLogins refuses a browser where there is no password that it could type in.
func (c *checker) formLogins(at Pos) {
	a := c.Accounts
	if a.Method() != XOAuth2 && a.Method() != AppPassword || a.Password.given() || a.CSV != "" || !c.read("journeys") {
		return
	}
	for _, name := range names(c.Journeys) {
		if typesPassword(c.Journeys[name]) {
			c.fail("give accounts.password as well, or leave the browser out",
				fmt.Sprintf("journey %q drives a browser, which types in a password, but the method %s gives none", name, a.Method()), at, "method")
			return
		}
	}
}

// typesPassword says whether a step is one of a real browser.
func typesPassword(j Journey) bool {
	types := func(action string) bool { return strings.HasPrefix(action, "browser.") }
	for _, s := range j {
		if types(s.Do) || typesPassword(s.Steps) || typesPassword(s.Else) {
			return true
		}
		for _, choice := range s.Choose {
			if types(choice.Do) || typesPassword(choice.Steps) {
				return true
			}
		}
		for _, b := range s.Parallel {
			if typesPassword(b.Steps) {
				return true
			}
		}
	}
	return false
}
