package observe

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"pegel/internal/archive"
)

func TestGenerator(t *testing.T) {
	g, err := newGenerator()
	if err != nil {
		t.Fatal(err)
	}
	first := values(g.sample(0))
	if v, ok := first[archive.GeneratorCPU+".value"]; ok {
		t.Errorf("the first sample has CPU %v, there is nothing to compare it with", v)
	}
	// Use CPU until the process's clock, which counts hundredths, must have moved.
	for start := time.Now(); time.Since(start) < 200*time.Millisecond; {
		math.Sqrt(float64(time.Now().UnixNano()))
	}
	runtime.GC()
	points := g.sample(time.Second)
	second := values(points)
	for _, p := range points {
		if p.Page != archive.PageGenerator || p.Field != archive.FieldValue || p.Value < 0 || !finite(p.Value) {
			t.Errorf("point %+v", p)
		}
	}
	names := []string{archive.GeneratorCPU, archive.GeneratorRSS, archive.GeneratorGoroutines, archive.GeneratorMachineCPU, archive.GeneratorGCPause, archive.GeneratorSchedP99, archive.GeneratorPause}
	if runtime.GOOS == "linux" {
		names = append(names, archive.GeneratorFiles, archive.GeneratorSteal, archive.GeneratorMemoryLeft, archive.GeneratorRunQueue, archive.GeneratorSockets, archive.GeneratorTimeWait,
			archive.GeneratorRetransmits, archive.GeneratorOverflows)
	}
	for _, name := range names {
		if _, ok := second[name+".value"]; !ok {
			t.Errorf("%s is missing: %v", name, second)
		}
	}
	if v := second[archive.GeneratorRSS+".value"]; v < 1<<20 {
		t.Errorf("resident memory is %v bytes", v)
	}
	if v := second[archive.GeneratorCPU+".value"]; v <= 0 {
		t.Errorf("CPU is %v %% after a busy loop", v)
	}
	if v := second[archive.GeneratorGCPause+".value"]; v <= 0 {
		t.Errorf("garbage collection has paused for %v s after a collection", v)
	}
}

func TestOpenFiles(t *testing.T) {
	g, err := newGenerator()
	if err != nil {
		t.Fatal(err)
	}
	before := g.openFiles()
	for range 25 {
		f, err := os.Open(os.DevNull)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
	}
	if after := g.openFiles(); after < before+25 {
		t.Errorf("%d files were open, 25 more make %d", before, after)
	}
}

func TestChildren(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("children are read from /proc")
	}
	c := children{root: os.Getpid()}
	if _, _, ok := c.sample(0); ok {
		t.Error("the first look has a result, there is nothing to compare it with")
	}
	// A grandchild, as a browser's renderer is: a shell that waits for a shell that says when it has used CPU.
	child := exec.Command("/bin/sh", "-c", `/bin/sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; echo ready; read line'; :`)
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer in.Close()
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if _, _, ok := c.sample(time.Second); ok {
		t.Error("the second look came too early and has a result")
	}
	rss, percent, ok := c.sample(10 * time.Second)
	if !ok || rss < 2*100<<10 || percent <= 0 {
		t.Errorf("children use %v bytes and %v %% (%v), want those of two shells", rss, percent, ok)
	}
}

func TestParseStat(t *testing.T) {
	s, ok := parseStat([]byte("42 (a ) (b 7) S 17 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 5 1000000 10 18446744073709551615"))
	if !ok || s.parent != 17 || s.seconds != 3 || s.rss != 10*float64(os.Getpagesize()) {
		t.Errorf("%+v, %v", s, ok)
	}
	for _, text := range []string{"", "42 (x) S 1", "42 x S 17", "1 (a) S b c d e f g h i j k l m n o p q r s t u v w"} {
		if _, ok := parseStat([]byte(text)); ok {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestReadProcesses(t *testing.T) {
	dir := t.TempDir()
	for pid, parent := range map[int]int{5: 1, 6: 5, 7: 6, 8: 1, 9: 9} {
		sub := filepath.Join(dir, fmt.Sprint(pid))
		if err := os.Mkdir(sub, 0o755); err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%d (x) S %d 0 0 0 0 0 0 0 0 0 1 1 0 0 0 0 0 0 0 0 1 0", pid, parent)
		if err := os.WriteFile(filepath.Join(sub, "stat"), []byte(line), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	all := readProcesses(dir)
	for pid, want := range map[int]bool{6: true, 7: true, 8: false, 9: false} {
		if got := below(all, pid, 5); got != want {
			t.Errorf("%d below 5: %v, want %v", pid, got, want)
		}
	}
	if readProcesses(filepath.Join(dir, "none")) != nil {
		t.Error("a directory that is not there has processes")
	}
}

func TestQuantileSince(t *testing.T) {
	h := &metrics.Float64Histogram{Buckets: []float64{math.Inf(-1), 1, 2, 4, math.Inf(1)}, Counts: []uint64{10, 0, 0, 0}}
	before := append([]uint64(nil), h.Counts...)
	if got := quantileSince(h, before, 0.99); got != 0 {
		t.Errorf("nothing counted: %v", got)
	}
	h.Counts = []uint64{10, 98, 1, 1}
	for q, want := range map[float64]float64{0.5: 2, 0.98: 2, 0.99: 4, 1: 4} {
		if got := quantileSince(h, before, q); got != want {
			t.Errorf("quantile %v is %v, want %v", q, got, want)
		}
	}
}
