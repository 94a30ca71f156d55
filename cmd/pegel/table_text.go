package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"pegel/internal/capacity"
	"pegel/internal/table"
)

// writeText writes the answer for people, in English.
func (a *tableAnswer) writeText(w io.Writer) error {
	var b strings.Builder
	if f := a.capacity; f != nil {
		a.textForecast(&b, f)
	}
	if a.usl != nil {
		a.textLaw(&b, a.usl)
	}
	fmt.Fprintf(&b, "\n%d rows of %s, load from the column %q\n", len(a.table.Rows), a.table.File, a.table.Head(a.table.Load()))
	for _, warning := range a.warnings {
		if f := a.capacity; f != nil && warning.Code == f.Why.Code && !f.Determined {
			continue // the answer itself
		}
		fmt.Fprintf(&b, "! %s\n", warning.Text)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (a *tableAnswer) textForecast(b *strings.Builder, f *capacity.Forecast) {
	what := "active users"
	if a.table.Load() == table.Concurrency {
		what = "requests at once"
	}
	if !f.Determined {
		fmt.Fprintf(b, "not determined: %s\n", f.Why)
	} else {
		fmt.Fprintf(b, "capacity  %s %s (%s–%s)\n", figure(f.Users.P50), what, figure(f.Users.P05), figure(f.Users.P95))
		switch first := f.First; {
		case first.Resource != "" && first.Objective.Name != "":
			fmt.Fprintf(b, "first     %s, by %s (probability %.0f %%)\n", first.Objective.Name, first.Resource, 100*first.Probability)
		case first.Resource != "":
			fmt.Fprintf(b, "first     %s (probability %.0f %%)\n", first.Resource, 100*first.Probability)
		case first.Objective.Name != "":
			fmt.Fprintf(b, "first     %s\n", first.Objective.Name)
		}
	}
	fmt.Fprintf(b, "shown     every objective held up to %s of %s measured\n", figure(f.Lower), figure(f.Measured))
	for _, r := range f.Resources {
		alone := "not in sight"
		if r.Known {
			alone = fmt.Sprintf("%s (%s–%s)", figure(r.Users.P50), figure(r.Users.P05), figure(r.Users.P95))
		}
		fmt.Fprintf(b, "  %-20s limit %s, alone it would carry %s\n", r.Name, figure(r.Limit), alone)
	}
}

func (a *tableAnswer) textLaw(b *strings.Builder, u *capacity.USL) {
	fmt.Fprintf(b, "X(n) = λn / (1 + σ(n−1) + κn(n−1)), fitted on %s\n", a.on)
	for _, c := range []struct {
		name string
		of   capacity.Coefficient
	}{{"σ", u.Sigma}, {"κ", u.Kappa}, {"λ", u.Lambda}} {
		note := ""
		if c.of.Bound {
			note = "  on its bound"
		}
		fmt.Fprintf(b, "  %s  %.6g  (95 %%: %.4g–%.4g; as the R package usl prints it: %.4g–%.4g)%s\n", c.name, c.of.Value, c.of.Low, c.of.High, c.of.UslLow, c.of.UslHigh, note)
	}
	if n, x, ok := u.Peak(); ok {
		fmt.Fprintf(b, "  peak %.4g per second at n = %.4g\n", x, n)
	} else if x, ok := u.Limit(); ok {
		fmt.Fprintf(b, "  no peak; throughput stays below %.4g per second\n", x)
	} else {
		b.WriteString("  no peak and no limit in these data\n")
	}
	fmt.Fprintf(b, "  residual standard error %.4g with %d degrees of freedom\n", u.ResidualSE, u.DF)
}

// figure writes a load with four significant digits.
func figure(v float64) string { return strconv.FormatFloat(significant(v), 'f', -1, 64) }
