package learn

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// InboundPersona is the name of the persona of mail from outside.
const InboundPersona = "inbound"

// Source is where the numbers come from, as activity.source says it.
func (r *Result) Source() string {
	from, to := r.From.Format("2006-01-02"), r.To.Format("2006-01-02")
	if from == to {
		return "access logs " + from
	}
	return "access logs " + from + "–" + to
}

// WriteFragment writes a scenario fragment: activity, personas, journeys and the load of a day, with the fits beside their
// data in comments. A scenario that includes it adds name, targets and accounts. arrivals names the CSV file of
// WriteArrivals; where it is empty, mail from outside comes at the rate of the busiest hour.
func (r *Result) WriteFragment(w io.Writer, arrivals string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Made by pegel learn from %s: %d lines, of which %d could not be read.\n", r.Source(), r.Lines, r.Broken)
	fmt.Fprintf(&b, "# A scenario takes it in with include: and adds name, targets and accounts. Hours are those of %s.\n", r.Zone)
	for _, m := range r.Warnings {
		fmt.Fprintf(&b, "# %s\n", m.Text)
	}
	var personas []*Way
	for i := range r.Ways {
		if r.Ways[i].Persona && r.Ways[i].Activity[1] > 0 {
			personas = append(personas, &r.Ways[i])
		}
	}
	r.activity(&b, personas)
	mail := r.Mail != nil && r.Mail.Inbound > 0
	if len(personas) > 0 || mail {
		b.WriteString("personas:\n")
		for _, way := range personas {
			way.persona(&b)
		}
		if mail {
			rate := fmt.Sprintf("per_hour: %.0f", r.Mail.PerHour)
			if arrivals != "" {
				rate = "csv: " + strconv.Quote(arrivals)
			}
			fmt.Fprintf(&b, "  - {name: %s, journey: %s, arrivals: {%s}}\n", InboundPersona, InboundPersona, rate)
		}
		b.WriteString("journeys:\n")
		for _, way := range personas {
			way.journey(&b, r.Mail)
		}
		if mail {
			fmt.Fprintf(&b, "  %s:\n    - {do: smtp.send, with: %s}\n", InboundPersona, parameters(r.Mail.Size.Mean, r.Mail.Recipients))
		}
	}
	if len(personas) > 0 && len(r.Profile) > 0 {
		fmt.Fprintf(&b, "load:\n  day:\n    peak: %d\n    hours:", max(1, r.Peak))
		for _, h := range r.Profile {
			fmt.Fprintf(&b, "\n      %d: %s", h.Hour, percent(h.Share))
		}
		b.WriteString("\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) activity(b *strings.Builder, personas []*Way) {
	if len(personas) > 0 {
		b.WriteString("activity:\n")
	}
	for _, way := range r.Ways {
		low, high := percent(way.Activity[0]), percent(way.Activity[1])
		text := "[" + low + ", " + high + "]"
		if low == high {
			text = low
		}
		switch {
		case way.Activity[1] == 0:
		case way.Persona:
			fmt.Fprintf(b, "  %s: %s   # %d users in the busiest hour, %d seen\n", way.Name, text, way.Busiest, way.Users)
		default:
			fmt.Fprintf(b, "# %s: %s would be active, but pegel has none of their actions yet\n", way.Name, text)
		}
	}
	if len(personas) > 0 {
		fmt.Fprintf(b, "  source: %q\n", r.Source())
	}
}

func (w *Way) persona(b *strings.Builder) {
	fmt.Fprintf(b, "  - name: %s\n    journey: %s\n", w.Name, w.Name)
	if w.Session.N == 0 || w.Session.quantile(0.5) < 1 {
		return
	}
	w.Session.comment(b, "    ", "session lengths")
	away := ""
	if w.Away > 0 {
		w.Return.comment(b, "    ", "absences of less than 12 h, for comparison")
		b.WriteString("    # away is what makes an active user of the busy hour do as much as was seen\n")
		away = fmt.Sprintf(", away: {exponential: {mean: %s}}", span(w.Away))
	}
	fmt.Fprintf(b, "    session: {length: %s%s}\n", w.Session.YAML(), away)
}

// journey writes the logins first, then a choice among everything else for as long as the session lasts.
func (w *Way) journey(b *strings.Builder, mail *Mail) {
	fmt.Fprintf(b, "  %s:\n", w.Name)
	pace, rate := "", 0.0
	if slices.ContainsFunc(w.Actions, func(a Action) bool { return a.Paced }) {
		for _, a := range w.Actions {
			if !a.Login {
				rate += a.PerHour
			}
		}
		if rate > 0 {
			pace = fmt.Sprintf("{exponential: {mean: %s}}", span(3600/rate))
		}
	}
	imap := false
	var mix []Action
	for _, a := range w.Actions {
		imap = imap || strings.HasPrefix(a.Action, "imap.")
		switch {
		case !a.Known:
			fmt.Fprintf(b, "    # %s: %s of the actions, %.3g per active user and hour, is not in this journey\n", a.Action, percent(a.Share), a.PerHour)
		case a.Login:
			a.Think.comment(b, "    ", "pauses after "+a.Action)
			think := a.Think.YAML()
			if a.Think.N == 0 {
				think = "1s"
			}
			fmt.Fprintf(b, "    - {do: %s, think: %s}\n", a.Action, think)
		case a.Action != "web.logout" && a.Share >= 0.0005:
			mix = append(mix, a)
		}
	}
	if imap {
		b.WriteString("    - {do: imap.select}\n")
	}
	b.WriteString("    - repeat: {for: session}\n      steps:\n")
	if len(mix) == 0 {
		b.WriteString("        - think: 1m\n")
		return
	}
	b.WriteString("        - choose:\n")
	for _, a := range mix {
		think := pace
		if think == "" {
			a.Think.comment(b, "            ", "pauses after "+a.Action)
			think = a.Think.YAML()
			if a.Think.N == 0 {
				think = "1m"
			}
		}
		with := ""
		if a.Action == "smtp.send" && mail != nil && mail.SentSize.Mean > 0 {
			with = ", with: " + parameters(mail.SentSize.Mean, mail.SentTo)
		}
		fmt.Fprintf(b, "            - {weight: %s, do: %s%s, think: %s}\n", digits(100*a.Share), a.Action, with, think)
	}
}

// comment shows data and fit side by side.
func (f *Fit) comment(b *strings.Builder, indent, what string) {
	if f.N == 0 {
		return
	}
	fmt.Fprintf(b, "%s# %s: %d, %s, KS distance %.3f; data/fit", indent, what, f.N, f.Kind, f.KS)
	for _, p := range f.Table {
		if p.P == 0.25 || p.P == 0.5 || p.P == 0.9 || p.P == 0.99 {
			fmt.Fprintf(b, " p%d %s/%s", int(math.Round(100*p.P)), span(p.Data), span(p.Fit))
		}
	}
	b.WriteString("\n")
}

// parameters of smtp.send. The mean keeps the bytes in total.
func parameters(size, recipients float64) string {
	text := fmt.Sprintf("{size: %.0fB", min(max(size, 1), 100<<20))
	if size >= 1000 {
		text = fmt.Sprintf("{size: %.0fKB", min(size/1000, 100_000))
	}
	if n := math.Round(recipients); n > 1 {
		text += fmt.Sprintf(", recipients: %.0f", min(n, 100))
	}
	return text + "}"
}

// percent writes a share with three digits that count.
func percent(x float64) string { return digits(100*x) + "%" }

func digits(x float64) string {
	if x >= 100 {
		return strconv.FormatFloat(math.Round(x), 'f', -1, 64)
	}
	text := strconv.FormatFloat(x, 'g', 3, 64)
	if strings.ContainsRune(text, 'e') {
		text = strconv.FormatFloat(x, 'f', 6, 64)
	}
	return text
}

// WriteArrivals writes the mails from outside by minute, of the busiest day and from the first hour of the profile on, as
// arrivals.csv takes them. Without any, it writes the heads of the columns only.
func (r *Result) WriteArrivals(w io.Writer) error {
	var b strings.Builder
	b.WriteString("minute,count\n")
	for i, n := range r.arrivals {
		fmt.Fprintf(&b, "%d,%d\n", i, n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
