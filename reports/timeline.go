package reports

import (
	"time"

	"pegel/internal/judge"
)

const (
	columns   = 600 // of the charts over time
	panelCols = 300 // of the small ones
	tableRows = 60  // of the tables behind charts over time
	heatScale = "0123456789abcdefghijklmnopqrstuvwxyz"
)

// thin merges neighbouring ticks until there are at most so many: counts are added, quantiles and lag keep their worst,
// shares are weighted by their throughput.
func thin(ticks []judge.Tick, most int) []judge.Tick {
	if len(ticks) <= most {
		return ticks
	}
	size := (len(ticks) + most - 1) / most
	var thinned []judge.Tick
	for from := 0; from < len(ticks); from += size {
		thinned = append(thinned, merge(ticks[from:min(from+size, len(ticks))]))
	}
	return thinned
}

func merge(ticks []judge.Tick) judge.Tick {
	last := ticks[len(ticks)-1]
	m := judge.Tick{At: last.At, Users: last.Users, Failed: map[string]uint64{}}
	heat := map[int]uint64{}
	var done, failed float64
	for _, t := range ticks {
		m.Seconds += t.Seconds
		done += t.Throughput * t.Seconds
		failed += t.ErrorShare * t.Throughput * t.Seconds
		m.P50, m.P95, m.P99 = max(m.P50, t.P50), max(m.P95, t.P95), max(m.P99, t.P99)
		m.LagP99 = max(m.LagP99, t.LagP99)
		for class, n := range t.Failed {
			m.Failed[class] += n
		}
		for _, c := range t.Heat {
			heat[c.Row] += c.Count
		}
	}
	if m.Seconds > 0 {
		m.Throughput = done / m.Seconds
	}
	if done > 0 {
		m.ErrorShare = failed / done
	}
	for row, n := range heat {
		m.Heat = append(m.Heat, judge.HeatCell{Row: row, Count: n})
	}
	return m
}

// every returns the indices of at most so many of n points, the last one included.
func every(n, most int) []int {
	if n == 0 {
		return nil
	}
	size := max(1, (n+most-1)/most)
	var kept []int
	for i := size - 1; i < n; i += size {
		kept = append(kept, i)
	}
	if len(kept) == 0 || kept[len(kept)-1] != n-1 {
		kept = append(kept, n-1)
	}
	return kept
}

// borders are the newest run's stages as a chart over time marks them: begin and end of the hold in seconds, and the load.
func borders(r *judge.Result) [][3]num {
	marks := [][3]num{}
	for i := range r.Stages {
		s := &r.Stages[i]
		if !ofNewest(r, s) {
			continue
		}
		marks = append(marks, [3]num{seconds(s.Start), seconds(s.End), num(s.Users)})
	}
	return marks
}

func seconds(d time.Duration) num { return num(d.Seconds()) }
