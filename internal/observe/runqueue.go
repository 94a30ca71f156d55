package observe

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// runQueue watches how long the threads of this process stood ready and had to wait for a processor: what other programs,
// and this one's own threads beyond the number of cores, take from it.
type runQueue struct {
	proc    string // of this process, such as /proc/self
	threads map[string][2]float64
}

// sample returns in seconds how long threads have run and waited since it was called last; a thread that ended in between
// takes its last moments with it. ok is false at the first look, and where the kernel does not say.
func (q *runQueue) sample() (ran, waited float64, ok bool) {
	dir, err := os.Open(filepath.Join(q.proc, "task"))
	if err != nil {
		return 0, 0, false
	}
	names, err := dir.Readdirnames(-1)
	dir.Close()
	if err != nil {
		return 0, 0, false
	}
	now := make(map[string][2]float64, len(names))
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join(q.proc, "task", name, "schedstat"))
		if err != nil {
			continue // the thread has ended
		}
		fields := strings.Fields(string(raw)) // nanoseconds on a processor, nanoseconds ready and waiting, time slices
		if len(fields) < 2 {
			continue
		}
		run, err1 := strconv.ParseFloat(fields[0], 64)
		wait, err2 := strconv.ParseFloat(fields[1], 64)
		if err1 != nil || err2 != nil {
			continue
		}
		before := q.threads[name] // zero of a new thread
		ran += max(0, run-before[0]) / 1e9
		waited += max(0, wait-before[1]) / 1e9
		now[name] = [2]float64{run, wait}
	}
	ok = q.threads != nil && len(now) > 0
	q.threads = now
	return ran, waited, ok
}
