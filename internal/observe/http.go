package observe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"pegel/scenarios"
)

// maxBody bounds a page, in bytes: some 300,000 series. It is read as it comes and not kept.
const maxBody = 64 << 20

// dialFunc is how sources are reached, so that the allow-list of the scenario holds for them too.
type dialFunc func(ctx context.Context, network, addr string) (net.Conn, error)

// web asks one address over HTTP, with what proves who asks. No error of it holds the address or a secret.
type web struct {
	url            string
	accept         string
	client         *http.Client
	user, password string
	token          string
}

// newWeb checks the address and readies the client; nothing is dialled yet.
func newWeb(key, address string, from *scenarios.Observe, dial dialFunc) (*web, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, errors.Unwrap(err)) // without the address, which may hold a password
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s: %q is not an http or https address", key, u.Redacted())
	}
	config := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if from.CA != "" {
		pem, err := os.ReadFile(from.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		if config.RootCAs, err = x509.SystemCertPool(); err != nil {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s holds no certificate", from.CA)
		}
	}
	return &web{
		url: u.String(), user: from.User, password: from.Password.Value, token: from.Token.Value,
		client: &http.Client{
			Transport: &http.Transport{
				DialContext:         dial,
				TLSClientConfig:     config,
				MaxIdleConnsPerHost: 1,
				IdleConnTimeout:     time.Minute,
				DisableCompression:  true, // it would cost the platform more than it saves
			},
			// A redirect would take the proof elsewhere.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// get asks for the address and gives what is answered to a reader of it.
func (w *web) get(ctx context.Context, address string, read func(io.Reader) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return withoutURL(err)
	}
	if w.accept != "" {
		req.Header.Set("Accept", w.accept)
	}
	req.Header.Set("User-Agent", "pegel")
	switch {
	case w.token != "":
		req.Header.Set("Authorization", "Bearer "+w.token)
	case w.user != "":
		req.SetBasicAuth(w.user, w.password)
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return withoutURL(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		if resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusForbidden {
			return fmt.Errorf("the page answered %q: give user and password, or token", resp.Status)
		}
		return fmt.Errorf("the page answered %q", resp.Status)
	}
	body := &bounded{r: resp.Body, left: maxBody}
	if err := read(body); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, body) // so that the connection can be used again
	return err
}

func (w *web) close() { w.client.CloseIdleConnections() }

// bounded is a reader that fails where more comes than is read of any page.
type bounded struct {
	r    io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p[:min(len(p), b.left+1)])
	if b.left -= n; b.left < 0 {
		return 0, fmt.Errorf("the page is larger than %d MiB", maxBody>>20)
	}
	if err != nil && err != io.EOF {
		err = fmt.Errorf("reading the page: %w", err)
	}
	return n, err
}

// withoutURL takes the address out of an error: it may hold a password.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// textPage is a page in the Prometheus text format.
type textPage struct{ *web }

var _ source = textPage{}

func newTextPage(from *scenarios.Observe, dial dialFunc) (source, error) {
	w, err := newWeb("prometheus", from.Prometheus, from, dial)
	if err != nil {
		return nil, err
	}
	w.accept = "text/plain;version=0.0.4"
	return textPage{w}, nil
}

func (p textPage) read(ctx context.Context, t *table) error { return p.get(ctx, p.url, t.scan) }
