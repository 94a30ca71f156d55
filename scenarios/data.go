package scenarios

// Feeder gives values to steps: {{data.NAME}} in a parameter, or {{data.NAME.COLUMN}} of a CSV file.
type Feeder struct {
	CSV     string   `yaml:"csv"`     // relative to the scenario file; the first line names the columns
	Values  []string `yaml:"values"`  // a list instead
	Pattern string   `yaml:"pattern"` // "AZ-{n:06}", with First and Count
	Corpus  string   `yaml:"corpus"`  // generated: subject, sentence, name, word or address
	First   int      `yaml:"first"`
	Count   int      `yaml:"count"`
	Pick    string   `yaml:"pick"` // "random" (default), "in_turn": each user goes through the rows in order, from one of its own, "account": the row of the account's number
	Pos     Pos      `yaml:"-"`

	pattern template
	columns []string
	rows    [][]string
	unread  bool // a CSV file that was left alone: it has any column, and one empty row
}

// Capture says what to take from an answer: exactly one of the ways. An answer without it is a failure of the class
// content, unless Default is given.
type Capture struct {
	JSON    string  `yaml:"json"`   // path: session.id, folders.0.name, items.*.id (a random one)
	Regexp  string  `yaml:"regexp"` // RE2; its first group
	Header  string  `yaml:"header"`
	Cookie  string  `yaml:"cookie"`
	XML     string  `yaml:"xml"` // path of local names: multistatus/response/href
	Default *string `yaml:"default"`
	Pos     Pos     `yaml:"-"`
}

// Profile is a named set of overrides, path: value as in Options.Set.
type Profile struct {
	sets []override
}

type override struct {
	keys  []string
	value *node
}

// Groups says which group accounts belong to.
type Groups struct {
	ByName map[string]AccountRange
}

// AccountRange are accounts by their position in the list, from 1, both ends included.
type AccountRange struct{ From, To int }
