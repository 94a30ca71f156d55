package reports

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"pegel/internal/diagnosis"
	"pegel/internal/judge"
)

// WriteDiagnosis writes a diagnosis for a terminal.
func WriteDiagnosis(w io.Writer, r *judge.Result, d *diagnosis.Diagnosis, opt Options) error {
	l, err := speak(opt.Lang)
	if err != nil {
		return err
	}
	var b strings.Builder
	word, state := l.t("diagnosis.nothing"), "go"
	switch {
	case d.Held:
		word, state = l.t("diagnosis.held"), "invalid"
	case len(d.Hypotheses) > 0:
		word, state = "! "+l.causeName(&d.Hypotheses[0]), "caution"
	case d.Danger.Any:
		word, state = l.t("diagnosis.unclear"), "unknown"
	}
	word = strings.ToUpper(word)
	if opt.Colour {
		word = ansi(state) + word + "\x1b[0m"
	}
	fmt.Fprintf(&b, "%s\n\n", word)
	b.WriteString(wrap("  ", l.sentence(d.Summary)))
	if !d.Danger.Why.Empty() && len(d.Hypotheses) > 0 {
		b.WriteString(wrap("  ", l.sentence(d.Danger.Why)))
	}
	for i := range d.Hypotheses {
		l.textHypothesis(&b, i+1, &d.Hypotheses[i])
	}
	if len(d.Others) > 0 {
		fmt.Fprintf(&b, "\n%s\n", l.t("diagnosis.others"))
		for i := range d.Others {
			h := &d.Others[i]
			line := fmt.Sprintf("%s (%s)", l.causeName(h), l.decibans(h.Score))
			if len(h.Against) > 0 {
				line += ": " + l.say(h.Against[0].Text)
			}
			b.WriteString(wrap("  - ", line))
		}
	}
	if len(d.Blind) > 0 {
		fmt.Fprintf(&b, "\n%s\n", l.t("diagnosis.blind"))
		for _, m := range d.Blind {
			b.WriteString(wrap("  - ", l.say(m)))
		}
	}
	fmt.Fprintf(&b, "\n%s\n", l.t("text.ended", l.span(r.Duration), l.say(r.Ended)))
	_, err = io.WriteString(w, b.String())
	return err
}

func (l *language) textHypothesis(b *strings.Builder, n int, h *diagnosis.Hypothesis) {
	b.WriteString("\n" + wrap(fmt.Sprintf("%d. ", n), l.sentence(h.What)+" "+l.t("diagnosis.score", l.decibans(h.Score))))
	list := func(key string, evidence []diagnosis.Evidence) {
		for i, e := range evidence {
			head := ""
			if i == 0 {
				head = l.t(key)
			}
			b.WriteString(wrap("   "+pad(head, 8, false)+" "+pad(l.decibans(e.Weight), 6, true)+"  ", l.say(e.Text)+cited(l, &e)))
		}
	}
	list("diagnosis.for", h.For)
	list("diagnosis.against", h.Against)
	b.WriteString(wrap("   "+pad(l.t("diagnosis.check"), 8, false)+" ", l.say(h.Check)))
	if !h.Settle.What.Empty() {
		b.WriteString(wrap("   "+pad(l.t("diagnosis.settle"), 8, false)+" ", l.say(h.Settle.What)))
	}
	if h.Settle.Command != "" { // in one piece, to be copied
		fmt.Fprintf(b, "   %s $ %s\n", pad("", 8, false), h.Settle.Command)
	}
}

// cited is where evidence was seen: series, users, and times in the run.
func cited(l *language, e *diagnosis.Evidence) string {
	var parts []string
	if len(e.Series) > 0 {
		parts = append(parts, strings.Join(e.Series, ", "))
	}
	if e.To > 0 {
		parts = append(parts, strings.TrimPrefix(e.Run+" ", " ")+clock(e.From)+"–"+clock(e.To))
	}
	if len(parts) == 0 {
		return ""
	}
	return " [" + strings.Join(parts, "; ") + "]"
}

// clock is a time in the run: 3:07.
func clock(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// decibans writes a score or a weight with its sign.
func (l *language) decibans(x float64) string {
	text := l.fixed(math.Abs(x), 1)
	if x < 0 {
		return "−" + text
	}
	return "+" + text
}

// sentence is a message that begins with a capital and ends with a full stop.
func (l *language) sentence(m judge.Message) string {
	text := l.say(m)
	if text == "" {
		return ""
	}
	first := []rune(text)
	return strings.ToUpper(string(first[0])) + strings.TrimSuffix(string(first[1:]), ".") + "."
}

// The types below are format 1 of what pegel diagnose --json prints. Fields may be added.
type diagnosisFile struct {
	Format     int              `json:"format"`
	Danger     dangerFile       `json:"danger"`
	Held       bool             `json:"held"` // by the generator's own fault
	Summary    string           `json:"summary"`
	Hypotheses []hypothesisFile `json:"hypotheses"`
	Others     []hypothesisFile `json:"others,omitempty"` // looked into and not told
	Blind      []messageFile    `json:"blind,omitempty"`
	Archives   []string         `json:"archives,omitempty"`
}

type dangerFile struct {
	Any    bool    `json:"any"`
	Broken int     `json:"broken_at,omitempty"` // active users
	Nearby float64 `json:"capacity_over_measured,omitempty"`
	Why    string  `json:"why"`
}

type hypothesisFile struct {
	Code    string         `json:"code"`
	Subject string         `json:"subject,omitempty"`
	Score   float64        `json:"score_db"` // decibans
	Text    string         `json:"text"`
	For     []evidenceFile `json:"for"`
	Against []evidenceFile `json:"against"`
	Check   string         `json:"check"`
	Settle  string         `json:"settle,omitempty"`
	Command string         `json:"command,omitempty"`
}

type evidenceFile struct {
	Code   string   `json:"code"`
	Weight float64  `json:"weight_db"`
	Text   string   `json:"text"`
	Series []string `json:"series,omitempty"`
	Users  int      `json:"users,omitempty"`
	Run    string   `json:"run,omitempty"` // where several were judged together
	From   float64  `json:"from_seconds"`
	To     float64  `json:"to_seconds"`
}

type messageFile struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// WriteDiagnosisJSON writes a diagnosis as one JSON object.
func WriteDiagnosisJSON(w io.Writer, d *diagnosis.Diagnosis, archives []string) error {
	out := diagnosisFile{Format: 1, Held: d.Held, Summary: d.Summary.String(), Hypotheses: hypotheses(d.Hypotheses), Others: hypotheses(d.Others), Archives: archives,
		Danger: dangerFile{d.Danger.Any, d.Danger.Broken, tenth(d.Danger.Nearby), d.Danger.Why.String()}}
	for _, m := range d.Blind {
		out.Blind = append(out.Blind, messageFile{m.Code, m.String()})
	}
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(out); err != nil {
		return fmt.Errorf("writing the diagnosis: %w", err)
	}
	return nil
}

func hypotheses(list []diagnosis.Hypothesis) []hypothesisFile {
	out := []hypothesisFile{}
	for _, h := range list {
		out = append(out, hypothesisFile{Code: h.Code, Subject: h.Subject, Score: tenth(h.Score), Text: h.What.String(), For: evidence(h.For), Against: evidence(h.Against),
			Check: h.Check.String(), Settle: h.Settle.What.String(), Command: h.Settle.Command})
	}
	return out
}

func evidence(list []diagnosis.Evidence) []evidenceFile {
	out := []evidenceFile{}
	for _, e := range list {
		out = append(out, evidenceFile{e.Text.Code, tenth(e.Weight), e.Text.String(), e.Series, e.Stage, e.Run, tenth(e.From.Seconds()), tenth(e.To.Seconds())})
	}
	return out
}

// tenth rounds to two places; what is no number is 0.
func tenth(x float64) float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return 0
	}
	return math.Round(100*x) / 100
}
