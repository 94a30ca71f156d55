package browser

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"pegel/internal/site"
	"pegel/probes/probe"
)

// inputWait is how long an element may need until it can be clicked or typed into, where the gesture does not say.
const inputWait = 10 * time.Second

// walk is one action on its way through gestures.
type walk struct {
	s     *tab
	t     *probe.Turn
	asked asked
	verb  string

	randoms int
	letter  *letterText

	opened  *seen   // the first page that was loaded
	input   float64 // moment of the last input whose effect was not waited for yet, in ms since 1970; 0: none
	waited  float64 // ms from inputs to what was waited for
	painted float64 // moment of the last paint that was waited for, in ms since 1970
	read    string
}

// gestures does them in their order.
func (w *walk) gestures(list []site.Gesture) error {
	if err := w.s.remember(w.before(list)); err != nil {
		return err
	}
	for i := range list {
		g := &list[i]
		w.s.doing = w.verb + ": " + g.What()
		if err := w.gesture(g); err != nil {
			return err
		}
	}
	w.s.doing = w.verb
	return nil
}

// before are the selectors of which it matters what they showed before the action.
func (w *walk) before(list []site.Gesture) []string {
	var at []string
	for i := range list {
		if list[i].Anew {
			at = append(at, list[i].Wait.In(w))
		}
	}
	for _, alert := range w.s.site.Browser.Errors {
		at = append(at, alert.Shown)
	}
	return at
}

func (w *walk) gesture(g *site.Gesture) error {
	switch {
	case !g.Open.Empty():
		return w.open(string(g.Open.Fill(nil, w, inPath)))
	case !g.Click.Empty():
		at := want{State: "there", Shown: g.Click.In(w), Hit: true}
		if w.draws(g) {
			at.Draw = w.t.Draw(drawRandom+100) >> 12 // 52 bits are exact in JavaScript
		}
		return w.hit(at, g)
	case !g.Type.Empty():
		if err := w.hit(want{State: "there", Shown: g.Type.In(w), Hit: true}, g); err != nil {
			return err
		}
		return w.s.fill(g.Type.In(w), g.Text.In(w))
	case g.Press != "":
		if err := w.beforeInput(); err != nil {
			return err
		}
		w.input = float64(time.Now().UnixMicro()) / 1000
		return w.s.press(g.Press)
	case !g.Wait.Empty():
		return w.until(want{State: "there", Shown: g.Wait.In(w), Anew: g.Anew}, g)
	case !g.Gone.Empty():
		return w.until(want{State: "there", Shown: g.Gone.In(w), Gone: true}, g)
	}
	got, err := w.await(want{State: "there", Shown: g.Read.In(w), Read: true}, g.Timeout)
	if err != nil {
		return err
	}
	w.read = got.Value
	if g.Save != "" {
		w.s.save(w.s.site.Variable(g.Save), got.Value)
	}
	return nil
}

// open loads a page.
func (w *walk) open(path string) error {
	before, err := w.s.origin()
	if err != nil {
		return err
	}
	if err := w.s.navigate(path); err != nil {
		return err
	}
	got, err := w.s.wait(ask{After: before})
	if err != nil {
		return err
	}
	if w.opened == nil {
		w.opened = got
	}
	w.painted = got.painted()
	w.s.fresh = true
	return nil
}

// paintWait is how long input waits for the first paint of text or of a picture: nobody types into what is not there yet.
// Pages of bare fields have none.
const paintWait = 3 * time.Second

// beforeInput reads the paints of a page that has just been loaded: the largest is the last one before the first input.
func (w *walk) beforeInput() error {
	if !w.s.fresh {
		return nil
	}
	began := time.Now()
	err := w.s.measureWithin(paintWait)
	if n := len(w.s.paints); n > 0 && w.s.paints[n-1].first == 0 {
		w.t.Awaited(time.Since(began)) // is not the platform's time
	}
	return err
}

// hit clicks an element as soon as it can be.
func (w *walk) hit(at want, g *site.Gesture) error {
	limit := cmp.Or(g.Timeout, inputWait)
	if w.s.fresh { // the page may be painted only now that its scripts have made the element
		if _, err := w.await(at, limit); err != nil {
			return err
		}
		if err := w.beforeInput(); err != nil {
			return err
		}
	}
	got, err := w.await(at, limit) // where it is now
	if err != nil {
		return err
	}
	w.input = got.painted()
	return w.s.clickAt(got.X, got.Y)
}

// until waits for the effect of what was put in.
func (w *walk) until(at want, g *site.Gesture) error {
	got, err := w.await(at, g.Timeout)
	if err != nil {
		return err
	}
	w.painted = got.painted()
	if w.input > 0 {
		w.waited += max(0, w.painted-w.input)
		w.input = 0
	}
	return nil
}

// await waits for a state of the page, an error that it shows, or the form that asks for the password again.
func (w *walk) await(at want, limit time.Duration) (*seen, error) {
	a := ask{Want: []want{at}, Limit: limit.Seconds() * 1000}
	for _, alert := range w.s.site.Browser.Errors {
		a.Alerts = append(a.Alerts, alert.Shown)
	}
	if w.verb != "login" && w.verb != "logout" && w.s.loggedIn {
		a.Form = w.s.site.Browser.Form
	}
	w.s.lacks = notYet(at)
	got, err := w.s.wait(a)
	if err != nil {
		return nil, err
	}
	w.s.lacks = ""
	switch got.State {
	case "late":
		return nil, probe.Failf(probe.Content, w.s.doing, "%s after %v", cmp.Or(got.Text, notYet(at)), limit)
	case "form":
		w.s.loggedIn = false
		return nil, probe.Failf(probe.Auth, w.s.doing, "the page asks for the password again")
	case "alert":
		return nil, got.failed(w.s.doing, w.alertClass(got.Alert))
	}
	return got, nil
}

func notYet(at want) string {
	switch {
	case at.Gone:
		return "is still shown"
	case at.Anew:
		return "is not shown anew"
	}
	return "is not shown"
}

func (w *walk) alertClass(number int) probe.Class {
	if errors := w.s.site.Browser.Errors; number < len(errors) && errors[number].Class != "" {
		for c := range probe.NumClasses {
			if c.String() == errors[number].Class {
				return c
			}
		}
	}
	if w.verb == "login" {
		return probe.Auth
	}
	return probe.Content
}

// mark books the phases. A page that was loaded has its own; everything else counts from the input to what was painted.
func (w *walk) mark() {
	if w.opened != nil {
		markPage(w.t, w.opened)
		w.t.MarkFor(probe.PhaseShown, ms(w.painted-w.opened.Origin-w.opened.DOMReady))
	} else if w.waited > 0 {
		w.t.MarkFor(probe.PhaseShown, ms(w.waited))
	}
}

// inPath escapes a value for its part of a path.
func inPath(b []byte, value string) []byte {
	if len(b) == 0 {
		return append(b, value...) // a link that was saved
	}
	return append(b, escapeIn(string(b), value)...)
}

func escapeIn(before, value string) string {
	if strings.Contains(before, "?") {
		return url.QueryEscape(value)
	}
	return url.PathEscape(value)
}
