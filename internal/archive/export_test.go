package archive

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pegel/internal/record"
	"pegel/probes/probe"
)

func exported(t *testing.T) (*Run, []*record.Interval) {
	t.Helper()
	w, dir := create(t, testMeta)
	l := newLoad(testMeta, 12)
	for i := range 4 {
		if i == 2 { // beyond the histograms' range
			l.rec.Shard(0).Record(&record.Sample{Action: 1, Ended: 3 * time.Minute, Class: probe.Timeout})
		}
		must(t, w.Metrics(Metrics{At: l.now, Points: []Point{{"balancer", "web", FieldBusy, 0.125}}}))
		must(t, w.Interval(l.second(100*(i%3)))) // every third second nothing happens
	}
	must(t, w.Close())
	r := open(t, dir)
	return r, intervals(t, r)
}

func TestExportHlog(t *testing.T) {
	r, list := exported(t)
	for _, only := range []string{"", "imap.fetch"} {
		var out bytes.Buffer
		must(t, ExportHlog(&out, r, only))
		log := hdrhistogram.NewHistogramLogReader(&out)
		for _, in := range list {
			for a, name := range testMeta.Actions {
				var want record.Histogram
				for p := range testMeta.Personas {
					if s := in.Series[a*len(testMeta.Personas)+p]; s != nil {
						want.Merge(&s.Response)
					}
				}
				if want.Total == 0 || only != "" && name != only {
					continue
				}
				got, err := log.NextIntervalHistogram()
				must(t, err)
				if got == nil {
					t.Fatalf("the log ends before %s at %v", name, in.Start)
				}
				if got.Tag() != name {
					t.Errorf("tag %q, want %q", got.Tag(), name)
				}
				if at := testMeta.Started.Add(in.Start).UnixMilli(); got.StartTimeMs() != at {
					t.Errorf("%s starts at %d ms, want %d", name, got.StartTimeMs(), at)
				}
				if got.TotalCount() != int64(want.Total) {
					t.Errorf("%s at %v: %d counts, want %d", name, in.Start, got.TotalCount(), want.Total)
				}
				// Bucket by bucket, not only in sum.
				counts := map[int64]int64{}
				for _, bar := range got.Distribution() {
					if bar.Count > 0 {
						counts[bar.From] = bar.Count
					}
				}
				want.Each(func(low, _ time.Duration, n uint64) {
					if counts[low.Microseconds()] != int64(n) {
						t.Errorf("%s at %v: %d counts from %v, want %d", name, in.Start, counts[low.Microseconds()], low, n)
					}
					delete(counts, low.Microseconds())
				})
				if len(counts) > 0 {
					t.Errorf("%s at %v: counts out of nowhere: %v", name, in.Start, counts)
				}
			}
		}
		if got, err := log.NextIntervalHistogram(); err != nil || got != nil {
			t.Errorf("the log goes on: %v, %v", got, err)
		}
	}
}

func TestExportCSV(t *testing.T) {
	r, list := exported(t)
	var out bytes.Buffer
	must(t, ExportCSV(&out, r))
	rows, err := csv.NewReader(&out).ReadAll()
	must(t, err)
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	next := rows[1:]
	for _, in := range list {
		for k, s := range in.Series {
			if s == nil {
				continue
			}
			if len(next) == 0 {
				t.Fatal("rows are missing")
			}
			row := next[0]
			next = next[1:]
			action, persona := r.Meta.Series(k)
			for name, want := range map[string]string{
				"start": seconds(in.Start), "users": strconv.Itoa(in.Users), "action": action, "persona": persona,
				"count": strconv.FormatUint(s.Done(), 10), "failed": strconv.FormatUint(s.Failed(), 10),
				"p99_ms": millis(s.Response.Quantile(0.99)), "max_ms": millis(s.Response.Max),
				"service_p95_ms": millis(s.Service.Quantile(0.95)), "lag_p99_ms": millis(in.Lag.Quantile(0.99)),
				"timeout": strconv.FormatUint(s.Classes[probe.Timeout], 10),
			} {
				if got := row[column[name]]; got != want {
					t.Errorf("%s %s at %v: %s = %s, want %s", action, persona, in.Start, name, got, want)
				}
			}
		}
	}
	if len(next) > 0 {
		t.Errorf("%d rows too many", len(next))
	}
}

func TestExportMetricsCSV(t *testing.T) {
	r, _ := exported(t)
	var out bytes.Buffer
	must(t, ExportMetricsCSV(&out, r))
	const want = "at,page,resource,field,value\n0.000,balancer,web,busy,0.125\n1.000,balancer,web,busy,0.125\n2.000,balancer,web,busy,0.125\n3.000,balancer,web,busy,0.125\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

func TestSeriesNames(t *testing.T) {
	m := testMeta
	for k, want := range map[int][2]string{0: {"imap.connect", "browser"}, 3: {"imap.fetch", "phone"}, 6: {"series-6", ""}, -1: {"series--1", ""}} {
		if a, p := m.Series(k); a != want[0] || p != want[1] {
			t.Errorf("series %d is %q of %q, want %q", k, a, p, want)
		}
	}
}
