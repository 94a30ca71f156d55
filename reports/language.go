package reports

import (
	"embed"
	"encoding/json"
	"fmt"
	"strings"
)

//go:embed lang/en.json lang/de.json lang/de.messages.json lang/de.diagnosis.json
var tables embed.FS

// language is one table of fixed texts with its way to write numbers. A text may hold %s for values that are formatted
// already; %[2]s where the order differs. messages are the sentences for what judging says, by code; English has none,
// because it is what judging speaks.
type language struct {
	code      string
	thousands string
	decimal   string
	texts     map[string]string
	messages  map[string]string
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
	if err := readTable(l.code+".json", &l.texts); err != nil {
		return nil, err
	}
	if l.code != "en" {
		for _, name := range []string{".messages.json", ".diagnosis.json"} { // decoding adds to what there is
			if err := readTable(l.code+name, &l.messages); err != nil {
				return nil, err
			}
		}
	}
	return l, nil
}

func readTable(name string, into *map[string]string) error {
	data, err := tables.ReadFile("lang/" + name)
	if err != nil {
		return fmt.Errorf("reading the texts: %w", err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("reading the texts of lang/%s: %w", name, err)
	}
	return nil
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
