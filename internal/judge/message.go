package judge

import (
	"maps"
	"regexp"
	"strconv"
	"strings"
	"time"

	"pegel/internal/archive"
	"pegel/internal/capacity"
)

// Message is a sentence for people with its values; see capacity.Message.
type Message = capacity.Message

// What a run's archive says in words of its own, in English. Judging recognises them there.
const (
	NoteCompressed = "note-compressed" // with the factor, twice
	NoteBrowser    = "note-browser"
	NoteNoBrowser  = "note-no-browser"
	NoteBlind      = "note-blind"

	noteMetricsBack = "note-metrics-back"
	abortErrors     = "abort-errors"
)

// sentences are the English patterns of what judging says.
var sentences = map[string]string{
	"archive-truncated":         "the archive is damaged at %s; everything before that was used",
	"objective-without-samples": `no action with samples matches the objective "%s"`,

	"ended-complete":    "complete",
	"ended-interrupted": "interrupted",
	"ended-aborted":     "aborted: %s",
	"ended-cut-off":     "cut off: the archive has no end",

	"hold-cut-short":     "the hold was cut short",
	"hold-too-short":     "the hold is too short to be measured",
	"lag-over-objective": "the generator was late: p99 of its lag was %s, the strictest objective is %s",
	"lag-over-share":     "p99 of its lag reached %s in stage %s, more than 5 %% of the strictest objective",
	"stages-late":        "%s of %s stages are invalid because the generator was late",
	"nothing-measured":   "no stage was measured",
	"generator-late":     "%s; use fewer users or a stronger machine",

	"objective":        "%s p%s < %s",
	"objective-window": "%s p%s < %s in any %s",
	"objective-errors": "errors < %s",

	"assume-queues":      "each observed resource is a queue with as many units as its limit says, visited by a closed population; demands come from its own counters",
	"assume-waits":       "an action's time is its time measured at low load plus the modelled wait at the resources it passes; no distribution of service times is assumed",
	"assume-in-flight":   "from response times by the number of actions under way alone; it holds only if no unseen limit exists",
	"assume-mix":         "the mix of personas stays as it was measured",
	"assume-copy":        "copy traffic runs as it did in the stages (%s copying users)",
	"assume-settled":     "accounts just switched over have finished their first download; the first hour after a batch is not covered",
	"assume-environment": `valid for the environment "%s" as it was configured during the run`,

	"capacity-unknown":        "the capacity is not determined: %s",
	"users-expected":          "%s active users expected after it, capacity %s",
	"held-back":               "%s; %s",
	"activity-without-source": "the activity has no source",
	"live-not-given":          "wave.live is not given; the batch is counted on top of the highest load measured",
	"broken-below":            "an objective is broken at %s active users already",
	"shown-to-hold":           "every objective was shown to hold up to %s active users",
	"window-as-stage":         "objectives in windows are forecast over the whole stage, which is somewhat optimistic",
	"errors-not-forecast":     "the objective %s is held against the stages but takes no part in the forecast",
	"run-on-staging":          "the run took place on staging",
	"generator-bottleneck":    "the generator was the bottleneck",

	NoteCompressed:  "times are compressed %s-fold: think and service times are %s times shorter than people and servers need",
	NoteBrowser:     "two observers with real Chromium took part",
	NoteNoBrowser:   "no real browser took part: Chromium is not installed",
	NoteBlind:       "the platform's counters were withheld from the forecast",
	noteMetricsBack: "metrics from %s are back after %s",
	abortErrors:     "error share was above %s for %s",
}

// Sentences returns the English pattern of every message in a result by its code, those of the forecast included.
func Sentences() map[string]string {
	all := capacity.Sentences()
	maps.Copy(all, sentences)
	return all
}

// Say returns the message with this code, empty where there is none.
func Say(code string, args ...any) Message {
	format, ok := sentences[code]
	if !ok {
		return capacity.Say(code, args...)
	}
	return Message{Code: code, Format: format, Args: args}
}

// Quote returns words of the run itself as a message.
func Quote(text string) Message { return Message{Format: text} }

// recognise turns a text of the archive back into the message that it was, where it is one of those with these codes.
// Texts that other versions worded otherwise are quoted.
func recognise(text string, codes ...string) Message {
	for _, code := range codes {
		pattern := strings.ReplaceAll(regexp.QuoteMeta(sentences[code]), "%s", "(.+?)")
		found := regexp.MustCompile("^" + pattern + "$").FindStringSubmatch(text)
		if found == nil {
			continue
		}
		m := Say(code)
		for _, s := range found[1:] {
			m.Args = append(m.Args, value(s))
		}
		return m
	}
	return Quote(text)
}

// value reads what a message's value was before it was written; a string where it would not read the same again.
func value(s string) any {
	if d, err := time.ParseDuration(s); err == nil && d.String() == s { // 1m0s will read 1m
		return d
	}
	number, percent := strings.CutSuffix(s, " %")
	x, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return s
	}
	var v any = x
	if percent {
		v = capacity.Share(x / 100)
	}
	if (Message{Format: "%s", Args: []any{v}}).String() != s {
		return s
	}
	return v
}

// notes are the archive's, in the order in which they came.
func notes(meta *archive.Meta, events []archive.Event) []Message {
	var list []Message
	for _, text := range meta.Notes {
		list = append(list, recognise(text, NoteCompressed, NoteBrowser, NoteNoBrowser, NoteBlind))
	}
	for _, e := range events {
		if e.Kind == archive.EventNote {
			list = append(list, recognise(e.Text, noteMetricsBack))
		}
	}
	return list
}
