package observe

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"pegel/scenarios"
)

func TestProcess(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are read from /proc")
	}
	// A program of a name of its own, with a child, that has used CPU.
	program := filepath.Join(t.TempDir(), "pegel-tst-shell")
	if err := os.Symlink("/bin/sh", program); err != nil {
		t.Fatal(err)
	}
	work := exec.Command(program, "-c", `i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; sleep 600 & echo ready; read line; kill $!`)
	in, err := work.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := work.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := work.Start(); err != nil {
		t.Fatal(err)
	}
	defer work.Wait()
	defer in.Close()
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "shell.pid")
	if err := os.WriteFile(file, fmt.Appendf(nil, "%d\n", work.Process.Pid), 0o644); err != nil {
		t.Fatal(err)
	}
	o, err := New([]scenarios.Observe{{Name: "here", Software: "process", Process: []string{"machine", "pegel-tst-shell", file, "no-such-thing", "/no/such.pid"},
		Every: scenarios.Duration(10 * time.Second)}}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	m, err := o.pages[0].scrape(t.Context(), clock())
	if err != nil {
		t.Fatal(err)
	}
	v := values(m.Points)
	for k, want := range map[string]float64{
		"cpu.limit": float64(runtime.NumCPU()), "shell.processes.in_use": 2, "shell.cpu.limit": float64(runtime.NumCPU()),
	} {
		if v[k] != want {
			t.Errorf("%s = %v, want %v", k, v[k], want)
		}
	}
	if v["pegel-tst-shell.processes.in_use"] < 1 || v["pegel-tst-shell.cpu.busy"] <= 0 || v["pegel-tst-shell.memory.in_use"] < 100<<10 ||
		v["pegel-tst-shell.memory.limit"] != v["memory.limit"] || v["pegel-tst-shell.files.in_use"] < 3 || v["pegel-tst-shell.files.limit"] < v["pegel-tst-shell.files.in_use"] ||
		v["pegel-tst-shell.threads.in_use"] < 1 {
		t.Errorf("the program has %v", v)
	}
	if v["cpu.busy"] <= 0 || v["memory.in_use"] <= 0 || v["memory.in_use"] >= v["memory.limit"] || v["files.limit"] <= 0 || v["load.in_use"] < 1 || v["sockets.in_use"] < 0 {
		t.Errorf("the machine has %v", v)
	}
	if _, there := v["no-such-thing.processes.in_use"]; there {
		t.Error("a process that is not there has points")
	}
}

func TestDisks(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "diskstats", "   8       0 sda 100 0 800 50 200 0 1600 90 3 1500 2500 0 0 0 0\n   7       0 loop0 9 0 9 9 9 9 9 9 9 9 9\nshort line\n")
	p := derived(t, "node", "http://127.0.0.1:1/")
	p.table.begin()
	(&localProcesses{proc: dir}).readDisks(p.table)
	points, found, err := p.table.points()
	if err != nil {
		t.Fatal(err)
	}
	v := values(points)
	if len(found) != 1 || v["disk.sda.busy"] != 1.5 || v["disk.sda.served"] != 300 || v["disk.sda.waited"] != 1 || v["disk.sda.limit"] != 1 {
		t.Errorf("found %v with %v", found, v)
	}
}
