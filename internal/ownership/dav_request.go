package ownership

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// answer is what a server said.
type answer struct {
	status int
	body   []byte
	at     *url.URL // after redirects
}

func (a *answer) check(doing string, want ...int) error {
	for _, status := range want {
		if a.status == status {
			return nil
		}
	}
	if a.status == http.StatusUnauthorized {
		return fmt.Errorf("%s: %w", doing, errRefused)
	}
	return fmt.Errorf("%s: the server answers %d %s", doing, a.status, http.StatusText(a.status))
}

// request sends one request; redirects are followed on the same server only, for the password is meant for it alone.
func (d *dav) request(ctx context.Context, method string, u *url.URL, header http.Header, body []byte) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, stalled)
	defer cancel()
	for range mostRedirects {
		// Whatever the server names as its own: the password goes to the host that it is meant for, by the way that was asked for.
		if u.Host != d.base.Host {
			return nil, fmt.Errorf("the server names an address elsewhere: %s", u.Host)
		}
		if u.Scheme != d.base.Scheme { // a proxy that does not know of its TLS
			same := *u
			same.Scheme = d.base.Scheme
			u = &same
		}
		r, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		for name, values := range header {
			r.Header[name] = values
		}
		r.Header.Set("Authorization", d.auth)
		r.Header.Set("User-Agent", "pegel")
		got, err := d.client.Do(r)
		if err != nil {
			return nil, err
		}
		raw, err := io.ReadAll(io.LimitReader(got.Body, mostAnswer+1))
		got.Body.Close()
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %w", method, err)
		case len(raw) > mostAnswer:
			return nil, fmt.Errorf("%s: the answer is larger than %d MiB", method, mostAnswer>>20)
		}
		if to := got.Header.Get("Location"); got.StatusCode/100 == 3 && to != "" {
			next, err := u.Parse(to)
			if err != nil || next.Host != d.base.Host {
				return nil, fmt.Errorf("%s: the server redirects to another one", method)
			}
			u = next
			continue
		}
		return &answer{got.StatusCode, raw, u}, nil
	}
	return nil, fmt.Errorf("%s: more than %d redirects", method, mostRedirects)
}
