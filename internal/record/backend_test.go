package record

import (
	"fmt"
	"testing"
	"time"

	"pegel/probes/probe"
)

func TestBackendsAreToldApartAndCapped(t *testing.T) {
	r := NewRecorder(1, 1, 1)
	for k := range 3 * mostBackends {
		r.Shard(0).Record(&Sample{Ended: time.Duration(k+1) * time.Millisecond, Backend: fmt.Sprintf("b%d", k%300)})
	}
	r.Shard(0).Record(&Sample{Ended: time.Second, Backend: "b0", Class: probe.Overload})
	r.Shard(0).Record(&Sample{Ended: time.Second})
	in := r.Collect(time.Second)
	var total uint64
	for _, d := range in.Backends {
		total += d.Response.Total
	}
	if total != 3*mostBackends+1 || len(in.Backends) != mostBackends+1 {
		t.Errorf("%d samples of %d backends", total, len(in.Backends))
	}
	if b := in.Backends[Backend{0, "b0"}]; b.Failed != 1 || in.Backends[Backend{0, OtherBackends}] == nil {
		t.Errorf("b0 failed %d times", b.Failed)
	}
	if later := r.Collect(2 * time.Second); len(later.Backends) != 0 {
		t.Error("a backend stays in the next interval")
	}
}
