package scenarios

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"
)

//go:embed *.yaml *.csv personas/*.yaml sites/*.yaml
var shipped embed.FS

// ShippedFile is a file of a scenario that comes with pegel.
type ShippedFile struct {
	Name string
	Text []byte
}

// Shipped are the names of the scenarios that come with pegel, sorted, without .yaml.
func Shipped() []string {
	entries, err := shipped.ReadDir(".")
	if err != nil {
		return nil // the root of an embedded tree is always there
	}
	var names []string
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), ".yaml"); ok {
			names = append(names, name)
		}
	}
	return names
}

// ShippedFS is the directory of the scenarios that come with pegel, for Options.Files: what a scenario reads lies there too.
func ShippedFS() fs.FS { return shipped }

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

// ShippedFiles are a shipped scenario and the files that it reads, the scenario first. Those are called after it
// (NAME.yaml, and NAME.csv or NAME-….csv), or are files of personas/ that it includes.
func ShippedFiles(name string) ([]ShippedFile, error) {
	name = strings.TrimSuffix(name, ".yaml")
	src, err := Open(name)
	if err != nil {
		return nil, err
	}
	files := []ShippedFile{{name + ".yaml", src}}
	beside, err := fs.Glob(shipped, name+"*.csv")
	if err != nil {
		return nil, fmt.Errorf("opening shipped scenario: %w", err)
	}
	for _, file := range beside {
		text, err := shipped.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("opening shipped scenario: %w", err)
		}
		files = append(files, ShippedFile{file, text})
	}
	parts, err := fs.Glob(shipped, "personas/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("opening shipped scenario: %w", err)
	}
	for _, file := range parts {
		if !strings.Contains(string(src), file) {
			continue
		}
		text, err := shipped.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("opening shipped scenario: %w", err)
		}
		files = append(files, ShippedFile{file, text})
	}
	return files, nil
}
