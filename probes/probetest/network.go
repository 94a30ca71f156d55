package probetest

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/probes/probe"
)

// at returns the suite's target moved to another address; the name in the URL stays, so that certificates still fit.
func (s Suite) at(address string) probe.Target {
	target := s.Target
	target.Shared = nil
	dial := target.DialContext
	target.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return dial(ctx, network, address)
	}
	return target
}

// first is the first case that shall succeed without preparation.
func (s Suite) first(t *testing.T) Case {
	t.Helper()
	for _, c := range s.Cases {
		if c.Fails == probe.OK && len(c.Before) == 0 {
			return c
		}
	}
	t.Fatal("the suite needs a case that succeeds without preparation")
	return Case{}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// serve accepts until the test ends, handles each connection in its own goroutine and waits for all of them.
func serve(t *testing.T, l net.Listener, handle func(net.Conn)) {
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
}

// Between stands between clients and a server at host:port, and returns its own. pass carries on what both say, for each connection
// in a goroutine of its own; when it returns both ends are closed. It ends with the test.
func Between(t *testing.T, server string, pass func(client, server net.Conn)) (address string) {
	t.Helper()
	l := listen(t)
	serve(t, l, func(client net.Conn) {
		at, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		defer at.Close()
		pass(client, at)
	})
	return l.Addr().String()
}

func (s Suite) expect(t *testing.T, ctx context.Context, h *Host, c Case, want probe.Class) {
	t.Helper()
	r, err := s.try(ctx, h, c)
	if err != nil {
		t.Fatal(err)
	}
	if r.Class != want {
		t.Errorf("came to %v, want %v: %v", r.Class, want, r.Err)
	}
}

// refused: nobody listens.
func (s Suite) refused(t *testing.T) {
	l := listen(t)
	l.Close()
	h := s.host(t, s.at(l.Addr().String()), s.Account)
	defer h.Close()
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	s.expect(t, ctx, h, s.first(t), probe.Refused)
}

// silent: the server accepts and never says anything, so only the context can end the wait.
func (s Suite) silent(t *testing.T) {
	l := listen(t)
	serve(t, l, func(c net.Conn) { io.Copy(io.Discard, c) })
	for _, end := range []struct {
		name  string
		start func() (context.Context, context.CancelFunc)
		want  probe.Class
	}{
		{"deadline", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 300*time.Millisecond)
		}, probe.Timeout},
		{"cancel", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			timer := time.AfterFunc(300*time.Millisecond, cancel)
			return ctx, func() { timer.Stop(); cancel() }
		}, probe.Canceled},
	} {
		t.Run(end.name, func(t *testing.T) {
			h := s.host(t, s.at(l.Addr().String()), s.Account)
			ctx, cancel := end.start()
			defer cancel()
			began := time.Now()
			s.expect(t, ctx, h, s.first(t), end.want)
			if took := time.Since(began); took > 2300*time.Millisecond {
				t.Errorf("the step went on for %v after its context had ended", took-300*time.Millisecond)
			}
			began = time.Now()
			h.Close()
			if took := time.Since(began); took > time.Second {
				t.Errorf("Close took %v", took)
			}
		})
	}
}

// cutAtOnce: the server closes each connection before it has said anything.
func (s Suite) cutAtOnce(t *testing.T) {
	l := listen(t)
	serve(t, l, func(c net.Conn) { c.(*net.TCPConn).SetLinger(0) })
	h := s.host(t, s.at(l.Addr().String()), s.Account)
	defer h.Close()
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	s.expect(t, ctx, h, s.first(t), probe.Reset)
}

// cutWhileOpen: all goes well once, then the connection breaks and new ones break too.
func (s Suite) cutWhileOpen(t *testing.T) {
	var (
		mu   sync.Mutex
		open []net.Conn
		down bool
	)
	l := listen(t)
	serve(t, l, func(c net.Conn) {
		address := s.address()
		server, err := s.Target.DialContext(context.Background(), "tcp", address)
		if err != nil {
			t.Errorf("dial %s: %v", address, err)
			return
		}
		defer server.Close()
		mu.Lock()
		refuse := down
		open = append(open, c, server)
		mu.Unlock()
		if refuse {
			c.(*net.TCPConn).SetLinger(0)
			return
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			io.Copy(server, c)
			server.Close()
		}()
		io.Copy(c, server)
		c.Close()
		<-done
	})
	h := s.host(t, s.at(l.Addr().String()), s.Account)
	defer h.Close()
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	c := s.first(t)
	s.expect(t, ctx, h, c, probe.OK)
	mu.Lock()
	down = true
	for _, conn := range open {
		conn.Close()
	}
	mu.Unlock()
	s.expect(t, ctx, h, c, probe.Reset)
}

// address is where the suite's own server listens.
func (s Suite) address() string {
	u := s.Target.URL
	if u.Port() != "" {
		return u.Host
	}
	port := map[string]string{"imap": "143", "imaps": "993", "smtp": "587", "smtps": "465", "http": "80", "https": "443"}[u.Scheme]
	return net.JoinHostPort(u.Hostname(), port)
}

// wrongPassword: the server must say no, and the probe must understand it as that.
func (s Suite) wrongPassword(t *testing.T) {
	account := s.Account
	account.Password = wrong(s.Account.Password)
	ctx, cancel := context.WithTimeout(context.Background(), s.Timeout)
	defer cancel()
	for _, c := range s.Cases {
		if c.Fails != probe.OK {
			continue
		}
		h := s.host(t, s.Target, account)
		r, err := s.try(ctx, h, c)
		h.Close()
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Class == probe.Auth:
			return
		case r.Class != probe.OK:
			t.Fatalf("%v came to %v, want %v: %v", c, r.Class, probe.Auth, r.Err)
		}
	}
	t.Error("no case noticed the wrong password")
}

func wrong(password string) string { return "not-" + strings.ToUpper(password) + "-7431" }

// concurrent: many users at once perform all cases that shall succeed, sharing the bound steps.
func (s Suite) concurrent(t *testing.T) {
	type bound struct {
		Case
		steps []probe.Step
	}
	var all []bound
	for _, c := range s.Cases {
		if c.Fails != probe.OK {
			continue
		}
		b := bound{Case: c}
		for _, c := range append(append([]Case(nil), c.Before...), c) {
			step, err := Bind(s.Protocol, c.Do, c.With)
			if err != nil {
				t.Fatal(err)
			}
			b.steps = append(b.steps, step)
		}
		all = append(all, b)
	}
	target := s.Target
	if s.Protocol.Prepare != nil {
		shared, err := s.Protocol.Prepare(context.Background(), target)
		if err != nil {
			t.Fatal(err)
		}
		defer shared.Close()
		target.Shared = shared
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*s.Timeout)
	defer cancel()
	var users sync.WaitGroup
	for user := range s.Users {
		users.Go(func() {
			for i := range all {
				b := all[(i+user)%len(all)] // so that different actions meet
				h := s.host(t, target, s.Account)
				h.Key = uint64(user) << 32
				for _, step := range b.steps {
					r := h.Do(ctx, step)
					s.errors.add(r.Err)
					if r.Err != nil {
						t.Errorf("user %d, %v: %v", user, b.Case, r.Err)
						break
					}
				}
				h.Close()
			}
		})
	}
	users.Wait()
}

// noPassword looks at every error text of the tests before it.
func (s Suite) noPassword(t *testing.T) {
	for _, text := range s.errors.texts {
		for _, password := range []string{s.Account.Password, wrong(s.Account.Password)} {
			if password != "" && strings.Contains(text, password) {
				t.Errorf("an error tells a password: %s", strings.ReplaceAll(text, password, "…"))
			}
		}
	}
	if len(s.errors.texts) == 0 {
		t.Error("no error was seen, although some must have come")
	}
}
