package reports

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// remark is a message as it stands in a report, in the language that it is really in.
type remark struct{ Code, Text, Lang string }

// remark returns nil where nothing is said.
func (l *language) remark(m judge.Message) *remark {
	if m.Empty() {
		return nil
	}
	r := &remark{m.Code, l.say(m), "en"}
	if l.knows(m) {
		r.Lang = l.code
	}
	return r
}

func (l *language) remarks(list []judge.Message) []*remark {
	var all []*remark
	for _, m := range list {
		if r := l.remark(m); r != nil {
			all = append(all, r)
		}
	}
	return all
}

// knows tells whether the language has a sentence of its own for a message.
func (l *language) knows(m judge.Message) bool {
	_, ok := l.messages[m.Code]
	return ok && m.Code != ""
}

// say words a message: the language's own sentence where it has one, else the message's English, with the values by the
// rules of number.go.
func (l *language) say(m judge.Message) string {
	pattern := m.Format
	if l.knows(m) {
		pattern = l.messages[m.Code]
	}
	if len(m.Args) == 0 {
		return pattern
	}
	values := make([]any, len(m.Args))
	for i, v := range m.Args {
		values[i] = l.value(v)
	}
	return fmt.Sprintf(pattern, values...)
}

// value writes one value of a message. A number that is not whole is an estimate.
func (l *language) value(v any) string {
	switch v := v.(type) {
	case judge.Message:
		return l.say(v)
	case int:
		return l.count(v)
	case float64:
		switch {
		case v == math.Trunc(v):
			return l.fixed(v, 0)
		case math.Abs(v) >= 10:
			return l.about(v)
		}
		return l.amount(v)
	case time.Duration:
		return l.limit(v)
	case capacity.Share:
		return l.limitShare(float64(v))
	case capacity.Interval:
		return l.estimate(v) + " (" + l.spread(v) + ")"
	case capacity.Objective:
		if v.Quantile == 0 {
			return l.say(judge.Say("objective-errors", capacity.Share(v.Errors)))
		}
		return percentile(v.Quantile) + " < " + l.limit(time.Duration(v.Limit*float64(time.Second)))
	}
	return fmt.Sprint(v)
}

// limitShare formats a limit on a share as people write it: 0.5 %.
func (l *language) limitShare(share float64) string {
	return l.group(strconv.FormatFloat(math.Round(share*1e6)/1e4, 'f', -1, 64)) + " %"
}

// resource is a resource's name; the one that is only inferred has its name from the language.
func (l *language) resource(name string) string {
	if name == capacity.Unobserved {
		return l.t("resource.unobserved")
	}
	return name
}
