package testenv

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strings"
)

//go:embed profiles/*.yaml
var profileFiles embed.FS

// ProfileInfo is a shipped definition.
type ProfileInfo struct {
	Name string
	What string // decides its capacity: the file's opening comment
}

// Profiles lists the shipped definitions by name. Those with a cause have one fault each, for trying a diagnosis, and carry
// some 300 users with think times of seconds; healthy is the same platform without. The others are for the shipped
// demonstration: each is limited by something else, at 500 to 900 active users of its mix.
func Profiles() []ProfileInfo {
	files, err := profileFiles.ReadDir("profiles")
	if err != nil {
		panic(err) // embedded
	}
	var list []ProfileInfo
	for _, f := range files {
		list = append(list, ProfileInfo{strings.TrimSuffix(f.Name(), ".yaml"), opening(profileText(f.Name()))})
	}
	slices.SortFunc(list, func(a, b ProfileInfo) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// Profile reads a shipped definition. Its error names the known ones.
func Profile(name string) (Definition, error) {
	var known []string
	for _, p := range Profiles() {
		if p.Name == name {
			return ParseDefinition(profileText(name + ".yaml"))
		}
		known = append(known, p.Name)
	}
	return Definition{}, fmt.Errorf("unknown profile %q, want one of %s", name, strings.Join(known, ", "))
}

func profileText(file string) []byte {
	text, err := profileFiles.ReadFile(path.Join("profiles", file))
	if err != nil {
		panic(err) // embedded
	}
	return text
}

// opening is the comment at the beginning of a file, in one line.
func opening(text []byte) string {
	var words []string
	for line := range strings.Lines(string(text)) {
		comment, ok := strings.CutPrefix(line, "#")
		if !ok {
			break
		}
		words = append(words, strings.TrimSpace(comment))
	}
	return strings.Join(words, " ")
}
