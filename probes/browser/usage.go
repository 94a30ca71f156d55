package browser

import (
	"bytes"
	"context"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"pegel/probes/probe"
)

const (
	// shortFrom is the share of all cores' time from which on the CPU counts as short.
	shortFrom = 0.9

	shortEvery = time.Second
	clockTicks = 100 // per second, in /proc on every architecture
)

// watch notes when the machine's CPU was short: what a page shows then says as much of the generator as of the platform.
type watch struct {
	short   atomic.Int64 // when it was last, in ns since 1970; 0: never
	cancel  context.CancelFunc
	running sync.WaitGroup
}

func startWatch() *watch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &watch{cancel: cancel}
	w.running.Go(func() {
		tick := time.NewTicker(shortEvery)
		defer tick.Stop()
		busy, total := machineTime()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			b, t := machineTime()
			if t > total && (b-busy)/(t-total) >= shortFrom {
				w.short.Store(time.Now().UnixNano())
			}
			busy, total = b, t
		}
	})
	return w
}

func (w *watch) since(began time.Time) bool { return w.short.Load() >= began.UnixNano() }

func (w *watch) close() {
	w.cancel()
	w.running.Wait()
}

// machineTime is the time of all cores that was not idle, and all of it, in ticks; zero without /proc. What a hypervisor took
// counts as busy.
func machineTime() (busy, total float64) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	for i, field := range bytes.Fields(line) {
		v, err := strconv.ParseFloat(string(field), 64)
		if err != nil || i > 8 { // guest time is part of user time
			continue
		}
		total += v
		if i != 4 && i != 5 { // idle, iowait
			busy += v
		}
	}
	return busy, total
}

// usage is what a browser's processes use.
type usage struct {
	at      time.Time
	group   int
	seconds float64
}

// readings are memory, with what processes share divided among them, CPU in percent of one core since the last time, and
// contexts.
func (u *usage) readings(group, contexts int) []probe.Reading {
	pss, seconds, ok := groupUses(group)
	if !ok {
		return nil
	}
	now := time.Now()
	list := []probe.Reading{{Name: "browser_pss_bytes", Value: pss}, {Name: "browser_contexts", Value: float64(contexts)}}
	if elapsed := now.Sub(u.at).Seconds(); u.group == group && elapsed > 0 {
		// A tab's process that has ended takes its time with it.
		list = append(list, probe.Reading{Name: "browser_cpu_percent", Value: 100 * math.Max(0, seconds-u.seconds) / elapsed})
	}
	*u = usage{now, group, seconds}
	return list
}

// groupUses adds up the processes of a group, and the time of their children that have ended.
func groupUses(group int) (pss, seconds float64, ok bool) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || group <= 0 {
		return 0, 0, false
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:]) // from field 3 of proc(5) on
		if len(fields) < 15 || string(fields[2]) != strconv.Itoa(group) {
			continue
		}
		for _, field := range fields[11:15] { // user and system time, its own and of children that were waited for
			v, _ := strconv.ParseFloat(string(field), 64)
			seconds += v / clockTicks
		}
		pss += proportional(filepath.Dir(file))
		ok = true
	}
	return pss, seconds, ok
}

// proportional is the memory of a process in bytes, with its share of what it has in common with others.
func proportional(dir string) float64 {
	text, err := os.ReadFile(filepath.Join(dir, "smaps_rollup"))
	if err != nil {
		return 0
	}
	_, after, _ := bytes.Cut(text, []byte("\nPss:"))
	fields := bytes.Fields(after)
	if len(fields) == 0 {
		return 0
	}
	kib, _ := strconv.ParseFloat(string(fields[0]), 64)
	return kib * 1024
}
