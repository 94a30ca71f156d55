package scenarios

import (
	"fmt"
	"slices"
	"strings"
)

// Nearest is the word most like the given one by the Damerau-Levenshtein distance, not counting case, or "" if none is
// near: up to a third of the letters may differ, at least one. Of equally near words the alphabetically first is taken.
func Nearest(word string, among []string) string {
	best, least := "", max(1, len([]rune(word))/3)+1
	candidates := slices.Clone(among)
	slices.Sort(candidates)
	for _, candidate := range candidates {
		if d := distance(strings.ToLower(word), strings.ToLower(candidate), least); d < least {
			best, least = candidate, d
		}
	}
	return best
}

// didYouMean is the hint that names the nearest word, or all words if there are few and none is near.
func didYouMean(word string, among []string) string {
	if near := Nearest(word, among); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	if len(among) == 0 || len(among) > 16 {
		return ""
	}
	known := slices.Clone(among)
	slices.Sort(known)
	return "known here: " + strings.Join(known, ", ")
}

// distance counts insertions, deletions, replacements and swaps of neighbours that turn a into b. Whatever is at least
// limit may be returned as limit.
func distance(a, b string, limit int) int {
	s, t := []rune(a), []rune(b)
	if len(s)-len(t) >= limit || len(t)-len(s) >= limit {
		return limit
	}
	// Three rows of the usual table: the one being filled, the one above, and the one above that for swaps.
	above2, above, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			cost := 1
			if s[i-1] == t[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], above2[j-2]+1)
			}
		}
		above2, above, row = above, row, above2
	}
	return min(above[len(t)], limit)
}
