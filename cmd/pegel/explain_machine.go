package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"

	"github.com/shirou/gopsutil/v4/mem"

	"pegel/internal/expect"
)

// thisMachine is what a generator on this machine may use: the limit of open files that the process has (Go's runtime has raised
// it to the hard one), memory that is there in all, cores, and local ports.
func thisMachine() expect.Machine {
	m := expect.Machine{Memory: float64(thisHost().Memory), Cores: runtime.GOMAXPROCS(0), Ports: localPorts("/proc/sys/net/ipv4")}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		m.Files = int(min(limit.Cur, math.MaxInt32))
	}
	return m
}

// localPorts is how many ports the kernel gives to connections that do not choose one (ip(7)), those reserved left out;
// 0: not known. Each source address has so many for each server.
func localPorts(dir string) int {
	raw, err := os.ReadFile(filepath.Join(dir, "ip_local_port_range"))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(raw))
	if len(fields) != 2 {
		return 0
	}
	low, err1 := strconv.Atoi(fields[0])
	high, err2 := strconv.Atoi(fields[1])
	if err1 != nil || err2 != nil || high < low {
		return 0
	}
	n := high - low + 1
	reserved, err := os.ReadFile(filepath.Join(dir, "ip_local_reserved_ports"))
	if err != nil {
		return n
	}
	for part := range strings.SplitSeq(string(bytes.TrimSpace(reserved)), ",") {
		from, to, is := strings.Cut(part, "-")
		if !is {
			to = from
		}
		a, err1 := strconv.Atoi(from)
		b, err2 := strconv.Atoi(to)
		if err1 == nil && err2 == nil {
			n -= max(0, min(b, high)-max(a, low)+1)
		}
	}
	return max(n, 1)
}

// memoryLeft is how much memory this process may still take, by the tightest of the limits that hold for it, and which
// that is; 0: not known.
func memoryLeft() (left float64, whose string) {
	tighter := func(v float64, name string) {
		if v > 0 && (left == 0 || v < left) {
			left, whose = v, name
		}
	}
	if m, err := mem.VirtualMemory(); err == nil {
		tighter(float64(m.Available), "the machine's free memory")
	}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		tighter(float64(limit), "GOMEMLIMIT")
	}
	if raw, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if v, err := strconv.ParseFloat(strings.TrimSpace(string(raw)), 64); err == nil { // else it is max
			used := 0.0
			if raw, err := os.ReadFile("/sys/fs/cgroup/memory.current"); err == nil {
				used, _ = strconv.ParseFloat(strings.TrimSpace(string(raw)), 64) // 0 is the careful answer
			}
			tighter(max(v-used, 1), "the memory limit of the control group")
		}
	}
	return left, whose
}
