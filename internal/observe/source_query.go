package observe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"pegel/scenarios"
)

// query asks a Prometheus server for what it has scraped. All is asked as of one moment of the server's own clock, and stamped by how
// long before that moment the newest sample was taken: neither the server's clock nor that of the platform is compared with ours.
type query struct {
	*web
	match  string
	values map[string]string // metric to expression

	newest float64 // when the newest sample was taken, by the server's clock, in seconds
	old    time.Duration
	fresh  bool
}

var (
	_ source = (*query)(nil)
	_ aged   = (*query)(nil)
)

func newQuery(from *scenarios.Observe, dial dialFunc) (source, error) {
	w, err := newWeb("query", strings.TrimSuffix(from.Query, "/"), from, dial)
	if err != nil {
		return nil, err
	}
	w.accept = "application/json"
	return &query{web: w, match: from.Match, values: from.Values}, nil
}

func (q *query) age() (time.Duration, bool) { return q.old, q.fresh }

func (q *query) read(ctx context.Context, t *table) error {
	series, newest := q.selectors(t)
	var at string
	err := q.ask(ctx, newest, "", func(_ *sample, moment, newest float64) error {
		at = strconv.FormatFloat(moment, 'f', 3, 64)
		q.fresh = newest > q.newest
		q.newest, q.old = newest, time.Duration(max(0, moment-newest)*float64(time.Second))
		return nil
	})
	if err != nil {
		return err
	}
	if at == "" {
		if len(q.values) == 0 {
			return errors.New("the server has none of the metrics asked for")
		}
		q.fresh, q.old = true, 0
	}
	take := func(name string) func(*sample, float64, float64) error {
		return func(s *sample, _, v float64) error {
			metric, labels := name, make([]string, 0, 2*len(s.Metric))
			for label, value := range s.Metric {
				if label != "__name__" {
					labels = append(labels, label, value)
				} else if name == "" {
					metric = value
				}
			}
			t.give(metric, v, labels...)
			return nil
		}
	}
	if !q.fresh {
		return nil // the same samples as last time: there is nothing to be read
	}
	if at != "" && series != "" {
		if err := q.ask(ctx, series, at, take("")); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(q.values)) {
		if err := q.ask(ctx, q.values[name], at, take(name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// selectors are every metric that the table wants, and when the newest sample of the first of them was taken that is there:
// timestamp takes one metric at a time, for it leaves their names out.
func (q *query) selectors(t *table) (series, newest string) {
	var names, times []string
	for _, name := range slices.Sorted(maps.Keys(t.families)) {
		if _, own := q.values[name]; !own {
			names = append(names, name)
			times = append(times, "max(timestamp("+name+"{"+q.match+"}))")
		}
	}
	if len(names) == 0 {
		return "", "vector(time())"
	}
	series = `{__name__=~"` + strings.Join(names, "|") + `"`
	if q.match != "" {
		series += "," + q.match
	}
	return series + "}", strings.Join(times, " or ")
}

// sample is one element of an instant vector.
type sample struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"` // seconds of the server's clock, and the value as a text
}

// ask evaluates an expression at a moment, empty for now, and visits each element of the answer as it comes.
func (q *query) ask(ctx context.Context, expression, at string, visit func(s *sample, moment, v float64) error) error {
	form := url.Values{"query": {expression}}
	if at != "" {
		form.Set("time", at)
	}
	return q.get(ctx, q.url+"/api/v1/query?"+form.Encode(), func(r io.Reader) error {
		in := json.NewDecoder(r)
		if err := seek(in, "data", "result"); err != nil {
			return err
		}
		for in.More() {
			s := sample{}
			if err := in.Decode(&s); err != nil {
				return errors.New("the server's answer is not a vector: the expression must be one value, or one for each series")
			}
			moment, okMoment := s.Value[0].(float64)
			text, okText := s.Value[1].(string)
			v, err := strconv.ParseFloat(text, 64)
			if !okMoment || !okText || err != nil && !errors.Is(err, strconv.ErrRange) {
				return errors.New("the server's answer has a value that is not a number")
			}
			if err != nil {
				v = math.NaN()
			}
			if err := visit(&s, moment, v); err != nil {
				return err
			}
		}
		if _, err := in.Token(); err != nil {
			return errors.New("the server's answer is cut off")
		}
		return nil
	})
}

// seek reads up to the beginning of the list that is found by keys, one within the other.
func seek(in *json.Decoder, keys ...string) error {
	wrong := errors.New("this is not what a Prometheus server answers")
	for _, key := range keys {
		if token, err := in.Token(); err != nil || token != json.Delim('{') {
			return wrong
		}
		for {
			token, err := in.Token()
			name, ok := token.(string)
			if err != nil || !ok {
				return wrong
			}
			if name == key {
				break
			}
			var other json.RawMessage
			if err := in.Decode(&other); err != nil {
				return wrong
			}
		}
	}
	if token, err := in.Token(); err != nil || token != json.Delim('[') {
		return wrong
	}
	return nil
}
