package real

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

const askLimit = 5 * time.Second // for one attempt to get an answer; the first page of a cold web application takes longest

// answer asks a server once and returns nil if it answered as it should.
type answer func(ctx context.Context) error

// awaitAll waits until every port gives the answer of its protocol; with a name, every port of that server.
func (s *Stack) awaitAll(ctx context.Context, o Options, of string) error {
	p := o.Ports
	verified, err := clientTLS(s.CAFile)
	if err != nil {
		return err
	}
	type question struct {
		daemon string
		what   string
		ask    answer
	}
	questions := []question{
		{"dovecot", "IMAP", greeting(loopback(p.IMAP), nil, "* OK")},
		{"dovecot", "IMAP with TLS", greeting(loopback(p.IMAPS), verified, "* OK")},
		{"dovecot", "LMTP", greeting(loopback(p.LMTP), nil, "220 ")},
		{"dovecot", "authentication", greeting(loopback(p.SASL), nil, "VERSION")},
		{"dovecot", "metrics", page(s.DovecotMetrics, http.StatusOK)},
		{"radicale", "CalDAV", page(s.CalDAVDirect, 0)},
		{"haproxy", "metrics", page(s.HAProxyMetrics, http.StatusOK)},
		{"haproxy", "IMAP", greeting(loopback(p.ProxyIMAP), verified, "* OK")},
		{"haproxy", "CalDAV", page(s.CalDAV, 0)},
		{"postfix", "submission", greeting(loopback(p.Submission), nil, "220 ")},
		{"postfix", "SMTP", greeting(loopback(p.SMTP), nil, "220 ")},
	}
	path := ""
	if o.SOGo != nil {
		questions = append(questions, question{"memcached", "memcached", connection(loopback(p.Memcached))})
		path = "SOGo/"
	}
	for n, i := range o.instances(s.Dir) {
		questions = append(questions, question{i.Name, "instance " + i.Name, page(s.WebDirect[n]+path, http.StatusOK)})
	}
	if o.Instances() > 0 {
		questions = append(questions, question{"haproxy", "web", page(s.Web+path, http.StatusOK)})
	}
	if o.Tweaks.MailShard > 0 {
		questions = append(questions, question{"shard", "IMAP of the shard", greeting(loopback(p.MailShard), nil, "* OK")})
	}
	if o.Xandikos {
		questions = append(questions, question{"xandikos", "CalDAV of Xandikos", page("http://"+loopback(p.Xandikos)+"/", 0)},
			question{"haproxy", "CalDAV of Xandikos", page(s.Xandikos, 0)})
	}
	for _, e := range questions {
		if of != "" && of != e.daemon {
			continue
		}
		if err := s.await(ctx, e.daemon, e.what, e.ask); err != nil {
			return err
		}
	}
	return nil
}

// await asks until the answer comes, the daemon ends or the context does.
func (s *Stack) await(ctx context.Context, name, what string, ask answer) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		// also that of another one: HAProxy answers only if those behind it do
		if err := s.Err(); err != nil {
			return err
		}
		attempt, cancel := context.WithTimeout(ctx, askLimit)
		err := ask(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w: %w", what, context.Cause(ctx), errors.Join(err, s.citation(name)))
		}
	}
}

// citation cites the log of a daemon, as an error to be joined to another.
func (s *Stack) citation(name string) error {
	for _, d := range s.running() {
		if d.name == name {
			return d.failure("does not answer")
		}
	}
	return nil
}

// greeting connects, with TLS if a configuration is given, and expects the first line to begin with want.
func greeting(address string, config *tls.Config, want string) answer {
	return func(ctx context.Context) error {
		var dialer interface {
			DialContext(ctx context.Context, network, address string) (net.Conn, error)
		} = &net.Dialer{}
		if config != nil {
			dialer = &tls.Dialer{Config: config}
		}
		conn, err := dialer.DialContext(ctx, "tcp4", address)
		if err != nil {
			return err
		}
		defer conn.Close()
		if deadline, ok := ctx.Deadline(); ok {
			if err := conn.SetDeadline(deadline); err != nil {
				return err
			}
		}
		line, err := bufio.NewReader(io.LimitReader(conn, 4<<10)).ReadString('\n')
		if err != nil {
			return fmt.Errorf("reading the greeting of %s: %w", address, err)
		}
		if !strings.HasPrefix(line, want) {
			return fmt.Errorf("greeting of %s is %q, want %q", address, strings.TrimSpace(line), want)
		}
		return nil
	}
}

// connection expects a listener.
func connection(address string) answer {
	return func(ctx context.Context) error {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp4", address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

// page expects the status from a URL; 0 stands for any but a server's error.
func page(url string, status int) answer {
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if status == 0 && response.StatusCode < 500 || response.StatusCode == status {
			return nil
		}
		return fmt.Errorf("%s answers %s", url, response.Status)
	}
}

// clientTLS trusts the authority in the file and nothing else.
func clientTLS(authority string) (*tls.Config, error) {
	text, err := os.ReadFile(authority)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authority: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("reading the certificate authority: no certificate in " + authority)
	}
	return &tls.Config{RootCAs: pool}, nil
}
