package testenv

import (
	"encoding/json"
	"errors"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// httpServer is an HTTP server that can wait for its connections' goroutines. It speaks HTTP/1.1 only, so that one client
// connection is one connection of the platform.
type httpServer struct {
	server http.Server
	conns  sync.WaitGroup
}

func newHTTPServer(handler http.Handler, errorLog *log.Logger) *httpServer {
	s := &httpServer{server: http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 30 * time.Second,
		IdleTimeout:       10 * time.Minute,
		ErrorLog:          errorLog,
	}}
	s.server.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.conns.Add(1)
		case http.StateClosed, http.StateHijacked:
			s.conns.Done()
		}
	}
	return s
}

func (s *httpServer) serve(ln net.Listener) error {
	if err := s.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// close cuts all connections. wait must follow once serve has returned.
func (s *httpServer) close() { s.server.Close() }

func (s *httpServer) wait() { s.conns.Wait() }

// maxBody is the largest request body in bytes.
const maxBody = 32 << 20

func readJSON(w http.ResponseWriter, r *http.Request, into any) bool {
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(into); err != nil {
		writeError(w, http.StatusBadRequest, "BAD_REQUEST", "the request is not the JSON expected")
		return false
	}
	return true
}

func writeJSON(w http.ResponseWriter, code int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	// A client that has gone away is the only thing that can fail here.
	_ = json.NewEncoder(w).Encode(answer)
}

func writeError(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, struct {
		Error string `json:"error"`
		Code  string `json:"code"`
	}{text, code})
}

// writeDown is the answer to a request whose visit failed: 429 to a login too many, else 503.
func writeDown(w http.ResponseWriter, err error) {
	if errors.Is(err, ErrLimited) {
		w.Header().Set("Retry-After", "60")
		writeError(w, http.StatusTooManyRequests, "RATE_LIMIT", "too many logins, please try again later")
		return
	}
	writeError(w, http.StatusServiceUnavailable, "SERVICE_DOWN", "component not reachable")
}
