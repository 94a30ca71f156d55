package reports

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// RuleOptions of the alert rules.
type RuleOptions struct {
	Window time.Duration // over which metrics are averaged; 0: a minute
	For    time.Duration // how long a value must last; below 0: 10, 5 and 2 minutes at 70, 85 and 100 %
	All    bool          // rules for every resource, not only for those that may well give way first
	Match  []Matcher     // conditions on the series, such as the instance
}

// rule is one alert.
type rule struct {
	name, expr, severity string
	lasting              time.Duration
	labels, annotations  [][2]string
}

// rise is by how much of its limit a metric must grow from one level to the next for a rule of its own: what is full at
// 85 % of the capacity says nothing of 100 %.
const rise = 0.02

// shortestQueue is how many must wait on average for a queue's length to be a sign.
const shortestQueue = 0.5

// WriteRules writes the thresholds as alert rules for Prometheus: one for each level at which a resource's metrics can be
// told from those of the level below. Where there are none the error says why.
func WriteRules(w io.Writer, r *judge.Result, opt RuleOptions) error {
	t := r.Forecast.Thresholds
	if t == nil || !t.Determined {
		return fmt.Errorf("writing alert rules: %s", why(t))
	}
	var b strings.Builder
	f := &r.Forecast
	comment := func(format string, args ...any) {
		b.WriteString("# " + strings.Map(printable, fmt.Sprintf(format, args...)) + "\n")
	}
	en, err := speak("en")
	if err != nil {
		return err
	}
	comment("Alert rules from the capacity that %s forecast for %s,", "pegel "+r.Meta.Pegel, r.Meta.Scenario)
	comment("measured on %s in the environment %s, run %s.", r.Meta.Started.UTC().Format("2006-01-02 15:04 UTC"), orDash(r.Meta.Environment), r.Meta.RunID)
	comment("Capacity in the busy hour: %s active users (%s). The values hold for the mix of users and the configuration of that run.", en.estimate(f.Users), en.spread(f.Users))
	if f.Transferred {
		comment("They are production's, by the transfer that the scenario declares.")
	}
	b.WriteString("groups:\n  - name: " + yamlString("pegel "+r.Meta.Scenario) + "\n    rules:\n")
	written := 0
	for _, x := range t.Resources {
		if !opt.All && !x.Tells {
			comment("%s: no rules, for it gives way first with a probability of %s only.", x.Name, en.probability(x.Probability))
			continue
		}
		rules, err := rulesOf(en, r, x, opt)
		if err != nil {
			return fmt.Errorf("writing alert rules for %s: %w", x.Name, err)
		}
		if len(rules) == 0 {
			comment("%s: no rules, for it was not read from a page that Prometheus could scrape.", x.Name)
		}
		for _, one := range rules {
			one.write(&b)
			written++
		}
	}
	if written == 0 {
		return fmt.Errorf("writing alert rules: none of the resources that may give way first was read from a page in the Prometheus format")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("writing alert rules: %w", err)
	}
	return nil
}

func why(t *judge.Thresholds) string {
	if t == nil {
		return "the run has none"
	}
	return t.Why.String()
}

func printable(r rune) rune {
	if !strconv.IsPrint(r) {
		return '�'
	}
	return r
}

func orDash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// expressions are the PromQL of a resource's units in use and of its visits waiting, as means over a window; empty where
// there is none.
func expressions(x judge.ResourceThresholds, opt RuleOptions) (inUse, queue string, err error) {
	var more []Matcher
	for _, m := range opt.Match {
		if m.Page == "" || m.Page == x.Page {
			more = append(more, m)
		}
	}
	window := opt.Window
	if window <= 0 {
		window = time.Minute
	}
	mean := func(gauge, counter string) (string, error) {
		selector, f := counter, "rate"
		if selector == "" {
			selector, f = gauge, "avg_over_time"
		}
		if selector == "" {
			return "", nil
		}
		s, err := promSelector(selector, more)
		return fmt.Sprintf("sum(%s(%s[%s]))", f, s, promDuration(window)), err
	}
	// What is in use comes from the counter where there is one, for the forecast was made from it; a queue from its gauge,
	// for a counter of waits mostly grows only when a wait is over.
	if inUse, err = mean(x.Reading.InUse, x.Reading.Busy); err != nil {
		return "", "", err
	}
	if x.Reading.Queue != "" {
		queue, err = mean(x.Reading.Queue, "")
	} else {
		queue, err = mean("", x.Reading.Waited)
	}
	return inUse, queue, err
}

// promDuration writes a duration as Prometheus reads it.
func promDuration(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

func rulesOf(en *language, r *judge.Result, x judge.ResourceThresholds, opt RuleOptions) ([]rule, error) {
	inUse, queue, err := expressions(x, opt)
	if err != nil {
		return nil, err
	}
	var list []rule
	usedBefore, queueBefore := 0.0, 0.0
	for i, level := range x.Levels {
		percent := strconv.Itoa(int(math.Round(100 * level.Share)))
		add := func(what, expr string, v capacity.Interval, sentence string) {
			one := rule{name: "Pegel" + what + percent, expr: expr + " >= " + threeDigits(v.P50), severity: severities[min(i, len(severities)-1)]}
			if one.lasting = opt.For; opt.For < 0 {
				one.lasting = lastings[min(i, len(lastings)-1)]
			}
			one.labels = [][2]string{{"resource", x.Name}, {"kind", x.Kind}, {"capacity_percent", percent}, {"scenario", r.Meta.Scenario}}
			one.annotations = [][2]string{
				{"summary", fmt.Sprintf("%s is at %s %% of the forecast capacity", x.Name, percent)},
				{"description", fmt.Sprintf("%s: %s. %s", x.Name, sentence, meaning(en, r, x, level))},
			}
			list = append(list, one)
		}
		if v := level.InUse; inUse != "" && v.P50 > 0 && v.P50-usedBefore >= rise*x.Limit {
			usedBefore = v.P50
			add("InUse", inUse, v, fmt.Sprintf("at least %s %s were in use on average, of %s", en.quantityIn(v), en.either("kind.", x.Kind), en.amount(x.Limit)))
		}
		if v := level.Queue; queue != "" && v.P50 >= shortestQueue && v.P50 >= 1.1*queueBefore {
			queueBefore = v.P50
			add("Queue", queue, v, fmt.Sprintf("at least %s waited for it on average", en.quantityIn(v)))
		}
	}
	return list, nil
}

var (
	severities = []string{"info", "warning", "critical"}
	lastings   = []time.Duration{10 * time.Minute, 5 * time.Minute, 2 * time.Minute}
)

// meaning says what a level means for the users, and what to do.
func meaning(en *language, r *judge.Result, x judge.ResourceThresholds, level capacity.Level) string {
	f := &r.Forecast
	edge := fmt.Sprintf("The capacity is %s active users (%s)", en.estimate(f.Users), en.spread(f.Users))
	if f.Limit.Objective != "" {
		edge += fmt.Sprintf(", where %s breaks", f.Limit.Objective)
	}
	at := fmt.Sprintf("That is what about %s active users make of it, in the mix of personas that was measured.", en.about(level.Share*f.Users.P50))
	switch {
	case level.Share >= 1:
		return at + " " + edge + ". Expect objectives to be broken now: hold the copy traffic, let no further batch come, and raise the limit of " + x.Name + " or take load off it."
	case level.Share >= 0.85:
		return at + " " + edge + ". Let no further batch come until the limit of " + x.Name + " is raised or load is taken off it, and measure again after the change."
	}
	return at + " " + edge + ". Objectives still hold: plan more of " + x.Name + " before the next batches, and judge them with pegel forecast --plan."
}

// quantityIn is the middle of an interval, with its ends where they differ visibly.
func (l *language) quantityIn(v capacity.Interval) string {
	mid, low, high := l.amount(shorter(v.P50)), l.amount(shorter(v.P05)), l.amount(shorter(v.P95))
	if low == mid && high == mid {
		return mid
	}
	return mid + " (" + low + "–" + high + ")"
}

// shorter rounds to three significant digits.
func shorter(v float64) float64 {
	x, err := strconv.ParseFloat(threeDigits(v), 64)
	if err != nil {
		return v
	}
	return x
}

// threeDigits writes a number as PromQL reads it, with three significant digits.
func threeDigits(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "0"
	}
	x, _ := strconv.ParseFloat(strconv.FormatFloat(v, 'e', 2, 64), 64)
	return strconv.FormatFloat(x, 'f', -1, 64)
}

func (one rule) write(b *strings.Builder) {
	fmt.Fprintf(b, "      - alert: %s\n        expr: %s\n        for: %s\n        labels:\n          severity: %s\n",
		one.name, yamlString(one.expr), promDuration(one.lasting), one.severity)
	for _, l := range one.labels {
		fmt.Fprintf(b, "          %s: %s\n", l[0], yamlString(plainTemplate(l[1])))
	}
	b.WriteString("        annotations:\n")
	for _, a := range one.annotations {
		fmt.Fprintf(b, "          %s: %s\n", a[0], yamlString(plainTemplate(a[1])))
	}
}
