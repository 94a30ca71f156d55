package learn

import "strings"

// fields are the values of one line by the names that the last line #Fields gave them.
type fields struct {
	at     map[string]int // nil before the first such line
	n      int
	values []string
	none   string // the value of a field that the file does not have
}

// mostFields bounds what a #Fields line may name.
const mostFields = 200

// head takes the names of a #Fields line, in which the needed ones must be.
func (f *fields) head(names []string, needed ...string) error {
	if len(names) > mostFields {
		return errFields
	}
	at := map[string]int{}
	for i, name := range names {
		at[strings.Clone(strings.TrimSpace(name))] = i
	}
	for _, name := range needed {
		if _, ok := at[name]; !ok {
			return errFields
		}
	}
	f.at, f.n = at, len(names)
	return nil
}

func (f *fields) get(name string) string {
	if i, ok := f.at[name]; ok {
		return f.values[i]
	}
	return f.none
}
