package real

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// attributes makes the child lead a session and process group of its own, run as the named system user ("" is root) and get
// the signal when this process dies.
func attributes(name string, death syscall.Signal) (*syscall.SysProcAttr, error) {
	a := &syscall.SysProcAttr{Setsid: true, Pdeathsig: death}
	if name != "" {
		uid, gid, err := ids(name, "")
		if err != nil {
			return nil, err
		}
		a.Credential = &syscall.Credential{Uid: uid, Gid: gid}
	}
	return a, nil
}

// descriptorLimit returns how many descriptors a process of this machine may have open.
func descriptorLimit() int {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return 1024
	}
	return int(min(l.Max, 1<<20))
}

// family is the set of processes that descend from one daemon. Servers leave the process group and lose their parents
// while they end, so the set remembers whom it has once seen; the start time tells a process from a later one with the
// same number.
type family struct {
	root    int
	members map[int]string // number to start time
}

func newFamily(root int) family { return family{root, map[int]string{}} }

// update looks for new members and returns those alive. While the root has not been waited for, its number cannot belong
// to a stranger, so only then the process group is asked, too.
func (f *family) update(rootUnreaped bool) []int { return f.updateFrom(processes(), rootUnreaped) }

// updateFrom is update with processes that have just been read.
func (f *family) updateFrom(all map[int]process, rootUnreaped bool) []int {
	for pid, start := range f.members {
		if p, there := all[pid]; !there || p.start != start {
			delete(f.members, pid)
		}
	}
	for grown := true; grown; {
		grown = false
		for pid, p := range all {
			if _, known := f.members[pid]; known {
				continue
			}
			_, descends := f.members[p.parent]
			if descends || rootUnreaped && (pid == f.root || p.group == f.root) {
				f.members[pid] = p.start
				grown = true
			}
		}
	}
	var alive []int
	for pid := range f.members {
		if !all[pid].zombie {
			alive = append(alive, pid)
		}
	}
	slices.Sort(alive)
	return alive
}

// kill ends all members at once. A number that was taken over since the last update is spared by updating first.
func (f *family) kill() {
	for _, pid := range f.update(false) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // fails only if it has just ended
	}
}

// signalChildren sends a signal to all members known but the root. One that has taken over a number meanwhile is spared
// if it was there at the last update.
func (f *family) signalChildren(s syscall.Signal) {
	for pid := range f.members {
		if pid != f.root {
			_ = syscall.Kill(pid, s)
		}
	}
}

const signalStop, signalContinue = syscall.SIGSTOP, syscall.SIGCONT

type process struct {
	parent, group int
	zombie        bool
	start         string
}

// processes reads /proc: every process by its number.
func processes() map[int]process {
	all := map[int]process{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return all
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // ended meanwhile
		}
		// proc(5): pid (name) state ppid pgrp ... with the start time as field 22; the name may contain anything
		end := strings.LastIndexByte(string(stat), ')')
		if end < 0 {
			continue
		}
		fields := strings.Fields(string(stat[end+1:]))
		if len(fields) < 20 {
			continue
		}
		parent, _ := strconv.Atoi(fields[1])
		group, _ := strconv.Atoi(fields[2])
		all[pid] = process{parent, group, fields[0] == "Z" || fields[0] == "X", fields[19]}
	}
	return all
}
