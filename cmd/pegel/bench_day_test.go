package main

import (
	"bytes"
	"context"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
)

// day is what a run of 24 hours costs: the long run with stages of two hours and 24 minutes, 550 actions a second on
// average, and the shards and figures that a real one has.
type day struct {
	hours   float64
	samples uint64
	heap    []float64 // live bytes at the end of each hour
	seconds float64   // of processor time for recording, collecting and writing all of it
	size    int64     // bytes of the archive
	read    float64   // seconds for opening it and reading each of its rows
	judged  float64   // seconds of `pegel forecast`
	peak    int64     // bytes of memory it had at most

	readCPU, judgedCPU float64 // the same in processor time, which says more on a machine that is shared
}

// walkDay feeds so many hours of samples through recorder, collector and archive as fast as the machine can, and reads them again.
func walkDay(tb testing.TB, hours float64) (d day) {
	tb.Helper()
	// Each second of run time is synced; on a disk that would be most of the time and tells nothing of pegel.
	dir := tb.TempDir()
	if shm, err := os.MkdirTemp("/dev/shm", "pegel-day-"); err == nil {
		tb.Cleanup(func() { os.RemoveAll(shm) })
		dir = shm
	}
	dir = filepath.Join(dir, "run")
	recorder := record.NewRecorder(longActions, 4, 16*runtime.GOMAXPROCS(0)) // as pegel run makes it
	l := &longRun{recorder: recorder, generator: 25, hold: int(hours*3600/longStages) - longRamp}
	l.each = func() {
		if l.second%3600 != 0 {
			return
		}
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		d.heap = append(d.heap, float64(m.HeapAlloc))
	}
	// What a shard has room for comes when it is first needed: latencies and numbers in flight of the highest load first, so that
	// what the heap grows by afterwards is a matter of time alone.
	l.rng = rand.New(rand.NewPCG(3, 4))
	for range 60 {
		l.act(1000 * longStages)
		recorder.Collect(0)
	}
	used := ownProcessorTime()
	if err := l.write(dir); err != nil {
		tb.Fatal(err)
	}
	d.seconds, d.hours = ownProcessorTime()-used, float64(l.second)/3600
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			d.size += info.Size()
		}
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	used = ownProcessorTime()
	began := time.Now()
	run, err := archive.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	var end time.Duration
	for row, err := range run.Rows() {
		if err != nil {
			tb.Fatal(err)
		}
		if row.Start != end {
			tb.Fatalf("a row begins at %v, the one before ended at %v", row.Start, end)
		}
		end = row.End
		for i := range row.Series {
			d.samples += row.Series[i].Done()
		}
	}
	d.read, d.readCPU = time.Since(began).Seconds(), ownProcessorTime()-used
	if want := time.Duration(l.second) * time.Second; end != want {
		tb.Fatalf("what can be read ends at %v, want %v", end, want)
	}
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(context.Background(), self, "forecast", dir, "--json")
	cmd.Args[0], cmd.Stdout, cmd.Stderr = "pegel", &out, os.Stderr
	began = time.Now()
	_ = cmd.Run() // its exit code is the verdict
	d.judged, d.judgedCPU = time.Since(began).Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if !strings.Contains(out.String(), `"determined": true`) {
		tb.Fatalf("exit code %d: %s", cmd.ProcessState.ExitCode(), out.String())
	}
	d.peak = cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss * 1024
	return d
}

// growth is the largest heap of the second half over the largest of the first.
func (d *day) growth() float64 {
	half := len(d.heap) / 2
	largest := func(list []float64) (most float64) {
		for _, x := range list {
			most = math.Max(most, x)
		}
		return most
	}
	return largest(d.heap[half:]) / largest(d.heap[:half])
}

// BenchmarkDay is a run of 24 hours with 40 actions: memory while it is written, size of the archive, time to read and to judge.
func BenchmarkDay(b *testing.B) {
	for b.Loop() {
		d := walkDay(b, 24)
		b.ReportMetric(d.heap[0]/1e6, "heap-1h-MB")
		b.ReportMetric(d.heap[len(d.heap)-1]/1e6, "heap-24h-MB")
		b.ReportMetric(d.growth(), "heap-growth")
		b.ReportMetric(float64(d.size)/1e6, "archive-MB")
		b.ReportMetric(float64(d.samples)/1e6, "million-samples")
		b.ReportMetric(d.seconds, "written-cpu-s")
		b.ReportMetric(d.read, "read-s")
		b.ReportMetric(d.readCPU, "read-cpu-s")
		b.ReportMetric(d.judged, "judged-s")
		b.ReportMetric(d.judgedCPU, "judged-cpu-s")
		b.ReportMetric(float64(d.peak)/1e6, "judged-peak-MB")
	}
}

// The memory of a run does not grow with its length, and a day's archive stays small. Times are told only: they are the machine's.
func TestDayLong(t *testing.T) {
	if os.Getenv("PEGEL_LONG") == "" {
		t.Skip("24 hours of samples take minutes; set PEGEL_LONG=1, or make test-long")
	}
	d := walkDay(t, 24)
	t.Logf("%.1f h, %.1f million samples written with %.0f s of processor time; %.0f MB; read in %.1f s (%.1f s of processor time), judged in %.1f s (%.1f s) with %.0f MB; heap by hour %.0f", d.hours,
		float64(d.samples)/1e6, d.seconds, float64(d.size)/1e6, d.read, d.readCPU, d.judged, d.judgedCPU, float64(d.peak)/1e6, d.heap)
	if growth := d.growth(); growth > 1.25 {
		t.Errorf("the heap grows by a factor of %.2f from the first half of the day to the second: %.0f", growth, d.heap)
	}
	if d.size > 500e6 {
		t.Errorf("the archive of a day takes %d bytes", d.size)
	}
}
