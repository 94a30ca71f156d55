package reports

import (
	"fmt"
	"strings"

	"pegel/internal/archive"
	"pegel/internal/judge"
)

// checks is the section on answers that were held against former ones.
type checks struct {
	Title       string
	Table       table
	Caption     string
	Transcripts []pair
}

// What is shown; all of it is in the JSON forecast.
const (
	shownViolations  = 20
	shownTranscripts = 5
	shownLines       = 12 // of a transcript: the last, for they are next to what was wrong
)

// checksTitle is what the checks came to.
func (l *language) checksTitle(c *judge.Checks) string {
	if len(c.Violations) == 0 {
		return l.t("checks.fine", l.percent(c.Share))
	}
	return l.t("checks.broken", l.count(len(c.Violations)))
}

func (b *builder) checks() checks {
	c := b.r.Checks
	if c == nil {
		return checks{}
	}
	s := checks{Title: b.checksTitle(c), Caption: b.t("checks.caption")}
	if len(c.Violations) == 0 {
		return s
	}
	s.Table.Head = []cell{words(b.t("col.rule")), number(b.t("col.time")), number(b.t("col.account")), words(b.t("col.mailbox")), words(b.t("col.expected")), words(b.t("col.came"))}
	for i, v := range c.Violations[:min(len(c.Violations), shownViolations)] {
		s.Table.Rows = append(s.Table.Rows, []cell{name(v.Rule), number(b.span(v.At)), number(b.count(v.Account + 1)),
			{Text: v.Mailbox, Run: true}, {Text: v.Expected, Run: true}, {Text: v.Came, Run: true}})
		if i < shownTranscripts && v.Transcript != "" {
			s.Transcripts = append(s.Transcripts, pair{Label: b.violation(&v), Value: lastLines(v.Transcript, shownLines), Run: true})
		}
	}
	return s
}

// checksFile is the same in JSON.
type checksFile struct {
	Share      float64             `json:"share"`
	Violations []archive.Violation `json:"violations"`
}

// violation names one.
func (l *language) violation(v *archive.Violation) string {
	return l.t("checks.one", v.Rule, v.Mailbox, l.count(v.Account+1), l.span(v.At))
}

// lastLines are the last n lines of a text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// textChecks writes what the checks came to.
func (l *language) textChecks(b *strings.Builder, c *judge.Checks) {
	if c == nil {
		return
	}
	fmt.Fprintf(b, "\n%s\n", l.t("text.checks"))
	b.WriteString(wrap("  ", l.checksTitle(c)))
	for i, v := range c.Violations {
		if i == 3 {
			break
		}
		b.WriteString(wrap("  ", l.violation(&v)+": "+l.t("checks.wrong", v.Expected, v.Came)))
		for line := range strings.Lines(lastLines(v.Transcript, 3)) {
			fmt.Fprintf(b, "    %.110s\n", strings.TrimSuffix(line, "\n"))
		}
	}
}
