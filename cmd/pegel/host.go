package main

import (
	"os"
	"runtime"
	"strings"

	"github.com/shirou/gopsutil/v4/mem"

	"pegel/internal/archive"
)

// thisHost describes the generator's machine.
func thisHost() archive.Host {
	h := archive.Host{OS: runtime.GOOS + "/" + runtime.GOARCH, CPUs: runtime.NumCPU()}
	h.Name, _ = os.Hostname()
	if kernel, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		h.Kernel = strings.TrimSpace(string(kernel))
	}
	if m, err := mem.VirtualMemory(); err == nil {
		h.Memory = m.Total
	}
	return h
}
