package capacity

import (
	"fmt"
	"maps"
	"strings"
	"time"
)

// Message is a sentence for people: a pattern in English with its values. The code is stable; by it a report finds the
// sentence in its own language and writes the values by its own rules.
type Message struct {
	Code   string // empty: words of the run itself, which no table knows
	Format string // a verb %s for each value; without values the text as it is
	Args   []any  // string, int, float64, Share, time.Duration, Interval, Objective or Message
}

// Share is a part of a whole, in [0, 1], that a message shows in percent.
type Share float64

// sentences are the patterns of all that this package says.
var sentences = map[string]string{
	"broke-unexplained":           "%s of %s broke at %s active users, which the counters do not explain",
	"between":                     "seen from outside, the objectives held at %s active users and one was broken at %s; the capacity lies between",
	"all-broken-from-the-start":   "%s is broken already at the lowest load measured (%s active users)",
	"all-broke-unexplained":       "%s broke at %s active users, which the counters do not explain",
	"broken-from-the-start":       "%s of %s is broken already at the lowest load measured (%s active users)",
	"changing-speed":              "the speed of %s changes over time (by %s of its mean, chance apart); the forecast plays the changes as they were seen",
	"contradicted":                "by what was measured below them the platform should not carry the %s active users at which every objective held; it has ways that the model does not know, such as users who try again",
	"counter-missing":             "the counters of %s are missing or have gaps; it took no part in the forecast",
	"effects-copy-always":         "copy traffic ran in every stage, so that its part cannot be told; measure each load once with copying and once without (off, on, on, off …) and repeat the first stage at the end",
	"effects-copy-collinear":      "users and copy traffic rose together and cannot be told apart; measure each load once with copying and once without (off, on, on, off …) and repeat the first stage at the end",
	"effects-few-stages":          "fewer than three stages have enough responses to be compared (%s do)",
	"effects-fresh-collinear":     "users and fresh accounts rose together and cannot be told apart; measure each load once more when its batch is a day old",
	"effects-no-contrast":         "neither copy traffic nor fresh accounts took part in any stage",
	"effects-together":            "users, copy traffic and fresh accounts rose together and cannot be told apart; measure each load without both, with copying alone and with fresh accounts alone",
	"far-extrapolation":           "the forecast lies %s times above the highest load measured; beyond 2.2 times it is little more than a guess",
	"few-samples":                 "%s: too few samples at low load for a forecast of their own objectives",
	"impossible":                  "the measurements hold a number that cannot be: %s",
	"hidden-queue":                "response times rise more than the observed resources explain; the forecast assumes one more queue, fitted to that rise, that is not observed",
	"copy-not-varied":             "copying ran alike in all stages, or grew with the users, so its effect is not known; plan stages with copying on and off (load.experiment)",
	"mix-not-varied":              "the mix of personas was the same in all stages, so its effect is not known; plan two stages with the mix perturbed",
	"no-counters":                 "no counters of the platform took part: every number holds only if no unseen limit exists",
	"no-rise":                     "seen from outside, response times do not yet rise with the number in flight; where they will is not determined by these data",
	"no-samples":                  "no action with an objective has enough samples",
	"nothing-shown":               "in no stage were there enough samples to show that every objective holds",
	"no-stage":                    "there is no valid stage",
	"observed-above":              "every objective was observed to hold at %s active users, above the upper end of the model's interval (%s): the model is pessimistic here",
	"observed-broken":             "an objective was broken at %s",
	"observed-broken-first":       "an objective was broken in real use at %s active users, and no lower load was shown to hold",
	"observed-broken-none":        "no load was found broken",
	"observed-broken-same":        "the load found broken stays at %s",
	"observed-broken-to":          "the load found broken moved from %s to %s",
	"observed-contradicts":        "loads at which every objective held, in stages or in real use, lie at or above the %s active users at which one was broken (%s of them); they count for nothing",
	"observed-held-same":          "the load shown to hold stays at %s active users",
	"observed-held-to":            "the load shown to hold moved from %s to %s active users",
	"observed-joined":             "%s periods of real use took part: %s; %s",
	"observed-unexplained":        "an objective was broken in real use at %s active users, which the counters do not explain",
	"nothing-in-reach":            "in %s of %s draws nothing gives way up to %s active users, %s times what was measured",
	"one-load":                    "all stages have the same load; demands that depend on load cannot be told from fixed ones",
	"slowed-unexplained":          "%s slowed down at the highest stage far more than the counters explain",
	"table-contradicted":          "by the rows below it the platform should not carry the load of %s at which every objective held; no model of ours fits this table",
	"table-between":               "by the table's rows the objectives held at a load of %s and one was broken at %s; the capacity lies between",
	"table-broken-first":          "the objective %s is broken already at the lowest load of the table (%s)",
	"table-copy-mixed":            "copy traffic differs between the rows; without counters its effect cannot be told from that of the users",
	"table-demand-drifts":         "the use of %s bends away from a straight line by %s over the loads measured; the forecast lets it bend on and is wider for it",
	"table-errors":                "the objective %s is held against the rows but takes no part in the forecast",
	"table-far":                   "no model sees the objective %s broken within %s times the highest load measured; beyond that the table does not tell",
	"table-few-rows":              "the table has %s different loads, a forecast from response times needs %s",
	"table-flat":                  "response times hardly rise with load yet and throughput hardly bends; where the objective %s breaks is not determined by this table",
	"table-no-fit":                "the scalability law could not be fitted: %s",
	"table-no-response":           "a forecast over users needs the mean or the median of response times, or the counters of resources with their limits",
	"table-only-errors":           "errors give no sign before a limit is reached; without counters the capacity is not determined",
	"table-queue-assumed":         "%s is taken for a queue; if it refuses what does not fit instead, errors break their objective at a load of about %s",
	"table-unexplained":           "at the highest load %s is %s times what the counters explain: something that is not in the table gives way first",
	"table-unlimited":             "no resource of the table gives way within %s times the highest load measured",
	"table-wide":                  "the rows scatter too much or lie too far from the objective: the interval spans more than a factor of %s",
	"unseen-bottleneck":           "%s: something that is not observed gives way first",
	"unseen-bottleneck-suspected": "%s slowed down at the highest stage somewhat more than the counters explain; a resource may not be observed",
	"unseen-rise":                 "response times rise more than the observed resources explain: something gives way that is not observed",
	"outgrown":                    "%s is full from %s active users on, and the stages do not go far enough beyond that to show what it costs",
	"too-far-unseen":              "without counters nothing is forecast beyond %s times what was measured, because a limit that shows nothing until it is reached may come first; the rise seen from outside points to %s times",
	"weak-rise":                   "the rise seen from outside is too weak: the interval spans more than a factor of 2",
}

// Sentences returns the English pattern of every message of this package by its code.
func Sentences() map[string]string { return maps.Clone(sentences) }

// Say returns the message with this code, empty where this package has none.
func Say(code string, args ...any) Message {
	format, ok := sentences[code]
	if !ok {
		return Message{}
	}
	return Message{code, format, args}
}

// Empty tells whether nothing is said.
func (m Message) Empty() bool { return m.Format == "" }

// String words the message in English.
func (m Message) String() string {
	if len(m.Args) == 0 {
		return m.Format
	}
	values := make([]any, len(m.Args))
	for i, v := range m.Args {
		values[i] = plain(v)
	}
	return fmt.Sprintf(m.Format, values...)
}

// plain writes a value as English does without grouping digits.
func plain(v any) string {
	switch v := v.(type) {
	case float64:
		if v >= 10 || v == float64(int(v)) {
			return fmt.Sprintf("%.0f", v)
		}
		return fmt.Sprintf("%.1f", v)
	case Share:
		return fmt.Sprintf("%.3g %%", 100*float64(v))
	case Objective:
		return v.Name
	case Interval:
		return fmt.Sprintf("%.0f (%.0f–%.0f)", v.P50, v.P05, v.P95)
	case time.Duration:
		s := v.String()
		if strings.HasSuffix(s, "m0s") {
			s = strings.TrimSuffix(s, "0s")
		}
		return s
	}
	return fmt.Sprint(v)
}
