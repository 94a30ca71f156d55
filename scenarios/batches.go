package scenarios

import (
	"strconv"
)

// batches reads the CSV file that n names. The place of each batch is that of the name in the scenario.
func (d *decoder) batches(n *node) []Batch {
	if d.opts.Alone {
		return nil
	}
	t := d.table(n, "batches", batchColumns())
	if t == nil {
		return nil
	}
	list, errs := t.batches()
	d.errs.Add(errs.Err())
	for i := range list {
		list[i].Pos = n.pos
	}
	return list
}

// ReadBatches reads a CSV file with the columns name, date and accounts, and group where there is one, others being left alone: one batch a row, in the
// order of their dates. Its error is *Errors with the place of each problem, or says why the file cannot be read.
func ReadBatches(path string) ([]Batch, error) {
	t, err := readTable(path, path, batchColumns(), false)
	if err != nil {
		return nil, problems(err)
	}
	list, errs := t.batches()
	return list, errs.Err()
}

func batchColumns() []string { return []string{"name", "date", "accounts"} }

// batches turns the rows into batches, with all that is wrong about them.
func (t *table) batches() ([]Batch, *Errors) {
	errs := NewErrors()
	var list []Batch
	names := map[string]bool{}
	last := ""
	for _, r := range t.rows {
		b := Batch{Name: t.cell(r, "name"), Date: t.cell(r, "date"), Group: t.cell(r, "group")}
		var err error
		b.Accounts, err = strconv.Atoi(t.cell(r, "accounts"))
		if err != nil || b.Accounts <= 0 || b.Accounts > most {
			errs.Add(t.problem(r.line, t.columnOf(r, "accounts"), "", "accounts must be a whole number above 0, got %q", t.cell(r, "accounts")))
			b.Accounts = 0
		}
		if b.Name == "" {
			errs.Add(t.problem(r.line, t.columnOf(r, "name"), "", "the batch has no name"))
		}
		if names[b.Name] {
			errs.Add(t.problem(r.line, t.columnOf(r, "name"), "", "batch %q is listed twice", b.Name))
		}
		switch {
		case !isDate(b.Date):
			errs.Add(t.problem(r.line, t.columnOf(r, "date"), "write 2026-03-02", "%q is no date", b.Date))
		case b.Date < last: // year first, so that texts sort as dates
			errs.Add(t.problem(r.line, t.columnOf(r, "date"), "list the batches in the order of their dates", "%s follows %s", b.Date, last))
		default:
			last = b.Date
		}
		names[b.Name] = b.Name != ""
		list = append(list, b)
	}
	return list, errs
}
