package main

import (
	"math"
	"runtime"
	"syscall"

	"pegel/internal/expect"
)

// thisMachine is what a generator on this machine may use: the limit of open files that the process has (Go's runtime has raised
// it to the hard one), memory that is there in all, and cores.
func thisMachine() expect.Machine {
	m := expect.Machine{Memory: float64(thisHost().Memory), Cores: runtime.GOMAXPROCS(0)}
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err == nil {
		m.Files = int(min(limit.Cur, math.MaxInt32))
	}
	return m
}
