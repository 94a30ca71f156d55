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
	NoteBlackout   = "note-blackout" // with when it begins

	noteMetricsBack = "note-metrics-back"
	abortErrors     = "abort-errors"
	abortWindow     = "abort-window"
	abortSlow       = "abort-slow"
	abortMetric     = "abort-metric"

	noteUnopened       = "note-unopened" // with how many, and the stage
	noteSettled        = "note-settled"  // with the stage, and how long
	noteUnsettled      = "note-unsettled"
	notePrecise        = "note-precise"
	noteUnprecise      = "note-unprecise"
	notePaused         = "note-paused"
	noteResumed        = "note-resumed"
	abortLogins        = "abort-logins"
	arrivalsNotStarted = "arrivals-not-started"
)

// sentences are the English patterns of what judging says.
var sentences = map[string]string{
	"archive-truncated":         "the archive is damaged at %s; everything before that was used",
	"objective-without-samples": `no action with samples matches the objective "%s"`,

	"state-violated": "the platform contradicted itself: at least %s answers broke a rule of state that it must keep under any load",

	"mail-lost":      "%s of %s accepted mails were lost: they lay in no mailbox of their recipient after the wait",
	"mail-twice":     "%s of %s accepted mails were delivered twice",
	"mail-wrong":     "%s mails lay in the mailbox of somebody whom they were not sent to (%s accepted)",
	"mail-unseen":    "%s of %s accepted mails were not seen, and their mailboxes were not looked through in the end: whether they are lost is not known",
	"mail-late":      "%s of %s accepted mails had not arrived when the run ended, and came later",
	"mail-again":     "%s accepted mails were sent once more because no answer had come to an earlier final dot; %s of them lay in the mailbox twice, which is legal",
	"mail-uncertain": "%s mails were handed over without an answer (%s accepted): they may be missing or be there twice, and count as neither lost nor doubled",
	"mail-untracked": "%s mails were beyond what account can be kept of (%s accepted)",

	"copy-refused": "%s messages of %s accounts were not copied because the source or the target refused them; the reasons are in the report",
	"copy-wrong":   "%s accounts are not copied as they must be: %s messages are missing, %s differ, %s are there too often",

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

	"ready-over-objective":   "the generator's own work waited too long for a processor: p99 %s, the strictest objective is %s",
	"ready-over-share":       "the generator's own work waited for a processor: p99 %s in stage %s",
	"pause-over-objective":   "the generator stood still for %s in stage %s",
	"connections-not-opened": "%s connections could not be opened by the generator's own machine, which had no port, descriptor or memory left for them",
	"arrivals-missed":        "%s of %s arrivals were not started in stage %s, because as many as allowed were at work",
	"seconds-missing":        "%s seconds of stage %s were not recorded by themselves",
	"cause-steal":            "a hypervisor took %s of the processor time away, up to %s in a second",
	"cause-full":             "the generator itself used %s of %s cores",
	"cause-others":           "other programs had the processors: the generator's threads waited %s of their time",
	"cause-pause":            "the generator stood still for up to %s at once",
	"cause-unopened":         "it ran out of ports or descriptors",
	noteSettled:              "stage %s: at rest after %s beyond the ramp (MSER-5); what came before is discarded",
	noteUnsettled:            "stage %s: not at rest after %s beyond the ramp, the most allowed; what came before is discarded",
	notePrecise:              "stage %s: held for %s, until every objective's quantile was precise enough",
	noteUnprecise:            "stage %s: held for %s, the most allowed, and not every objective's quantile was precise enough",
	notePaused:               "the operator paused the ramp at %s users",
	noteResumed:              "the operator resumed the ramp after %s",
	noteUnopened:             "%s connections could not be opened in stage %s: the generator's own machine had no port, descriptor or memory left for them",

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

	"users-expected-in":         "%s active users expected after it, capacity %s in the situation \"%s\"",
	"situation-unknown":         "what the situation \"%s\" would take is not determined: %s",
	"no-logins-measured":        "no logins of arriving users were seen in the run, so that what one costs is not known",
	"no-machine-left":           "of %s there are only %s machines",
	"no-resource-of-kind":       "no observed resource belongs to %s",
	"short-surge":               "the situation \"%s\" lasts %s, less than the %s that the platform needs to come to rest; it was taken as if it lasted, which errs on the safe side",
	"change-without-counters":   "without counters of the platform nothing is known of the limits that would change",
	"change-unseen":             "the counters of %s are missing or have gaps, so that what its change would bring is not known",
	"activity-dominates":        "the activity's range makes %s of the variance of the capacity in accounts: measure the activity first",
	"transfer-without-counters": "the transfer to production changes no resource whose counters took part",
	"assume-transfer":           "transferred from staging to production by the machines declared, with an uncertainty of %s; limits grow with the machines of their kind",
	"assume-untouched":          "the transfer leaves %s as on staging",
	"plan-all":                  "all %s batches are go",
	"plan-all-date":             "all %s batches are go, the last one on %s",
	"plan-none":                 "no batch is go: the first, %s, is not",
	"plan-unknown":              "whether any batch is go is not determined",
	"plan-unknown-until":        "whether any batch before %s is go is not determined; from there on none is",
	"plan-until":                "go up to %s; %s is the first that is not",
	"plan-until-date":           "go up to %s, %s, the last safe date; %s is the first that is not",
	"batch-named":               "batch %s",
	"batch-of":                  "a batch of %s accounts",
	"target-carried":            "%s active users are carried as the platform is",
	"target-by-limits":          "%s active users are carried with these limits",
	"target-not-by-limits":      "%s active users are not carried by any change of these limits alone, up to %s times each",
	"target-out-of-reach":       "%s active users are more than %s times the highest load measured (%s); nothing is forecast so far up",
	"pooled":                    "%s runs were judged together",
	"counter-invalid":           "some readings of %s were negative or went back; they were left out",
	"counter-reset":             "the counters of %s were reset after %s; what they counted before was kept",
	"limit-below-use":           "more of %s was in use than its limit allows; what was in use counts as the limit",

	"next-pilot":      "pilot stage %s of %s",
	"next-step":       "the capacity is not determined yet: %s times %s active users, at which no objective was broken",
	"next-between":    "the capacity is not determined yet: between %s active users, at which no objective was broken, and %s, at which one was",
	"next-far":        "%s times the %s active users at which no objective was broken; the forecast is %s",
	"next-safe":       "%s of %s active users, the lower end of the capacity's interval",
	"next-to":         "%s active users are the most allowed",
	"next-again":      "once more, for a narrower interval: ± %s so far, ± %s wanted",
	"stop-precise":    "the capacity is known to ± %s; ± %s was wanted",
	"stop-stages":     "all of the %s stages allowed are done",
	"stop-to":         "%s active users, the most allowed, broke no objective",
	"stop-gain":       "the capacity is known to ± %s, and another stage would take less than %s off that",
	"stop-between":    "no objective was broken at %s active users and one was at %s; nothing between them is safe to try",
	"stop-broken":     "an objective was broken at %s active users already, and nothing lower was measured",
	"stop-late":       "the generator was late twice, at last at %s active users",
	"stop-unmeasured": "no stage could be measured",
	"note-stopped":    "the stages were chosen during the run, by the forecast so far; the last words: %s",

	"thresholds-no-capacity": "there are no thresholds, because the capacity is not determined: %s",
	"thresholds-no-counters": "there are no thresholds, because the forecast was made without the platform's counters",
	"thresholds-unexplained": "there are no thresholds, because no observed resource explains what gave way",
	"thresholds-unobserved":  "there are no thresholds, because what gives way first is not among the observed resources",

	"effects-split":         "of the %s that %s rose between %s and %s active users, %s",
	"effects-no-rise":       "%s was %s at %s active users and %s at %s: there is no rise to divide",
	"effects-users":         "%s (%s to %s) come from users",
	"effects-copy":          "%s (%s to %s) come from copying",
	"effects-fresh":         "%s (%s to %s) come from fresh accounts",
	"effects-drift":         "%s (%s to %s) come from what changed over the run by itself",
	"effects-list":          "%s, %s",
	"effects-drift-unknown": "no stage was repeated at the end, so what changed over the run by itself cannot be told from users",

	NoteCompressed:  "times are compressed %s-fold: think and service times are %s times shorter than people and servers need",
	NoteBrowser:     "two observers with real Chromium took part",
	NoteNoBrowser:   "no real browser took part: Chromium is not installed",
	NoteBlind:       "the platform's counters were withheld from the forecast",
	noteMetricsBack: "metrics from %s are back after %s",
	abortErrors:     "error share was above %s for %s",
	abortWindow:     "error share was %s in the last %s, above %s",
	abortSlow:       "p%s of %s was %s in the last %s, above %s",
	abortMetric:     "%s of %s was %s on average in the last %s, above %s",
	abortLogins:     "%s of the first %s logins were refused; accounts would be locked out",

	NoteBlackout:       "the run was ended before the blackout that begins at %s",
	arrivalsNotStarted: "%s of %s arrivals of %s were not started in stage %s: %s were at work already, so that the rate was not reached",

	"situation-together":     "logins that come all at once are measured where the situation is played, not forecast",
	"situation-copy":         "the deferred copy pass is measured where the situation is played, not forecast",
	"situation-broken":       "the situation \"%s\" was played: %s was broken at %s active users, and %s are expected after it",
	"situation-broken-above": "the situation \"%s\" was played: %s was broken at %s active users, which %s expected after it may become",
	"situation-held":         "the situation \"%s\" was played: every objective held at %s active users, and %s are expected after it",
	"played-broken":          "the situation \"%s\" was played at %s active users: %s was broken",
	"played-held":            "the situation \"%s\" was played at %s active users: every objective held",
	"played-few":             "the situation \"%s\" was played at %s active users: too little was measured to tell whether every objective held",
	"played-invalid":         "the situation \"%s\" was played at %s active users, but %s",

	"held-by-waiting": "the %s workers are held by waiting requests (%s): so many were held at %s users and no more at %s, and from there on %s waits until one of them ends",

	"slow-group":       "%s is slow for some accounts only: its p95 is %s in the group %s and %s in all others",
	"slow-source":      "%s is slow for some users only: its p95 is %s from the address %s and %s from all others",
	"slow-backend":     "%s is slow for some accounts only: its p95 is %s on the backend %s and %s on all others",
	"slow-tag":         "%s is slow for some of its uses only: its p95 is %s where the tag %s is %s, and %s elsewhere",
	"uneven-backends":  "the backends of %s are used unevenly at %s active users: %s did %s of the actions (95 %% interval %s to %s, as if each user had one backend), %s would be its equal share of %s backends; chance alone would do that with a probability below %s. Either its weight is meant to be larger, or the balancer does not spread the users",
	"dimension-capped": "the dimension %s has more values than the %s that are told apart; those beyond count together as %s",
	"dimension-lost":   "%s samples were too many at once to be told apart by group, tag and backend; all other figures have them",
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
		switch {
		case e.Kind == archive.EventNote:
			if m := recognise(e.Text, noteMetricsBack, NoteBlackout, arrivalsNotStarted, noteUnopened, notePaused, noteResumed, noteSettled, noteUnsettled, notePrecise, noteUnprecise); m.Code != arrivalsNotStarted { // that is a warning
				list = append(list, m)
			}
		case e.Kind == archive.EventChoice && e.Stage == nil:
			list = append(list, Say("note-stopped", recognise(e.Text, "stop-precise", "stop-stages", "stop-to", "stop-gain",
				"stop-between", "stop-broken", "stop-late", "stop-unmeasured")))
		}
	}
	return list
}
