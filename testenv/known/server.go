package known

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Server answers with 1 KiB: on /now at once, on /freeze as a Freeze, on /sleep?d=10ms after a delay, and on
// /lognormal?median=20ms&p90=60ms after one that is drawn. What each delay really was (from the request's arrival at the
// handler to just before the answer is written) the server notes itself, because a sleep takes longer than it was asked
// to, by address: /truth?of=/sleep%3Fd=10ms tells the quantiles and forgets them. So many addresses are kept, and so many
// delays of each. /phase tells how long ago the last standstill began, in seconds.
type Server struct {
	freeze Freeze
	start  time.Time
	body   []byte

	mu    sync.Mutex
	rng   *rand.Rand
	truth map[string][]time.Duration // by address
}

// Bounds of what is kept for the truth: delays of an address, and addresses.
const (
	mostKept      = 1 << 20
	mostAddresses = 64
)

// NewServer makes a handler whose first standstill begins now. Delays are drawn with the seed.
func NewServer(f Freeze, seed uint64) *Server {
	return &Server{freeze: f, start: time.Now(), body: []byte(strings.Repeat("known\n", 170) + "1024"), rng: rand.New(rand.NewPCG(seed, 1)), truth: map[string][]time.Duration{}}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	switch r.URL.Path {
	case "/now":
	case "/freeze":
		at := begun.Sub(s.start)
		time.Sleep(s.freeze.Done(at) - at)
		s.note(r.URL.RequestURI(), begun)
	case "/sleep", "/lognormal":
		d, err := s.delay(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		time.Sleep(d)
		s.note(r.URL.RequestURI(), begun)
	case "/truth":
		s.tell(w, r.URL.Query().Get("of"))
		return
	case "/phase":
		fmt.Fprintf(w, "%.6f\n", s.phase(begun).Seconds())
		return
	default:
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write(s.body) // whoever has gone does not want it
}

// phase is how long before a time the last standstill began; 0 where there are none.
func (s *Server) phase(at time.Time) time.Duration {
	if s.freeze.Every <= 0 {
		return 0
	}
	return at.Sub(s.start) % s.freeze.Every
}

func (s *Server) delay(r *http.Request) (time.Duration, error) {
	value := func(name string) (time.Duration, error) {
		d, err := time.ParseDuration(r.URL.Query().Get(name))
		if err == nil && (d <= 0 || d > time.Minute) {
			err = fmt.Errorf("%s must be above 0 and at most 1m", name)
		}
		return d, err
	}
	if r.URL.Path == "/sleep" {
		return value("d")
	}
	median, err := value("median")
	if err != nil {
		return 0, err
	}
	p90, err := value("p90")
	if err != nil || p90 <= median {
		return 0, fmt.Errorf("p90 must be a time above the median")
	}
	s.mu.Lock()
	z := s.rng.NormFloat64()
	s.mu.Unlock()
	const z90 = 1.2815515655446004 // of the standard normal distribution
	sigma := math.Log(p90.Seconds()/median.Seconds()) / z90
	return time.Duration(float64(median) * math.Exp(sigma*z)), nil
}

func (s *Server) note(path string, begun time.Time) {
	d := time.Since(begun)
	s.mu.Lock()
	if _, known := s.truth[path]; (known || len(s.truth) < mostAddresses) && len(s.truth[path]) < mostKept {
		s.truth[path] = append(s.truth[path], d)
	}
	s.mu.Unlock()
}

// Truth are the delays of an address that the server has noted since it was asked last, in order.
func (s *Server) Truth(path string) []time.Duration {
	s.mu.Lock()
	list := s.truth[path]
	delete(s.truth, path)
	s.mu.Unlock()
	slices.Sort(list)
	return list
}

// Quantile is the quantile q of values in order; 0 of none.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(q*float64(len(sorted))))]
}

func (s *Server) tell(w http.ResponseWriter, path string) {
	list := s.Truth(path)
	answer := map[string]float64{"count": float64(len(list))}
	for name, q := range map[string]float64{"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p999": 0.999} {
		answer[name] = Quantile(list, q).Seconds()
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // numbers only
}
