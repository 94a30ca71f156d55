package judge

import (
	"math/rand/v2"
	"testing"
	"time"

	"pegel/internal/record"
)

func TestPrecise(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var h record.Histogram
	if Precise(&h, 0.95, 0.5) {
		t.Error("nothing was measured, and yet it is precise")
	}
	at := 0
	for n := 1; n <= 20000 && at == 0; n++ {
		h.Record(time.Duration(rng.ExpFloat64() * float64(100*time.Millisecond)))
		if n%50 == 0 && Precise(&h, 0.95, 0.05) {
			at = n
		}
	}
	// The 95th percentile of an exponential time has the standard error sqrt(0.95·0.05/n)/0.05 of its mean, which is a third of it:
	// 1.645 times that is 5 % of the percentile at n = 2,290.
	if at < 1000 || at > 5000 {
		t.Errorf("± 5 %% after %d responses, want about 2,300", at)
	}
}
