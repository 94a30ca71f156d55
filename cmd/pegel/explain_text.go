package main

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"pegel/internal/expect"
)

// text writes the explanation for people.
func (x *explanation) text(w io.Writer) error {
	var b bytes.Buffer
	l := x.Load
	fmt.Fprintf(&b, "%s", x.Scenario)
	if x.description != "" {
		fmt.Fprintf(&b, ": %s", x.description)
	}
	b.WriteString("\n")
	what := "the whole run"
	if l.Day != "" {
		what = "the day " + l.Day
	}
	top := 0
	for _, s := range l.Stages {
		top = max(top, s.Users)
	}
	fmt.Fprintf(&b, "%s: %s, %s, up to %s active users", what, expect.Span(l.Duration), plural(len(l.Stages), "stage"), expect.Count(float64(top)))
	if l.Accounts > 0 {
		fmt.Fprintf(&b, " of %s accounts", expect.Count(float64(l.Accounts)))
	}
	fmt.Fprintf(&b, "\nseed %d, digest %s\n", x.Seed, x.Digest)
	for _, share := range slices.Sorted(maps.Keys(x.Shares)) {
		fmt.Fprintf(&b, "share %s, digest %s\n", share, x.Shares[share])
	}
	if len(x.Shares) > 1 {
		fmt.Fprintf(&b, "sum of the shares, digest %s\n", x.DigestPart)
	}
	if len(x.Arms) > 0 {
		b.WriteString("\nArms of the experiment\n")
		rows := [][]string{}
		for _, arm := range x.Arms {
			rows = append(rows, []string{arm.Arm, arm.What})
		}
		leftColumns(&b, rows)
		var order []string
		for i := range x.plan.Stages {
			order = append(order, fmt.Sprintf("%d %s", x.plan.Stages[i].Users, x.plan.Stages[i].Arm))
		}
		fmt.Fprintf(&b, "  in this order: %s\n", strings.Join(order, ", "))
	}
	x.users(&b)
	x.traffic(&b)
	x.generator(&b)
	if len(l.Warnings) > 0 {
		b.WriteString("\nNote:\n")
		for _, warning := range l.Warnings {
			fmt.Fprintf(&b, "  %s\n", warning)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// columns writes aligned columns: the first one left, the others right.
func columns(b *bytes.Buffer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if i == 0 {
				line.WriteString("  " + cell + pad)
			} else {
				line.WriteString("  " + pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// leftColumns writes two columns, both left.
func leftColumns(b *bytes.Buffer, rows [][]string) {
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(w, "  %s\n", strings.Join(row, "\t"))
	}
	w.Flush() // into memory
}

func (x *explanation) users(b *bytes.Buffer) {
	b.WriteString("\nUsers at the most\n")
	rows := [][]string{{"persona", "users", "at work", "fresh", "actions/h each", ""}}
	for _, p := range x.Load.Personas {
		each := 0.0
		if p.Users > 0 {
			each = p.PerHour / float64(p.Users)
		}
		fresh := "–"
		if p.Fresh > 0 {
			fresh = expect.Count(float64(p.Fresh))
		}
		rows = append(rows, []string{p.Name, expect.Count(float64(p.Users)), expect.Count(p.AtWork), fresh, expect.Count(each), p.Kind})
	}
	columns(b, rows)
}

func (x *explanation) traffic(b *bytes.Buffer) {
	l := x.Load
	s := &l.Stages[l.Busiest]
	where := fmt.Sprintf("stage %d, %s users", s.Index+1, expect.Count(float64(s.Users)))
	if s.Batch != "" {
		where += ", batch " + s.Batch
	}
	if s.Situation != "" {
		where = "situation " + s.Situation
	}
	fmt.Fprintf(b, "\nTraffic in the busiest stage (%s)\n", where)
	rows := [][]string{{"protocol", "actions/h", "actions/s", "mails/h", "connections", "opened/h", "received/h", "sent/h"}}
	for _, p := range l.Protocols {
		rows = append(rows, []string{p.Name, expect.Count(p.PerHour), expect.Count(p.PerSecond), expect.Count(p.Mails),
			expect.Count(float64(p.Connections)), expect.Count(p.Opened), expect.Bytes(p.In), expect.Bytes(p.Out)})
	}
	columns(b, rows)
	b.WriteString("\n")
	rows = [][]string{{"action", "per hour", "in all", "received/h", "sent/h"}}
	for _, a := range l.Actions {
		rows = append(rows, []string{a.Name, expect.Count(a.PerHour), expect.Count(a.Total), expect.Bytes(a.In), expect.Bytes(a.Out)})
	}
	columns(b, rows)
	fmt.Fprintf(b, "\n  mails submitted: %s per hour, %s in all\n", expect.Count(l.Mails.PerHour), expect.Count(l.Mails.Total))
	if c := l.Copy; c != nil {
		fmt.Fprintf(b, "  copy traffic: %s users, %s operations/s", expect.Count(float64(c.Users)), expect.Count(c.PerSecond))
		if c.Limit > 0 {
			fmt.Fprintf(b, " (at most %s/s)", expect.Count(c.Limit))
		}
		fmt.Fprintf(b, ", %s per hour, %s operations in all\n", expect.Bytes(c.Bytes), expect.Count(c.Total))
	}
}

func (x *explanation) generator(b *bytes.Buffer) {
	n := &x.Generator
	b.WriteString("\nThe generator\n")
	w := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "  \tneeds\tthis machine has\n")
	fmt.Fprintf(w, "  open files\t%s\t%s (ulimit -n)\n", expect.Count(float64(n.Files)), orUnknown(float64(n.Have.Files), expect.Count))
	fmt.Fprintf(w, "  memory\t%s\t%s\n", expect.Bytes(n.Memory), orUnknown(n.Have.Memory, expect.Bytes))
	for _, way := range x.Load.Ways {
		if n.Have.Ports > 0 && way.Connections > n.Have.Ports/10 { // else there is nothing to think about
			fmt.Fprintf(w, "  ports to %s\t%s\t%s of %d address(es)\n", way.Target, expect.Count(float64(way.Connections)), expect.Count(float64(n.Have.Ports*way.Sources)), way.Sources)
		}
	}
	fmt.Fprintf(w, "  cores\t%s\t%d\n", expect.Count(n.Cores), n.Have.Cores)
	w.Flush() // into memory
	if n.Fits() {
		b.WriteString("  This machine carries it.\n")
		return
	}
	fmt.Fprintf(b, "  This machine is too small; %d like it carry it, each with a share of the users. Short of:\n", n.Generators)
	for _, s := range n.Short {
		fmt.Fprintf(b, "    %s\n", s)
	}
}

func orUnknown(v float64, format func(float64) string) string {
	if v <= 0 {
		return "unknown"
	}
	return format(v)
}
