package observe

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/mem"
	"github.com/shirou/gopsutil/v4/process"

	"pegel/internal/archive"
)

// What the runtime tells of itself; the first is how long goroutines that could run waited for it, the others how long
// everything stood still at once.
const (
	schedLatencies = "/sched/latencies:seconds"
	pausesGC       = "/sched/pauses/total/gc:seconds"
	pausesOther    = "/sched/pauses/total/other:seconds"
)

// generator reads the health of this process and its machine. It belongs to one goroutine.
type generator struct {
	process  *process.Process
	children children

	begun   bool
	at      time.Duration
	seconds float64 // of CPU, this process; NaN: not known
	machine cpu.TimesStat

	runtime []metrics.Sample
	counts  [][]uint64 // of each of runtime at the last sample
	gc      debug.GCStats

	heart heartbeat
	// calibrated is how late timers were before the load, the median; 0: not known.
	calibrated time.Duration
	threads    runQueue
	tcp        tcpNow
	tcpOK      bool
}

func newGenerator() (*generator, error) {
	p, err := process.NewProcess(int32(os.Getpid()))
	if err != nil {
		return nil, fmt.Errorf("finding the own process: %w", err)
	}
	return &generator{
		process:  p,
		seconds:  math.NaN(),
		children: children{root: os.Getpid()},
		runtime:  []metrics.Sample{{Name: schedLatencies}, {Name: pausesGC}, {Name: pausesOther}},
		counts:   make([][]uint64, 3),
		threads:  runQueue{proc: "/proc/self"},
	}, nil
}

// sample returns the generator's points at a time of the run. What is a difference to the sample before is left out of
// the first; what cannot be read (a process at its limit of descriptors cannot even open its own status) is left out.
func (g *generator) sample(at time.Duration) []archive.Point {
	points := make([]archive.Point, 0, 20)
	add := func(name string, v float64) {
		if finite(v) {
			points = append(points, archive.Point{Page: archive.PageGenerator, Resource: name, Field: archive.FieldValue, Value: v})
		}
	}
	if !g.begun && g.calibrated > 0 {
		add(archive.GeneratorTimerError, g.calibrated.Seconds())
	}
	if !g.begun || at-g.at >= beat/2 { // over less than that the ticks of CPU time are too coarse
		g.differences(at, add)
	}
	if m, err := g.process.MemoryInfo(); err == nil {
		add(archive.GeneratorRSS, float64(m.RSS))
	}
	add(archive.GeneratorGoroutines, float64(runtime.NumGoroutine()))
	debug.ReadGCStats(&g.gc)
	add(archive.GeneratorGCPause, g.gc.PauseTotal.Seconds())
	if n := g.openFiles(); n > 0 {
		add(archive.GeneratorFiles, float64(n))
	}
	if m, err := mem.VirtualMemory(); err == nil {
		add(archive.GeneratorMemoryLeft, float64(m.Available))
	}
	if rss, percent, ok := g.children.sample(at); ok {
		add(archive.GeneratorChildrenRSS, rss)
		add(archive.GeneratorChildrenCPU, percent)
	}
	return points
}

// differences adds what counters have gained since it was called last; nothing the first time.
func (g *generator) differences(at time.Duration, add func(name string, v float64)) {
	if t, err := g.process.Times(); err == nil {
		used := t.User + t.System
		add(archive.GeneratorCPU, 100*(used-g.seconds)/(at-g.at).Seconds())
		g.seconds = used
	} else {
		g.seconds = math.NaN()
	}
	if all, err := cpu.Times(false); err == nil && len(all) == 1 {
		if g.begun {
			add(archive.GeneratorMachineCPU, busyPercent(&g.machine, &all[0]))
			add(archive.GeneratorSteal, stealPercent(&g.machine, &all[0]))
		}
		g.machine = all[0]
	}
	g.ofRuntime(add)
	if ran, waited, ok := g.threads.sample(); ok && ran+waited > 0 {
		add(archive.GeneratorRunQueue, 100*waited/(ran+waited))
	}
	if _, worst := g.heart.take(); g.begun && worst > 0 {
		add(archive.GeneratorTimerLate, worst.Seconds())
	}
	tcp, ok := readTCP("/proc/self")
	if ok {
		add(archive.GeneratorSockets, tcp.Sockets)
		add(archive.GeneratorTimeWait, tcp.TimeWait)
	}
	if seconds := (at - g.at).Seconds(); ok && g.tcpOK && g.begun {
		add(archive.GeneratorRetransmits, (tcp.Retransmits-g.tcp.Retransmits)/seconds)
		add(archive.GeneratorOverflows, (tcp.Overflows-g.tcp.Overflows)/seconds)
	}
	g.tcp, g.tcpOK = tcp, ok
	g.begun, g.at = true, at
}

// ofRuntime adds what Go's runtime has counted since the last time.
func (g *generator) ofRuntime(add func(name string, v float64)) {
	metrics.Read(g.runtime)
	pause := 0.0
	for i := range g.runtime {
		v := g.runtime[i].Value
		if v.Kind() != metrics.KindFloat64Histogram {
			continue // a runtime that does not know it
		}
		h := v.Float64Histogram()
		if g.begun && i == 0 {
			add(archive.GeneratorSchedP99, quantileSince(h, g.counts[i], 0.99))
		} else if g.begun {
			pause = max(pause, quantileSince(h, g.counts[i], 1))
		}
		g.counts[i] = append(g.counts[i][:0], h.Counts...)
	}
	if g.begun {
		add(archive.GeneratorPause, pause)
	}
}

// openFiles is the number of open descriptors. Newer Linux tells it as the size of the directory; listing it, with tens
// of thousands of connections each second, would be a load of its own.
func (g *generator) openFiles() int64 {
	if info, err := os.Stat("/proc/self/fd"); err == nil && info.Size() > 0 {
		return info.Size()
	}
	n, err := g.process.NumFDs()
	if err != nil {
		return 0
	}
	return int64(n)
}

// busyPercent is the share of all cores' time between two readings that was not idle; time a hypervisor took counts as
// busy. It is NaN where no time has passed.
func busyPercent(from, to *cpu.TimesStat) float64 {
	idle := (to.Idle + to.Iowait) - (from.Idle + from.Iowait)
	busy := func(t *cpu.TimesStat) float64 { // guest time is part of user time
		return t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Steal
	}
	used := busy(to) - busy(from)
	if total := used + idle; total > 0 {
		return 100 * max(0, min(1, used/total))
	}
	return math.NaN()
}

// stealPercent is the share of all cores' time between two readings that a hypervisor gave to others although this
// machine could have used it.
func stealPercent(from, to *cpu.TimesStat) float64 {
	sum := func(t *cpu.TimesStat) float64 {
		return t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Steal + t.Idle + t.Iowait
	}
	if total := sum(to) - sum(from); total > 0 {
		return 100 * max(0, min(1, (to.Steal-from.Steal)/total))
	}
	return math.NaN()
}

// quantileSince is the quantile q of what h has counted beyond before: the upper edge of its bucket, or the lower where
// that is infinite. It is 0 where nothing was counted.
func quantileSince(h *metrics.Float64Histogram, before []uint64, q float64) float64 {
	since := func(i int) uint64 {
		if i < len(before) && before[i] <= h.Counts[i] {
			return h.Counts[i] - before[i]
		}
		return h.Counts[i]
	}
	var total uint64
	for i := range h.Counts {
		total += since(i)
	}
	if total == 0 {
		return 0
	}
	rank := uint64(math.Ceil(q * float64(total)))
	var seen uint64
	for i := range h.Counts {
		if seen += since(i); seen >= rank {
			if upper := h.Buckets[i+1]; !math.IsInf(upper, 1) {
				return upper
			}
			return h.Buckets[i]
		}
	}
	return 0
}
