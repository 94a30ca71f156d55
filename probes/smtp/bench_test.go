package smtp

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
)

const (
	benchUsers = 50 // connections, each with one mail under way
	benchMail  = 4000
)

// sink takes every mail and keeps none. It reads ahead as little as a server may.
func sink(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				swallow(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l.Addr().String()
}

// swallow is one connection to a sink.
func swallow(c net.Conn) {
	r := bufio.NewReaderSize(c, 16<<10)
	w := bufio.NewWriter(c)
	w.WriteString("220 sink\r\n")
	for {
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		switch {
		case bytes.HasPrefix(line, []byte("EHLO")):
			w.WriteString("250-sink\r\n250-PIPELINING\r\n250 SIZE 0\r\n")
		case bytes.HasPrefix(line, []byte("DATA")):
			w.WriteString("354 go\r\n")
			w.Flush()
			for {
				if line, err = r.ReadSlice('\n'); err != nil {
					return
				}
				if string(line) == ".\r\n" {
					break
				}
			}
			w.WriteString("250 ok\r\n")
		default:
			w.WriteString("250 ok\r\n")
		}
	}
}

// sendAll sends n mails by benchUsers users over kept connections.
func sendAll(b *testing.B, address string, n int, params string) {
	step, err := probetest.Bind(Protocol(), "send", params)
	if err != nil {
		b.Fatal(err)
	}
	var left atomic.Int64
	left.Store(int64(n))
	var users sync.WaitGroup
	for user := range benchUsers {
		users.Go(func() {
			h := probetest.NewHost(Protocol(), probe.Account{Address: "anna@example.test"}, probetest.Target(b, "smtp", "smtp://"+address))
			h.Key = uint64(user) << 32
			defer h.Close()
			for left.Add(-1) >= 0 {
				ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
				if r := h.Do(ctx, step); r.Err != nil {
					b.Error(r.Err)
					left.Store(0)
				}
				cancel()
			}
		})
	}
	users.Wait()
}

// BenchmarkSend is mails of 4 KB into a sink in the same process, so that its time is half the sink's.
func BenchmarkSend(b *testing.B) {
	for _, pipelining := range []string{"off", "auto"} {
		b.Run("pipelining="+pipelining, func(b *testing.B) {
			address := sink(b)
			b.ReportAllocs()
			b.ResetTimer()
			sendAll(b, address, b.N, fmt.Sprintf("size: %d\npipelining: %s", benchMail, pipelining))
		})
	}
}

// BenchmarkBesideSource is mails of 4 KB into Postfix's smtp-sink, beside Postfix's smtp-source in the same run: throughput and
// processor time as shares of its own, the median of rounds that alternate.
//
// Where the processor time goes, by its profile: system calls 45 % (writes 31, reads 11), making the message 15 % (smtp-source
// sends one letter over and over), the scheduler and the poller 20 %, contexts and their timers 5 %, allocation and collection 6 %.
// A read that must wait is three system calls in Go (read, epoll, read) where smtp-source has two, four times a mail without
// pipelining and twice with it.
func BenchmarkBesideSource(b *testing.B) {
	source, sinkAt := source(b), postfixSink(b)
	const mails, rounds = 8000, 5
	var speed, cost [2][]float64
	for range b.N {
		for range rounds {
			began := time.Now()
			run := exec.Command(source, "-d", "-s", strconv.Itoa(benchUsers), "-m", strconv.Itoa(mails), "-l", strconv.Itoa(benchMail),
				"-f", "anna@example.test", "-t", "anna@example.test", sinkAt)
			if out, err := run.CombinedOutput(); err != nil {
				b.Fatalf("smtp-source: %v: %s", err, out)
			}
			wall := time.Since(began).Seconds()
			cpu := (run.ProcessState.UserTime() + run.ProcessState.SystemTime()).Seconds()
			for i, pipelining := range []string{"off", "auto"} {
				before := spent(b)
				began := time.Now()
				sendAll(b, sinkAt, mails, fmt.Sprintf("size: %d\npipelining: %s", benchMail, pipelining))
				speed[i] = append(speed[i], wall/time.Since(began).Seconds())
				cost[i] = append(cost[i], (spent(b)-before)/cpu)
			}
			b.Logf("smtp-source: %.0f mails/s, %.1f µs of processor time a mail", mails/wall, cpu/mails*1e6)
		}
	}
	for i, name := range []string{"plain", "piped"} {
		b.ReportMetric(middle(speed[i]), name+"-speed")
		b.ReportMetric(middle(cost[i]), name+"-cpu")
	}
}

func middle(values []float64) float64 {
	for i := range values { // few
		for j := i; j > 0 && values[j] < values[j-1]; j-- {
			values[j], values[j-1] = values[j-1], values[j]
		}
	}
	return values[len(values)/2]
}

// spent is the processor time of this process in seconds.
func spent(b *testing.B) float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// program is the path of one of Postfix's programs, which belong to root alone.
func program(b *testing.B, name string) string {
	path := "/usr/sbin/" + name
	if _, err := os.Stat(path); err != nil {
		b.Skipf("no %s: install the package postfix to compare with it", name)
	}
	return path
}

func source(b *testing.B) string { return program(b, "smtp-source") }

// postfixSink starts smtp-sink and returns where it listens.
func postfixSink(b *testing.B) string {
	path := program(b, "smtp-sink")
	l, err := net.Listen("tcp", "127.0.0.1:0") // for a free port
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	args := []string{address, "1000"}
	if os.Geteuid() == 0 {
		args = append([]string{"-u", "nobody"}, args...)
	}
	run := exec.Command(path, args...)
	run.Dir = "/"
	if err := run.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		run.Process.Kill()
		run.Wait()
	})
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			io.ReadFull(c, make([]byte, 4))
			c.Close()
			return address
		}
	}
	b.Fatal("smtp-sink does not listen")
	return ""
}
