package testenv

import "math"

// line is where the worst margin crosses 0, by weighted least squares of the margins over the log of the number of users.
type line struct {
	users float64
	error float64 // relative standard error of users
}

const (
	fitRange  = 0.06 // relative distance from the crossing within which probes count
	fitMargin = 3.0  // and how far their margins may be from 0
	// How far the true curve may be from the line, in units of the squares of the relative distance and of the margin.
	fitBend, fitCurl = 15.0, 0.1
)

// fit draws the line, or returns nil if there is none that rises clearly and crosses near the bounds.
func (s *search) fit() *line {
	centre := s.crossing()
	if centre < 1 {
		return nil
	}
	for range 3 { // the crossing moves as the line does
		l := s.line(centre)
		if l == nil {
			return nil
		}
		moved := math.Abs(math.Log(l.users / centre))
		if centre = l.users; moved < 0.002 {
			return l
		}
	}
	return s.line(centre)
}

func (s *search) line(centre float64) *line {
	// Sums of weight, x, y, x², x·y.
	var w, wx, wy, wxx, wxy float64
	least, most := math.Inf(1), math.Inf(-1)
	for _, p := range s.probes {
		x := math.Log(float64(p.users) / centre)
		if p.early || math.Abs(x) > fitRange || math.Abs(p.margin) > fitMargin {
			continue
		}
		bend := fitBend*x*x + fitCurl*p.margin*p.margin
		k := 1 / (p.error*p.error + bend*bend)
		w, wx, wy, wxx, wxy = w+k, wx+k*x, wy+k*p.margin, wxx+k*x*x, wxy+k*x*p.margin
		least, most = min(least, x), max(most, x)
	}
	det := w*wxx - wx*wx
	if most-least < 0.005 || det <= 0 {
		return nil
	}
	slope := (w*wxy - wx*wy) / det
	level := (wxx*wy - wx*wxy) / det
	// With weights 1/σ² the covariance of level and slope is the inverse of the normal matrix.
	levelVariance, slopeVariance, covariance := wxx/det, w/det, -wx/det
	if slope < 3*math.Sqrt(slopeVariance) {
		return nil
	}
	x := -level / slope
	if math.Abs(x) > fitRange {
		return nil
	}
	variance := (levelVariance + 2*x*covariance + x*x*slopeVariance) / (slope * slope)
	return &line{users: centre * math.Exp(x), error: math.Sqrt(variance)}
}

// nearest is the probe above the limit that is closest to it, or else the closest of all.
func (s *search) nearest(users float64) *probe {
	best, least := s.high, math.Inf(1)
	for _, p := range s.probes {
		if d := float64(p.users) - users; d >= 0 && p.margin > 0 && d < least {
			best, least = p, d
		}
	}
	return best
}
