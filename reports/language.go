package reports

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed lang/en.json lang/de.json
var tables embed.FS

// language is one table of fixed texts with its way to write numbers. A text may hold %s for values that are formatted
// already; %[2]s where the order differs.
type language struct {
	code      string
	thousands string
	decimal   string
	texts     map[string]string
}

// speak returns the language with this code; empty is English.
func speak(code string) (*language, error) {
	l := &language{code: code}
	switch code {
	case "", "en":
		l.code, l.thousands, l.decimal = "en", ",", "."
	case "de":
		l.thousands, l.decimal = ".", ","
	default:
		return nil, fmt.Errorf("choosing the report's language: %q is not known, use en or de", code)
	}
	data, err := tables.ReadFile("lang/" + l.code + ".json")
	if err != nil {
		return nil, fmt.Errorf("reading the texts: %w", err)
	}
	if err := json.Unmarshal(data, &l.texts); err != nil {
		return nil, fmt.Errorf("reading the texts of lang/%s.json: %w", l.code, err)
	}
	return l, nil
}

// t returns the text of a key with its values set. A missing key shows itself; the tests know every key.
func (l *language) t(key string, values ...any) string {
	text, ok := l.texts[key]
	if !ok {
		return "‹" + key + "›"
	}
	if len(values) == 0 {
		return text
	}
	return fmt.Sprintf(text, values...)
}

// either returns the text of prefix+name, or name itself where the table has none: for names that probes may invent.
func (l *language) either(prefix, name string) string {
	if text, ok := l.texts[prefix+name]; ok {
		return text
	}
	return strings.ReplaceAll(name, "_", " ")
}

// ended says how the run ended. Judging words it in English; the fixed part is translated, a reason is kept.
func (l *language) ended(words string) string {
	kind, reason, found := strings.Cut(words, ":")
	if !found {
		kind, _, _ = strings.Cut(words, " (")
	}
	text := l.either("ended.", kind)
	if found && kind != "cut off" { // which has but one reason, and the text says it
		text += ":" + reason
	}
	return text
}
