package corpus

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// MaxSize is the largest message a specification may ask for, in bytes.
const MaxSize = 100 << 20

// The mix of message sizes. The share with attachments is the one of the MMB mail benchmark (1998). The two log-normal
// distributions are placeholders without a published source: bodies with a median of 4 KiB, of which nine tenths stay
// below 16 KiB, and attachments with a median of 120 KiB, of which nine tenths stay below 1.2 MiB; nothing exceeds 10 MiB.
const (
	attachmentShare  = 0.17
	bodyMedian       = 4 << 10
	bodySigma        = 1.08
	attachmentMedian = 120 << 10
	attachmentSigma  = 1.8
	mixMin           = 800
	mixMax           = 10 << 20
)

// Size draws the size of a message in bytes from the mix; u is uniformly distributed over all of uint64.
func Size(u uint64) int {
	p := (float64(u>>11) + 0.5) / (1 << 53)
	// One number decides both questions: its position within the share that it fell into is again uniform.
	if p < attachmentShare {
		return lognormal(p/attachmentShare, attachmentMedian, attachmentSigma)
	}
	return lognormal((p-attachmentShare)/(1-attachmentShare), bodyMedian, bodySigma)
}

func lognormal(p, median, sigma float64) int {
	x := median * math.Exp(sigma*math.Sqrt2*math.Erfinv(2*p-1))
	return int(min(max(x, mixMin), mixMax))
}

// Sizes says how large messages are: drawn from the mix (the zero value), all alike, or drawn from a distribution.
type Sizes struct {
	family string  // of sizeFamilies; empty: the mix
	a, b   float64 // its parameters in bytes
}

// The families of sizes, each with its number of parameters: lognormal with median and 90th percentile, uniform with its
// ends, exponential with its mean.
var sizeFamilies = map[string]int{"fixed": 1, "uniform": 2, "exponential": 1, "lognormal": 2}

const sizeForm = "mix, 4KB, uniform(1KB, 20KB), exponential(10KB) or lognormal(20KB, 300KB)"

// ParseSizes reads "mix" (or nothing), a fixed size such as "900B", "4KB", "64KiB" or "2MB", or a distribution of sizes
// such as "lognormal(20KB, 300KB)", with its median and its 90th percentile; none above MaxSize.
func ParseSizes(text string) (Sizes, error) {
	text = strings.TrimSpace(text)
	if text == "" || text == "mix" {
		return Sizes{}, nil
	}
	family, inside, listed := strings.Cut(text, "(")
	family = strings.TrimSpace(family)
	if !listed {
		family, inside = "fixed", text+")"
	}
	inside, closed := strings.CutSuffix(inside, ")")
	wanted, known := sizeFamilies[family]
	parts := strings.Split(inside, ",")
	if !closed || !known || listed && family == "fixed" || len(parts) != wanted {
		return Sizes{}, fmt.Errorf("size %.60q is none of %s", text, sizeForm)
	}
	s := Sizes{family: family}
	for i, into := range []*float64{&s.a, &s.b}[:wanted] {
		n, ok := ParseBytes(parts[i])
		switch {
		case !ok:
			return Sizes{}, fmt.Errorf("size %.60q is none of %s", text, sizeForm)
		case n > MaxSize:
			return Sizes{}, fmt.Errorf("size %.60q is more than %d MiB", text, MaxSize>>20)
		}
		*into = n
	}
	if wanted == 2 && s.b < s.a {
		return Sizes{}, fmt.Errorf("size %.60q: its second size is below the first", text)
	}
	return s, nil
}

// ParseBytes reads a number of bytes with its unit, such as "900B", "4KB", "64KiB", "50MB" or "10GB"; at least one.
func ParseBytes(text string) (float64, bool) {
	text = strings.TrimSpace(text)
	digits := strings.TrimRight(text, "BKMGTikmgtb ")
	factor, known := map[string]float64{
		"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30,
	}[strings.ToUpper(strings.TrimSpace(text[len(digits):]))]
	n, err := strconv.ParseFloat(digits, 64)
	return math.Trunc(n * factor), err == nil && known && n > 0 && n*factor >= 1
}

// Draw returns a size in bytes, at most MaxSize; u is uniformly distributed over all of uint64.
func (s Sizes) Draw(u uint64) int {
	p := (float64(u>>12) + 0.5) / (1 << 52)
	x := s.a
	switch s.family {
	case "":
		return Size(u)
	case "uniform":
		x += p * (s.b - s.a)
	case "exponential":
		x *= -math.Log1p(-p)
	case "lognormal":
		x *= math.Exp(math.Log(s.b/s.a) / z90 * math.Sqrt2 * math.Erfinv(2*p-1))
	}
	return int(min(max(x, 1), MaxSize))
}

// z90 is the 90 % point of the standard normal distribution.
const z90 = 1.2815515655446004

// Mean is the mean size in bytes, of the mix and of distributions from a thousand equal parts of them.
func (s Sizes) Mean() float64 {
	const parts = 1000
	var sum float64
	for i := range parts {
		sum += float64(s.Draw(uint64((float64(i) + 0.5) / parts * (1 << 63) * 2)))
	}
	return sum / parts
}

// String is "mix", the fixed size in bytes, or the distribution with sizes in bytes.
func (s Sizes) String() string {
	switch {
	case s.family == "":
		return "mix"
	case s.family == "fixed":
		return fmt.Sprintf("%.0fB", s.a)
	case sizeFamilies[s.family] == 1:
		return fmt.Sprintf("%s(%.0fB)", s.family, s.a)
	}
	return fmt.Sprintf("%s(%.0fB, %.0fB)", s.family, s.a, s.b)
}
