package reports

import (
	"math"
	"strconv"
	"strings"
	"time"

	"pegel/internal/capacity"
)

// group sets the language's separator between thousands and its decimal mark in a number in Go's notation.
func (l *language) group(s string) string {
	sign, digits := "", s
	if strings.HasPrefix(s, "-") {
		sign, digits = "−", s[1:]
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	var b strings.Builder
	b.WriteString(sign)
	for i, c := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(l.thousands)
		}
		b.WriteRune(c)
	}
	if fraction != "" {
		b.WriteString(l.decimal)
		b.WriteString(fraction)
	}
	return b.String()
}

// fixed formats v with so many decimals; what is no number is a dash.
func (l *language) fixed(v float64, decimals int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "–"
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if strings.Trim(s, "-0.") == "" {
		s = strings.TrimPrefix(s, "-")
	}
	return l.group(s)
}

// count formats a whole number in full.
func (l *language) count(n int) string { return l.group(strconv.Itoa(n)) }

// total formats a counter in full.
func (l *language) total(n uint64) string { return l.group(strconv.FormatUint(n, 10)) }

// about rounds an estimate to three significant digits: 7,448 users after a batch are 7,450.
func (l *language) about(v float64) string { return l.fixed(roundTo(v, significance(v, 3)), 0) }

// amount formats a measured quantity of any size with two or three significant digits; a whole number in full.
func (l *language) amount(v float64) string {
	if v == math.Trunc(v) {
		return l.fixed(v, 0)
	}
	switch a := math.Abs(v); {
	case a >= 100:
		return l.fixed(v, 0)
	case a >= 10:
		return l.fixed(v, 1)
	case a >= 0.1:
		return l.fixed(v, 2)
	}
	return l.fixed(v, min(1-int(math.Floor(math.Log10(math.Abs(v)))), 6))
}

// waiting formats the mean length of a queue; less than a twentieth is none.
func (l *language) waiting(n float64) string {
	if n < 0.05 {
		return "0"
	}
	return l.amount(n)
}

// estimate formats the median of an interval, rounded to what the interval's width says it is worth.
func (l *language) estimate(i capacity.Interval) string {
	return l.fixed(roundTo(i.P50, worth(i)), 0)
}

// spread formats the 90 % interval itself, rounded alike; an end that is not finite is open.
func (l *language) spread(i capacity.Interval) string {
	step := worth(i)
	low, high := l.fixed(roundTo(i.P05, step), 0), l.fixed(roundTo(i.P95, step), 0)
	if math.IsInf(i.P95, 0) || math.IsNaN(i.P95) {
		return l.t("interval.from", low)
	}
	return low + "–" + high
}

// percent formats a share in [0, 1] with two significant digits below 10 %.
func (l *language) percent(share float64) string {
	p := share * 100
	switch {
	case p == 0:
		return "0 %"
	case math.Abs(p) < 0.01:
		return "< " + l.fixed(0.01, 2) + " %"
	case math.Abs(p) < 0.995:
		return l.fixed(p, 2) + " %"
	case math.Abs(p) < 9.95:
		return l.fixed(p, 1) + " %"
	}
	return l.fixed(p, 0) + " %"
}

// probability formats a probability; no estimate is worth a bare 0 or 100 %.
func (l *language) probability(p float64) string {
	switch {
	case math.IsNaN(p):
		return "–"
	case p > 0.99:
		return "> 99 %"
	case p < 0.01:
		return "< 1 %"
	}
	return l.fixed(p*100, 0) + " %"
}

// likelihood is probability for use within a sentence.
func (l *language) likelihood(p float64) string {
	switch {
	case p > 0.99:
		return l.t("likelihood.above", "99 %")
	case p < 0.01:
		return l.t("likelihood.below", "1 %")
	}
	return l.probability(p)
}

// latency formats a response time with the unit that suits it.
func (l *language) latency(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case d <= 0:
		return "–"
	case ms < 0.0995:
		return l.fixed(ms, 3) + " ms"
	case ms < 0.995:
		return l.fixed(ms, 2) + " ms"
	case ms < 9.95:
		return l.fixed(ms, 1) + " ms"
	case ms < 999.5:
		return l.fixed(ms, 0) + " ms"
	case ms < 9995:
		return l.fixed(ms/1000, 2) + " s"
	}
	return l.fixed(ms/1000, 1) + " s"
}

// demand formats how long a visit occupies a resource, from milliseconds to the hours of a session.
func (l *language) demand(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d >= 2*time.Minute {
		return l.span(d)
	}
	return l.latency(d)
}

// limit formats a limit as people write it: 1 s, 250 ms, 1.5 s.
func (l *language) limit(d time.Duration) string {
	if d < time.Second {
		return l.group(strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', -1, 64)) + " ms"
	}
	return l.group(strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64)) + " s"
}

// span formats how long something took, or a time since the start of the run.
func (l *language) span(d time.Duration) string {
	d = d.Round(time.Second)
	h, m, s := int(d/time.Hour), int(d/time.Minute)%60, int(d/time.Second)%60
	two := func(n int) string { return string([]byte{'0' + byte(n/10), '0' + byte(n%10)}) }
	switch {
	case h > 0:
		return strconv.Itoa(h) + " h " + two(m) + " min"
	case m > 0:
		return strconv.Itoa(m) + " min " + two(s) + " s"
	}
	return strconv.Itoa(s) + " s"
}

// worth is the step to which an interval's numbers are rounded: the power of ten that still divides its width into four
// or more. An interval without a width is worth three significant digits.
func worth(i capacity.Interval) float64 {
	width := i.P95 - i.P05
	if !(width > 0) || math.IsInf(width, 0) {
		return significance(i.P50, 3)
	}
	return math.Max(1, math.Pow(10, math.Floor(math.Log10(width/4))))
}

// significance is the step that leaves so many significant digits of v, at least 1.
func significance(v float64, digits int) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 1
	}
	return math.Max(1, math.Pow(10, math.Floor(math.Log10(math.Abs(v)))-float64(digits-1)))
}

func roundTo(v, step float64) float64 { return math.Round(v/step) * step }

func milliseconds(d time.Duration) float64 {
	return math.Round(float64(d)/float64(time.Millisecond)*1000) / 1000
}
