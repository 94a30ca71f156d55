package testenv

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// routeCookie names the instance, as a balancer's inserted cookie does.
const routeCookie = "SERVERID"

// charger does a request's visit, and sets the headers that tell the client which backend served it.
type charger func(w http.ResponseWriter, r *http.Request, op string, account int) error

// charge does a visit for a server. It runs until the platform closes, not until the client loses patience: like most real
// software, the platform finishes what it has begun.
func (p *Platform) charge(op string, account int) error { return p.network.Visit(p.ctx, op, account) }

// chargeClient is charge for a client whose address counts.
func (p *Platform) chargeClient(op string, c Client) error {
	_, err := p.network.Serve(p.ctx, op, c)
	return err
}

// chargeHTTP does a visit as the balancer sends it on. Of several instances the client is shown which it was, by X-Backend and
// by a cookie; without, X-Backend names the node that has the account's shard.
func (p *Platform) chargeHTTP(w http.ResponseWriter, r *http.Request, op string, account int) error {
	c := Client{Account: account, Source: source(r.RemoteAddr)}
	if cookie, err := r.Cookie(routeCookie); err == nil {
		if n, err := strconv.Atoi(strings.TrimPrefix(cookie.Value, "web-")); err == nil {
			c.Cookie = max(n, 0)
		}
	}
	instance, err := p.network.Serve(p.ctx, op, c)
	if err != nil && errors.Is(err, ErrLimited) {
		return err // nobody was asked
	}
	if instance == 0 {
		w.Header().Set("X-Backend", p.webNode(account))
		return err
	}
	name := fmt.Sprintf("web-%d", instance)
	w.Header().Set("X-Backend", name)
	if by := p.options.Definition.Balance.By; instance != c.Cookie && (by == ByCookie || by == ByHop) {
		http.SetCookie(w, &http.Cookie{Name: routeCookie, Value: name, Path: "/"})
	}
	return err
}

// source is the address of a connection's other end; the zero value if it has none.
func source(remote string) netip.Addr {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// webNode names the web node that serves an account: the account's shard of the first group that web.list visits, so that a
// slow node can be told from the answers' X-Backend. A platform without such a group has a single node.
func (p *Platform) webNode(account int) string {
	program := p.network.engine.program
	at, ok := program.starts["web.list"]
	if !ok {
		return "web-1"
	}
	for _, in := range program.code[at:] {
		if in.op == opEnd {
			break
		}
		if in.op != opTakeShard {
			continue
		}
		group := &program.groups[in.target]
		for k, member := range group.members {
			if member == group.of(account) {
				return fmt.Sprintf("web-%d", k+1)
			}
		}
	}
	return "web-1"
}

// limitedListener turns connections away as Postfix does where an address has made too many: 421 instead of a greeting.
type limitedListener struct {
	net.Listener
	admit func(source netip.Addr) bool
	name  string
}

func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := source(c.RemoteAddr().String())
		if l.admit(from) {
			return c, nil
		}
		// It fits into the socket's buffer; a client that has gone away already is the only thing that can fail.
		fmt.Fprintf(c, "421 4.7.0 %s Error: too many connections from %s\r\n", l.name, from)
		c.Close()
	}
}
