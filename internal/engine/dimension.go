package engine

import (
	"pegel/internal/plan"
	"pegel/internal/record"
)

// labels are a plan's sets of tags as the recorder wants them.
func labels(sets [][]plan.Tag) [][]record.Label {
	list := make([][]record.Label, len(sets))
	for i, set := range sets {
		for _, tag := range set {
			list[i] = append(list[i], record.Label{Kind: record.TagKind(tag.Name), Name: tag.Value})
		}
	}
	return list
}
