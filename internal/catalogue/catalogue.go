// Package catalogue knows what the metrics of known software mean: which of them say what is in use, what its limit is, who
// waits. It is data, one readable file for each software under software/; what reads pages of metrics turns it into resources.
package catalogue

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

//go:embed software/*.yaml
var files embed.FS

// Software is what is known of one software's metrics.
type Software struct {
	Name      string     `yaml:"software"`
	About     string     `yaml:"about"`   // where the metrics come from
	Address   string     `yaml:"address"` // where they usually are; empty: there is no usual place
	Needs     string     `yaml:"needs"`   // what has to be configured there first
	With      string     `yaml:"with"`    // software whose resources are found too
	Resources []Resource `yaml:"resources"`
}

// Resource says which metrics make a resource, or one for each value of the labels in its name.
type Resource struct {
	Name   string `yaml:"name"`   // {label} stands for the label's value: one resource for each
	Kind   string `yaml:"kind"`   // as in scenarios
	Group  string `yaml:"group"`  // likewise; may have labels
	Within string `yaml:"within"` // the resource that this one is a part of: it is shown and diagnosed, not forecast by itself; may have labels
	Unit   string `yaml:"unit"`   // of what is in use
	About  string `yaml:"about"`

	InUse      Terms `yaml:"in_use"`
	Limit      Terms `yaml:"limit"`
	Queue      Terms `yaml:"queue"`
	Busy       Terms `yaml:"busy"`
	Served     Terms `yaml:"served"`
	Refused    Terms `yaml:"refused"`
	Waited     Terms `yaml:"waited"`
	QueueLimit Terms `yaml:"queue_limit"`
}

// Terms are expressions over a page's metrics of which the first counts whose metrics are there: exporters differ, and so do
// their versions. In the file it is one text or a list of them.
type Terms []string

// UnmarshalYAML reads one text, or a list.
func (t *Terms) UnmarshalYAML(b []byte) error {
	var one string
	if err := yaml.Unmarshal(b, &one); err == nil {
		*t = Terms{one}
		return nil
	}
	var list []string
	if err := yaml.Unmarshal(b, &list); err != nil {
		return err
	}
	*t = list
	return nil
}

// Names are the names of all software in the catalogue, sorted.
func Names() []string {
	entries, err := files.ReadDir("software")
	if err != nil {
		return nil // the embedded directory is always there
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Load returns the entry of a software.
func Load(name string) (*Software, error) {
	if !slices.Contains(Names(), name) {
		return nil, fmt.Errorf("the catalogue knows no software %q, only %s", name, strings.Join(Names(), ", "))
	}
	text, err := files.ReadFile("software/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("the catalogue of %s: %w", name, err)
	}
	s, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("the catalogue of %s: %w", name, err)
	}
	if s.Name != name {
		return nil, fmt.Errorf("the catalogue of %s calls itself %q", name, s.Name)
	}
	if s.With != "" {
		more, err := Load(s.With)
		if err != nil {
			return nil, fmt.Errorf("the catalogue of %s: %w", name, err)
		}
		s.Resources = append(s.Resources, more.Resources...)
	}
	return s, nil
}

func parse(text []byte) (*Software, error) {
	var s Software
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()).Decode(&s); err != nil {
		return nil, err
	}
	if len(s.Resources) == 0 {
		return nil, errors.New("it has no resources")
	}
	for _, r := range s.Resources {
		switch {
		case r.Name == "" || r.Kind == "":
			return nil, fmt.Errorf("resource %q needs name and kind", r.Name)
		case len(r.InUse)+len(r.Busy)+len(r.Queue) == 0:
			return nil, fmt.Errorf("resource %q needs in_use, busy or queue", r.Name)
		}
	}
	return &s, nil
}

// Labels are those in a name with labels in braces, in order.
func Labels(name string) []string {
	var list []string
	for {
		_, rest, ok := strings.Cut(name, "{")
		if !ok {
			return list
		}
		label, after, ok := strings.Cut(rest, "}")
		if !ok {
			return list
		}
		list = append(list, label)
		name = after
	}
}

// Fill puts the labels' values in, in the order of Labels.
func Fill(name string, value func(label string) string) string {
	for _, label := range Labels(name) {
		name = strings.Replace(name, "{"+label+"}", value(label), 1)
	}
	return name
}
