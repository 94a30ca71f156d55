package httpconn

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"pegel/probes/probe"
)

// BenchmarkBesideLoop holds the processor time of requests against that of a bare loop: the same bytes, prepared, to the same
// server, of which the header is skipped and the body read. cpu-ratio is 1 where the client costs nothing beyond it. The two
// take turns, so that a machine that becomes busy does so for both.
func BenchmarkBesideLoop(b *testing.B) {
	address := server(b)
	const users, rounds = 50, 8
	var own, bare float64
	for b.Loop() {
		for range rounds {
			before := used()
			crowd(b, users, func(n int) error { return asUser(b, address, n) })
			between := used()
			crowd(b, users, func(n int) error { return asLoop(address, n) })
			own, bare = own+between-before, bare+used()-between
		}
	}
	n := float64(b.N) * rounds * users * each / 1e5
	b.ReportMetric(own/n, "cpu-s/100k")
	b.ReportMetric(bare/n, "loop-cpu-s/100k")
	b.ReportMetric(own/bare, "cpu-ratio")
}

// each is how many requests one user sends in one round.
const each = 400

func crowd(b *testing.B, users int, one func(n int) error) {
	b.Helper()
	done := make(chan error, users)
	for range users {
		go func() { done <- one(each) }()
	}
	for range users {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

func asUser(b *testing.B, address string, n int) error {
	turn := probe.NewTurn(&host{})
	turn.Begin(b.Context(), "web", 1)
	c, err := Open(turn, benchTarget(address), Options{Cookies: true, UserAgent: "Mozilla/5.0"})
	if err != nil {
		return err
	}
	defer c.Close()
	for range n {
		turn.Begin(b.Context(), "web", 1)
		r, err := c.Do(turn, Request{Method: http.MethodGet, URL: c.Base()})
		if err != nil {
			return err
		}
		r.Release()
	}
	return nil
}

func asLoop(address string, n int) error {
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	request := []byte("GET / HTTP/1.1\r\nHost: " + u.Host + "\r\nUser-Agent: Mozilla/5.0\r\nAccept-Encoding: gzip, deflate\r\n\r\n")
	from := bufio.NewReader(conn)
	for range n {
		if _, err := conn.Write(request); err != nil {
			return err
		}
		length := 0
		for {
			line, err := from.ReadSlice('\n')
			if err != nil {
				return err
			}
			if len(line) <= 2 {
				break
			}
			if text, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
				if length, err = strconv.Atoi(string(bytes.TrimSpace(text))); err != nil {
					return err
				}
			}
		}
		if _, err := from.Discard(length); err != nil {
			return err
		}
	}
	return nil
}
