package capacity

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// Trend is the dependence of a demand on load and on time, each at the mean of the other.
type Trend struct {
	Mean    Coefficient // demand at mean load and mean time
	PerLoad Coefficient // change for each unit of load; zero where the load is the same throughout
	PerTime Coefficient // change for each unit of time
	P       float64     // probability of so large a trend over time where there is none; two-sided
	Change  float64     // trend over the whole time observed, relative to Mean
	// Inflation is how many times the variance of PerTime is larger than if load had not changed with time, at least 1.
	Inflation   float64
	Determined  bool // Inflation is at most 10 (Marquardt 1970): in a plain staircase, load and time rise together
	Significant bool // determined and P below 0.05
	DF          int
}

const worstInflation = 10

// FitTrend regresses demands on load and time by weighted least squares,
//
//	S = s̄ + b·(N − N̄) + d·(t − t̄)
//
// and tests d by Student's t. Weights are in proportion to the inverse variance and above zero, nil for equal ones.
// Observations must not depend on each other. It needs at least 4 at different times, and fails otherwise.
func FitTrend(demand, load, time, weights []float64) (Trend, error) {
	n := len(demand)
	if len(load) != n || len(time) != n || weights != nil && len(weights) != n || n < 4 {
		return Trend{}, fmt.Errorf("fit a trend: %d demands, %d loads, %d times, %d weights; at least 4 of each are needed", n, len(load), len(time), len(weights))
	}
	if weights == nil {
		weights = make([]float64, n)
		for i := range weights {
			weights[i] = 1
		}
	}
	var sum, meanLoad, meanTime float64
	first, last := time[0], time[0]
	for i, w := range weights {
		if !(w > 0) || math.IsInf(w, 0) {
			return Trend{}, fmt.Errorf("fit a trend: weight %d is %g; it must be above 0", i+1, w)
		}
		sum += w
		meanLoad += w * load[i]
		meanTime += w * time[i]
		first, last = math.Min(first, time[i]), math.Max(last, time[i])
	}
	meanLoad, meanTime = meanLoad/sum, meanTime/sum
	var spread float64 // of load
	for i, w := range weights {
		spread += w * (load[i] - meanLoad) * (load[i] - meanLoad)
	}
	if !(last > first) {
		return Trend{}, errors.New("fit a trend: all observations have the same time")
	}
	columns := 3
	if spread <= 1e-18*sum*meanLoad*meanLoad {
		columns = 2
	}
	var rows [][]float64
	var y []float64
	var own, across float64 // of time, and with load
	for i, w := range weights {
		root := math.Sqrt(w)
		rows = append(rows, []float64{root, root * (time[i] - meanTime), root * (load[i] - meanLoad)}[:columns])
		y = append(y, root*demand[i])
		own += w * (time[i] - meanTime) * (time[i] - meanTime)
		across += w * (time[i] - meanTime) * (load[i] - meanLoad)
	}
	r, err := regress(rows, y, false)
	if err != nil {
		return Trend{}, fmt.Errorf("fit a trend: %w", err)
	}
	t := Trend{DF: r.df, Inflation: 1, Mean: r.coefficient(0), PerTime: r.coefficient(1)}
	if columns == 3 {
		t.PerLoad = r.coefficient(2)
		t.Inflation = 1 / math.Max(1-across*across/(own*spread), 1e-12)
	}
	t.Determined = t.Inflation <= worstInflation
	t.Change = t.PerTime.Value * (last - first) / t.Mean.Value
	switch {
	case t.PerTime.SE > 0:
		t.P = 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: float64(r.df)}.Survival(math.Abs(t.PerTime.Value)/t.PerTime.SE)
	case t.PerTime.Value == 0:
		t.P = 1
	}
	t.Significant = t.Determined && t.P < 0.05
	return t, nil
}

// coefficient is a coefficient without bounds and its 95 % interval.
func (r *regression) coefficient(k int) Coefficient {
	d := studentT(0.975, r.df) * r.se[k]
	return Coefficient{Value: r.x[k], Low: r.x[k] - d, High: r.x[k] + d, SE: r.se[k]}
}

// Dispersion is how unevenly completions come.
type Dispersion struct {
	Index   float64 // variance of the number of completions in a window over its mean
	Low     float64 // one-sided 95 % lower limit of Index, for counts near the normal distribution
	Window  float64 // seconds of busy time
	Windows float64 // how many windows fit into the time observed
	// Settled tells that the index no longer changes with the window; otherwise it may be larger still, as the longest bursts
	// are not much shorter than the time observed.
	Settled bool
	Bursty  bool // Low is above 10
}

const (
	burstyIndex      = 10.0
	dispersionSettle = 0.2
	leastWindows     = 20
)

// DispersionOfBusyTime estimates the index of dispersion of the service process from completions and the share busy in
// periods of so many seconds, after Mi, Casale, Cherkasova and Smirni (2008): idle time is cut out, and
//
//	I = lim_{t→∞} Var(N_t)/E(N_t)
//
// for the number N_t of completions in t seconds of busy time is taken where doubling t changes it by less than their
// tolerance of 0.2. A Poisson process has I = 1, independent service times have their squared coefficient of
// variation, bursts have tens to hundreds. Above 10 (our threshold, for the lower limit) demands must not be taken as constant:
// predict with the demand in bursts too. The share busy is that of a resource with one unit; for several it is the mean share
// of them. The longest window is a twentieth of the busy time, and where that does not suffice the result is not Settled.
// It fails for less than 40 periods of work, and for values that are negative or not finite.
func DispersionOfBusyTime(seconds float64, busy, completions []float64) (Dispersion, error) {
	if !(seconds > 0) || math.IsInf(seconds, 0) || len(busy) != len(completions) {
		return Dispersion{}, fmt.Errorf("dispersion: periods of %g s, %d shares busy, %d completions", seconds, len(busy), len(completions))
	}
	clock, done := []float64{0}, []float64{0} // busy time and completions up to the end of each period with work
	for i := range busy {
		if !(busy[i] >= 0) || !(completions[i] >= 0) || math.IsInf(busy[i]+completions[i], 0) {
			return Dispersion{}, fmt.Errorf("dispersion: period %d is busy %g with %g completions; neither may be negative", i+1, busy[i], completions[i])
		}
		last := len(clock) - 1
		if busy[i] == 0 { // completions without busy time belong to the work before, at the start to the first
			done[last] += completions[i]
			continue
		}
		clock = append(clock, clock[last]+busy[i]*seconds)
		done = append(done, done[last]+completions[i])
	}
	done[0] = 0
	periods := len(clock) - 1
	total := clock[periods]
	if periods < 2*leastWindows || done[periods] == 0 {
		return Dispersion{}, fmt.Errorf("dispersion: %d periods with work and %g completions; at least %d periods are needed", periods, done[periods], 2*leastWindows)
	}
	var d Dispersion
	for window := total / float64(periods); total/window >= leastWindows; window *= 2 {
		index := dispersionAt(clock, done, window)
		settled := d.Window > 0 && math.Abs(index-d.Index) <= dispersionSettle*d.Index
		d = Dispersion{Index: index, Window: window, Windows: total / window, Settled: settled || d.Window > 0 && index == d.Index}
		if d.Settled {
			break
		}
	}
	free := d.Windows - 1
	d.Low = d.Index * free / distuv.ChiSquared{K: free}.Quantile(0.95)
	d.Bursty = d.Low > burstyIndex
	return d, nil
}

// DispersionOfCounts is the index of dispersion of counts in equal periods, such as arrivals, windows being measured in
// periods. See DispersionOfBusyTime.
func DispersionOfCounts(counts []float64) (Dispersion, error) {
	busy := make([]float64, len(counts))
	for i := range busy {
		busy[i] = 1
	}
	return DispersionOfBusyTime(1, busy, counts)
}

// dispersionAt is the variance over the mean of completions in windows of busy time that begin with each period,
// completions being even within a period.
func dispersionAt(clock, done []float64, window float64) float64 {
	last := len(clock) - 1
	var n, sum, square float64
	end := 1
	scale := done[last] / clock[last] * window
	for i := range clock {
		to := clock[i] + window
		if to > clock[last]*(1+1e-12) {
			break
		}
		for end < last && clock[end] < to {
			end++
		}
		share := math.Min((to-clock[end-1])/(clock[end]-clock[end-1]), 1)
		count := done[end-1] + share*(done[end]-done[end-1]) - done[i]
		n++
		sum += count - scale // near zero, so that the squares do not cancel
		square += (count - scale) * (count - scale)
	}
	if n < 2 || scale == 0 {
		return 0
	}
	mean := sum / n
	return (square - n*mean*mean) / (n - 1) / (mean + scale)
}

// BatchMean is the mean of a series whose values depend on those before, with an honest standard error.
type BatchMean struct {
	Mean, SE    float64
	Low, High   float64 // 95 % interval by Student's t over the batches
	Batches     int
	Lag1        float64 // correlation of neighbouring batches
	Independent bool    // Lag1 is not significantly above zero; otherwise SE is too small
}

// MeanByBatches cuts a settled series into batches and takes their means as independent (Law and Kelton, Simulation Modeling
// and Analysis, ch. 9). It begins with 32 batches and takes 16, then 8, where neighbours correlate: above −1/b + 1.645/√b for
// b batches, one-sided 5 %. What does not fill a batch is left out at the front. It needs at least 16 finite values.
func MeanByBatches(values []float64) (BatchMean, error) {
	if len(values) < 16 {
		return BatchMean{}, fmt.Errorf("batch means: %d values; at least 16 are needed", len(values))
	}
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return BatchMean{}, fmt.Errorf("batch means: value %d is not finite", i+1)
		}
	}
	var m BatchMean
	for _, b := range []int{32, 16, 8} {
		if len(values) < 2*b {
			continue
		}
		if m = meanByBatches(values, b); m.Independent {
			break
		}
	}
	return m, nil
}

func meanByBatches(values []float64, b int) BatchMean {
	size := len(values) / b
	values = values[len(values)-b*size:]
	means := make([]float64, b)
	m := BatchMean{Batches: b}
	for i := range means {
		for _, v := range values[i*size : (i+1)*size] {
			means[i] += v / float64(size)
		}
		m.Mean += means[i] / float64(b)
	}
	var own, next float64
	for i, v := range means {
		own += (v - m.Mean) * (v - m.Mean)
		if i > 0 {
			next += (v - m.Mean) * (means[i-1] - m.Mean)
		}
	}
	if own > 0 {
		m.Lag1 = next / own
	}
	n := float64(b)
	m.SE = math.Sqrt(own / (n - 1) / n)
	d := studentT(0.975, b-1) * m.SE
	m.Low, m.High = m.Mean-d, m.Mean+d
	m.Independent = m.Lag1 <= -1/n+1.645/math.Sqrt(n)
	return m
}
