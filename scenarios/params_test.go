package scenarios

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type common struct {
	Folder string `yaml:"folder"`
}

// size is a parameter type of an action's own.
type size int

func (s *size) UnmarshalText(text []byte) error {
	if _, err := fmt.Sscanf(string(text), "%dKB", (*int)(s)); err != nil {
		return errors.New("a size is written 10KB")
	}
	return nil
}

type params struct {
	common
	Count int           `yaml:"count"`
	Rate  float64       `yaml:"rate"`
	Deep  bool          `yaml:"deep"`
	Every Duration      `yaml:"every"`
	Wait  time.Duration `yaml:"wait"`
	Pause Dist          `yaml:"pause"`
	Parts []string      `yaml:"parts"`
	Share Share         `yaml:"share"`
	Big   *int          `yaml:"big"`
	Size  size          `yaml:"size"`
	Least uint32        `yaml:"least"`
	Token string        `yaml:"token"`
	Other struct {
		Days int `yaml:"days"`
	} `yaml:",inline"`
	inner int
}

func stepWith(t *testing.T, with string) Params {
	t.Helper()
	src := strings.Replace(whole, "{keep: true}", with, 1)
	return parse(t, src).Journeys["webmail"][0].With
}

func TestParams(t *testing.T) {
	got := params{common: common{"INBOX"}, Deep: true, inner: 7}
	p := stepWith(t, `{count: 3, rate: 1e3, every: 10m, wait: 2s, pause: {uniform: {min: 1s, max: 2s}}, parts: [a, "b"], share: 5%, big: 9, size: 10KB, least: 4, days: 7}`)
	if err := p.Decode(&got); err != nil {
		t.Fatal(err)
	}
	nine := 9
	want := params{common: common{"INBOX"}, Deep: true, inner: 7, Count: 3, Rate: 1000, Every: Duration(10 * time.Minute), Wait: 2 * time.Second,
		Pause: Dist{Kind: "uniform", A: time.Second, B: 2 * time.Second, Pos: got.Pause.Pos}, Parts: []string{"a", "b"}, Share: Share{0.05, 0.05}, Big: &nine, Size: 10, Least: 4}
	want.Other.Days = 7
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(params{})); diff != "" {
		t.Error(diff)
	}
	if err := (Params{}).Decode(&got); err != nil {
		t.Error(err)
	}
	if err := p.Decode(got); err == nil {
		t.Error("a struct that is no pointer was taken")
	}
}

func TestParamsErrors(t *testing.T) {
	var into params
	err := stepWith(t, `{fodler: x, count: 1.5, size: big, wait: 3, token: ["{{hunter2}}"]}`).Decode(&into)
	var errs *Errors
	if !errors.As(err, &errs) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, p := range errs.Problems {
		got = append(got, fmt.Sprintf("%s:%d:%d: %s (%s)", p.File, p.Line, p.Column, p.Text, p.Hint))
	}
	want := []string{
		`test.yaml:23:14: unknown key "fodler" (did you mean "folder"?)`,
		`test.yaml:23:32: expected a whole number, got 1.5 ()`,
		`test.yaml:23:43: a size is written 10KB ()`,
		`test.yaml:23:54: "3" has no unit (write 3s)`,
		`test.yaml:23:64: expected text, got a list ()`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error shows a secret:\n%v", err)
	}
}

func TestErrorsAdd(t *testing.T) {
	all := NewErrors()
	all.Add(nil)
	if all.Err() != nil {
		t.Error("an empty list is an error")
	}
	all.Add(&Problem{File: "b", Line: 2, Column: 1, Text: "second"})
	all.Add(fmt.Errorf("binding: %w", &Errors{[]Problem{{File: "b", Line: 1, Column: 9, Text: "first"}, {File: "b", Line: 2, Column: 1, Text: "second"}}}))
	all.Add(errors.New("plain"))
	if got, want := all.Error(), "b:1:9: first\nb:2:1: second\nscenario: plain"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
