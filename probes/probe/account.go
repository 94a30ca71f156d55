package probe

import (
	"encoding/base64"
	"strings"
)

// Secret is what a program tells the platform instead of a token: the app password where there is one, else the password.
func (a Account) Secret() string {
	if a.AppPassword != "" {
		return a.AppPassword
	}
	return a.Password
}

// Redact takes the account's secrets out of a text, in each form in which they go over the wire: a server, a library or a
// proxy may repeat what it was sent.
func (a Account) Redact(text string) string {
	for _, secret := range []string{a.Password, a.AppPassword, a.Token} {
		if secret == "" {
			continue
		}
		text = strings.ReplaceAll(text, secret, redacted)
		for _, form := range []string{
			encode("\x00" + a.Login + "\x00" + secret),
			encode(a.Login + "\x00" + a.Login + "\x00" + secret),
			encode(a.Login + ":" + secret),
			encode(xoauth2(a.Login, secret)),
			encode(secret),
		} {
			text = strings.ReplaceAll(text, strings.TrimRight(form, "="), redacted)
		}
	}
	return text
}

const redacted = "(secret)"

func encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// XOAuth2 is the SASL mechanism XOAUTH2 by which a client logs in with an access token
// (https://developers.google.com/workspace/gmail/imap/xoauth2-protocol). It is a client of go-sasl.
type XOAuth2 struct{ Login, Token string }

// MechanismXOAuth2 is the mechanism's name.
const MechanismXOAuth2 = "XOAUTH2"

func xoauth2(login, token string) string {
	return "user=" + login + "\x01auth=Bearer " + token + "\x01\x01"
}

// Start returns the mechanism and all that the client has to say.
func (x XOAuth2) Start() (mechanism string, response []byte, err error) {
	return MechanismXOAuth2, []byte(xoauth2(x.Login, x.Token)), nil
}

// Next answers the server's challenge, which is sent after a refusal only and says why in JSON: the dummy response of RFC 7628,
// section 3.2.3, makes the server end the exchange with its own refusal.
func (XOAuth2) Next([]byte) (response []byte, err error) { return []byte{1}, nil }
