package judge

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/probes/probe"
)

// grouped is a run of two stages with two actions, whose response times are what took says of stage, group and sample.
func grouped(t *testing.T, groups []string, took func(stage, group, i int) time.Duration) *Result {
	t.Helper()
	dir := t.TempDir() + "/run"
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w, err := archive.Create(dir, archive.Meta{Format: archive.Version, RunID: "x", Scenario: "judged", Actions: []string{"web.list", "web.connect"}, Personas: []string{"browser"}}, []byte(scenario))
	must(err)
	r := record.NewRecorder(2, 1, 1)
	r.Dimensions(groups, nil, nil)
	at := time.Duration(0)
	for i, users := range []int{100, 200} {
		st := &archive.Stage{Index: i, Users: users}
		must(w.Event(archive.Event{At: at, Kind: archive.EventHold, Stage: st}))
		for range 10 {
			for k := range 40 * len(groups) {
				g := k % len(groups)
				if groups[g] == "late" && i == 0 { // whose accounts come with the second stage
					continue
				}
				x := record.Sample{Action: 0, Intended: at, Began: at, Ended: at + took(i, g, k), Group: uint16(g + 1)}
				if k%10 == 0 {
					x.Class = probe.Overload
				}
				r.Shard(0).Record(&x)
			}
			at += time.Second
			in := r.Collect(at)
			must(w.Dimensions(in))
			must(w.Interval(in))
		}
		must(w.Event(archive.Event{At: at, Kind: archive.EventStageEnd, Stage: st}))
	}
	must(w.Event(archive.Event{At: at, Kind: archive.EventDone}))
	must(w.Close())
	run, err := archive.Open(dir)
	must(err)
	out, err := Judge(run, parse(t, "30%, source: test"), Options{Draws: 20})
	must(err)
	return out
}

func slowOnes(r *Result) (list []string) {
	for _, m := range r.Warnings {
		if strings.HasPrefix(m.Code, "slow-") || strings.HasPrefix(m.Code, "dimension-") {
			list = append(list, m.String())
		}
	}
	return list
}

func TestGroupsAreHeldAgainstEachOther(t *testing.T) {
	even := func(_, _, i int) time.Duration { return 50*time.Millisecond + time.Duration(i%100)*time.Millisecond }
	r := grouped(t, []string{"interior", "tax", "late"}, even)
	if len(r.Dimensions) != 1 || len(slowOnes(r)) != 0 {
		t.Fatalf("%+v, %v", r.Dimensions, slowOnes(r))
	}
	v := r.Dimensions[0]
	if v.Kind != record.KindGroup || v.Stage != 1 || len(v.Rows) != 3 {
		t.Errorf("shown is %+v", v)
	}
	for _, row := range v.Rows {
		if row.Actions != "web.*" || row.Count != 400 || row.P95 < 140*time.Millisecond || row.P95 > 150*time.Millisecond || row.P95Low > row.P95 || row.P95High < row.P95 {
			t.Errorf("row %+v", row)
		}
	}
	if row := v.Rows[0]; row.Name != "interior" || row.Failed == 0 {
		t.Errorf("failures of %+v", row)
	}

	r = grouped(t, []string{"interior", "tax", "late"}, func(stage, g, i int) time.Duration { // one shard is slow at the higher load
		if stage == 1 && g == 1 {
			return 5 * even(stage, g, i)
		}
		return even(stage, g, i)
	})
	said := slowOnes(r)
	if len(said) != 1 || !strings.Contains(said[0], "web.list is slow for some accounts only") || !strings.Contains(said[0], "in the group tax") {
		t.Errorf("said %v", said)
	}
	if at := slices.IndexFunc(r.Dimensions[0].Rows, func(row DimensionRow) bool { return row.Slow }); at < 0 || r.Dimensions[0].Rows[at].Name != "tax" {
		t.Errorf("%+v", r.Dimensions[0].Rows)
	}
}

// Stages are never mixed: a group whose accounts come with the higher load only is not slow because the load is high.
func TestLoadIsNotTakenForTheGroup(t *testing.T) {
	r := grouped(t, []string{"interior", "late"}, func(stage, _, i int) time.Duration {
		return time.Duration(1+9*stage) * (50*time.Millisecond + time.Duration(i%100)*time.Millisecond)
	})
	if said := slowOnes(r); len(said) != 0 {
		t.Errorf("said %v", said)
	}
}

func TestCappedDimensionIsAnnounced(t *testing.T) {
	var groups []string
	for i := range record.MostNames + 5 {
		groups = append(groups, fmt.Sprintf("g%d", i))
	}
	r := grouped(t, groups, func(int, int, int) time.Duration { return 50 * time.Millisecond })
	if said := slowOnes(r); len(said) != 1 || !strings.Contains(said[0], "more values than the 256") {
		t.Errorf("said %v", said)
	}
	if n := len(r.Dimensions[0].Rows); n != record.MostNames+1 {
		t.Errorf("%d rows", n)
	}
}
