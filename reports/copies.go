package reports

import (
	"cmp"
	"fmt"
	"strconv"
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
	Refusals table
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
		{"missing", a.Missing, true}, {"differing", a.Differing, true}, {"flags", a.Flags, true}, {"twice", a.Twice, true}, {"refused", a.Refused, true},
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
		for i := range wrong {
			wrong[i].Account++ // people count from 1
		}
		s.Accounts = b.copyTable(wrong[:min(len(wrong), mostWrong)], b.t("col.account"))
	}
	s.Refusals = b.refusals()
	return s
}

// mostRefusals are how many of the refused messages are shown.
const mostRefusals = 20

// refusals are refused messages, with the words of whoever refused them.
func (b *builder) refusals() table {
	var t table
	for _, a := range b.r.Copies.Accounts {
		for _, r := range a.Refusals {
			if len(t.Rows) == mostRefusals {
				return t
			}
			t.Head = []cell{number(b.t("col.account")), words(b.t("col.mailbox")), number("UID"), words("Message-ID"), number(b.t("copy.tries")), words(b.t("copy.reason"))}
			t.Rows = append(t.Rows, []cell{number(b.count(a.Account + 1)), {Text: r.Mailbox, Run: true}, number(strconv.FormatUint(uint64(r.UID), 10)),
				{Text: cmp.Or(r.MessageID, "–"), Run: true, Class: "example"}, number(b.count(r.Tries)), {Text: r.Reason, Run: true, Class: "example"}})
		}
	}
	return t
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

// mostRefusalLines are how many of the refused messages are written as text.
const mostRefusalLines = 3

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
	shown := 0
	for _, a := range c.Accounts {
		for _, r := range a.Refusals {
			if shown++; shown <= mostRefusalLines {
				b.WriteString(wrap("  ", fmt.Sprintf("%s: %s %s, %s UID %d %s: %s", l.t("copy.refused"), l.t("col.account"), l.count(a.Account+1), r.Mailbox, r.UID, r.MessageID, r.Reason)))
			}
		}
	}
}
