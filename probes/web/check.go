package web

import (
	"bytes"
	"encoding/json"
	"strconv"

	"pegel/internal/site"
	"pegel/probes/probe"
)

// check holds one answer against one expectation. No text of a failure repeats what the answer holds.
func (w *walk) check(c *site.Check, doing string, body []byte) error {
	class := classNamed(c.Class)
	switch {
	case !c.Contains.Empty():
		if !bytes.Contains(body, []byte(c.Contains.In(w))) {
			return probe.Failf(class, doing, "the answer does not contain %q", c.Contains.String())
		}
		return nil
	case !c.Lacks.Empty():
		if bytes.Contains(body, []byte(c.Lacks.In(w))) {
			return probe.Failf(class, doing, "the answer contains %q", c.Lacks.String())
		}
		return nil
	}
	if !c.Most.Empty() {
		most, err := strconv.Atoi(c.Most.In(w))
		if err != nil {
			return probe.Failf(probe.Content, doing, "%s is no number", c.Most.String())
		}
		switch n := c.Count(body); {
		case n > most:
			return probe.Failf(class, doing, "%d values of %s, although at most %d were asked for", n, c.JSON, most)
		case n == 0 && !json.Valid(body):
			return probe.Failf(class, doing, "the answer is not JSON")
		}
		return nil
	}
	switch value, found := c.Value(body); {
	case !found:
		return probe.Failf(class, doing, "%s", missing(body, true, "JSON value "+c.JSON))
	case !c.Equals.Empty() && value != c.Equals.In(w):
		return probe.Failf(class, doing, "%s is not %s", c.JSON, c.Equals.String())
	}
	return nil
}

// missing says that something is not in an answer, and if it is JSON that is looked for, whether there is any.
func missing(body []byte, wantsJSON bool, what string) string {
	if wantsJSON && !json.Valid(body) {
		return "the answer is not JSON"
	}
	return "the answer has no " + what
}
