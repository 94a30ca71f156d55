package archive

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"pegel/internal/record"
	"pegel/probes/probe"
)

// Series names the series with index k of an interval: action and persona. An index that the table does not hold is
// named by its number.
func (m *Meta) Series(k int) (action, persona string) {
	n := len(m.Personas)
	if n == 0 || k < 0 || k/n >= len(m.Actions) {
		return "series-" + strconv.Itoa(k), ""
	}
	return m.Actions[k/n], m.Personas[k%n]
}

// ExportHlog writes response times as an HdrHistogram log, version 1.3: one line for each interval and action in which
// the action ended, tagged with the action's name, all personas together. An empty action means all. Values are
// microseconds with two significant digits, the buckets the archive has itself, so counts are exact; the column
// Interval_Max is in seconds.
func ExportHlog(w io.Writer, run *Run, action string) error {
	if err := exportHlog(w, run, action); err != nil {
		return fmt.Errorf("exporting the HdrHistogram log: %w", err)
	}
	return nil
}

func exportHlog(w io.Writer, run *Run, action string) error {
	out := bufio.NewWriter(w)
	log := hdrhistogram.NewHistogramLogWriter(out)
	start := run.Meta.Started.UnixMilli()
	base := start - start%1000 // the log's base time has whole seconds
	log.SetBaseTime(base)
	for _, step := range []func() error{
		func() error {
			return log.OutputComment("[pegel, response times in microseconds, Interval_Max in seconds]")
		},
		log.OutputLogFormatVersion,
		func() error { return log.OutputStartTime(base) },
		func() error { return log.OutputBaseTime(base) },
		log.OutputLegend,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	hist := hdrhistogram.New(1, int64(67*time.Second/time.Microsecond), 2)
	personas := max(len(run.Meta.Personas), 1)
	err := run.Each(func(in *record.Interval) error {
		for first := 0; first < len(in.Series); first += personas {
			name, _ := run.Meta.Series(first)
			if action != "" && name != action {
				continue
			}
			hist.Reset()
			for _, s := range in.Series[first:min(first+personas, len(in.Series))] {
				if s == nil {
					continue
				}
				if err := addTo(hist, &s.Response); err != nil {
					return fmt.Errorf("%s at %v: %w", name, in.Start, err)
				}
			}
			if hist.TotalCount() == 0 {
				continue
			}
			hist.SetTag(tagOf(name))
			hist.SetStartTimeMs(start + in.Start.Milliseconds())
			hist.SetEndTimeMs(start + in.End.Milliseconds())
			if err := log.OutputIntervalHistogram(hist); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

func addTo(hist *hdrhistogram.Histogram, from *record.Histogram) error {
	var failed error
	from.Each(func(low, _ time.Duration, n uint64) {
		if err := hist.RecordValues(low.Microseconds(), int64(n)); err != nil && failed == nil {
			failed = err
		}
	})
	return failed
}

// tagOf replaces what a tag may not hold.
func tagOf(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ',', ' ', '\r', '\n', '\t':
			return '_'
		}
		return r
	}, name)
}

// ExportCSV writes one row for each interval, action and persona in which an action ended. Start and end are seconds of
// the run, quantiles and the maximum are response times in milliseconds, then service time and the lag of the whole
// interval; count is without canceled actions, and one column for each class of outcome follows.
func ExportCSV(w io.Writer, run *Run) error {
	out := csv.NewWriter(w)
	row := strings.Split("start,end,users,action,persona,count,failed,p50_ms,p95_ms,p99_ms,max_ms,service_p95_ms,lag_p99_ms", ",")
	for c := range probe.NumClasses {
		row = append(row, c.String())
	}
	if err := out.Write(row); err != nil {
		return fmt.Errorf("exporting CSV: %w", err)
	}
	err := run.Each(func(in *record.Interval) error {
		for k, s := range in.Series {
			if s == nil {
				continue
			}
			action, persona := run.Meta.Series(k)
			row = append(row[:0], seconds(in.Start), seconds(in.End), strconv.Itoa(in.Users), action, persona,
				strconv.FormatUint(s.Done(), 10), strconv.FormatUint(s.Failed(), 10),
				millis(s.Response.Quantile(0.50)), millis(s.Response.Quantile(0.95)), millis(s.Response.Quantile(0.99)), millis(s.Response.Max),
				millis(s.Service.Quantile(0.95)), millis(in.Lag.Quantile(0.99)))
			for _, n := range s.Classes {
				row = append(row, strconv.FormatUint(n, 10))
			}
			if err := out.Write(row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("exporting CSV: %w", err)
	}
	return finish(out, "exporting CSV")
}

// ExportMetricsCSV writes one row for each point of the platform's and the generator's own metrics; at is in seconds of
// the run.
func ExportMetricsCSV(w io.Writer, run *Run) error {
	out := csv.NewWriter(w)
	row := []string{"at", "page", "resource", "field", "value"}
	if err := out.Write(row); err != nil {
		return fmt.Errorf("exporting metrics: %w", err)
	}
	for m, err := range run.Metrics() {
		if err != nil {
			return fmt.Errorf("exporting metrics: %w", err)
		}
		for _, p := range m.Points {
			row = append(row[:0], seconds(m.At), p.Page, p.Resource, p.Field, strconv.FormatFloat(p.Value, 'g', -1, 64))
			if err := out.Write(row); err != nil {
				return fmt.Errorf("exporting metrics: %w", err)
			}
		}
	}
	return finish(out, "exporting metrics")
}

// ExportDimensionsCSV writes one row for each ten seconds, dimension (backend, group, tag or source), value and action; times are as
// in ExportCSV.
func ExportDimensionsCSV(w io.Writer, run *Run) error {
	const doing = "exporting dimensions"
	out := csv.NewWriter(w)
	row := strings.Split("start,end,kind,name,action,count,failed,p50_ms,p95_ms,p99_ms,max_ms", ",")
	if err := out.Write(row); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	for d, err := range run.Dimensions() {
		if err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		for i := range d.Rows {
			x := &d.Rows[i]
			action := "action-" + strconv.Itoa(x.Action)
			if x.Action < len(run.Meta.Actions) {
				action = run.Meta.Actions[x.Action]
			}
			var h record.Histogram
			x.Response.AddTo(&h)
			row = append(row[:0], seconds(d.Start), seconds(d.End), x.Kind, x.Name, action,
				strconv.FormatUint(h.Total, 10), strconv.FormatUint(x.Failed, 10),
				millis(h.Quantile(0.50)), millis(h.Quantile(0.95)), millis(h.Quantile(0.99)), millis(h.Max))
			if err := out.Write(row); err != nil {
				return fmt.Errorf("%s: %w", doing, err)
			}
		}
	}
	return finish(out, doing)
}

func finish(out *csv.Writer, doing string) error {
	out.Flush()
	if err := out.Error(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }

func millis(d time.Duration) string {
	return strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 3, 64)
}
