//go:build linux

package real

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestNothingSurvivesKill starts a stack in another process, kills that without warning and expects its servers to end,
// also those that are stopped at that moment or do not end by themselves.
func TestNothingSurvivesKill(t *testing.T) {
	needServers(t)
	const variable, kindVariable = "PEGEL_TEST_STACK_DIR", "PEGEL_TEST_STACK_KIND"
	kinds := map[string]Options{
		"sogo":      {SOGo: &SOGo{Instances: 2, Workers: 2}, Xandikos: Options{Xandikos: true}.Missing() == nil, Tweaks: Tweaks{WebSpeeds: []float64{0.1, 1}}},
		"roundcube": {Roundcube: &Roundcube{Workers: 2}, Tweaks: Tweaks{WebSpeeds: []float64{0.1}}},
	}
	if dir := os.Getenv(variable); dir != "" {
		o := kinds[os.Getenv(kindVariable)]
		o.Dir, o.Accounts, o.Ports = dir, 1, Ports{Free: true}
		s, err := Start(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range s.daemons {
			for _, pid := range d.family.update(true) {
				fmt.Println("process", pid, d.family.members[pid], d.name)
			}
		}
		fmt.Println("started")
		time.Sleep(deadline) // until killed
		t.Fatal("was not killed")
	}
	tried := false
	for kind, o := range kinds {
		t.Run(kind, func(t *testing.T) {
			if missing := o.Missing(); len(missing) > 0 {
				t.Skipf("these servers cannot be started here, missing: %s", strings.Join(missing, ", "))
			}
			tried = true
			testKilled(t, variable, kindVariable+"="+kind)
		})
	}
	if tried { // both have the servers of the plain stack as well
		return
	}
	t.Run("mail", func(t *testing.T) { testKilled(t, variable, kindVariable+"=") })
}

func testKilled(t *testing.T, variable, kind string) {
	dir, err := os.MkdirTemp("/var/tmp", "pegel-killed-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestNothingSurvivesKill$", "-test.v")
	child.Env = append(os.Environ(), variable+"="+dir, kind)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	names, starts := map[int]string{}, map[int]string{}
	lines := bufio.NewScanner(out)
	started := false
	for !started && lines.Scan() {
		var pid int
		var start, name string
		if n, _ := fmt.Sscanf(lines.Text(), "process %d %s %s", &pid, &start, &name); n == 3 {
			names[pid], starts[pid] = name, start
		}
		started = lines.Text() == "started"
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // "signal: killed"
	if !started || len(names) < 8 {
		t.Fatalf("the other process started %v", names)
	}
	for end := time.Now().Add(deadline); ; time.Sleep(pollEvery) {
		var left []string
		for pid, name := range names {
			if running(pid, starts[pid]) {
				left = append(left, fmt.Sprint(name, " ", pid))
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("still running: %v", left)
		}
	}
}

// running reports whether the process that began at this time is alive; another may have its number by now.
func running(pid int, start string) bool {
	p, there := processes()[pid]
	return there && p.start == start && !p.zombie
}
