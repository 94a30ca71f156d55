// Package known has servers whose response times are known beforehand: one that stands still at fixed times, and ones whose
// delays are drawn and noted by the server itself. A load generator is held against them, never a forecast.
package known

import (
	"math"
	"time"
)

// Freeze is a server with room for everybody that does each request in Service, and stands still for For at the beginning
// of each Every: what is under way stops and goes on afterwards, what comes meanwhile begins afterwards. For and Service
// together are less than Every.
type Freeze struct{ Every, For, Service time.Duration }

// Done is when a request ends that comes at a time of the server's clock, which begins with a standstill.
func (f Freeze) Done(at time.Duration) time.Duration {
	left := f.Service
	for {
		phase := at % f.Every
		if phase < f.For {
			at, phase = at+f.For-phase, f.For
		}
		if left <= f.Every-phase {
			return at + left
		}
		left -= f.Every - phase
		at += f.Every - phase
	}
}

// Open is the quantile q of response times where requests come at any time alike, whatever becomes of them. Of one
// period the last Service before the standstill is hit in the middle and takes Service + For; who comes x before the end
// of the standstill takes x + Service; all others take Service:
//
//	P(R > Service + x) = (For − x + Service) / Every, 0 ≤ x < For
func (f Freeze) Open(q float64) time.Duration {
	x := f.For.Seconds() + f.Service.Seconds() - (1-q)*f.Every.Seconds()
	return f.after(x)
}

// Closed is the quantile q of response times of users who each wait for an answer, think for an exponential time with this
// mean (0: not at all), and ask again. Nobody comes while he waits, so that each is hit by a standstill once at the most:
// in the middle of a request, which is what he is doing with the probability p = Service/(Service + Think), or when he
// comes after Y of it. What he does in a period has n requests on average, because the time that he is not kept waiting is
// made of rounds of Service + Think (renewal theory; Every must be several rounds long):
//
//	P(R > Service + x) = (p + (1−p)·P(Y < For − x)) / n, 0 ≤ x < For
//	n = (Every − W) / (Service + Think), W = p·For + (1−p)·E[max(For − Y, 0)]
func (f Freeze) Closed(q float64, think time.Duration) time.Duration {
	s, z, freeze, every := f.Service.Seconds(), think.Seconds(), f.For.Seconds(), f.Every.Seconds()
	p := s / (s + z)
	kept := 0.0 // E[max(For − Y, 0)]
	if z > 0 {
		kept = freeze - z*(1-math.Exp(-freeze/z))
	}
	n := (every - p*freeze - (1-p)*kept) / (s + z)
	comes := ((1-q)*n - p) / (1 - p) // P(Y < For − x)
	switch {
	case (1-q)*n < p:
		return f.after(freeze)
	case z == 0, comes >= 1:
		return f.after(0)
	}
	return f.after(freeze + z*math.Log(1-comes))
}

// after is Service and a wait in seconds, which is kept to what a standstill can make.
func (f Freeze) after(wait float64) time.Duration {
	wait = max(0, min(wait, f.For.Seconds()))
	return f.Service + time.Duration(wait*float64(time.Second))
}
