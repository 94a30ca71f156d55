// Package stock puts a corpus into the accounts of a platform over IMAP, and takes it out again.
//
// What is in an account is told by the marks of its messages (corpus.Mark), so that nothing need be remembered: filling adds
// what is missing and can be ended at any time, and cleaning removes only messages whose signature is right. Messages are made
// while they are sent, so memory does not grow with their size or number.
package stock

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"

	"pegel/probes/probe"
)

// silence is how long a server may say nothing.
const silence = 5 * time.Minute

// Client is one connection that is logged in. Close must be called.
type Client struct {
	*imapclient.Client
	account probe.Account
	ctx     context.Context
	unguard func() bool
}

// Dial connects with a target and logs an account in, once. The connection ends with ctx. A login that is refused is an error
// of the class auth.
func Dial(ctx context.Context, target probe.Target, account probe.Account) (*Client, error) {
	c := &Client{account: account, ctx: ctx}
	err := c.open(target)
	if err == nil {
		err = c.login()
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func (c *Client) open(target probe.Target) error {
	required := target.StartTLS == "required"
	if target.StartTLS == "optional" {
		if err := c.dial(target, false); err != nil {
			return err
		}
		if !c.Caps().Has(imap.CapStartTLS) {
			return nil
		}
		c.Close()
		required = true
	}
	return c.dial(target, required)
}

func (c *Client) dial(target probe.Target, startTLS bool) error {
	port := target.URL.Port()
	if port == "" {
		port = map[string]string{"imaps": "993"}[target.URL.Scheme]
	}
	if port == "" {
		port = "143"
	}
	raw, err := target.DialContext(c.ctx, "tcp", net.JoinHostPort(target.URL.Hostname(), port))
	if err != nil {
		return c.fail("connect", err)
	}
	conn := net.Conn(patient{raw})
	c.unguard = context.AfterFunc(c.ctx, func() { raw.Close() })
	options := &imapclient.Options{TLSConfig: target.TLS}
	switch {
	case target.URL.Scheme == "imaps":
		secure := tls.Client(conn, target.TLS)
		if err := secure.HandshakeContext(c.ctx); err != nil {
			raw.Close()
			return c.fail("TLS handshake", err)
		}
		c.Client = imapclient.New(secure, options)
	case startTLS:
		if c.Client, err = imapclient.NewStartTLS(conn, options); err != nil {
			raw.Close()
			return c.fail("start TLS", err)
		}
	default:
		c.Client = imapclient.New(conn, options)
	}
	return c.fail("read the greeting", c.WaitGreeting())
}

// login tells who the user is, by the same means as the probe of IMAP.
func (c *Client) login() error {
	const doing = "log in"
	var err error
	switch a, caps := c.account, c.Caps(); {
	case a.Token != "":
		if !caps.Has(imap.AuthCap(probe.MechanismXOAuth2)) {
			return probe.Failf(probe.Auth, doing, "the server offers no login by XOAUTH2, at least not without TLS")
		}
		err = c.Authenticate(probe.XOAuth2{Login: a.Login, Token: a.Token})
	case caps.Has(imap.CapLoginDisabled) && caps.Has(imap.AuthCap(sasl.Plain)):
		err = c.Authenticate(sasl.NewPlainClient("", a.Login, a.Secret()))
	default:
		err = c.Login(a.Login, a.Secret()).Wait()
	}
	var refused *imap.Error
	if errors.As(err, &refused) && refused.Code != imap.ResponseCodeLimit && refused.Code != imap.ResponseCodeUnavailable {
		return probe.Failf(probe.Auth, doing, "server answered %s", c.account.Redact(refused.Error()))
	}
	return c.fail(doing, err)
}

// Close ends the connection without a farewell and waits for its end. Closing again does nothing.
func (c *Client) Close() {
	if c.unguard != nil {
		c.unguard()
	}
	if c.Client != nil {
		_ = c.Client.Close() // what cannot be closed is gone already
		c.Client = nil
	}
}

// fail says what was being done, without secrets; nil stays nil.
func (c *Client) fail(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case c.ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, c.ctx.Err())
	}
	if text := c.account.Redact(err.Error()); text != err.Error() {
		return fmt.Errorf("%s: %s", doing, text)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// patient is a connection whose reader waits for the server no longer than silence, whatever deadline it asks for.
type patient struct{ net.Conn }

// SetReadDeadline implements net.Conn.
func (p patient) SetReadDeadline(t time.Time) error {
	if most := time.Now().Add(silence); t.IsZero() || t.After(most) {
		t = most
	}
	return p.Conn.SetReadDeadline(t)
}
