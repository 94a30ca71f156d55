package browser

import (
	"errors"
	"fmt"
	"strings"

	"pegel/internal/site"
	"pegel/probes/probe"
)

// gesturing is a step of single gestures whose selectors and texts are parameters.
func gesturing(verb string, gestures func(t *probe.Turn) []site.Gesture, after func(t *probe.Turn, w *walk) error) probe.Step {
	return func(t *probe.Turn) error {
		return onTab(t, verb, func(s *tab) error {
			w := &walk{s: s, t: t, verb: verb}
			if err := w.gestures(gestures(t)); err != nil {
				return err
			}
			w.mark()
			if after != nil {
				return after(t, w)
			}
			return nil
		})
	}
}

// Effect is what a gesture waits for; both are optional.
type Effect struct {
	Wait probe.Text `yaml:"wait"` // selector of what must be shown then
	Gone probe.Text `yaml:"gone"` // selector of what must not be shown any more
}

func (e *Effect) gestures(t *probe.Turn, before ...site.Gesture) []site.Gesture {
	if selector := e.Wait.In(t); selector != "" {
		before = append(before, site.Gesture{Wait: site.Literal(selector), Anew: false})
	}
	if selector := e.Gone.In(t); selector != "" {
		before = append(before, site.Gesture{Gone: site.Literal(selector)})
	}
	return before
}

// pageParams are the parameters of page.
type pageParams struct {
	Path   probe.Text `yaml:"path"` // below the target's URL, perhaps with a query; default /
	Effect `yaml:",inline"`
}

// openPage loads a page, without logging in.
func openPage(decode func(any) error) (probe.Step, error) {
	params := pageParams{Path: probe.Literal("/")}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if p := params.Path.Prefix(); !strings.HasPrefix(p, "/") {
		return nil, fmt.Errorf("path %q must begin with /", params.Path.String())
	}
	return gesturing("page", func(t *probe.Turn) []site.Gesture {
		return params.gestures(t, site.Gesture{Open: site.Literal(params.Path.In(t))})
	}, nil), nil
}

// clickParams are the parameters of click.
type clickParams struct {
	At     probe.Text `yaml:"at"`  // selector of what is clicked
	Any    bool       `yaml:"any"` // one drawn from all that are shown instead of the first
	Effect `yaml:",inline"`
}

// clickOn clicks an element.
func clickOn(decode func(any) error) (probe.Step, error) {
	var params clickParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.At.String() == "" {
		return nil, errors.New("at is missing: the selector of what is clicked")
	}
	return gesturing("click", func(t *probe.Turn) []site.Gesture {
		return params.gestures(t, site.Gesture{Click: site.Literal(params.At.In(t)), Any: params.Any})
	}, nil), nil
}

// typeParams are the parameters of type.
type typeParams struct {
	Into   probe.Text `yaml:"into"`  // selector of the field
	Text   probe.Text `yaml:"text"`  // what it holds then
	Press  string     `yaml:"press"` // a key pressed after that: Enter, Tab, Escape or a small letter
	Effect `yaml:",inline"`
}

// typeInto replaces the text of a field.
func typeInto(decode func(any) error) (probe.Step, error) {
	var params typeParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Into.String() == "" || params.Text.String() == "" {
		return nil, errors.New("into and text belong together: the selector of a field, and what is typed into it")
	}
	if params.Press != "" && !site.Key(params.Press) {
		return nil, fmt.Errorf("press %q: must be a small letter or one of %s", params.Press, strings.Join(site.Keys, ", "))
	}
	return gesturing("type", func(t *probe.Turn) []site.Gesture {
		list := []site.Gesture{{Type: site.Literal(params.Into.In(t)), Text: site.Literal(params.Text.In(t))}}
		if params.Press != "" {
			list = append(list, site.Gesture{Press: params.Press})
		}
		return params.gestures(t, list...)
	}, nil), nil
}

// waitParams are the parameters of wait.
type waitParams struct {
	For  probe.Text `yaml:"for"`  // selector of what must be shown
	Gone probe.Text `yaml:"gone"` // selector of what must not be shown any more
}

// waitFor waits for an element to be shown, or not to be shown any more.
func waitFor(decode func(any) error) (probe.Step, error) {
	var params waitParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.For.String() == "" && params.Gone.String() == "" {
		return nil, errors.New("for or gone is missing: the selector of what is waited for")
	}
	both := Effect{Wait: params.For, Gone: params.Gone}
	return gesturing("wait", func(t *probe.Turn) []site.Gesture { return both.gestures(t) }, nil), nil
}

// textParams are the parameters of text.
type textParams struct {
	Of     probe.Text `yaml:"of"`     // selector of the element
	Expect probe.Text `yaml:"expect"` // what its text must contain; default: anything
}

// readText reads the text of an element, which a scenario may save.
func readText(decode func(any) error) (probe.Step, error) {
	var params textParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Of.String() == "" {
		return nil, errors.New("of is missing: the selector of what is read")
	}
	return gesturing("text", func(t *probe.Turn) []site.Gesture {
		return []site.Gesture{{Read: site.Literal(params.Of.In(t))}}
	}, func(t *probe.Turn, w *walk) error {
		t.Answer(probe.Answer{Body: []byte(w.read)})
		if expected := params.Expect.In(t); !strings.Contains(w.read, expected) {
			return probe.Failf(probe.Content, "text", "the text of %s does not contain %q", params.Of.String(), params.Expect.String())
		}
		return nil
	}), nil
}
