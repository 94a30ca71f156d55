package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLocalPorts(t *testing.T) {
	for _, c := range []struct {
		ports, reserved string
		want            int
	}{
		{"32768\t60999\n", "", 28232},
		{"32768\t60999\n", "\n", 28232},
		{"1000 1099", "1000,1010-1019,2000-3000,1095-1200\n", 100 - 1 - 10 - 5},
		{"1000 1000", "1000", 1}, // 0 would be "not known"
		{"1000", "", 0},
		{"x y", "", 0},
		{"9 1", "", 0},
	} {
		dir := t.TempDir()
		for name, text := range map[string]string{"ip_local_port_range": c.ports, "ip_local_reserved_ports": c.reserved} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if got := localPorts(dir); got != c.want {
			t.Errorf("%q less %q: %d ports, want %d", c.ports, c.reserved, got, c.want)
		}
	}
	if localPorts(filepath.Join(t.TempDir(), "none")) != 0 {
		t.Error("nothing to read, and yet a number")
	}
}

func TestMemoryAndClock(t *testing.T) {
	if left, whose := memoryLeft(); left <= 0 || whose == "" {
		t.Errorf("%v bytes left by %q", left, whose)
	}
	if cost := clockCost(); cost <= 0 || cost > time.Millisecond {
		t.Errorf("reading the clock takes %v", cost)
	}
}
