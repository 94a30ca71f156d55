package observe

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"

	"pegel/internal/archive"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestReadTCP(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "net/sockstat", "sockets: used 300\nTCP: inuse 40 orphan 1 tw 7 alloc 50 mem 3\nUDP: inuse 9 mem 1\n")
	write(t, dir, "net/snmp", "Ip: Forwarding InReceives\nIp: 1 99\nTcp: RtoAlgorithm MaxConn InSegs OutSegs RetransSegs InErrs\nTcp: 1 -1 1000 2000 17 0\n")
	if _, ok := readTCP(dir); ok {
		t.Error("a directory without netstat is taken for whole")
	}
	write(t, dir, "net/netstat", "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 5 6\nIpExt: InNoRoutes\nIpExt: 0\n")
	got, ok := readTCP(dir)
	if want := (tcpNow{Sockets: 40, TimeWait: 7, Retransmits: 17, Overflows: 5}); !ok || got != want {
		t.Errorf("%+v %v, want %+v", got, ok, want)
	}
	write(t, dir, "net/sockstat6", "TCP6: inuse 2\n")
	if got, ok := readTCP(dir); !ok || got.Sockets != 42 {
		t.Errorf("with IPv6: %+v %v", got, ok)
	}
	if runtime.GOOS == "linux" {
		if _, ok := readTCP("/proc/self"); !ok {
			t.Error("this machine's own counters cannot be read")
		}
	}
}

func TestRunQueue(t *testing.T) {
	dir := t.TempDir()
	q := runQueue{proc: dir}
	if _, _, ok := q.sample(); ok {
		t.Error("there is nothing to read")
	}
	write(t, dir, "task/1/schedstat", "1000000000 500000000 12\n")
	write(t, dir, "task/2/schedstat", "9 9 9\n")
	if _, _, ok := q.sample(); ok {
		t.Error("the first look has nothing to compare with")
	}
	write(t, dir, "task/1/schedstat", "1500000000 750000000 13\n")
	write(t, dir, "task/2/schedstat", "damaged\n")
	write(t, dir, "task/3/schedstat", "250000000 50000000 1\n")
	ran, waited, ok := q.sample()
	if !ok || math.Abs(ran-0.75) > 1e-9 || math.Abs(waited-0.3) > 1e-9 {
		t.Errorf("ran %v, waited %v, %v; want 0.75 and 0.3", ran, waited, ok)
	}
}

func TestStealPercent(t *testing.T) {
	from := cpu.TimesStat{User: 10, Idle: 10, Steal: 5}
	to := cpu.TimesStat{User: 14, Idle: 14, Steal: 7}
	if got := stealPercent(&from, &to); math.Abs(got-20) > 1e-9 {
		t.Errorf("2 of 10 seconds were stolen: %v %%", got)
	}
	if !math.IsNaN(stealPercent(&to, &to)) {
		t.Error("no time has passed, and yet there is a share")
	}
}

// A timer that is punctual is zero late; one that is kept from its work tells by how much.
func TestHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 105*time.Millisecond)
		defer cancel()
		var h heartbeat
		h.run(ctx)
		if n := len(h.late); n != 10 {
			t.Errorf("%d beats in 105 ms", n)
		}
		if median, worst := h.take(); median != 0 || worst != 0 {
			t.Errorf("in a bubble timers are exact, not %v and %v late", median, worst)
		}
	})
	var h heartbeat
	h.late = []time.Duration{1, 9, 2}
	if median, worst := h.take(); median != 2 || worst != 9 {
		t.Errorf("median %v, worst %v", median, worst)
	}
	if median, worst := h.take(); median != 0 || worst != 0 {
		t.Errorf("taken twice: %v, %v", median, worst)
	}
}

func TestCalibrationIsKept(t *testing.T) {
	o, err := New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Calibrate(t.Context())
	first, second := values(o.generator.sample(0)), values(o.generator.sample(time.Second))
	if v, ok := first[archive.GeneratorTimerError+".value"]; !ok || v <= 0 {
		t.Errorf("calibration %v %v", v, ok)
	}
	if _, ok := second[archive.GeneratorTimerError+".value"]; ok {
		t.Error("the calibration is told twice")
	}
}
