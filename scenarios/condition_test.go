package scenarios

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func parseCondition(text string) (*Condition, int, string, string) {
	c := &Condition{Text: text}
	at, hint, problem := c.parse()
	return c, at, hint, problem
}

func TestConditions(t *testing.T) {
	values := map[string]string{"token": "abc", "empty": "", "zero": "0", "no": "false", "n": "12", "m": "9", "folder": "INBOX", "day": "2026-03-02", "data.people.mail": "a@b"}
	for text, want := range map[string]bool{
		`token`: true, `empty`: false, `zero`: false, `no`: false, `missing`: false, `not missing`: true, `not token`: false,
		`n >= 3`: true, `n > m`: true, `n < m`: false, `n < "9"`: true, `n == 12.0`: true, `n == "12.0"`: false, `n != 12`: false,
		`token >= 3`: false, `token < 3`: false, `token != 3`: true, `token == 3`: false, `missing < 1`: false,
		`folder == "INBOX"`: true, `folder == 'inbox'`: false, `folder contains "BO"`: true, `folder matches "^IN.*X$"`: true, `folder matches 'Z'`: false,
		`day > "2026-03-01"`: true, `data.people.mail contains "@"`: true, `"b" contains folder`: false, `n == -12`: false,
		`token and n > 20 or folder`: true, `token and (n > 20 or zero)`: false, `not (token and zero)`: true, `not token or not zero`: true, `no == false`: true,
		`n==12and m==9`: true,
	} {
		c, at, hint, problem := parseCondition(text)
		if problem != "" {
			t.Errorf("%s: %d %s (%s)", text, at, problem, hint)
			continue
		}
		if got := c.Holds(func(i int) string { return values[c.Names()[i].Name] }); got != want {
			t.Errorf("%s is %v", text, got)
		}
	}
}

func TestConditionsRefused(t *testing.T) {
	for _, c := range []struct {
		text string
		at   int
		says string
	}{
		{"", 0, "got its end"}, {"a and", 5, "got its end"}, {"a = b", 2, "one = compares nothing"}, {"a && b", 2, "not known"}, {"!a", 0, "not known"},
		{"a b", 2, `got "b"`}, {"(a", 0, "not closed"}, {"a)", 1, `got ")"`}, {`a == "x`, 5, "no closing quote"}, {"a < b < c", 6, "one comparison"},
		{"a matches b", 10, "in quotes"}, {`a matches "("`, 10, "missing closing"}, {"{{a}}", 0, "names, not templates"}, {"== 1", 0, `got "=="`}, {"a == and", 5, `got "and"`},
		{strings.Repeat("not ", 60) + "a", 200, "deeper than 50"}, {strings.Repeat("(", 60) + "a", 50, "deeper than 50"}, {strings.Repeat("x", 5000), 0, "longer than 4 KiB"},
	} {
		_, at, _, problem := parseCondition(c.text)
		if at != c.at || !strings.Contains(problem, c.says) {
			t.Errorf("%.40s: got %d %q, want %d %q", c.text, at, problem, c.at, c.says)
		}
	}
}

// FuzzCondition: whatever the text, it is refused at a place inside it, or it can be decided.
func FuzzCondition(f *testing.F) {
	f.Add(`token and (n >= 3 or not folder matches "^INBOX") and data.people.mail contains 'x'`)
	f.Add(`((((a == "b"`)
	f.Add("not not not a < -3.5 \u00e4")
	f.Fuzz(func(t *testing.T, text string) {
		c, at, hint, problem := parseCondition(text)
		if problem != "" {
			if at < 0 || at > len(text) {
				t.Errorf("refused at %d of %d", at, len(text))
			}
			if utf8.ValidString(text) && !utf8.ValidString(problem+hint) {
				t.Errorf("an error that is not UTF-8: %q", problem)
			}
			return
		}
		for _, r := range c.Names() {
			if !strings.HasPrefix(text[r.Pos.Column:], r.Name) {
				t.Errorf("%q does not stand at %d", r.Name, r.Pos.Column)
			}
		}
		c.Holds(func(int) string { return "7" })
		c.Holds(func(int) string { return "" })
	})
}

// FuzzTemplate: whatever the text, it is refused at a place inside it, or its parts put together are the text.
func FuzzTemplate(f *testing.F) {
	f.Add("/mail/{{ id }}?x={{data.people.mail}}&y={{{{literal}}")
	f.Add("{{")
	f.Add("{{{{{{a}}")
	f.Fuzz(func(t *testing.T, text string) {
		texts, names, at, problem := cutTemplate(text)
		if problem != "" {
			if at < 0 || at > len(text) {
				t.Errorf("refused at %d of %d", at, len(text))
			}
			return
		}
		if len(texts) != len(names)+1 {
			t.Fatalf("%d texts around %d names", len(texts), len(names))
		}
		from := 0
		for i, name := range names {
			if !strings.HasPrefix(text[name.Pos.Column:], name.Name) || name.Pos.Column < from {
				t.Errorf("%q does not stand at %d", name.Name, name.Pos.Column)
			}
			from = name.Pos.Column
			_ = texts[i]
		}
		if !strings.Contains(text, "{{") && (len(names) > 0 || texts[0] != text) {
			t.Errorf("a text without templates became %q", texts)
		}
	})
}
