package capacity

import (
	"errors"
	"fmt"
	"math"
)

// DemandObservation is what was measured at one resource in one stretch of time, long enough that the next does not depend
// on it.
type DemandObservation struct {
	Rates     []float64 // by action: finished per second
	Busy      float64   // mean units in use: utilisation times units. Not used by DemandsByResponse
	Responses []float64 // by action: mean seconds at the resource, waiting and service; 0: not known
	// Ahead is, by action, how many services had to end on average before one of it could begin: with n customers found at
	// arrival and c units the mean of max(0, n − c + 1)/c, first come first served. With one unit that is the number found.
	Ahead  []float64
	Weight float64 // above zero, in proportion to the inverse of the variance: mostly the seconds observed
}

// Demand is an estimated demand, never negative.
type Demand struct {
	Value, SE float64
	Bound     bool // at its bound zero
	// Determined is false where the data cannot tell the demand from others because rates always change together (condition
	// index above 30, see Belsley, Kuh and Welsch 1980), or not at all.
	Determined bool
}

// Demands are the demands of actions on one resource.
type Demands struct {
	Fixed      Demand   // units in use whatever the actions do; not determined from response times alone
	Actions    []Demand // seconds of use an action
	Total      Demand   // seconds of use of a mean action in the observed mix: can be determined where single ones are not
	Mix        []float64
	Condition  float64 // largest condition index of the rates, +Inf where there are fewer observations than coefficients
	ResidualSE float64 // relative to the weights
	DF         int
}

// DemandsByUtilisation estimates demands by the utilisation law over all observations,
//
//	U = U₀ + Σ_a S_a·X_a
//
// by least squares with coefficients that are not negative (Bard and Shatzoff 1978). U₀ is what runs whatever the actions do. It
// fails where observations are not valid or too few.
func DemandsByUtilisation(observations []DemandObservation) (Demands, error) {
	mix, err := checkObservations(observations, false)
	if err != nil {
		return Demands{}, fmt.Errorf("demands by utilisation: %w", err)
	}
	rows, y := utilisationRows(observations)
	r, err := regress(rows, y, true)
	if err != nil {
		return Demands{}, fmt.Errorf("demands by utilisation: %w", err)
	}
	return demandsFrom(r, mix, totalDetermined(observations)), nil
}

// DemandsByResponse estimates demands from response times and what arrivals find (Kraft, Pacheco-Sanchez, Casale and Dawson
// 2009), without any counter of use: at a first come first served resource with exponential service times an arrival first waits
// for those before it, who have the mean demand of the mix m,
//
//	R_a = S_a + A_a·Σ_c m_c·S_c
//
// which for one action is their R = S·(1 + A). It is solved by least squares, coefficients not negative, each row weighted by its
// rate and the inverse square of the fitted response time, since response times vary in proportion to their mean. It
// fails where observations are not valid or too few.
func DemandsByResponse(observations []DemandObservation) (Demands, error) {
	mix, err := checkObservations(observations, true)
	if err != nil {
		return Demands{}, fmt.Errorf("demands by response time: %w", err)
	}
	_, _, r, err := responseFit(observations)
	if err != nil {
		return Demands{}, fmt.Errorf("demands by response time: %w", err)
	}
	d := demandsFrom(r, mix, true)
	d.Fixed = Demand{}
	d.Total.Determined = determinedAll(r)
	return d, nil
}

// DemandsJointly estimates demands from utilisation and response times together: the equations of DemandsByUtilisation and
// DemandsByResponse, each kind divided by the standard error of its residuals when solved alone. Response times tell actions
// apart that utilisation cannot under a constant mix. It fails where either kind fails alone.
func DemandsJointly(observations []DemandObservation) (Demands, error) {
	mix, err := checkObservations(observations, true)
	if err != nil {
		return Demands{}, fmt.Errorf("demands jointly: %w", err)
	}
	rows, y := utilisationRows(observations)
	byUse, err := regress(rows, y, true)
	if err != nil {
		return Demands{}, fmt.Errorf("demands jointly, utilisation: %w", err)
	}
	more, moreY, byResponse, err := responseFit(observations)
	if err != nil {
		return Demands{}, fmt.Errorf("demands jointly, response times: %w", err)
	}
	divide(rows, y, byUse.s)
	divide(more, moreY, byResponse.s)
	r, err := regress(append(rows, more...), append(y, moreY...), true)
	if err != nil {
		return Demands{}, fmt.Errorf("demands jointly: %w", err)
	}
	d := demandsFrom(r, mix, true)
	d.Total.Determined = determinedAll(r) || totalDetermined(observations)
	return d, nil
}

// checkObservations returns the mix of actions over all observations: shares that add up to one.
func checkObservations(observations []DemandObservation, responses bool) (mix []float64, err error) {
	if len(observations) == 0 || len(observations[0].Rates) == 0 {
		return nil, errors.New("no observations or no actions")
	}
	n := len(observations[0].Rates)
	mix = make([]float64, n)
	var sum float64
	for i, o := range observations {
		if len(o.Rates) != n || responses && (len(o.Responses) != n || len(o.Ahead) != n) {
			return nil, fmt.Errorf("observation %d has %d rates, %d response times and %d numbers ahead; want %d", i+1, len(o.Rates), len(o.Responses), len(o.Ahead), n)
		}
		if !(o.Weight > 0) || !(o.Busy >= 0) {
			return nil, fmt.Errorf("observation %d has weight %g and %g units in use; the weight must be above 0 and the use not negative", i+1, o.Weight, o.Busy)
		}
		for a, x := range o.Rates {
			if !(x >= 0) || responses && (!(o.Responses[a] >= 0) || !(o.Ahead[a] >= 0)) {
				return nil, fmt.Errorf("observation %d, action %d: rates, response times and numbers ahead must not be negative", i+1, a+1)
			}
			mix[a] += o.Weight * x
			sum += o.Weight * x
		}
	}
	if sum == 0 {
		return nil, errors.New("every rate is 0")
	}
	for a := range mix {
		mix[a] /= sum
	}
	return mix, nil
}

// utilisationRows are the equations of the utilisation law; column 0 is U₀.
func utilisationRows(observations []DemandObservation) (rows [][]float64, y []float64) {
	for _, o := range observations {
		w := math.Sqrt(o.Weight)
		row := []float64{w}
		for _, x := range o.Rates {
			row = append(row, w*x)
		}
		rows = append(rows, row)
		y = append(y, w*o.Busy)
	}
	return rows, y
}

// responseFit solves the equations of response times twice, the second time with weights by the first solution, and
// returns them weighted; column 0, U₀, is empty.
func responseFit(observations []DemandObservation) (rows [][]float64, y []float64, r *regression, err error) {
	var plain [][]float64
	var response, weight, scale []float64
	for _, o := range observations {
		var all float64
		for _, x := range o.Rates {
			all += x
		}
		for a, seconds := range o.Responses {
			if seconds == 0 || o.Rates[a] == 0 {
				continue
			}
			row := make([]float64, len(o.Rates)+1)
			for c, x := range o.Rates {
				row[c+1] = o.Ahead[a] * x / all
			}
			row[a+1]++
			plain = append(plain, row)
			response = append(response, seconds)
			weight = append(weight, math.Sqrt(o.Weight*o.Rates[a]))
			scale = append(scale, seconds)
		}
	}
	for range 2 {
		rows, y = nil, nil
		for i, row := range plain {
			w := weight[i] / scale[i]
			scaled := make([]float64, len(row))
			for k, v := range row {
				scaled[k] = w * v
			}
			rows = append(rows, scaled)
			y = append(y, w*response[i])
		}
		if r, err = regress(rows, y, true); err != nil {
			return nil, nil, nil, err
		}
		for i, row := range plain {
			var fit float64
			for k, v := range row {
				fit += v * r.x[k]
			}
			scale[i] = math.Max(fit, 1e-3*response[i])
		}
	}
	return rows, y, r, nil
}

// divide scales equations by the standard error of their residuals, which data without error would make zero.
func divide(rows [][]float64, y []float64, s float64) {
	s = math.Max(s, 1e-9*math.Sqrt(sumSquares(y)/float64(len(y))))
	for i, row := range rows {
		for k := range row {
			row[k] /= s
		}
		y[i] /= s
	}
}

func demandsFrom(r *regression, mix []float64, total bool) Demands {
	d := Demands{Mix: mix, Condition: r.condition, ResidualSE: r.s, DF: r.df, Total: Demand{Determined: total}}
	one := func(k int) Demand {
		return Demand{Value: r.x[k], SE: r.se[k], Bound: r.bound[k], Determined: !r.collinear[k]}
	}
	d.Fixed = one(0)
	var variance float64
	for a, m := range mix {
		d.Actions = append(d.Actions, one(a+1))
		d.Total.Value += m * r.x[a+1]
		for b, n := range mix {
			variance += m * n * r.covariance.At(a+1, b+1)
		}
	}
	d.Total.SE = math.Sqrt(math.Max(variance, 0))
	d.Total.Bound = d.Total.Value == 0
	return d
}

// determinedAll tells whether the demand of every action is determined, as the sum then is.
func determinedAll(r *regression) bool {
	for _, c := range r.collinear[1:] {
		if c {
			return false
		}
	}
	return true
}

// totalDetermined tells whether the use of all actions together can be told from U₀: whether the total rate varies enough.
func totalDetermined(observations []DemandObservation) bool {
	var rows [][]float64
	r := &regression{collinear: make([]bool, 2)}
	for _, o := range observations {
		w := math.Sqrt(o.Weight)
		row := []float64{w, 0}
		for _, x := range o.Rates {
			row[1] += w * x
		}
		rows = append(rows, row)
	}
	return r.diagnose(rows) == nil && !r.collinear[1]
}
