package accuracy

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"pegel/internal/capacity"
)

// Backtest is the Universal Scalability Law fitted to the lower part of a published table and held against the rest.
type Backtest struct {
	Table     string  // what was measured
	Rows, Fit int     // rows there are, rows the law was fitted to
	UpTo      float64 // concurrency up to which it was fitted
	At        float64 // concurrency at which it is held against the measurement
	Predicted float64 // throughput
	Low, High float64 // 90 % and more: the 95 % prediction band
	Measured  float64 // mean of the rows within 5 % of At
}

// published are the tables, with their licences beside them in the directory.
var published = []struct{ file, name, load, rate string }{
	{"usl_raytracer.csv", "SGI Origin 2000, ray tracer (Gunther)", "processors", "throughput"},
	{"cisco_schwartz.csv", "Cisco, synthetic benchmark (Schwartz)", "size", "tput"},
	{"usl_oracledb.csv", "Oracle, OLTP in production (2-minute samples)", "db_time", "txn_rate"},
}

// Backtests holds the law against the published tables in a directory, fitted to what lies below 0.6 of the highest load.
func Backtests(dir string) ([]Backtest, error) {
	var list []Backtest
	for _, p := range published {
		n, x, err := columnsIn(filepath.Join(dir, p.file), p.load, p.rate)
		if err != nil {
			return nil, err
		}
		top := slices.Max(n)
		b := Backtest{Table: p.name, Rows: len(n), UpTo: 0.6 * top, At: top}
		var fitN, fitX []float64
		var sum, near float64
		for i := range n {
			if n[i] <= b.UpTo {
				fitN, fitX = append(fitN, n[i]), append(fitX, x[i])
			}
			if n[i] >= 0.95*top {
				sum += x[i]
				near++
			}
		}
		b.Fit, b.Measured = len(fitN), sum/near
		law, err := capacity.FitUSL(fitN, fitX)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.file, err)
		}
		b.Predicted = law.At(top)
		b.Low, b.High = law.PredictionBand(top)
		list = append(list, b)
	}
	return list, nil
}

func columnsIn(file, load, rate string) (n, x []float64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(rows) < 2 {
		return nil, nil, fmt.Errorf("%s has no rows", file)
	}
	at := []int{slices.Index(rows[0], load), slices.Index(rows[0], rate)}
	if slices.Contains(at, -1) {
		return nil, nil, fmt.Errorf("%s: the columns %s and %s are not both there", file, load, rate)
	}
	for _, row := range rows[1:] {
		a, errA := strconv.ParseFloat(row[at[0]], 64)
		b, errB := strconv.ParseFloat(row[at[1]], 64)
		if errA != nil || errB != nil {
			return nil, nil, fmt.Errorf("%s: %q and %q are not both numbers", file, row[at[0]], row[at[1]])
		}
		n, x = append(n, a), append(x, b)
	}
	return n, x, nil
}
