package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"

	"pegel/internal/recording"
	"pegel/internal/site"
)

// ErrGesture is the failure of a gesture on the page: what the site says is not there.
var ErrGesture = errors.New("the page does not do what the site file says")

// runner does gestures.
type runner struct {
	ctx     context.Context
	session cdp.Session
	journey *Journey
	values  map[string]string
	log     *traffic
}

// play does the actions and cuts the traffic at their ends.
func (r *runner) play(out *recording.Recording) error {
	for _, verb := range r.journey.Verbs {
		from := r.log.count()
		for i, g := range r.journey.Site.Actions[verb].Browser {
			if err := r.gesture(&g); err != nil {
				return fmt.Errorf("%s, gesture %d: %w", verb, i+1, err)
			}
		}
		for end := time.Now().Add(quietLimit); !r.log.quiet(quietSpan) && time.Now().Before(end); {
			if err := r.pause(50 * time.Millisecond); err != nil {
				return err
			}
		}
		list, _ := recording.Follow(r.log.since(from), r.journey.Base)
		out.Actions = append(out.Actions, recording.Action{Verb: verb, Exchanges: list})
	}
	return nil
}

func (r *runner) pause(d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// lookup gives site texts their values.
type lookup struct{ r *runner }

// Value implements site.Values.
func (l lookup) Value(number int) string { return l.r.values[l.r.journey.Site.NameOf(number)] }

func (r *runner) gesture(g *site.Gesture) error {
	timeout := g.Timeout
	if timeout == 0 {
		timeout = r.journey.Timeout
	}
	in := func(x site.Text) string { return x.In(lookup{r}) }
	switch {
	case !g.Open.Empty():
		return r.open(in(g.Open), g.Open.String())
	case !g.Click.Empty():
		return r.click(in(g.Click), timeout)
	case !g.Type.Empty():
		return r.enter(in(g.Type), in(g.Text), timeout)
	case !g.Wait.Empty():
		return r.until(in(g.Wait), shownScript, "is not shown", timeout)
	case !g.Gone.Empty():
		return r.until(in(g.Gone), goneScript, "is still shown", timeout)
	}
	selector := in(g.Read)
	if err := r.until(selector, shownScript, "is not shown", timeout); err != nil {
		return err
	}
	var text string
	if err := r.evaluate(`(s) => document.querySelector(s).textContent`, selector, &text); err != nil {
		return err
	}
	if g.Save != "" {
		r.values[g.Save] = text
	}
	return nil
}

func (r *runner) open(path, written string) error {
	u := r.journey.Base.JoinPath("/")
	if ref, err := u.Parse(path); err == nil {
		u = r.journey.Base.JoinPath(ref.EscapedPath())
		u.RawQuery = ref.RawQuery
	}
	got, err := cdp.Call(r.ctx, r.session, page.Navigate, page.NavigateParams{URL: u.String()})
	if err != nil {
		return err
	}
	if got.ErrorText != "" {
		return fmt.Errorf("load %s: %s", written, got.ErrorText)
	}
	return nil
}

const (
	shownScript = `(s) => [...document.querySelectorAll(s)].some((e) => e.getClientRects().length > 0)`
	goneScript  = `(s) => ![...document.querySelectorAll(s)].some((e) => e.getClientRects().length > 0)`
	spotScript  = `(s) => {
		const e = [...document.querySelectorAll(s)].find((e) => e.getClientRects().length > 0);
		if (!e) return {miss: "is not shown"};
		e.scrollIntoView({block: "center", inline: "center", behavior: "instant"});
		const b = e.getBoundingClientRect(), x = b.x + b.width / 2, y = b.y + b.height / 2;
		const top = document.elementFromPoint(x, y);
		if (!top || !(e.contains(top) || top.contains(e))) return {miss: "is covered"};
		return {x, y};
	}`
	focusScript = `(s) => {
		const e = [...document.querySelectorAll(s)].find((e) => e.getClientRects().length > 0);
		if (!e) return false;
		e.focus();
		if (e.select) e.select();
		return document.activeElement === e;
	}`
)

// until asks the page until a script says yes.
func (r *runner) until(selector, script, problem string, timeout time.Duration) error {
	for end := time.Now().Add(timeout); ; {
		var yes bool
		err := r.evaluate(script, selector, &yes)
		switch {
		case err == nil && yes:
			return nil
		case err != nil && !replaced(err):
			return err
		case time.Now().After(end):
			return fmt.Errorf("%w: after %v %s %s", ErrGesture, timeout, selector, problem)
		}
		if err := r.pause(40 * time.Millisecond); err != nil {
			return err
		}
	}
}

func (r *runner) click(selector string, timeout time.Duration) error {
	for end := time.Now().Add(timeout); ; {
		var at struct {
			X, Y float64
			Miss string
		}
		err := r.evaluate(spotScript, selector, &at)
		if err == nil && at.Miss == "" {
			for _, kind := range []input.DispatchMouseEventType{input.DispatchMouseEventTypeMousePressed, input.DispatchMouseEventTypeMouseReleased} {
				if _, err := cdp.Call(r.ctx, r.session, input.DispatchMouseEvent, input.DispatchMouseEventParams{
					Type: kind, X: at.X, Y: at.Y, Button: input.MouseButtonLeft, ClickCount: 1,
				}); err != nil {
					return err
				}
			}
			return nil
		}
		if err != nil && !replaced(err) {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%w: after %v %s %s", ErrGesture, timeout, selector, at.Miss)
		}
		if err := r.pause(40 * time.Millisecond); err != nil {
			return err
		}
	}
}

func (r *runner) enter(selector, text string, timeout time.Duration) error {
	if err := r.click(selector, timeout); err != nil {
		return err
	}
	if err := r.until(selector, focusScript, "takes no input", timeout); err != nil {
		return err
	}
	if _, err := cdp.Call(r.ctx, r.session, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		return fmt.Errorf("type into %s: %w", selector, err)
	}
	return nil
}

// evaluate calls a function of JavaScript with one argument in the page.
func (r *runner) evaluate(function string, argument, result any) error {
	encoded, err := json.Marshal(argument)
	if err != nil {
		return err
	}
	yes := true
	got, err := cdp.Call(r.ctx, r.session, runtime.Evaluate, runtime.EvaluateParams{
		Expression: "(" + function + ")(" + string(encoded) + ")", AwaitPromise: &yes, ReturnByValue: &yes,
	})
	if err != nil {
		return err
	}
	if d := got.ExceptionDetails; d != nil {
		text := d.Text
		if d.Exception != nil {
			text, _, _ = strings.Cut(d.Exception.Description, "\n")
		}
		return fmt.Errorf("%w: %s", ErrGesture, text)
	}
	return json.Unmarshal(got.Result.Value, result)
}

// replaced tells whether an evaluation was cut off because the page was left.
func replaced(err error) bool {
	var own *cdproto.Error
	if !errors.As(err, &own) {
		return false
	}
	for _, text := range []string{"navigated or closed", "context was destroyed", "Cannot find context", "Cannot find default execution context", "Promise was collected"} {
		if strings.Contains(own.Message, text) {
			return true
		}
	}
	return false
}
