package testenv

import (
	"math"
	"strconv"
	"sync"
)

// nodeState is what the page of a machine remembers from one reading to the next. Its lock makes readings follow each other.
type nodeState struct {
	mu       sync.Mutex
	at       float64 // seconds
	demand   float64 // units in use and waiting, integrated
	load1    float64
	computed []float64 // by processor resource: seconds of real work
}

const megabyte = 1 << 20

// writeNode shows processors, memory and disks as one machine.
func writeNode(p *Platform, c *counters, out emitter) {
	s := &p.node
	s.mu.Lock()
	defer s.mu.Unlock()
	number, demand := 0, 0.0
	for i, r := range c.kind("cpu", "cores") {
		demand += r.Busy + r.Wait
		if len(s.computed) <= i {
			s.computed = append(s.computed, 0)
		}
		// Work that memory over its limit prolongs waits for pages. It is known when the work begins, which must not take back
		// what was shown.
		s.computed[i] = max(s.computed[i], r.Busy-c.prolonged[r.Name])
		units := float64(r.Limit)
		for range r.Limit {
			cpu := strconv.Itoa(number)
			number++
			for _, m := range []struct {
				mode    string
				seconds float64
			}{
				{"user", 0.85 * s.computed[i] / units}, {"system", 0.15 * s.computed[i] / units}, {"iowait", (r.Busy - s.computed[i]) / units},
				{"idle", c.seconds - r.Busy/units}, {"irq", 0}, {"nice", 0}, {"softirq", 0}, {"steal", 0},
			} {
				out.counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.", max(0, m.seconds), "cpu", cpu, "mode", m.mode)
			}
		}
	}
	if number > 0 {
		// The kernel's load falls to the mean since the last reading with a time constant of a minute.
		if passed := c.seconds - s.at; passed > 0 {
			stays := math.Exp(-passed / 60)
			s.load1 = s.load1*stays + (demand-s.demand)/passed*(1-stays)
			s.at, s.demand = c.seconds, demand
		}
		out.gauge("node_load1", "1m load average.", s.load1)
	}
	for _, r := range c.kind("memory") {
		total := float64(r.Limit) * megabyte
		used := float64(r.InUse) * megabyte
		swap := total // as large as the memory
		out.gauge("node_memory_MemTotal_bytes", "Memory information field MemTotal_bytes.", total)
		out.gauge("node_memory_MemAvailable_bytes", "Memory information field MemAvailable_bytes.", max(0.01*total, total-used))
		out.gauge("node_memory_MemFree_bytes", "Memory information field MemFree_bytes.", max(0.005*total, total-used))
		out.gauge("node_memory_SwapTotal_bytes", "Memory information field SwapTotal_bytes.", swap)
		out.gauge("node_memory_SwapFree_bytes", "Memory information field SwapFree_bytes.", min(swap, max(0, swap-(used-total))))
		break // a machine has one
	}
	number = 0
	for _, r := range c.kind("disk") {
		for unit := range r.Limit {
			device := "sd" + string(rune('a'+number%26))
			if number >= 26 {
				device = "sd" + string(rune('a'+number/26-1)) + string(rune('a'+number%26))
			}
			number++
			share := func(n int) int { // of n things this disk's
				if unit < n%r.Limit {
					return n/r.Limit + 1
				}
				return n / r.Limit
			}
			out.counter("node_disk_io_time_seconds_total", "Total seconds spent doing I/Os.", r.Busy/float64(r.Limit), "device", device)
			out.counter("node_disk_io_time_weighted_seconds_total", "The weighted # of seconds spent doing I/Os.", (r.Busy+r.Wait)/float64(r.Limit), "device", device)
			out.gauge("node_disk_io_now", "The number of I/Os currently in progress.", float64(share(r.InUse+r.Queue)), "device", device)
			out.counter("node_disk_reads_completed_total", "The total number of reads completed successfully.", float64(share(int(r.Served))), "device", device)
		}
	}
}
