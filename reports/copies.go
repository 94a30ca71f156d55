package reports

import (
	"fmt"
	"strings"

	"pegel/internal/archive"
)

// mostWrong accounts whose copy is not right are named.
const mostWrong = 20

// copied is the section on what was copied.
type copied struct {
	Title    string
	Table    table
	Accounts table
	Caption  string
}

func (l *language) copiesTitle(wrong int, passes []archive.AccountCopies) string {
	accounts := 0
	for _, p := range passes {
		accounts += p.Account
	}
	if wrong > 0 {
		return l.t("copy.wrong", l.count(wrong), l.count(accounts))
	}
	return l.t("copy.fine", l.count(accounts))
}

// copyColumns are the counts of a comparison, by the last part of the key of their name.
func copyColumns(a *archive.AccountCopies) []mailRow {
	return []mailRow{
		{"source", a.Source, true}, {"copied", a.Copied, true}, {"there", a.There, true}, {"alike", a.Alike, true},
		{"missing", a.Missing, true}, {"differing", a.Differing, true}, {"flags", a.Flags, true}, {"twice", a.Twice, true},
	}
}

func (b *builder) copied() copied {
	passes, wrong := b.r.Copies.Sums()
	if len(passes) == 0 {
		return copied{}
	}
	s := copied{Title: b.copiesTitle(len(wrong), passes), Caption: b.t("copy.caption")}
	s.Table = b.copyTable(passes, b.t("copy.accounts"))
	if len(wrong) > 0 {
		s.Accounts = b.copyTable(wrong[:min(len(wrong), mostWrong)], b.t("col.account"))
	}
	return s
}

func (b *builder) copyTable(list []archive.AccountCopies, which string) table {
	t := table{Head: []cell{words(b.t("copy.pass")), number(which)}}
	for i := range list {
		row := []cell{name(b.either("copy.", list[i].Pass)), number(b.count(list[i].Account))}
		for _, c := range copyColumns(&list[i]) {
			if i == 0 {
				t.Head = append(t.Head, number(b.either("copy.", c.key)))
			}
			row = append(row, number(b.count(c.n)))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// textCopies writes what was copied.
func (l *language) textCopies(b *strings.Builder, c *archive.Copies) {
	passes, wrong := c.Sums()
	if len(passes) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", l.t("text.copies"))
	b.WriteString(wrap("  ", l.copiesTitle(len(wrong), passes)))
	for i := range passes {
		parts := []string{l.either("copy.", passes[i].Pass)}
		for _, c := range copyColumns(&passes[i]) {
			parts = append(parts, l.either("copy.", c.key)+" "+l.count(c.n))
		}
		b.WriteString(wrap("  ", strings.Join(parts, " · ")))
	}
}
