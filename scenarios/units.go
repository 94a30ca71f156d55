package scenarios

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var units = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

var (
	durationForm = regexp.MustCompile(`^(?:\d+(?:\.\d+)?[a-zµ]+)+$`)
	durationPart = regexp.MustCompile(`(\d+(?:\.\d+)?)([a-zµ]+)`)
	bareNumber   = regexp.MustCompile(`^\+?\d+(\.\d+)?$`)
)

// longest is the largest time span; whatever is longer would not be a run, and sums stay far from overflow.
const longest = 100 * 365 * 24 * time.Hour

func (t *Duration) decodeNode(d *decoder, n *node) { *t = Duration(d.duration(n)) }

// duration reads a time span: one or more numbers, each with its unit.
func (d *decoder) duration(n *node) time.Duration {
	text := strings.TrimSpace(n.text)
	const what = "a time span such as 250ms, 8s, 2m, 1h30m or 7d"
	switch {
	case !n.scalar() || n.kind == nullNode || n.kind == boolNode || n.secret:
		d.want(n, "", what)
		return 0
	case bareNumber.MatchString(text):
		d.fail(n.pos, "write "+strings.TrimPrefix(text, "+")+"s", "%q has no unit", text)
		return 0
	case strings.HasPrefix(text, "-"):
		d.fail(n.pos, "", "a time span must not be negative, got %s", n.describe())
		return 0
	case !durationForm.MatchString(text):
		d.want(n, "", what)
		return 0
	}
	var sum float64
	for _, part := range durationPart.FindAllStringSubmatch(text, -1) {
		unit, ok := units[part[2]]
		if !ok {
			d.fail(n.pos, "write ms, s, m, h or d", "unknown unit %q in %q", part[2], text)
			return 0
		}
		x, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			x = math.Inf(1)
		}
		sum += x * float64(unit)
	}
	if sum > float64(longest) {
		d.fail(n.pos, "", "%q is longer than 100 years", text)
		return 0
	}
	return time.Duration(math.Round(sum))
}

// fraction reads a share written 20% or 0.2. Its range is for the caller.
func (d *decoder) fraction(n *node) (float64, bool) {
	before := len(d.errs.Problems)
	text, percent := strings.CutSuffix(strings.TrimSpace(n.text), "%")
	if percent && n.kind == textNode && !n.secret {
		x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			d.want(n, "", "a share such as 20% or 0.2")
			return 0, false
		}
		return x / 100, true
	}
	if n.kind != intNode && n.kind != floatNode {
		d.want(n, "", "a share such as 20% or 0.2")
		return 0, false
	}
	x := d.number(n)
	return x, len(d.errs.Problems) == before
}

// percent prints a share.
func percent(x float64) string {
	return strconv.FormatFloat(math.Round(x*1e8)/1e6, 'g', -1, 64) + " %"
}

// percentHint helps who wrote 20 and meant 20%.
func percentHint(n *node, x float64) string {
	if !strings.HasSuffix(n.text, "%") && x > 1 && x <= 100 {
		return "write " + n.text + "%"
	}
	return ""
}

// shareField fills a float64 or *float64 with a share in [0, 1].
func (d *decoder) shareField(n *node, v reflect.Value) {
	x, ok := d.fraction(n)
	if !ok {
		return
	}
	if x < 0 || x > 1 {
		d.fail(n.pos, percentHint(n, x), "%s is no share: it must be from 0 %% to 100 %%", percent(x))
		return
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.ValueOf(&x))
		return
	}
	v.SetFloat(x)
}

func (s *Share) decodeNode(d *decoder, n *node) {
	d.share(n, s, "a share", "it must be from 0 % to 100 %")
}

// share reads a share or a range of two. whose and why say in errors what it is and why it is bounded.
func (d *decoder) share(n *node, s *Share, whose, why string) {
	ends := []*node{n}
	if n.kind == listNode {
		if len(n.items) != 2 {
			d.fail(n.pos, "write [15%, 30%]", "a range has two ends, not %d", len(n.items))
			return
		}
		ends = n.items
	}
	var values []float64
	for _, end := range ends {
		x, ok := d.fraction(end)
		if ok && (x < 0 || x > 1) {
			d.fail(end.pos, percentHint(end, x), "%s is %s: %s", whose, percent(x), why)
			ok = false
		}
		if !ok {
			return
		}
		values = append(values, x)
	}
	s.Low, s.High = values[0], values[len(values)-1]
	if s.Low > s.High {
		d.fail(n.pos, fmt.Sprintf("write [%s, %s]", ends[1].text, ends[0].text), "the range begins above its end")
	}
}

// decodeNode reads a distribution: a plain time span, or one of the families by name.
func (t *Dist) decodeNode(d *decoder, n *node) {
	t.Pos = n.pos
	if n.scalar() {
		t.Kind, t.A = "constant", d.duration(n)
		return
	}
	before := len(d.errs.Problems)
	family := func(kind string, keys ...string) func(entry) {
		return func(e entry) {
			t.Kind = kind
			d.family(e.value, []*time.Duration{&t.A, &t.B}, keys)
		}
	}
	if !d.object(n, reflect.ValueOf(&struct{}{}).Elem(), map[string]func(entry){
		"constant":    func(e entry) { t.Kind, t.A = "constant", d.duration(e.value) },
		"uniform":     family("uniform", "min", "max"),
		"exponential": family("exponential", "mean"),
		"lognormal":   family("lognormal", "median", "p90"),
		"empirical":   func(e entry) { t.Kind = "empirical"; t.empirical(d, e.value) },
	}) || len(d.errs.Problems) > before {
		return
	}
	at := func(key string) Pos { _, v := d.file.locate(n.pos, t.Kind, key); return v }
	switch {
	case len(n.entries) != 1:
		d.fail(n.pos, "write one of constant, uniform, exponential, lognormal, empirical",
			"a distribution has one family, not %d", len(n.entries))
	case t.Kind == "uniform" && t.B < t.A:
		d.fail(at("max"), "", "max is below min")
	case t.Kind == "exponential" && t.A == 0:
		d.fail(at("mean"), "", "the mean must be above 0")
	case t.Kind == "lognormal" && (t.A == 0 || t.B < t.A):
		d.fail(at("p90"), "", "the median must be above 0, and p90 not below the median")
	}
}

// family reads the parameters of a distribution; each key must be there.
func (d *decoder) family(n *node, into []*time.Duration, keys []string) {
	special, seen := map[string]func(entry){}, map[string]bool{}
	for i, key := range keys {
		special[key] = func(e entry) {
			seen[key] = true
			*into[i] = d.duration(e.value)
		}
	}
	if !d.object(n, reflect.ValueOf(&struct{}{}).Elem(), special) {
		return
	}
	for _, key := range keys {
		if !seen[key] {
			d.fail(n.pos, "", "%s is missing", key)
		}
	}
}
