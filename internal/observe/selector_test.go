package observe

import (
	"strings"
	"testing"
)

func TestSelectorMatches(t *testing.T) {
	for _, c := range []struct {
		selector, line string
		want           bool
	}{
		{`m`, `m 1`, true},
		{`m`, `m{a="1"} 1`, true},
		{` m { a = "1" , b != "2" , } `, `m{a="1",b="3"} 1`, true},
		{`m{}`, `m{a="1"} 1`, true},
		{`m{a="1"}`, `m{a="2"} 1`, false},
		{`m{a="1"}`, `m 1`, false},
		{`m{a=""}`, `m 1`, true},
		{`m{a!="1"}`, `m 1`, true},
		{`m{a!=""}`, `m 1`, false},
		{`m{a=~"x.*"}`, `m{a="xyz"} 1`, true},
		{`m{a=~"x|y"}`, `m{a="xy"} 1`, false}, // the whole value
		{`m{a=~"x.y"}`, `m{a="x\ny"} 1`, true},
		{`m{a=~".+"}`, `m 1`, false},
		{`m{a="q\"b\\n"}`, `m{a="q\"b\\n"} 1`, true},
		{`m{a="}"}`, `m{a="}"} 1`, true},
		{`m{a="1"}`, `m { b = "x,}" , a = "1" , } 1 1700000000000`, true},
		{`m:x_1{a="1"}`, `m:x_1{a="1"} 1 # {trace="t"} 0.5`, true},
		{`m`, `m_total 1`, false},
		{`m`, "\tm\t1", true},
		{`m`, "m 1\r", true},
		{`m`, `# m 1`, false},
	} {
		s, err := parseSelector(c.selector)
		if err != nil {
			t.Error(err)
			continue
		}
		p := newTable("p")
		r := &rule{}
		p.bind(r, expression{{selector: s}}, false)
		p.begin()
		if err := p.scan(strings.NewReader(c.line + "\n")); err != nil {
			t.Errorf("%s on %s: %v", c.selector, c.line, err)
		}
		if x := r.shared[0]; (x.n == 1) != c.want || x.sum != float64(x.n) {
			t.Errorf("%s on %s: found %d with %v, want %v", c.selector, c.line, x.n, x.sum, c.want)
		}
	}
}

func TestSelectorErrors(t *testing.T) {
	for selector, want := range map[string]string{
		``:               "column 1: expected the name of a metric",
		`{a="1"}`:        "column 1: expected the name of a metric",
		`9m`:             "column 1",
		`m{`:             "column 3: expected the name of a label",
		`m{a}`:           "column 4: expected =, != or =~",
		`m{a:b="1"}`:     "column 4: expected =",
		`m{a=1}`:         "column 5: expected a value in double quotes",
		`m{a="1}`:        "column 5: the value does not end",
		`m{a="1" b="2"}`: "column 9: expected , or }",
		`m{a!~"1"}`:      "column 4: !~ is not supported",
		`m{a=~"("}`:      "column 6: error parsing regexp",
		`m{a="1"} extra`: "column 10: expected nothing more",
		`rate(m{a="1"})`: "column 5: expected nothing more",
		`m{a="1"}[5m]`:   "column 9: expected nothing more",
		`sum by (a) (m)`: "column 5: expected nothing more",
		`m{,}`:           "column 3: expected the name of a label",
	} {
		if _, err := parseSelector(selector); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", selector, err, want)
		}
	}
}
