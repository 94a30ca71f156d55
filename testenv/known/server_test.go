package known

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestServer(t *testing.T) {
	s := httptest.NewServer(NewServer(Freeze{Every: 10 * time.Second, For: time.Millisecond, Service: time.Millisecond}, 1))
	defer s.Close()
	get := func(path string) (int, []byte, time.Duration) {
		t.Helper()
		begun := time.Now()
		r, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, body, time.Since(begun)
	}
	if code, body, _ := get("/now"); code != 200 || len(body) != 1024 {
		t.Errorf("%d with %d bytes", code, len(body))
	}
	var longest time.Duration
	for range 5 {
		_, _, took := get("/sleep?d=20ms")
		longest = max(longest, took)
	}
	_, raw, _ := get("/truth?of=/sleep%3Fd=20ms")
	var truth map[string]float64
	if err := json.Unmarshal(raw, &truth); err != nil {
		t.Fatal(err)
	}
	if truth["count"] != 5 || truth["p50"] < 0.02 || truth["p999"] > longest.Seconds() {
		t.Errorf("truth %v, the longest answer took %v", truth, longest)
	}
	if _, raw, _ := get("/truth?of=/sleep%3Fd=20ms"); json.Unmarshal(raw, &truth) != nil || truth["count"] != 0 {
		t.Errorf("told twice: %s", raw)
	}
	for _, bad := range []string{"/sleep", "/sleep?d=2h", "/sleep?d=-1s", "/lognormal?median=1s&p90=1ms", "/lognormal?p90=1s"} {
		if code, _, _ := get(bad); code != 400 {
			t.Errorf("%s: %d", bad, code)
		}
	}
	_, raw, _ = get("/phase")
	if phase, err := strconv.ParseFloat(strings.TrimSpace(string(raw)), 64); err != nil || phase < 0 || phase >= 10 {
		t.Errorf("phase %q: %v", raw, err)
	}
	begun := time.Now()
	x := NewServer(Freeze{Every: 10 * time.Second}, 1)
	if phase := x.phase(x.start.Add(23 * time.Second)); phase != 3*time.Second || x.start.Before(begun) {
		t.Errorf("23 s after the first standstill the last one was %v ago", phase)
	}
	if code, _, _ := get("/other"); code != 404 {
		t.Errorf("an unknown path: %d", code)
	}
}

// What is drawn has the median and the 90th percentile that were asked for.
func TestDrawnDelays(t *testing.T) {
	s := NewServer(Freeze{}, 3)
	r := httptest.NewRequest("GET", "/lognormal?median=20ms&p90=60ms", nil)
	below, beyond := 0, 0
	const n = 20000
	for range n {
		d, err := s.delay(r)
		if err != nil {
			t.Fatal(err)
		}
		if d < 20*time.Millisecond {
			below++
		}
		if d > 60*time.Millisecond {
			beyond++
		}
	}
	if below < n*48/100 || below > n*52/100 || beyond < n*9/100 || beyond > n*11/100 {
		t.Errorf("%d of %d below the median, %d beyond the 90th percentile", below, n, beyond)
	}
}
