package ownership

import (
	"io"

	"pegel/internal/table"
)

// Move is one row of a batch: the mail of Source goes to Target.
type Move struct {
	Source, Target string // addresses or logins, as written
	Name           string // of the person; "" where the file does not say
	Aliases        []string
	Shared         []string // mailboxes of others that Target must reach, as it names them

	sourceAt, targetAt, nameAt, aliasAt table.Place
}

// SourceAt is where the row names its source, for messages about it.
func (m Move) SourceAt() table.Place { return m.sourceAt }

// TargetAt is where the row names its target.
func (m Move) TargetAt() table.Place { return m.targetAt }

// ReadBatch reads the map of a batch or of one of its passes: a CSV file with the columns source and target, and where there
// are any name, alias and shared, of which the last two hold several values separated by |. Other columns are left alone. Its error is table.Errors where
// the file is wrong. That names stand in it twice is no error here: CheckMap finds it.
func ReadBatch(file string, r io.Reader) ([]Move, error) {
	s, err := readSheet(file, r, "source", "target")
	if err != nil {
		return nil, err
	}
	var list []Move
	for _, r := range s.Rows {
		var m Move
		m.Source, m.sourceAt = s.cell(r, "source")
		m.Target, m.targetAt = s.cell(r, "target")
		m.Name, m.nameAt = s.cell(r, "name")
		m.Aliases, m.aliasAt = s.list(r, "alias")
		m.Shared, _ = s.list(r, "shared")
		s.needName(m.Source, m.sourceAt, "source")
		s.needName(m.Target, m.targetAt, "target")
		list = append(list, m)
	}
	return list, s.Err()
}

// Person is one row of the directory: a person, or a functional mailbox.
type Person struct {
	Address string
	Name    string
	Aliases []string // further addresses and logins, the source account's among them where it differs

	at, aliasAt table.Place
}

// ReadDirectory reads the directory: a CSV file with the columns address and name, and alias where there are any, several
// separated by |. Other columns are left alone.
func ReadDirectory(file string, r io.Reader) ([]Person, error) {
	s, err := readSheet(file, r, "address", "name")
	if err != nil {
		return nil, err
	}
	var list []Person
	for _, r := range s.Rows {
		var p Person
		p.Address, p.at = s.cell(r, "address")
		p.Name, _ = s.cell(r, "name")
		p.Aliases, p.aliasAt = s.list(r, "alias")
		s.needName(p.Address, p.at, "address")
		list = append(list, p)
	}
	return list, s.Err()
}
