package observe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"pegel/probes/probe/jsonpath"
	"pegel/scenarios"
)

// mostOutput bounds what a command prints or a JSON endpoint answers, in bytes; mostValues how many values one path may have.
const (
	mostOutput = 8 << 20
	mostValues = 10_000
)

// command runs a program of this machine and reads what it prints: the Prometheus text format, JSON where there are paths, or one
// of Dovecot's tables. It is run without a shell.
type command struct {
	argv  []string
	paths jsonPaths
}

var _ source = (*command)(nil)

func newCommand(from *scenarios.Observe) (source, error) {
	return &command{argv: from.Command, paths: newPaths(from.Values)}, nil
}

func (c *command) close() {}

func (c *command) read(ctx context.Context, t *table) error {
	running, end := context.WithCancel(ctx)
	defer end()
	cmd := exec.CommandContext(running, c.argv[0], c.argv[1:]...)
	cmd.WaitDelay = 100 * time.Millisecond // for children that keep the output open
	out := &output{most: mostOutput, end: end}
	cmd.Stdout = out
	switch err := cmd.Run(); {
	case out.full:
		return fmt.Errorf("the command printed more than %d MiB", mostOutput>>20)
	case ctx.Err() != nil:
		return fmt.Errorf("the command took too long: %w", ctx.Err())
	case err != nil:
		return fmt.Errorf("the command failed: %w", err)
	}
	text := out.text.Bytes()
	switch {
	case c.paths != nil:
		return c.paths.read(text, t)
	case isDovecot(text):
		return readDovecot(text, t)
	}
	return t.scan(bytes.NewReader(text))
}

// output keeps what is printed, up to a bound.
type output struct {
	text bytes.Buffer // not embedded: its ReadFrom would go round the bound
	most int
	full bool
	end  func() // of the program: it would wait for somebody to read on
}

func (o *output) Write(p []byte) (int, error) {
	if o.text.Len()+len(p) > o.most {
		o.full = true
		o.end()
		return 0, errors.New("too much")
	}
	return o.text.Write(p)
}

// jsonPage is a JSON document over HTTP.
type jsonPage struct {
	*web
	paths jsonPaths
}

var _ source = jsonPage{}

func newJSONPage(from *scenarios.Observe, dial dialFunc) (source, error) {
	w, err := newWeb("json", from.JSON, from, dial)
	if err != nil {
		return nil, err
	}
	w.accept = "application/json"
	return jsonPage{w, newPaths(from.Values)}, nil
}

func (p jsonPage) read(ctx context.Context, t *table) error {
	return p.get(ctx, p.url, func(r io.Reader) error {
		text, err := io.ReadAll(io.LimitReader(r, mostOutput+1))
		if err != nil {
			return err
		}
		if len(text) > mostOutput {
			return fmt.Errorf("the document is larger than %d MiB", mostOutput>>20)
		}
		return p.paths.read(text, t)
	})
}

// jsonPaths are the names of metrics, and where their values are in a document. Of several values at one path the sum counts.
type jsonPaths map[string][]string

func newPaths(values map[string]string) jsonPaths {
	if len(values) == 0 {
		return nil
	}
	paths := jsonPaths{}
	for name, path := range values {
		paths[name] = strings.Split(strings.TrimPrefix(path, "$."), ".")
	}
	return paths
}

func (p jsonPaths) read(text []byte, t *table) error {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] != '{' && text[0] != '[' {
		return errors.New("this is no JSON document")
	}
	if end := text[len(text)-1]; end != '}' && end != ']' {
		return errors.New("the document is cut off")
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		for i, found := range jsonpath.Values(text, p[name], mostValues) {
			v, err := strconv.ParseFloat(found, 64)
			if err != nil {
				return fmt.Errorf("value %d of %s is not a number", i+1, name)
			}
			t.give(name, v)
		}
	}
	return nil
}
