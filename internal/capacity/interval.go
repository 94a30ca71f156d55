package capacity

// Interval is an estimate with its 90 % interval.
type Interval struct {
	P05, P50, P95 float64
}
