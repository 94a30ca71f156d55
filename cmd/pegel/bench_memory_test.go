package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/testenv"
)

// imapsName is the name by which the test program is the embedded platform with TLS, in a process of its own; see TestMain.
const imapsName = "pegel-imaps"

// serveIMAPS prints the address of the platform and the file of its authority, in the directory that is its argument.
func serveIMAPS() {
	p, err := testenv.Start(context.Background(), testenv.Options{Accounts: 15010, MessagesPerAccount: -1, Password: demoPassword, TLS: true, CADir: os.Args[1]})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(p.URLs.IMAPS, p.CAFile)
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the other end of the pipe is gone
	p.Close()
}

func imapsElsewhere(b *testing.B) (address, ca string) {
	b.Helper()
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self, b.TempDir())
	cmd.Args[0] = imapsName
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	address, ca, _ = strings.Cut(strings.TrimSpace(line), " ")
	return address, ca
}

// crowds are the numbers of users whose memory is compared.
var crowds = []int{1000, 5000, 15000}

// memoryOf runs a journey with each crowd, one after the other, in a process that does nothing else, and reports the
// resident memory of a user: (RSS(N) − RSS(0)) / N, with ten users for none. The server is in a process of its own.
func memoryOf(b *testing.B, targets, journey string, ramp time.Duration) {
	b.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		b.Fatal(err)
	}
	numbers := slices.Clone(crowds)
	for len(numbers) > 1 && uint64(numbers[len(numbers)-1])+500 > limit.Max {
		b.Logf("%d users need more descriptors than the %d that are allowed here", numbers[len(numbers)-1], limit.Max)
		numbers = numbers[:len(numbers)-1]
	}
	const none = 10
	dir := b.TempDir()
	file, out := filepath.Join(dir, "memory.yaml"), filepath.Join(dir, "run")
	src := fmt.Sprintf(`name: memory
seed: 1
targets: {%s}
accounts: {pattern: "u{n:05}@example.test", count: %d, password: {env: PEGEL_DEMO_PASSWORD}}
activity: {user: 100%%, source: bench}
personas: [{name: user, journey: user}]
journeys: {user: [%s]}
load: {stages: {users: [%d, %s], ramp: %v, settle: 5s, hold: 15s}}
objectives: [{errors: 1%%}]
`, targets, numbers[len(numbers)-1], journey, none, strings.Trim(strings.ReplaceAll(fmt.Sprint(numbers), " ", ", "), "[]"), ramp)
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		b.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(self, "run", file, "--out", out, "--force")
	cmd.Args[0] = "pegel"
	said, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitOK && code != exitCaution && code != exitGenerator && code != exitNoGo && code != exitObjective {
		b.Fatalf("%v: %s", err, said)
	}
	archived, err := archive.Open(out)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range archived.Events { // a user who failed comes back; on a machine that is too busy for so many handshakes some do
		if e.Kind == archive.EventError {
			b.Logf("%s: %s", e.Action, e.Text)
		}
	}
	before, ok := memoryAt(b, archived, 0)
	if !ok {
		b.Fatalf("nothing was measured: %s", said)
	}
	for i, n := range numbers {
		if held, ok := memoryAt(b, archived, i+1); ok {
			b.ReportMetric((held-before)/float64(n), fmt.Sprintf("bytes/user-of-%d", n))
		} else {
			b.Logf("the run ended before %d users were there: %s", n, said)
		}
	}
}

// memoryAt is the median resident memory in the last ten seconds of a stage's hold; ok is false where it was not held.
func memoryAt(b *testing.B, archived *archive.Run, stage int) (held float64, ok bool) {
	b.Helper()
	var end time.Duration
	for _, e := range archived.Events {
		if e.Kind == archive.EventStageEnd && e.Stage != nil && e.Stage.Index == stage {
			end = e.At
		}
	}
	var list []float64
	for m, err := range archived.Metrics() {
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range m.Points {
			if p.Page == archive.PageGenerator && p.Resource == archive.GeneratorRSS && m.At > end-10*time.Second && m.At <= end {
				list = append(list, p.Value)
			}
		}
	}
	if len(list) == 0 {
		return 0, false
	}
	slices.Sort(list)
	return list[len(list)/2], true
}

// BenchmarkMemoryIMAP is the memory of users who wait in IDLE over TLS.
func BenchmarkMemoryIMAP(b *testing.B) {
	address, ca := imapsElsewhere(b)
	for b.Loop() {
		memoryOf(b, fmt.Sprintf("imap: {url: %q, ca: %q, timeout: 60s}", address, ca), "{do: imap.login}, {do: imap.select}, {do: imap.idle, think: 1h}", 45*time.Second)
	}
}

// BenchmarkMemoryWeb is the memory of users who keep a connection and ask for a page every ten seconds.
func BenchmarkMemoryWeb(b *testing.B) {
	e := knownServer(b)
	for b.Loop() {
		memoryOf(b, fmt.Sprintf("web: {url: %q, timeout: 60s}", e.urls["known"]), "{repeat: {for: session}, steps: [{do: web.request, with: {path: /now}, think: {uniform: {min: 5s, max: 15s}}}]}", 20*time.Second)
	}
}
