package learn

import (
	"fmt"
	"io"
	"strings"
)

// WriteText writes the summary for people.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s in %s, %d broken; %s to %s (%s)\n", r.Source(), plural(int(r.Lines), "line"), plural(len(r.Files), "file"), r.Broken,
		r.From.Format("2006-01-02 15:04"), r.To.Format("2006-01-02 15:04"), r.Zone)
	for _, f := range r.Files {
		name := f.Format
		if name == "" {
			name = "not recognised"
		}
		fmt.Fprintf(&b, "  %s: %s, %s\n", f.Name, name, plural(int(f.Lines), "line"))
		for _, l := range f.First {
			fmt.Fprintf(&b, "    line %d (%d bytes): %s\n", l.Line, l.Bytes, l.Why)
		}
		if more := f.Broken - int64(len(f.First)); more > 0 {
			fmt.Fprintf(&b, "    and %d more\n", more)
		}
	}
	for i := range r.Ways {
		r.Ways[i].text(&b)
	}
	if m := r.Mail; m != nil {
		b.WriteString("\nmail\n")
		if m.Inbound > 0 {
			fmt.Fprintf(&b, "  from outside   %d, %.0f in the busiest hour; size mean %s, p90 %s; %.2f recipients\n", m.Inbound, m.PerHour, volume(m.Size.Mean), volume(m.Size.P90), m.Recipients)
		}
		if m.Sent > 0 {
			fmt.Fprintf(&b, "  sent by users  %d; size mean %s, p90 %s; %.2f recipients\n", m.Sent, volume(m.SentSize.Mean), volume(m.SentSize.P90), m.SentTo)
		}
	}
	if len(r.Profile) > 0 {
		fmt.Fprintf(&b, "\nthe day (%d active users in the busiest hour)\n", r.Peak)
		for _, h := range r.Profile {
			fmt.Fprintf(&b, "  %02d:00 %6s %s\n", h.Hour, percent(h.Share), strings.Repeat("#", int(40*h.Share+0.5)))
		}
	}
	if len(r.Unmapped) > 0 {
		fmt.Fprintf(&b, "\nrequests that no rule knows (%d are known)\n", r.Mapped)
		for _, q := range r.Unmapped {
			fmt.Fprintf(&b, "  %6s  %9d  %s\n", percent(q.Share), q.Count, q.Request)
		}
	}
	if len(r.Ignored) > 0 {
		b.WriteString("\nleft aside\n")
		for _, q := range r.Ignored {
			fmt.Fprintf(&b, "  %9d  %s\n", q.Count, q.Request)
		}
	}
	if len(r.Warnings) > 0 {
		b.WriteString("\n")
	}
	for _, m := range r.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", m.Text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (w *Way) text(b *strings.Builder) {
	fmt.Fprintf(b, "\n%s: %d seen, %d in the busiest hour; active %s to %s of the accounts on %s (%d quiet ones left out)\n", w.Name, w.Users, w.Busiest,
		percent(w.Activity[0]), percent(w.Activity[1]), plural(w.Days, "day"), w.LeftOut)
	for _, a := range w.Actions {
		share := percent(a.Share)
		if a.Login {
			share = "login"
		}
		fmt.Fprintf(b, "  %-16s %8.0f  %6s  %6.3g per active user and hour", a.Action, a.Count, share, a.PerHour)
		if !a.Known {
			b.WriteString("  (no action of pegel yet)")
		}
		b.WriteString("\n")
	}
	for _, a := range w.Actions {
		a.Think.text(b, "pauses after "+a.Action)
	}
	w.Session.text(b, "session lengths")
	w.Return.text(b, "absences")
}

// text shows data and fit as a table of quantiles.
func (f *Fit) text(b *strings.Builder, what string) {
	if f.N == 0 {
		return
	}
	fmt.Fprintf(b, "  %s: %d, %s, KS distance %.3f\n    %-5s", what, f.N, strings.TrimSuffix(strings.TrimPrefix(f.YAML(), "{"), "}"), f.KS, "")
	rows := [2]strings.Builder{}
	for _, p := range f.Table {
		fmt.Fprintf(b, "%9s", fmt.Sprintf("p%g", 100*p.P))
		fmt.Fprintf(&rows[0], "%9s", span(p.Data))
		fmt.Fprintf(&rows[1], "%9s", span(p.Fit))
	}
	fmt.Fprintf(b, "\n    data %s\n    fit  %s\n", rows[0].String(), rows[1].String())
}

func volume(x float64) string {
	switch {
	case x >= 1e6:
		return fmt.Sprintf("%.1f MB", x/1e6)
	case x >= 1e3:
		return fmt.Sprintf("%.1f KB", x/1e3)
	}
	return fmt.Sprintf("%.0f B", x)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
