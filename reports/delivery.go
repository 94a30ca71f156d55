package reports

import (
	"fmt"
	"strings"

	"pegel/internal/archive"
)

// delivered is the section on the run's mail.
type delivered struct {
	Title    string
	Table    table
	Examples table
	Caption  string
}

// mailRow is one line of the account.
type mailRow struct {
	key  string
	n    int
	need bool // shown where it is 0, too
}

func mailRows(d *archive.Delivery) []mailRow {
	return []mailRow{
		{"accepted", d.Accepted, true}, {"delivered", d.Delivered, true}, {"late", d.Late, true}, {"elsewhere", d.Elsewhere, false},
		{"lost", d.Lost, true}, {"twice", d.Twice, true}, {"wrong", d.Wrong, true}, {"unseen", d.Unseen, false},
		{"again", d.Again, false}, {"again-twice", d.AgainTwice, false},
		{"uncertain", d.Uncertain, false}, {"uncertain-arrived", d.UncertainArrived, false}, {"uncertain-twice", d.UncertainTwice, false},
		{"untracked", d.Untracked, false},
	}
}

// mailTitle is what the account comes to.
func (l *language) mailTitle(d *archive.Delivery) string {
	switch {
	case d.Broken():
		return l.t("mail.broken", l.count(d.Lost), l.count(d.Twice), l.count(d.Wrong), l.count(d.Accepted))
	case d.Accepted == 0:
		return l.t("mail.none")
	case d.Unseen > 0:
		return l.t("mail.open", l.count(d.Delivered+d.Elsewhere), l.count(d.Accepted))
	}
	return l.t("mail.fine", l.count(d.Accepted))
}

func (b *builder) delivered() delivered {
	d := b.r.Delivery
	if d == nil {
		return delivered{}
	}
	s := delivered{Title: b.mailTitle(d), Caption: b.t("mail.caption")}
	s.Table.Head = []cell{words(b.t("col.mail")), number(b.t("col.count"))}
	for _, row := range mailRows(d) {
		if row.n == 0 && !row.need {
			continue
		}
		first := name(b.either("mail.", row.key))
		if row.n > 0 && (row.key == "lost" || row.key == "twice" || row.key == "wrong") {
			first.Class, first.Note = "worst", b.t("mail.never")
		}
		s.Table.Rows = append(s.Table.Rows, []cell{first, number(b.count(row.n))})
	}
	if len(d.Examples) > 0 {
		s.Examples.Head = []cell{words(b.t("col.mail")), words("Message-ID"), number(b.t("col.account"))}
	}
	for _, e := range d.Examples {
		kind := b.either("mail.", e.Kind)
		s.Examples.Rows = append(s.Examples.Rows, []cell{name(kind), {Text: e.MessageID, Run: true, Class: "example"}, number(b.count(e.Account + 1))})
	}
	return s
}

// textMail writes the account of the mail.
func (l *language) textMail(b *strings.Builder, d *archive.Delivery) {
	if d == nil {
		return
	}
	fmt.Fprintf(b, "\n%s\n", l.t("text.mail"))
	b.WriteString(wrap("  ", l.mailTitle(d)))
	var parts []string
	for _, row := range mailRows(d) {
		if row.n > 0 || row.need {
			parts = append(parts, l.either("mail.", row.key)+" "+l.count(row.n))
		}
	}
	b.WriteString(wrap("  ", strings.Join(parts, " · ")))
	for i, e := range d.Examples {
		if i == 3 {
			break
		}
		b.WriteString(wrap("  ", l.t("text.mail-example", e.Kind, e.MessageID, l.count(e.Account+1))))
	}
}
