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

// Sizes says how large messages are: all alike, or drawn from the mix (the zero value).
type Sizes struct{ fixed int }

// ParseSizes reads "mix" (or nothing), or a fixed size such as "900B", "4KB", "64KiB" or "2MB", up to MaxSize.
func ParseSizes(text string) (Sizes, error) {
	text = strings.TrimSpace(text)
	if text == "" || text == "mix" {
		return Sizes{}, nil
	}
	digits := strings.TrimRight(text, "BKMGTikmgtb ")
	factor, known := map[string]float64{
		"": 1, "B": 1, "KB": 1e3, "MB": 1e6, "KIB": 1 << 10, "MIB": 1 << 20,
	}[strings.ToUpper(strings.TrimSpace(text[len(digits):]))]
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || !known || !(n > 0) || n*factor < 1 {
		return Sizes{}, fmt.Errorf("size %q is neither mix nor a number with B, KB, KiB, MB or MiB", text)
	}
	if n*factor > MaxSize {
		return Sizes{}, fmt.Errorf("size %q is more than %d MiB", text, MaxSize>>20)
	}
	return Sizes{fixed: int(n * factor)}, nil
}

// Draw returns a size in bytes; u is uniformly distributed over all of uint64.
func (s Sizes) Draw(u uint64) int {
	if s.fixed > 0 {
		return s.fixed
	}
	return Size(u)
}

// String is "mix" or the fixed size in bytes.
func (s Sizes) String() string {
	if s.fixed > 0 {
		return strconv.Itoa(s.fixed) + "B"
	}
	return "mix"
}
