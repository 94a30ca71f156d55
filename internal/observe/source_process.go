package observe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"pegel/scenarios"
)

// Machine is the word for the machine itself in a list of processes.
const Machine = "machine"

// localProcesses reads /proc: the machine, with the names that node_exporter has, and processes by name or by a file that holds
// their number, each with all that have descended from it.
type localProcesses struct {
	proc    string
	wanted  []string
	machine bool
}

var _ source = (*localProcesses)(nil)

func newLocalProcesses(from *scenarios.Observe) (source, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("process: processes can be read on Linux only")
	}
	p := &localProcesses{proc: "/proc"}
	for _, name := range from.Process {
		if name == Machine {
			p.machine = true
		} else {
			p.wanted = append(p.wanted, name)
		}
	}
	return p, nil
}

func (p *localProcesses) close() {}

func (p *localProcesses) read(_ context.Context, t *table) error {
	if p.machine {
		if err := p.readMachine(t); err != nil {
			return err
		}
	}
	if len(p.wanted) == 0 {
		return nil
	}
	all := readProcesses(p.proc)
	if all == nil {
		return errors.New("the processes cannot be read")
	}
	t.give("pegel_machine_cores", float64(runtime.NumCPU()))
	if memory, ok := named(filepath.Join(p.proc, "meminfo")); ok {
		t.give("pegel_machine_memory_bytes", memory["MemTotal"]*1024)
	}
	for _, name := range p.wanted {
		p.readProcess(t, name, all)
	}
	return nil
}

// readProcess gives the sums over the processes of one name; nothing where there is none.
func (p *localProcesses) readProcess(t *table, name string, all map[int]procStat) {
	belongs := func(pid int) bool { return all[pid].name == name }
	if strings.ContainsRune(name, '/') {
		raw, err := os.ReadFile(name)
		if err != nil {
			return
		}
		root, err := strconv.Atoi(string(bytes.TrimSpace(raw)))
		if err != nil {
			return
		}
		belongs = func(pid int) bool { return pid == root || below(all, pid, root) }
		name = strings.TrimSuffix(filepath.Base(name), ".pid")
	}
	var sum procStat
	var count, working, open, limit float64
	for pid, s := range all {
		if s.state == 'Z' || !belongs(pid) {
			continue
		}
		count++
		if s.state == 'R' || s.state == 'D' {
			working++
		}
		sum.seconds += s.seconds
		sum.rss += s.rss
		sum.threads += s.threads
		// The fullest process counts: a limit is that of one.
		if used, most, ok := p.files(pid); ok && (limit == 0 || used/most > open/limit) {
			open, limit = used, most
		}
	}
	if count == 0 {
		return
	}
	label := []string{"process", name}
	t.give("pegel_process_count", count, label...)
	t.give("pegel_process_working", working, label...)
	t.give("pegel_process_cpu_seconds_total", sum.seconds, label...)
	t.give("pegel_process_resident_memory_bytes", sum.rss, label...)
	t.give("pegel_process_threads", float64(sum.threads), label...)
	if limit > 0 {
		t.give("pegel_process_open_fds", open, label...)
		t.give("pegel_process_max_fds", limit, label...)
	}
}

// files is how many descriptors a process has open and may have; ok is false where that is not for us to know.
func (p *localProcesses) files(pid int) (open, limit float64, ok bool) {
	dir := filepath.Join(p.proc, strconv.Itoa(pid))
	if info, err := os.Stat(filepath.Join(dir, "fd")); err == nil && info.Size() > 0 {
		open = float64(info.Size()) // newer Linux counts them
	} else if list, err := os.ReadDir(filepath.Join(dir, "fd")); err == nil {
		open = float64(len(list))
	} else {
		return 0, 0, false
	}
	raw, err := os.ReadFile(filepath.Join(dir, "limits"))
	if err != nil {
		return 0, 0, false
	}
	_, rest, found := strings.Cut(string(raw), "Max open files")
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		return 0, 0, false
	}
	limit, err = strconv.ParseFloat(fields[0], 64)
	return open, limit, err == nil && limit > 0
}

// readMachine gives what the kernel says of the whole machine.
func (p *localProcesses) readMachine(t *table) error {
	stat, err := os.ReadFile(filepath.Join(p.proc, "stat"))
	if err != nil {
		return fmt.Errorf("the machine's counters cannot be read: %w", err)
	}
	modes := []string{"user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"}
	for line := range strings.Lines(string(stat)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		number := func(i int) float64 {
			v, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return 0
			}
			return v
		}
		switch core, isCore := strings.CutPrefix(fields[0], "cpu"); {
		case isCore && core != "":
			for i, mode := range modes {
				if i+1 < len(fields) {
					t.give("node_cpu_seconds_total", number(i+1)/clockTicks, "cpu", core, "mode", mode)
				}
			}
		case fields[0] == "procs_running":
			t.give("node_procs_running", number(1))
		case fields[0] == "ctxt":
			t.give("node_context_switches_total", number(1))
		}
	}
	if memory, ok := named(filepath.Join(p.proc, "meminfo")); ok {
		for _, name := range []string{"MemTotal", "MemAvailable"} {
			if kib, known := memory[name]; known {
				t.give("node_memory_"+name+"_bytes", kib*1024)
			}
		}
	}
	if tcp, ok := readTCP(filepath.Join(p.proc, "self")); ok {
		t.give("node_sockstat_TCP_inuse", tcp.Sockets)
		t.give("node_netstat_TcpExt_ListenOverflows", tcp.Overflows)
	}
	if raw, err := os.ReadFile(filepath.Join(p.proc, "sys/fs/file-nr")); err == nil {
		if fields := strings.Fields(string(raw)); len(fields) == 3 {
			for i, name := range map[int]string{0: "node_filefd_allocated", 2: "node_filefd_maximum"} {
				if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
					t.give(name, v)
				}
			}
		}
	}
	p.readDisks(t)
	return nil
}

// readDisks gives the counters of block devices (the kernel's Documentation/admin-guide/iostats.rst).
func (p *localProcesses) readDisks(t *table) {
	raw, err := os.ReadFile(filepath.Join(p.proc, "diskstats"))
	if err != nil {
		return
	}
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 14 {
			continue
		}
		for i, x := range map[int]struct {
			name  string
			times float64
		}{
			3: {"node_disk_reads_completed_total", 1}, 7: {"node_disk_writes_completed_total", 1},
			12: {"node_disk_io_time_seconds_total", 1e-3}, 13: {"node_disk_io_time_weighted_seconds_total", 1e-3},
		} {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				t.give(x.name, v*x.times, "device", fields[2])
			}
		}
	}
}

// named reads lines of a name, a colon and a number.
func named(file string) (map[string]float64, bool) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	values := map[string]float64{}
	for line := range strings.Lines(string(raw)) {
		name, rest, _ := strings.Cut(line, ":")
		if fields := strings.Fields(rest); len(fields) > 0 {
			if v, err := strconv.ParseFloat(fields[0], 64); err == nil {
				values[name] = v
			}
		}
	}
	return values, true
}
