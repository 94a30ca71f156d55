package scenarios

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parse compiles the text. Where that fails it returns the offset in bytes, a hint and what is wrong.
func (c *Condition) parse() (at int, hint, problem string) {
	if len(c.Text) > longestCondition {
		return 0, "", "the condition is longer than 4 KiB"
	}
	p := &conditionParser{text: c.Text, condition: c}
	p.next()
	root := p.or()
	if p.problem == "" && p.word != "" {
		p.stop(p.at, "join conditions with and or or", "expected the end of the condition, got "+p.shown())
	}
	if p.problem != "" {
		c.names = nil
		return p.failedAt, p.hint, p.problem
	}
	c.root = root
	return 0, "", ""
}

// conditionParser is a parser by recursive descent. After a problem all words are gone, which ends every loop.
type conditionParser struct {
	text      string
	condition *Condition

	word   string // the one looked at, "" at the end
	at     int    // its offset
	rest   int    // where the next one is looked for
	quoted bool   // word is a text in quotes, without them
	depth  int

	failedAt      int
	hint, problem string
}

func (p *conditionParser) stop(at int, hint, problem string) {
	if p.problem == "" {
		p.failedAt, p.hint, p.problem = at, hint, problem
	}
	p.word, p.quoted, p.rest = "", false, len(p.text)
}

func (p *conditionParser) shown() string {
	if p.word == "" && !p.quoted {
		return "its end"
	}
	word := p.word
	if len(word) > 40 {
		word = strings.ToValidUTF8(word[:40], "") + "…"
	}
	return strconv.Quote(word)
}

var conditionWord = regexp.MustCompile(`^(?:[A-Za-z_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*|[+-]?[0-9]+(?:\.[0-9]+)?|==|!=|<=|>=|[<>()])`)

// next looks at the next word.
func (p *conditionParser) next() {
	p.at = p.rest + len(p.text[p.rest:]) - len(strings.TrimLeft(p.text[p.rest:], " \t\r\n"))
	p.word, p.quoted = "", false
	left := p.text[p.at:]
	if left == "" {
		p.rest = p.at
		return
	}
	if quote := left[0]; quote == '"' || quote == '\'' {
		end := strings.IndexByte(left[1:], quote)
		if end < 0 {
			p.stop(p.at, "", "the text has no closing quote")
			return
		}
		p.word, p.quoted, p.rest = left[1:1+end], true, p.at+end+2
		return
	}
	p.word = conditionWord.FindString(left)
	p.rest = p.at + len(p.word)
	if p.word != "" {
		return
	}
	switch {
	case strings.HasPrefix(left, "&&"), strings.HasPrefix(left, "||"), left[0] == '!':
		p.stop(p.at, "write and, or, not", "this sign is not known in a condition")
	case left[0] == '=':
		p.stop(p.at, "write ==", "one = compares nothing")
	case strings.HasPrefix(left, "{{"):
		p.stop(p.at, "write the name without braces", "a condition holds names, not templates")
	default:
		p.stop(p.at, "texts stand in quotes", "this sign is not known in a condition")
	}
}

// is says whether the word looked at is this one, without quotes.
func (p *conditionParser) is(word string) bool { return !p.quoted && p.word == word }

func (p *conditionParser) or() *expression  { return p.joined("or", orOp, p.and) }
func (p *conditionParser) and() *expression { return p.joined("and", andOp, p.not) }

func (p *conditionParser) joined(word string, op operator, part func() *expression) *expression {
	first := part()
	if !p.is(word) {
		return first
	}
	e := &expression{op: op, parts: []*expression{first}}
	for p.is(word) {
		p.next()
		e.parts = append(e.parts, part())
	}
	return e
}

func (p *conditionParser) not() *expression {
	if p.depth++; p.depth > deepestCondition {
		p.stop(p.at, "", "nested deeper than 50 levels")
	}
	defer func() { p.depth-- }()
	switch {
	case p.is("not"):
		p.next()
		return &expression{op: notOp, parts: []*expression{p.not()}}
	case p.is("("):
		open := p.at
		p.next()
		e := p.or()
		if !p.is(")") {
			p.stop(open, "", "the parenthesis is not closed")
		}
		p.next()
		return e
	}
	return p.comparison()
}

func (p *conditionParser) comparison() *expression {
	left := p.operand()
	op, compares := operators[p.word]
	if p.quoted || !compares {
		return left
	}
	p.next()
	at, quoted := p.at, p.quoted
	right := p.operand()
	e := &expression{op: op, parts: []*expression{left, right}}
	if op == matchesOp && p.problem == "" {
		if !quoted {
			p.stop(at, `write subject matches "^Re:"`, "matches wants a pattern in quotes")
			return e
		}
		var err error
		if e.match, err = regexp.Compile(right.text); err != nil {
			p.stop(at, "patterns are RE2", err.Error())
		}
	}
	if _, again := operators[p.word]; again && !p.quoted {
		p.stop(p.at, "join comparisons with and", "one comparison at a time")
	}
	return e
}

func (p *conditionParser) operand() *expression {
	at, word, quoted := p.at, p.word, p.quoted
	switch {
	case p.problem != "":
		return &expression{}
	case quoted:
		p.next()
		return &expression{op: textOp, text: word}
	case word == "" || strings.Contains("==!=<=>=()", word) || slices.Contains(reserved[:5], word):
		p.stop(at, `write folder == "INBOX"`, "expected a name, a text or a number, got "+p.shown())
		return &expression{}
	case word == "true" || word == "false":
		p.next()
		return &expression{op: textOp, text: word}
	}
	p.next()
	if x, err := strconv.ParseFloat(word, 64); err == nil && word[0] < 'A' {
		return &expression{op: numberOp, text: word, number: x}
	}
	c := p.condition
	i := slices.IndexFunc(c.names, func(r Reference) bool { return r.Name == word })
	if i < 0 {
		i = len(c.names)
		c.names = append(c.names, Reference{Name: word, Pos: Pos{Column: at}})
	}
	return &expression{op: nameOp, name: i}
}
