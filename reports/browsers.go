package reports

import (
	"strings"
	"time"

	"pegel/internal/judge"
)

// browsers is the section on what real browsers told beside times.
type browsers struct {
	Title    string
	Table    table
	Caption  string
	Exhibits []string // files beside the report

	BesideTitle string
	Beside      table // what was done at HTTP level as well
}

func (l *language) browserTitle(v *judge.BrowserView) string {
	return l.t("browser.title", l.fixed(v.PSS/(1<<20), 0), l.fixed(v.CPU, 0), l.count(v.Contexts))
}

// browserColumns are the values of one action, by the last part of the key of their name.
func (l *language) browserColumns(a *judge.BrowserAction) [][2]string {
	paint := func(seconds float64) string {
		if seconds == 0 {
			return "–"
		}
		return l.latency(time.Duration(seconds * float64(time.Second)))
	}
	return [][2]string{
		{"first", paint(a.FirstPaintP75)}, {"largest", paint(a.LargestPaintP75)}, {"requests", l.count(int(a.Requests))}, {"failed", l.count(int(a.Failed))},
		{"bytes", l.count(int(a.Bytes) >> 10)}, {"errors", l.count(int(a.Errors))}, {"tasks", l.count(int(a.LongTasks))}, {"short", l.count(a.Short)},
	}
}

func (b *builder) browsers() browsers {
	v := b.r.Browser
	if v == nil {
		return browsers{}
	}
	s := browsers{Title: b.browserTitle(v), Caption: b.t("browser.caption"), Exhibits: v.Exhibits}
	for i := range v.Actions {
		row := []cell{name(v.Actions[i].Name), number(b.count(v.Actions[i].Count))}
		if i == 0 {
			s.Table.Head = []cell{words(b.t("col.action")), number(b.t("col.n"))}
		}
		for _, c := range b.browserColumns(&v.Actions[i]) {
			if i == 0 {
				s.Table.Head = append(s.Table.Head, number(b.either("browser.", c[0])))
			}
			row = append(row, number(c[1]))
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	if s.Beside = b.beside(); len(s.Beside.Rows) > 0 {
		s.BesideTitle = b.t("beside.title", b.count(v.Users))
	}
	return s
}

// textBrowser writes what real browsers told.
func (l *language) textBrowser(b *strings.Builder, v *judge.BrowserView) {
	if v == nil {
		return
	}
	b.WriteString("\n" + l.t("text.browser") + "\n")
	b.WriteString(wrap("  ", l.browserTitle(v)))
	for i := range v.Actions {
		parts := []string{v.Actions[i].Name + " " + l.count(v.Actions[i].Count)}
		for _, c := range l.browserColumns(&v.Actions[i]) {
			parts = append(parts, l.either("browser.", c[0])+" "+c[1])
		}
		b.WriteString(wrap("  ", strings.Join(parts, " · ")))
	}
	l.textBeside(b, v)
}
