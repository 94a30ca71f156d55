package browser

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"pegel/probes/probe"
)

// onlyLoopback dials what a scenario on 127.0.0.0/8 may reach.
func onlyLoopback(ctx context.Context, network, address string) (net.Conn, error) {
	if !strings.HasPrefix(address, "127.") {
		return nil, probe.ErrNotAllowed
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

func newProxy(t *testing.T, dial dialFunc) (*proxy, *http.Client) {
	t.Helper()
	p, err := startProxy(dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	via := &http.Transport{Proxy: http.ProxyURL(&url.URL{Scheme: "http", Host: p.address()}), TLSClientConfig: &tls.Config{}}
	t.Cleanup(via.CloseIdleConnections)
	return p, &http.Client{Transport: via}
}

func TestProxyForwards(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Proxy-Connection") != "" {
			t.Errorf("the platform sees the proxy: %v", r.Header)
		}
		body, _ := io.ReadAll(r.Body)
		w.Write(append([]byte(r.Method+" "+r.Host+" "), body...))
	})
	plain := httptest.NewServer(handler)
	defer plain.Close()
	secure := httptest.NewTLSServer(handler)
	defer secure.Close()
	_, client := newProxy(t, onlyLoopback)
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	client.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots

	for _, address := range []string{plain.URL, secure.URL} {
		r, err := client.Post(address+"/x", "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if want := "POST " + strings.SplitN(address, "://", 2)[1] + " hello"; string(body) != want {
			t.Errorf("got %q, want %q", body, want)
		}
	}
}

func TestProxyKeepsTheAllowList(t *testing.T) {
	for _, address := range []string{"http://192.0.2.1:8080/", "https://192.0.2.1:8443/"} {
		p, client := newProxy(t, onlyLoopback)
		moment := p.moment()
		r, err := client.Get(address)
		if err == nil {
			if r.Body.Close(); r.StatusCode != http.StatusBadGateway {
				t.Errorf("%s: status %d", address, r.StatusCode)
			}
		}
		u, _ := url.Parse(address)
		why := p.since(moment, u.Host)
		if !errors.Is(why, probe.ErrNotAllowed) || probe.ClassOf(why) != probe.Denied || !strings.Contains(why.Error(), u.Host) {
			t.Errorf("%s: the reason is %v, want the allow-list, naming the address", address, why)
		}
		if p.since(p.moment(), u.Host) != nil {
			t.Errorf("%s: an old failure counts as new", address)
		}
	}
}

func TestProxyNotesBrokenConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	defer l.Close()
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	})
	p, client := newProxy(t, onlyLoopback)
	if r, err := client.Get("http://" + l.Addr().String()); err == nil {
		r.Body.Close()
	}
	if why := p.since(0, l.Addr().String()); probe.ClassOf(why) != probe.Reset {
		t.Errorf("the reason is %v, want class reset", why)
	}
}

func TestProxyServesOnlyAsProxy(t *testing.T) {
	p, _ := newProxy(t, onlyLoopback)
	r, err := http.Get("http://" + p.address() + "/")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusBadRequest {
		t.Errorf("status %d, want 400", r.StatusCode)
	}
}

func TestProxyClosesTunnels(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p, err := startProxy(onlyLoopback)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("tcp", p.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, "CONNECT "+l.Addr().String()+" HTTP/1.1\r\nHost: "+l.Addr().String()+"\r\n\r\n")
	in := bufio.NewReader(c)
	if line, err := in.ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("CONNECT was answered %q, %v", line, err)
	}
	p.Close() // would hang if a tunnel stayed
	if _, err := io.Copy(io.Discard, in); err != nil && probe.ClassOf(err) != probe.Reset {
		t.Errorf("the tunnel ended with %v", err)
	}
}
