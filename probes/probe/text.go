package probe

import (
	"fmt"
	"strings"
)

// Text is a parameter that may hold templates, such as "/mail/{{id}}". The plan binds it; In puts the values in. Without
// templates it costs nothing. The zero value is empty.
type Text struct {
	source string
	texts  []string // around the values, one more than these; nil: no templates
	values []int
}

// Literal is a Text without templates, for the default of a parameter.
func Literal(text string) Text { return Text{source: text} }

// SetTemplate makes x the texts with the values between them, texts[0], values[0], texts[1] and so on, one text more than
// values; source is how it was written. The plan calls it; the numbers are those of its table of values.
func (x *Text) SetTemplate(source string, texts []string, values []int) {
	*x = Text{source: source, texts: texts, values: values}
	if len(values) == 0 {
		*x = Text{source: strings.Join(texts, "")}
	}
}

// UnmarshalText makes x a text without templates, where there is no plan that could bind them.
func (x *Text) UnmarshalText(text []byte) error {
	if strings.Contains(string(text), "{{") {
		return fmt.Errorf("templates ({{name}}) are not known here")
	}
	*x = Literal(string(text))
	return nil
}

// Fixed says whether there are no templates in it, so that String is the whole text.
func (x Text) Fixed() bool { return x.texts == nil }

// String is the text as it was written, templates and all: fit for error texts, because values may be secret.
func (x Text) String() string { return x.source }

// Prefix is the text before the first template: what can be checked while the plan is being built.
func (x Text) Prefix() string {
	if x.Fixed() {
		return x.source
	}
	return x.texts[0]
}

// In is the text with its values for this action.
func (x Text) In(t *Turn) string { return x.Escaped(t, nil) }

// Escaped is In with each value put through escape, which also gets the text before it; nil leaves values as they are.
func (x Text) Escaped(t *Turn, escape func(before, value string) string) string {
	if x.texts == nil {
		return x.source
	}
	host, _ := t.host.(Values)
	out := make([]byte, 0, len(x.source)+64)
	for i, v := range x.values {
		out = append(out, x.texts[i]...)
		if host == nil {
			continue
		}
		value := host.Value(v)
		if escape != nil {
			value = escape(string(out), value)
		}
		out = append(out, value...)
	}
	return string(append(out, x.texts[len(x.values)]...))
}

// Parsed reads a parameter by a parser of its own: once, while the plan is being built, where it holds no templates; else with
// the values of each action, of which one that cannot be read is a failure of the class content.
func Parsed[T any](x Text, parse func(text string) (T, error)) (func(t *Turn) (T, error), error) {
	if x.Fixed() {
		v, err := parse(x.String())
		return func(*Turn) (T, error) { return v, nil }, err
	}
	return func(t *Turn) (T, error) {
		v, err := parse(x.In(t))
		if err != nil {
			return v, Failf(Content, "", "the value of %s cannot be used", x) // the value itself may be secret
		}
		return v, nil
	}, nil
}

// Values is what a Host has besides if its actions may hold templates.
type Values interface {
	// Value is the value with this number in the plan's table, for the action under way.
	Value(number int) string
}
