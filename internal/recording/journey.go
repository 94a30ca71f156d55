package recording

import (
	"time"

	"pegel/internal/site"
)

// Journey is what several recordings have in common: requests with templates, and what to take out of answers for them.
type Journey struct {
	Actions  []JourneyAction
	Notes    []string
	Captures int // variables
}

// JourneyAction is one page action.
type JourneyAction struct {
	Verb  string
	Think time.Duration // between the action before and this one, in the first recording
	Steps []step
}

// step is one request, several at the same time, assets, or a choice among what was captured.
type step struct {
	requests []*planned
	assets   []string
	pick     string // variable that is set
	of       string
	after    string // action
}

// planned is a request as it will be written. Texts hold templates.
type planned struct {
	method, path         string
	query, headers, body []slot
	kind                 string
	json                 string
	inPath               bool // the query stands in the path
	status               int
	checks               []string // as flow mappings
	saves                []saved
	shape                site.Shape
	notes                []string
	row                  int
}

type saved struct {
	name string
	capture
}
