package web

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"pegel/internal/site"
	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// push opens the websocket over which the site tells what is new, and holds it open until the session ends: the action
// takes as long as the opening. A client that has lost it comes back when the site's page would. Where it has been lost
// since the last push, the action is a failure of class content, once, so that a user who does it every minute counts them.
func push(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*Session](t)
		if err != nil {
			return err
		}
		p := s.shared.site.Push
		if p == nil {
			return probe.Failf(probe.Content, "", "the site %s has no push", s.shared.site.Name)
		}
		if s.push != nil {
			return s.push.looked(t)
		}
		if login := s.shared.site.Actions["login"]; !s.loggedIn && len(login.Web) > 0 {
			if err := s.action(t, "login", asked{}, true); err != nil {
				return err
			}
		}
		w := &walk{s: s, t: t, doing: "push"}
		u, err := w.address(p.Path, p.QueryFields())
		if err != nil {
			return err
		}
		open := func(ctx context.Context, t *probe.Turn) (*httpconn.WebSocket, error) {
			return s.client.WebSocket(ctx, t, u, nil)
		}
		first, err := open(t.Context(), t)
		if err != nil {
			return err
		}
		t.Mark(probe.PhaseComplete)
		s.push = hold(p, first, open, t.Draw(0))
		return nil
	}, nil
}

// pushed is a websocket that is held open. One goroutine reads it, and it ends with close.
type pushed struct {
	site *site.Push
	open func(context.Context, *probe.Turn) (*httpconn.WebSocket, error)
	key  uint64

	end  context.CancelFunc
	done chan struct{}

	mu     sync.Mutex
	socket *httpconn.WebSocket // nil: not there
	lost   int                 // since the last look
	why    string
	heard  int // messages
}

func hold(p *site.Push, socket *httpconn.WebSocket, open func(context.Context, *probe.Turn) (*httpconn.WebSocket, error), key uint64) *pushed {
	ctx, end := context.WithCancel(context.Background()) // the session's, which outlives the action
	h := &pushed{site: p, open: open, key: key, end: end, done: make(chan struct{}), socket: socket}
	go h.run(ctx)
	return h
}

func (h *pushed) run(ctx context.Context) {
	defer close(h.done)
	for {
		err := h.listen(ctx)
		h.mu.Lock()
		h.socket.Close()
		h.socket = nil
		if ctx.Err() == nil {
			h.lost++
			h.why = httpconn.Lost(err)
		}
		h.mu.Unlock()
		if !h.back(ctx) {
			return
		}
	}
}

// back opens the websocket again when a page's client would try; it reports false when the session has ended.
func (h *pushed) back(ctx context.Context) bool {
	for n := 0; ; n++ {
		draw := float64(probe.Mix(h.key+uint64(n))>>11) / (1 << 53)
		timer := time.NewTimer(h.site.Back.Pause(n, draw))
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
		attempt, cancel := context.WithTimeout(ctx, 20*time.Second)
		socket, err := h.open(attempt, nil)
		cancel()
		if err != nil {
			continue
		}
		h.mu.Lock()
		h.socket = socket
		h.mu.Unlock()
		if ctx.Err() != nil { // close has not seen it
			socket.Close()
			return false
		}
		return true
	}
}

// listen reads until the connection ends. With engine.io the client of version 3 sends a ping at the interval that the
// server's first message names, and in version 4 the server does.
func (h *pushed) listen(ctx context.Context) error {
	socket := h.socket
	if h.site.Protocol != "engine.io" {
		for {
			if _, err := socket.Read(); err != nil {
				return err
			}
			h.hear()
		}
	}
	var pings *time.Timer
	defer func() {
		if pings != nil {
			pings.Stop()
		}
	}()
	for {
		message, err := socket.Read()
		if err != nil {
			return err
		}
		if len(message) == 0 {
			continue
		}
		switch message[0] {
		case '0': // open
			if version := h.site.Query["EIO"]; pings == nil && version.String() != "4" {
				pings = beat(ctx, socket, pingInterval(message[1:]))
			}
		case '1': // close
			return fmt.Errorf("the server closed the session")
		case '2': // ping
			if err := socket.Write("3" + string(message[1:])); err != nil {
				return err
			}
		case '4':
			h.hear()
		}
	}
}

func (h *pushed) hear() {
	h.mu.Lock()
	h.heard++
	h.mu.Unlock()
}

// beat sends pings until its timer is stopped or one cannot be sent.
func beat(ctx context.Context, socket *httpconn.WebSocket, interval time.Duration) *time.Timer {
	var timer *time.Timer
	var mu sync.Mutex
	mu.Lock()
	defer mu.Unlock()
	timer = time.AfterFunc(interval, func() {
		if ctx.Err() == nil && socket.Write("2") == nil {
			mu.Lock()
			defer mu.Unlock()
			timer.Reset(interval)
		}
	})
	return timer
}

// pingInterval is what the opening message of engine.io says, 25 s where it does not.
func pingInterval(open []byte) time.Duration {
	const usual = 25 * time.Second
	text := string(open)
	_, text, found := strings.Cut(text, `"pingInterval":`)
	if !found {
		return usual
	}
	n := 0
	for _, c := range strings.TrimSpace(text) {
		if c < '0' || c > '9' || n > 1e7 {
			break
		}
		n = 10*n + int(c-'0')
	}
	if n < 100 {
		return usual
	}
	return time.Duration(n) * time.Millisecond
}

// looked says whether the websocket has been lost since the last look.
func (h *pushed) looked(t *probe.Turn) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	t.Mark(probe.PhaseComplete)
	if h.lost == 0 {
		return nil
	}
	n, state := h.lost, "is open again"
	if h.socket == nil {
		state = "is not open"
	}
	h.lost = 0
	return probe.Failf(probe.Content, "push", "the connection was lost %d times, last because %s, and %s", n, h.why, state)
}

// close ends the connection and waits for the goroutine that reads it.
func (h *pushed) close() {
	h.end()
	h.mu.Lock()
	if h.socket != nil {
		h.socket.Close()
	}
	h.mu.Unlock()
	<-h.done
}
