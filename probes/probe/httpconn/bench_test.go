package httpconn

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"pegel/probes/probe"
)

// TestMain is, where a benchmark starts the test program as its server, that server: 1 KiB for each request.
func TestMain(m *testing.M) {
	if os.Getenv("PEGEL_BENCH_SERVER") == "" {
		os.Exit(m.Run())
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString(ln.Addr().String() + "\n")
	body := []byte(strings.Repeat("x", 1024))
	http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(body) }))
}

// server is one in a process of its own, so that what is measured here is the client alone.
func server(b *testing.B) string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PEGEL_BENCH_SERVER=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return "http://" + strings.TrimSpace(line) + "/"
}

func used() float64 {
	var ru syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &ru) != nil {
		return 0
	}
	return float64(ru.Utime.Nano()+ru.Stime.Nano()) / 1e9
}

// BenchmarkRequests tells the processor time of the client for 100,000 requests, of 50 users at once.
func BenchmarkRequests(b *testing.B) {
	address := server(b)
	const users = 50
	done := make(chan error, users)
	before := used()
	b.ReportAllocs()
	for range users {
		go func() {
			host := &host{}
			turn := probe.NewTurn(host)
			turn.Begin(b.Context(), "web", 1)
			c, err := Open(turn, benchTarget(address), Options{Cookies: true, UserAgent: "Mozilla/5.0"})
			if err != nil {
				done <- err
				return
			}
			defer c.Close()
			for range b.N/users + 1 {
				turn.Begin(b.Context(), "web", 1)
				r, err := c.Do(turn, Request{Method: http.MethodGet, URL: c.Base()})
				if err != nil {
					done <- err
					return
				}
				r.Release()
			}
			done <- nil
		}()
	}
	for range users {
		if err := <-done; err != nil {
			b.Error(err)
		}
	}
	b.ReportMetric((used()-before)/float64(b.N)*1e5, "cpu-s/100k")
}

// BenchmarkIdleUsers tells what a user costs who has a connection and thinks; the goroutine of the user comes on top.
func BenchmarkIdleUsers(b *testing.B) {
	address := server(b)
	const users = 3000
	for b.Loop() {
		before := resident()
		clients := make([]*Client, users)
		for i := range clients {
			turn := probe.NewTurn(&host{})
			turn.Begin(b.Context(), "web", 1)
			c, err := Open(turn, benchTarget(address), Options{Cookies: true})
			if err != nil {
				b.Fatal(err)
			}
			r, err := c.Do(turn, Request{Method: http.MethodGet, URL: c.Base()})
			if err != nil {
				b.Fatal(err)
			}
			r.Release()
			clients[i] = c
		}
		b.ReportMetric(float64(resident()-before)/users, "B/user")
		for _, c := range clients {
			c.Close()
		}
	}
}

func resident() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

func benchTarget(address string) probe.Target {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	return probe.Target{Name: "web", URL: u, DialContext: new(net.Dialer).DialContext}
}
