package observe

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"
)

// children sums up all processes below root, such as browsers and the servers that a run has started. Looking through
// every process of the machine costs milliseconds, so it is done only once in childrenEvery.
type children struct {
	root    int
	begun   bool
	at      time.Duration
	seconds map[int]float64 // of CPU, by process
}

const (
	childrenEvery = 5 * time.Second
	clockTicks    = 100 // per second, in /proc on every architecture
)

// procStat is what /proc/PID/stat says of a process.
type procStat struct {
	name    string // of the program, as the kernel keeps it: 15 bytes at most
	state   byte   // R runs, D waits for a disk, S sleeps, Z has ended
	threads int64
	parent  int
	seconds float64 // of CPU
	rss     float64 // bytes
}

// sample returns memory (what processes share is counted for each) and CPU in percent of one core. ok is false where
// there is nothing to tell: between two looks, at the first, and without /proc.
func (c *children) sample(at time.Duration) (rss, percent float64, ok bool) {
	if runtime.GOOS != "linux" || c.begun && at-c.at < childrenEvery {
		return 0, 0, false
	}
	all := readProcesses("/proc")
	if all == nil {
		return 0, 0, false
	}
	var used float64
	seconds := make(map[int]float64)
	for pid := range all {
		if pid == c.root || !below(all, pid, c.root) {
			continue
		}
		s := all[pid]
		rss += s.rss
		used += max(0, s.seconds-c.seconds[pid]) // all of it where the process is new
		seconds[pid] = s.seconds
	}
	elapsed := (at - c.at).Seconds()
	ok = c.begun
	c.begun, c.at, c.seconds = true, at, seconds
	if !ok || elapsed <= 0 {
		return 0, 0, false
	}
	return rss, 100 * used / elapsed, true
}

// below tells whether pid descends from root.
func below(all map[int]procStat, pid, root int) bool {
	for range 64 { // deeper is a loop made by processes that ended and began while they were read
		s, known := all[pid]
		if !known {
			return false
		}
		if s.parent == root {
			return true
		}
		pid = s.parent
	}
	return false
}

// readProcesses reads all processes; nil where that is not possible.
func readProcesses(proc string) map[int]procStat {
	dir, err := os.Open(proc)
	if err != nil {
		return nil
	}
	names, err := dir.Readdirnames(-1)
	dir.Close()
	if err != nil {
		return nil
	}
	all := make(map[int]procStat)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		text, err := os.ReadFile(filepath.Join(proc, name, "stat"))
		if err != nil {
			continue // it has ended
		}
		if s, ok := parseStat(text); ok {
			all[pid] = s
		}
	}
	return all
}

// parseStat reads a line of /proc/PID/stat (proc(5)). The program's name, second in the line, may hold anything, so
// fields are counted from its last parenthesis: the state is the first of them and field 3 of the manual page.
func parseStat(text []byte) (procStat, bool) {
	i := bytes.LastIndexByte(text, ')')
	if i < 0 {
		return procStat{}, false
	}
	fields := bytes.Fields(text[i+1:])
	if len(fields) < 22 {
		return procStat{}, false
	}
	var n [5]int64
	for k, field := range [5]int{4, 14, 15, 24, 20} { // parent, user and system time, resident pages, threads
		v, err := strconv.ParseInt(string(fields[field-3]), 10, 64)
		if err != nil {
			return procStat{}, false
		}
		n[k] = v
	}
	return procStat{
		name:    string(text[min(i, bytes.IndexByte(text, '(')+1):i]),
		state:   fields[0][0],
		threads: n[4],
		parent:  int(n[0]),
		seconds: float64(n[1]+n[2]) / clockTicks,
		rss:     float64(n[3]) * float64(os.Getpagesize()),
	}, true
}
