package probe

// Reporter is what Prepare may return beside being a Closer: something that knows more of its actions than their times.
// It may be asked at any time, by one goroutine.
type Reporter interface {
	// Readings are the values since the run began, or the last ones.
	Readings() []Reading
	// Exhibits are what was kept of failures since it was asked last.
	Exhibits() []Exhibit
}

// Reading is one value.
type Reading struct {
	Action string // the verb that it is about; "": the generator's own cost
	Name   string // with its unit, where it has one: lcp_p75_seconds
	Value  float64
}

// Exhibit is what was kept of a failure. It holds no secrets.
type Exhibit struct {
	Action  string // the verb
	Failure string
	Files   []ExhibitFile
	// Last says that no further ones are kept.
	Last bool
}

// ExhibitFile is one file; Name is plain, without a directory.
type ExhibitFile struct {
	Name string
	Data []byte
}
