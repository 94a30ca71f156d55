package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/corpus"
	"pegel/internal/engine"
	"pegel/internal/plan"
	"pegel/internal/record"
	"pegel/probes"
	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/scenarios"
	"pegel/testenv/real"
)

// startDovecot starts the real servers with so many accounts, or skips.
func startDovecot(tb testing.TB, accounts int) *real.Stack {
	tb.Helper()
	if missing := real.Missing(); len(missing) > 0 {
		tb.Skipf("real servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	stack, err := real.Start(tb.Context(), real.Options{Accounts: accounts, Ports: real.Ports{Free: true}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { stack.Close() })
	return stack
}

// onDovecot runs a file of testdata with so many users against the stack, and returns its archive.
func onDovecot(tb testing.TB, stack *real.Stack, file, stages string) *archive.Run {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "run")
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), []string{
		"run", filepath.Join("testdata", file), "--out", dir,
		"--set", fmt.Sprintf(`targets={imap: {url: "%s", ca: "%s", timeout: 60s}}`, stack.IMAPDirect, stack.CAFile),
		"--set", fmt.Sprintf("accounts.count=%d", stack.Accounts), "--set", "load.stages=" + stages,
	}, environment{stdout: &stdout, stderr: &stderr, getenv: func(name string) (string, bool) {
		if name == "PEGEL_REAL_PASSWORD" {
			return stack.Password, true
		}
		return os.LookupEnv(name)
	}})
	// What is asked is whether anything fails and what it costs, not whether there is a forecast.
	if code != exitOK && code != exitCaution && code != exitGenerator && code != exitNoGo && code != exitObjective {
		tb.Fatalf("exit code %d\n%s\n%s", code, &stdout, &stderr)
	}
	archived, err := archive.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	return archived
}

// unfailing reports every failure of a run, and returns how many actions it had.
func unfailing(tb testing.TB, archived *archive.Run) (actions uint64) {
	tb.Helper()
	for in, err := range archived.Intervals() {
		if err != nil {
			tb.Fatal(err)
		}
		for k, s := range in.Series {
			if s == nil {
				continue
			}
			actions += s.Done()
			if s.Failed() > 0 {
				action, _ := archived.Meta.Series(k)
				tb.Errorf("%s failed %d times of %d: %v", action, s.Failed(), s.Done(), s.Classes)
			}
		}
	}
	for _, e := range archived.Events {
		if e.Kind == archive.EventError {
			tb.Errorf("%s: %s", e.Action, e.Text)
		}
	}
	return actions
}

// BenchmarkIdleOnDovecot is the resident memory of a user who waits in IDLE over TLS: that of the process with 5,000 of them,
// less what it had before, divided by their number. Nothing may fail.
func BenchmarkIdleOnDovecot(b *testing.B) {
	const users = 5000
	stack := startDovecot(b, users)
	for b.Loop() {
		debug.FreeOSMemory()
		before := residentNow(b)
		archived := onDovecot(b, stack, "idle-on-dovecot.yaml", fmt.Sprintf("{users: [%d], ramp: 30s, settle: 5s, hold: 10s}", users))
		unfailing(b, archived)
		var held []float64
		for m, err := range archived.Metrics() {
			if err != nil {
				b.Fatal(err)
			}
			for _, p := range m.Points {
				if p.Page == "generator" && p.Resource == archive.GeneratorRSS && m.At > 37*time.Second && m.At < 45*time.Second {
					held = append(held, p.Value)
				}
			}
		}
		if len(held) == 0 {
			b.Fatal("no metrics of the generator while all users were idle")
		}
		slices.Sort(held)
		b.ReportMetric((held[len(held)/2]-before)/users, "bytes/user")
	}
}

func residentNow(tb testing.TB) float64 {
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		tb.Skip("no /proc: resident memory cannot be read here")
	}
	var size, pages int
	if _, err := fmt.Sscan(string(raw), &size, &pages); err != nil {
		tb.Fatal(err)
	}
	return float64(pages * os.Getpagesize())
}

// What both sides of BenchmarkIMAPBesideLoop say over and over: by the probe's actions, and as a loop writes it.
const (
	loopUsers    = 20
	loopMessages = 20
	loopJourney  = `[{do: imap.login}, {do: imap.select}, {repeat: {for: session}, steps: [{do: imap.noop}, {do: imap.status}, {do: imap.fetch_headers, with: {last: 20}}, {do: imap.fetch}]}]`
)

func loopCommands() []string {
	return []string{
		"NOOP", `STATUS "INBOX" (MESSAGES UIDNEXT UIDVALIDITY UNSEEN)`, "FETCH 1:20 (UID FLAGS RFC822.SIZE ENVELOPE)", "FETCH 7 (UID FLAGS BODY.PEEK[])",
	}
}

// BenchmarkIMAPBesideLoop is the processor time of an IMAP action through plan, engine, probe and recorder, beside that of a
// loop that writes the same commands as they were prepared and reads up to the answer, over as many connections to the same
// Dovecot: the median of three rounds, in turns. A goal: at most twice.
//
// What cost most beside the system calls, which both have, by its profile: envelopes read byte by byte (client/envelope.go), the context of
// each action and its hook (engine/limit.go), a second read for what is larger than the small buffer. What remains is one read in vain
// before each wait, as in the loop, and the answers' items and the marks of phases.
func BenchmarkIMAPBesideLoop(b *testing.B) {
	stack := startDovecot(b, loopUsers)
	roots := probetest.Roots(b, stack.CAFile)
	fillForLoop(b, stack, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
	for _, way := range []struct {
		name, address string
		config        *tls.Config
	}{{"tls", stack.IMAPDirect, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"}}, {"plain", stack.IMAPStartTLS, nil}} {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				var ratios, owns, bares []float64
				for range 3 {
					bare := costOfLoop(b, stack, way.address, way.config)
					own, _ := costOfEngine(b, stack, way.address, nil)
					ratios, owns, bares = append(ratios, own/bare), append(owns, own), append(bares, bare)
				}
				for _, list := range [][]float64{ratios, owns, bares} {
					slices.Sort(list)
				}
				b.ReportMetric(ratios[1], "cpu-ratio")
				b.ReportMetric(1e6/owns[1], "actions/cpu-s")
				b.ReportMetric(1e6/bares[1], "bare-actions/cpu-s")
			}
		})
	}
}

// BenchmarkStateChecks is how many IMAP actions a second there are with checks of state for every account, as a share of those without,
// over the same Dovecot, which limits both; and the same for a second of the generator's processor time. Both run in turns. A goal: at
// least 0.9.
func BenchmarkStateChecks(b *testing.B) {
	stack := startDovecot(b, loopUsers)
	roots := probetest.Roots(b, stack.CAFile)
	fillForLoop(b, stack, &tls.Config{RootCAs: roots, ServerName: "127.0.0.1"})
	var without, with, slow, fast []float64
	for b.Loop() {
		for range 5 {
			cost, rate := costOfEngine(b, stack, stack.IMAPDirect, nil)
			without, fast = append(without, cost), append(fast, rate)
			cost, rate = costOfEngine(b, stack, stack.IMAPDirect, engine.NewChecks(1, 1, func(v engine.Violation) { b.Error(v.Text()) }))
			with, slow = append(with, cost), append(slow, rate)
		}
	}
	for _, values := range [][]float64{without, with, slow, fast} {
		slices.Sort(values)
	}
	b.ReportMetric(slow[len(slow)/2]/fast[len(fast)/2], "throughput-ratio")
	b.ReportMetric(without[len(without)/2]/with[len(with)/2], "cpu-throughput-ratio")
	b.ReportMetric(1e6/with[len(with)/2], "checked-actions/cpu-s")
	b.ReportMetric(1e6/without[len(without)/2], "actions/cpu-s")
}

// bareClient is a connection of the loop.
type bareClient struct {
	net.Conn
	in   [16 << 10]byte
	tail []byte
}

func bareLogin(tb testing.TB, stack *real.Stack, address string, config *tls.Config, user int) *bareClient {
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	c := new(bareClient)
	if config == nil {
		c.Conn, err = net.Dial("tcp", u.Host)
	} else {
		c.Conn, err = tls.Dial("tcp", u.Host, config)
	}
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := c.Read(c.in[:]); err != nil {
		tb.Fatal(err)
	}
	for _, command := range []string{fmt.Sprintf("LOGIN %s %s", real.Account(user), stack.Password), "SELECT INBOX"} {
		if err := c.ask([]byte("x " + command + "\r\n")); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}

// ask writes a command and reads up to its answer.
func (c *bareClient) ask(command []byte) error {
	if _, err := c.Write(command); err != nil {
		return err
	}
	for c.tail = c.tail[:0]; ; {
		n, err := c.Read(c.in[:])
		if err != nil {
			return err
		}
		c.tail = append(c.tail, c.in[max(0, n-512):n]...)
		if !bytes.HasSuffix(c.tail, []byte("\r\n")) {
			continue
		}
		line := c.tail[bytes.LastIndexByte(c.tail[:len(c.tail)-2], '\n')+1:]
		if bytes.HasPrefix(line, []byte("x ")) {
			if !bytes.HasPrefix(line, []byte("x OK")) {
				return fmt.Errorf("%s", line)
			}
			return nil
		}
	}
}

// fillForLoop puts messages into the users' mailboxes.
func fillForLoop(b *testing.B, stack *real.Stack, config *tls.Config) {
	for user := range loopUsers {
		c := bareLogin(b, stack, stack.IMAPDirect, config, user)
		for key := range loopMessages {
			message := corpus.Message(corpus.MessageSpec{
				Run: "loop", Key: uint64(key), Size: 4000, Date: time.Now(), From: real.Account(0), To: []string{real.Account(user)}, Owner: real.Account(user),
			})
			var out bytes.Buffer
			w := bufio.NewWriter(&out)
			fmt.Fprintf(w, "x APPEND INBOX {%d+}\r\n%s\r\n", len(message), message)
			w.Flush()
			if err := c.ask(out.Bytes()); err != nil {
				b.Fatal(err)
			}
		}
		c.Close()
	}
}

// processorTime is what this process has used, in microseconds.
func processorTime() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e3
}

// costOfLoop is the processor time of a command, in microseconds.
func costOfLoop(b *testing.B, stack *real.Stack, address string, config *tls.Config) float64 {
	var clients []*bareClient
	for user := range loopUsers {
		clients = append(clients, bareLogin(b, stack, address, config, user))
	}
	var commands [][]byte
	for _, command := range loopCommands() {
		commands = append(commands, []byte("x "+command+"\r\n"))
	}
	var users sync.WaitGroup
	counts := make([]int, loopUsers)
	runtime.GC()
	before, end := processorTime(), time.Now().Add(4*time.Second)
	for i, c := range clients {
		users.Go(func() {
			for time.Now().Before(end) {
				for _, command := range commands {
					if err := c.ask(command); err != nil {
						b.Error(err)
						return
					}
					counts[i]++
				}
			}
		})
	}
	users.Wait()
	used, total := processorTime()-before, 0
	for i, c := range clients {
		total += counts[i]
		c.Close()
	}
	return used / float64(total)
}

// costOfEngine is the processor time of an action, in microseconds, and how many there are a second, with checks of state where they are
// not nil.
func costOfEngine(b *testing.B, stack *real.Stack, address string, checks *engine.Checks) (cost, rate float64) {
	src := fmt.Sprintf(`
name: loop
targets: {imap: {url: "%s", ca: "%s"}}
accounts: {pattern: "u{n:05}@example.test", count: %d, first: 0, password: {env: P}}
activity: {desktop: 100%%, source: test}
personas: [{name: desktop, journey: j}]
journeys: {j: %s}
load: {stages: {users: [%d], ramp: 500ms, settle: 500ms, hold: 5s}}
objectives: [{errors: 1%%}]
`, address, stack.CAFile, loopUsers, loopJourney, loopUsers)
	s, err := scenarios.Parse("loop.yaml", []byte(src), scenarios.Options{Getenv: func(string) (string, bool) { return stack.Password, true }})
	if err != nil {
		b.Fatal(err)
	}
	p, err := plan.Build(s, probes.All())
	if err != nil {
		b.Fatal(err)
	}
	targets, err := engine.Targets(s)
	if err != nil {
		b.Fatal(err)
	}
	var actions uint64
	var begun, ended float64
	var first, last time.Duration
	failed := make([]uint64, probe.NumClasses)
	recorder := record.NewRecorder(len(p.Actions), len(p.Personas), 16*runtime.GOMAXPROCS(0))
	err = engine.Run(b.Context(), p, recorder, engine.Options{Targets: targets, Checks: checks, OnInterval: func(in *record.Interval) {
		if begun > 0 {
			for _, series := range in.Series {
				if series != nil {
					actions += series.Done()
					for class, n := range series.Classes {
						failed[class] += uint64(n)
					}
				}
			}
			ended, last = processorTime(), in.End
		} else if in.End > 1500*time.Millisecond {
			begun, first = processorTime(), in.End
		}
	}})
	if err != nil {
		b.Fatal(err)
	}
	for class, n := range failed {
		if class := probe.Class(class); class != probe.OK && class != probe.Canceled && n > 0 {
			b.Errorf("%d actions came to %v", n, class)
		}
	}
	return (ended - begun) / float64(actions), float64(actions) / (last - first).Seconds()
}

// A thousand active users on Dovecot: everything that a mail program does, and nothing fails.
func TestThousandActiveUsersLong(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("a thousand users on Dovecot take a minute and a half; set PEGEL_LONG=1, or make test-long")
	}
	stack := startDovecot(t, 1000)
	archived := onDovecot(t, stack, "active-on-dovecot.yaml", "{users: [1000], ramp: 20s, settle: 10s, hold: 45s}")
	if actions := unfailing(t, archived); actions < 20000 {
		t.Errorf("only %d actions", actions)
	} else {
		t.Logf("%d actions, none failed", actions)
	}
}
