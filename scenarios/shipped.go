package scenarios

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed *.yaml
var shipped embed.FS

// Shipped are the names of the scenarios that come with pegel, sorted, without .yaml.
func Shipped() []string {
	entries, err := shipped.ReadDir(".")
	if err != nil {
		return nil // the root of an embedded tree is always there
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Open returns the text of a shipped scenario by its name, with or without .yaml.
func Open(name string) ([]byte, error) {
	name = strings.TrimSuffix(name, ".yaml")
	src, err := shipped.ReadFile(name + ".yaml")
	if err != nil {
		hint := ""
		if near := Nearest(name, Shipped()); near != "" {
			hint = fmt.Sprintf("; did you mean %q?", near)
		}
		return nil, fmt.Errorf("opening shipped scenario: there is no %q%s", name, hint)
	}
	return src, nil
}
