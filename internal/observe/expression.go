package observe

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// expression is a sum over a page's metrics, as the catalogue writes it: selectors, count(selector) for the number of their
// series, and numbers, put together by +, -, * and / from left to right, where what follows * or / is a number.
type expression []product

// product is one part of the sum: a factor, and the series of a selector or their number.
type product struct {
	factor   float64
	selector *selector // nil: the factor alone
	count    bool
	term     int // of its rule
}

// parseExpression parses an expression. Errors name the column within it, from 1.
func parseExpression(text string) (expression, error) {
	p := &selectorParser{text: text}
	var sum expression
	sign := 1.0
	if p.take("-") {
		sign = -1
	}
	for {
		x, err := p.product()
		if err != nil {
			return nil, fmt.Errorf("%q, column %d: %w", text, p.at+1, err)
		}
		x.factor *= sign
		sum = append(sum, x)
		switch {
		case p.take("+"):
			sign = 1
		case p.take("-"):
			sign = -1
		default:
			if p.space(); p.at < len(p.text) {
				return nil, fmt.Errorf("%q, column %d: expected +, -, *, / or nothing more", text, p.at+1)
			}
			return sum, nil
		}
	}
}

func (p *selectorParser) product() (product, error) {
	x := product{factor: 1}
	if v, ok := p.number(); ok {
		x.factor = v
	} else {
		p.space()
		rest, counted := strings.CutPrefix(p.text[p.at:], "count")
		if counted = counted && strings.HasPrefix(strings.TrimLeft(rest, " \t"), "("); counted {
			p.at += len("count")
			p.take("(")
		}
		var err error
		if x.selector, err = p.series(); err != nil {
			return x, err
		}
		if x.count = counted; counted && !p.take(")") {
			return x, fmt.Errorf("expected )")
		}
	}
	for {
		times := p.take("*")
		if !times && !p.take("/") {
			return x, nil
		}
		v, ok := p.number()
		if !ok || !times && v == 0 {
			return x, fmt.Errorf("expected a number, not 0 after /")
		}
		if !times {
			v = 1 / v
		}
		x.factor *= v
	}
}

// number takes a number without a sign.
func (p *selectorParser) number() (float64, bool) {
	p.space()
	end := p.at
	for end < len(p.text) && (p.text[end] >= '0' && p.text[end] <= '9' || p.text[end] == '.' || end > p.at && (p.text[end] == 'e' || p.text[end] == 'E')) {
		end++
	}
	v, err := strconv.ParseFloat(p.text[p.at:end], 64)
	if err != nil || !finite(v) {
		return 0, false
	}
	p.at = end
	return v, true
}

// value is the sum, NaN where a part of it is not there.
func (e expression) value(of func(term int) *cell) float64 {
	sum := 0.0
	for i := range e {
		x := &e[i]
		if x.selector == nil {
			sum += x.factor
			continue
		}
		c := of(x.term)
		switch {
		case c == nil || c.n == 0:
			return math.NaN()
		case x.count:
			sum += x.factor * float64(c.n)
		default:
			sum += x.factor * c.sum
		}
	}
	return sum
}
