package eas

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv"
)

const servePhones = "PEGEL_TEST_SERVE_PHONES"

// TestServePhones is the platform of BenchmarkWaitingPing, in a process of its own.
func TestServePhones(t *testing.T) {
	if os.Getenv(servePhones) == "" {
		t.Skip("only for BenchmarkWaitingPing")
	}
	p := platform(t, testenv.Options{Accounts: 5000, MessagesPerAccount: -1})
	fmt.Printf("\nURL %s\n", p.URLs.EAS)
	io.Copy(io.Discard, os.Stdin)
}

// BenchmarkWaitingPing is what a phone that waits costs the generator: resident memory with 1,000 waiting Pings less that before.
func BenchmarkWaitingPing(b *testing.B) {
	server := exec.Command(os.Args[0], "-test.run=^TestServePhones$")
	server.Env = append(os.Environ(), servePhones+"=1")
	stdin, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	defer server.Wait()
	defer stdin.Close()
	address := ""
	lines := bufio.NewScanner(stdout)
	for address == "" && lines.Scan() {
		address, _ = strings.CutPrefix(lines.Text(), "URL ")
		if !strings.HasPrefix(address, "http") {
			address = ""
		}
	}
	go io.Copy(io.Discard, stdout)
	step, err := probetest.Bind(Protocol(), "ping", "{heartbeat: 10s, folders: [inbox]}")
	if err != nil {
		b.Fatal(err)
	}
	const phones = 1000
	for b.Loop() {
		target := phoneTarget(b, address)
		before := resident(b)
		var all sync.WaitGroup
		for i := range phones {
			login := fmt.Sprintf("u%05d@example.test", i)
			h := probetest.NewHost(Protocol(), probe.Account{Login: login, Address: login, Password: "secret"}, target)
			all.Go(func() {
				defer h.Close()
				if r := h.Do(b.Context(), step); r.Err != nil {
					b.Error(r.Err)
				}
			})
		}
		time.Sleep(6 * time.Second)
		b.ReportMetric(float64(resident(b)-before)/phones, "resident-B/phone")
		all.Wait()
	}
}

// resident is the process's resident memory in bytes.
func resident(b *testing.B) int64 {
	b.Helper()
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
