package scenarios

import (
	"fmt"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mostQuantiles is how many quantiles stand for the values of an empirical distribution. With a thousand of them the largest
// values, one in a thousand, are still told apart, and a distribution takes 8 KB whatever the file has.
const mostQuantiles = 1001

// empirical reads {csv: pauses.csv, column: pause}: a column of time spans as measured, or of numbers in seconds. The column
// may be left out where the file has one.
func (t *Dist) empirical(d *decoder, n *node) {
	var from struct {
		CSV    string `yaml:"csv"`
		Column string `yaml:"column"`
	}
	before := len(d.errs.Problems)
	if !d.object(n, reflect.ValueOf(&from).Elem(), nil) || len(d.errs.Problems) > before {
		return
	}
	if from.CSV == "" {
		d.fail(n.pos, "write {empirical: {csv: pauses.csv, column: pause}}", "csv is missing")
		return
	}
	if d.opts.Alone {
		return
	}
	_, at := d.file.locate(n.pos, "csv")
	name := from.CSV
	if d.file.dir != "." && !filepath.IsAbs(name) {
		name = filepath.Join(d.file.dir, name)
	}
	raw, err := readFeeder(d.path(from.CSV))
	if err != nil {
		d.fail(at, "the path is relative to the scenario file", "reading the distribution: %v", err)
		return
	}
	columns, _, p := parseFeeder(name, raw)
	if p != nil {
		d.errs.Add(p)
		return
	}
	column := strings.ToLower(from.Column)
	if column == "" && len(columns) == 1 {
		column = columns[0]
	}
	if !slices.Contains(columns, column) {
		_, at := d.file.locate(n.pos, "column")
		if column == "" {
			d.fail(n.pos, "the file has the columns "+strings.Join(columns, ", "), "column is missing")
		} else {
			d.fail(at, didYouMean(column, columns), "the file has no column %q", from.Column)
		}
		return
	}
	file, err := parseTable(name, raw, nil, false)
	if err != nil { // it was read above
		return
	}
	values := make([]time.Duration, 0, len(file.rows))
	for _, r := range file.rows {
		v, err := timeSpan(file.cell(r, column))
		if err != nil {
			d.errs.Add(file.problem(r.line, file.columnOf(r, column), "write seconds, such as 12.5, or a time span, such as 2m", "%v", err))
			return
		}
		values = append(values, v)
	}
	t.A, t.Values = condensed(values)
}

// timeSpan reads seconds, or a time span with its unit.
func timeSpan(text string) (time.Duration, error) {
	const longest = float64(100*365*24*3600) * 1e9
	x, err := strconv.ParseFloat(text, 64)
	x *= 1e9
	if err != nil {
		v, err := time.ParseDuration(text)
		if err != nil {
			return 0, fmt.Errorf("%.40q is no time span", text)
		}
		x = float64(v)
	}
	if !(x >= 0 && x <= longest) {
		return 0, fmt.Errorf("%.40q is out of range: from 0 to 100 years", text)
	}
	return time.Duration(x), nil
}

// condensed is the mean of measured values, and the quantiles that stand for them, rising.
func condensed(values []time.Duration) (mean time.Duration, quantiles []time.Duration) {
	slices.Sort(values)
	var sum float64
	for _, v := range values {
		sum += float64(v)
	}
	mean = time.Duration(sum / float64(len(values)))
	if len(values) <= mostQuantiles {
		return mean, values
	}
	quantiles = make([]time.Duration, mostQuantiles)
	for i := range quantiles {
		quantiles[i] = between(values, float64(i)/(mostQuantiles-1))
	}
	return mean, quantiles
}

// between is the quantile of rising values at p in [0, 1], interpolated between neighbours.
func between(values []time.Duration, p float64) time.Duration {
	x := math.Min(math.Max(p, 0), 1) * float64(len(values)-1)
	i := min(int(x), len(values)-1)
	if i+1 >= len(values) {
		return values[len(values)-1]
	}
	return values[i] + time.Duration((x-float64(i))*float64(values[i+1]-values[i]))
}
