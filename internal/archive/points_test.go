package archive

import (
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestMetricsAreSmall(t *testing.T) {
	w, dir := create(t, testMeta)
	rng := rand.New(rand.NewPCG(1, 2))
	m := Metrics{}
	for i := range 50 {
		m.Points = append(m.Points, Point{Page: "balancer", Resource: "res" + string(rune('a'+i/5)), Field: []string{FieldInUse, FieldLimit, FieldQueue, FieldServed, FieldBusy}[i%5], Value: 100})
	}
	size := func() int64 {
		must(t, w.Sync())
		info, err := os.Stat(filepath.Join(dir, segmentName(1)))
		must(t, err)
		return info.Size()
	}
	must(t, w.Metrics(m))
	from := size()
	const scrapes = 20
	for range scrapes {
		m.At += time.Second
		for i := range m.Points {
			switch m.Points[i].Field {
			case FieldInUse, FieldQueue:
				m.Points[i].Value = float64(rng.IntN(500))
			case FieldServed:
				m.Points[i].Value += float64(rng.IntN(9000))
			case FieldBusy:
				m.Points[i].Value += rng.Float64()
			}
		}
		must(t, w.Metrics(m))
	}
	per := (size() - from) / scrapes
	t.Logf("%d bytes for a scrape of %d points", per, len(m.Points))
	if per >= 300 {
		t.Errorf("a scrape of %d points takes %d bytes, want less than 300", len(m.Points), per)
	}
}

func TestMetricsRefusesNaN(t *testing.T) {
	w, dir := create(t, testMeta)
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		err := w.Metrics(Metrics{Points: []Point{{"p", "good", FieldInUse, 1}, {"p", "bad", FieldInUse, v}}})
		if err == nil || !strings.Contains(err.Error(), "bad") {
			t.Errorf("value %v: %v", v, err)
		}
	}
	must(t, w.Metrics(Metrics{Points: []Point{{"p", "good", FieldInUse, 1}}}))
	must(t, w.Close())
	n := 0
	for m, err := range open(t, dir).Metrics() {
		must(t, err)
		n += len(m.Points)
	}
	if n != 1 {
		t.Errorf("%d points are stored, want the good one only", n)
	}
}
