package archive

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What real browsers tell of themselves is points of the page PageGenerator. Memory has what processes share divided among
// them.
const (
	GeneratorBrowserPSS      = "browser_pss_bytes"
	GeneratorBrowserCPU      = "browser_cpu_percent" // of one core
	GeneratorBrowserContexts = "browser_contexts"

	browserPrefix = "browser "
)

// BrowserResource is the resource under which a value about an action is kept.
func BrowserResource(action, name string) string { return browserPrefix + action + " " + name }

// BrowserFigure is the action and the value's name of such a resource.
func BrowserFigure(resource string) (action, name string, ok bool) {
	rest, ok := strings.CutPrefix(resource, browserPrefix)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, " ")
}

// ExhibitPrefix begins the names of the files that show failures: screenshots (.jpg) and texts of pages (.txt).
const ExhibitPrefix = "failure-"

// Exhibits are the files of the run that show failures, sorted by name.
func (r *Run) Exhibits() ([]string, error) {
	entries, err := os.ReadDir(r.Dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); e.Type().IsRegular() && strings.HasPrefix(e.Name(), ExhibitPrefix) && (ext == ".jpg" || ext == ".txt") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}
