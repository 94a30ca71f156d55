package expect

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Measures of the picture in pixels.
const (
	wide, high = 1000, 430
	left       = 76
	right      = 24
	top        = 74
	bottom     = 96
)

// style is that of the report's charts: its colours, light and dark.
const style = `<style>
svg{--page:#ffffff;--ink:#1c2430;--quiet:#5b6675;--line:#dfe3e8;--grid:#eceff2;--copy:#cc79a7;--situation:rgba(213,94,0,.22);
--s0:#0072b2;--s1:#e69f00;--s2:#009e73;--s3:#cc79a7;--s4:#56b4e9;--s5:#d55e00;--s6:#6b7785;
font:13px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",Arial,sans-serif;background:var(--page)}
@media (prefers-color-scheme:dark){svg{--page:#12171e;--ink:#e6eaf0;--quiet:#9aa6b4;--line:#36414d;--grid:#242d37;
--s0:#56b4e9;--s2:#2cc295;--s4:#4a90d0;--s5:#ff7a2e;--s6:#8996a4}}
text{fill:var(--quiet)}.title{fill:var(--ink);font-size:16px;font-weight:600}.grid{stroke:var(--grid)}.axis{stroke:var(--quiet)}
.end{text-anchor:end}.mid{text-anchor:middle}.small{font-size:11.5px}
</style>`

// picture draws with the scale of one load.
type picture struct {
	w       *bufio.Writer
	l       *Load
	seconds float64
	users   float64
}

// WriteSVG draws the shape of the load: users by persona over time, below it when copy traffic runs and which batches come.
// It is a picture by itself, with its own styles and no scripts.
func WriteSVG(w io.Writer, name string, l *Load) error {
	p := &picture{w: bufio.NewWriter(w), l: l}
	for i := range l.Stages {
		s := &l.Stages[i]
		p.seconds = max(p.seconds, (s.Start + s.Length).Seconds())
		p.users = max(p.users, float64(s.Users+p.beside(s)))
	}
	p.users, p.seconds = max(p.users, 1), max(p.seconds, 1)
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img" aria-labelledby="t d">`+"\n", wide, high)
	p.printf("<title id=\"t\">%s</title>\n", escape(p.title(name)))
	p.printf("<desc id=\"d\">%s</desc>\n%s\n", escape(p.words()), style)
	p.printf(`<text class="title" x="%d" y="26">%s</text>`+"\n", left, escape(p.title(name)))
	p.axes()
	p.areas()
	p.copying()
	p.batches()
	p.situations()
	p.printf("</svg>\n")
	return p.w.Flush()
}

func (p *picture) printf(format string, args ...any) { fmt.Fprintf(p.w, format, args...) }

// beside are the users of a stage that are no active users: fixed, copying and arriving ones.
func (p *picture) beside(s *Stage) int {
	n := s.Copiers
	for _, persona := range p.l.Personas {
		if persona.Kind == Fixed || persona.Kind == Arriving {
			n += persona.Users
		}
	}
	return n
}

// of is how many users of persona k are there in a stage.
func (p *picture) of(s *Stage, k int) float64 {
	switch p.l.Personas[k].Kind {
	case Copying:
		return float64(s.Copiers)
	case Active:
		if k < len(s.ByPersona) {
			return float64(s.ByPersona[k])
		}
		return 0
	}
	return float64(p.l.Personas[k].Users)
}

func (p *picture) title(name string) string {
	t := name
	if p.l.Day != "" {
		t += ", " + p.l.Day
	}
	return fmt.Sprintf("%s: %s users at the most, %s", t, Count(p.users), Span(time.Duration(p.seconds*float64(time.Second))))
}

// words says what the picture shows to those who do not see it.
func (p *picture) words() string {
	var b strings.Builder
	b.WriteString("Users over time, by persona. ")
	for i := range p.l.Stages {
		if i == 20 {
			fmt.Fprintf(&b, "And %d stages more.", len(p.l.Stages)-i)
			break
		}
		s := &p.l.Stages[i]
		fmt.Fprintf(&b, "From %s %s users", Span(s.Start), Count(float64(s.Users)))
		if s.Batch != "" {
			b.WriteString(", batch " + s.Batch)
		}
		if s.Copiers > 0 {
			b.WriteString(", copying")
		}
		b.WriteString(". ")
	}
	return b.String()
}

func (p *picture) x(at time.Duration) float64 {
	return left + (wide-left-right)*at.Seconds()/p.seconds
}

func (p *picture) y(users float64) float64 { return high - bottom - (high-top-bottom)*users/p.users }

func (p *picture) axes() {
	for _, v := range ticks(p.users, 5) {
		p.printf(`<line class="grid" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/><text class="end" x="%d" y="%.1f">%s</text>`+"\n",
			left, wide-right, p.y(v), p.y(v), left-8, p.y(v)+4, Count(v))
	}
	unit, name := 1.0, "seconds"
	switch {
	case p.seconds > 2*86400:
		unit, name = 86400, "days"
	case p.seconds > 2*3600:
		unit, name = 3600, "hours"
	case p.seconds > 180:
		unit, name = 60, "minutes"
	}
	for _, v := range ticks(p.seconds/unit, 8) {
		p.printf(`<text class="mid" x="%.1f" y="%d">%g</text>`+"\n", p.x(time.Duration(v*unit*float64(time.Second))), high-bottom+50, v)
	}
	p.printf(`<text class="end" x="%d" y="%d">%s</text><text x="%d" y="%d">users</text>`+"\n", wide-right, high-bottom+68, name, left-56, top-12)
	p.printf(`<line class="axis" x1="%d" x2="%d" y1="%d" y2="%d"/>`+"\n", left, wide-right, high-bottom, high-bottom)
}

// ticks are round numbers from 0 to top, about n of them.
func ticks(top float64, n int) []float64 {
	step := 1e-3
	for i := 0; top/step > float64(n); i++ {
		step *= []float64{2, 2.5, 2}[i%3]
	}
	var list []float64
	for v := 0.0; v <= top*(1+1e-9); v += step {
		list = append(list, v)
	}
	return list
}

// areas stacks the personas; a stage's users come over its ramp.
func (p *picture) areas() {
	below := make([][2]float64, len(p.l.Stages)) // stack at the beginning and at the plateau of each stage
	legend := float64(left)
	for k, persona := range p.l.Personas {
		if persona.Users == 0 {
			continue
		}
		var upper, lower []string
		before := 0.0
		for i := range p.l.Stages {
			s := &p.l.Stages[i]
			if i == 0 && persona.Kind != Active {
				before = p.of(s, k)
			}
			n := p.of(s, k)
			x0, x1, x2 := p.x(s.Start), p.x(s.Start+min(s.Ramp, s.Length)), p.x(s.Start+s.Length)
			b := &below[i]
			upper = append(upper, point(x0, p.y(b[0]+before)), point(x1, p.y(b[1]+n)), point(x2, p.y(b[1]+n)))
			lower = append(lower, point(x0, p.y(b[0])), point(x1, p.y(b[1])), point(x2, p.y(b[1])))
			b[0] += before
			b[1] += n
			before = n
		}
		for i, j := 0, len(lower)-1; i < j; i, j = i+1, j-1 {
			lower[i], lower[j] = lower[j], lower[i]
		}
		colour := fmt.Sprintf("var(--s%d)", k%7)
		p.printf(`<polygon fill="%s" fill-opacity=".82" points="%s %s"><title>%s</title></polygon>`+"\n",
			colour, strings.Join(upper, " "), strings.Join(lower, " "), escape(persona.Name))
		p.printf(`<rect x="%.1f" y="40" width="11" height="11" rx="2" fill="%s"/><text x="%.1f" y="50">%s</text>`+"\n", legend, colour, legend+16, escape(persona.Name))
		legend += 40 + 7.5*float64(utf8.RuneCountInString(persona.Name))
	}
}

func point(x, y float64) string { return fmt.Sprintf("%.1f,%.1f", x, y) }

// copying draws when copy traffic runs, as a band below the axis.
func (p *picture) copying() {
	if p.l.Copy == nil {
		return
	}
	y := high - bottom + 8
	p.printf(`<text class="end small" x="%d" y="%d">copying</text>`+"\n", left-8, y+10)
	p.printf(`<rect x="%d" y="%d" width="%d" height="12" fill="var(--grid)"/>`+"\n", left, y, wide-left-right)
	for i := range p.l.Stages {
		if s := &p.l.Stages[i]; s.Copiers > 0 {
			p.printf(`<rect x="%.1f" y="%d" width="%.1f" height="12" fill="var(--copy)"><title>%d copying users</title></rect>`+"\n",
				p.x(s.Start), y, p.x(s.Start+s.Length)-p.x(s.Start), s.Copiers)
		}
	}
}

// batches marks where each batch begins; names that would cover each other are left out, and of these only a tick is drawn.
func (p *picture) batches() {
	free, last := 0.0, ""
	for i := range p.l.Stages {
		s := &p.l.Stages[i]
		if s.Batch == "" || s.Batch == last {
			continue
		}
		last = s.Batch
		x, length := p.x(s.Start), textWidth(s.Batch)
		if x < free || x+4+length > wide {
			p.printf(`<line class="axis" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", x, x, high-bottom-4, high-bottom)
			continue
		}
		p.printf(`<line class="axis" stroke-dasharray="2 3" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/><text class="small" x="%.1f" y="%d">%s</text>`+"\n",
			x, x, top, high-bottom, x+4, top-2, escape(s.Batch))
		free = x + 16 + length
	}
}

// textWidth is about how wide a small text is.
func textWidth(s string) float64 { return 6.5 * float64(utf8.RuneCountInString(s)) }

// situations marks the stages that play one, as a second band below the axis with their names. Names that would cover each other
// are left to the titles of their marks.
func (p *picture) situations() {
	y, free := high-bottom+24, float64(left)
	for i := range p.l.Stages {
		s := &p.l.Stages[i]
		if s.Situation == "" {
			continue
		}
		from, to := p.x(s.Start), p.x(s.Start+s.Length)
		p.printf(`<line class="axis" stroke-dasharray="6 3" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`, from, from, top, y+12)
		p.printf(`<rect x="%.1f" y="%d" width="%.1f" height="12" fill="var(--situation)"><title>%s</title></rect>`+"\n", from+1, y, max(1, to-from-1), escape(s.Situation))
		x := from + 4
		if x+textWidth(s.Situation) > wide-right {
			x = from - 4 - textWidth(s.Situation)
		}
		if x < free {
			continue
		}
		p.printf(`<text class="small" x="%.1f" y="%d">%s</text>`+"\n", x, y+10, escape(s.Situation))
		free = x + textWidth(s.Situation) + 8
	}
}

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(strings.ToValidUTF8(s, "?"))
}
