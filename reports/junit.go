package reports

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"pegel/internal/judge"
)

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Time     string      `xml:"time,attr"`
	Stamp    string      `xml:"timestamp,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitMessage `xml:"failure,omitempty"`
	Skipped *junitMessage `xml:"skipped,omitempty"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes one test case for each objective and action. A case fails where the objective broke at a load that
// the platform carries already; where it broke above that, which is what a staircase looks for, the case passes and says
// so. Without enough samples in any stage it is skipped.
func WriteJUnit(w io.Writer, r *judge.Result) error {
	l, err := speak("en")
	if err != nil {
		return err
	}
	suite := junitSuite{Name: "pegel." + r.Meta.Scenario, Tests: len(r.Objectives), Time: fmt.Sprintf("%.3f", r.Duration.Seconds()),
		Stamp: r.Meta.Started.UTC().Format("2006-01-02T15:04:05")}
	for _, o := range r.Objectives {
		c := junitCase{Class: suite.Name, Name: ofAction(o.Action, o.Text.String()), Time: "0", Out: l.objectiveLines(o)}
		judged := false
		for _, s := range o.Stages {
			judged = judged || s.Enough
		}
		switch {
		case o.Broken:
			suite.Failures++
			c.Failure = &junitMessage{Message: "broken at " + l.count(o.BrokenAt) + " active users", Text: c.Out}
			c.Out = ""
		case !judged:
			suite.Skipped++
			c.Skipped = &junitMessage{Message: "too few samples in every stage"}
		case o.BrokenAt > 0:
			c.Out += "broken at " + l.count(o.BrokenAt) + " active users, above the load of the accounts that are live now\n"
		}
		suite.Cases = append(suite.Cases, c)
	}
	if d := r.Delivery; d != nil {
		c := junitCase{Class: suite.Name, Name: "mail", Time: "0"}
		suite.Tests++
		if d.Broken() {
			suite.Failures++
			c.Failure = &junitMessage{Message: l.mailTitle(d)}
		} else {
			c.Out = l.mailTitle(d) + "\n"
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(suite); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("writing JUnit XML: %w", err)
	}
	return nil
}

// objectiveLines is an objective stage by stage.
func (l *language) objectiveLines(o judge.ObjectiveResult) string {
	var b strings.Builder
	for _, s := range o.Stages {
		value, limit := l.latency(s.Value), l.limit(o.Limit)
		if o.Quantile == 0 {
			value, limit = l.percent(s.Share), l.percent(o.MaxErrors)
		}
		held := "held"
		switch {
		case !s.Enough:
			held = "too few samples"
		case !s.Held:
			held = "broken"
		}
		fmt.Fprintf(&b, "%s active users: %s of %s (n = %s): %s\n", l.count(s.Users), value, limit, l.total(s.Samples), held)
	}
	return b.String()
}
