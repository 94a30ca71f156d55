package accuracy

import (
	"bufio"
	"fmt"
	"io"
	"text/tabwriter"

	"pegel/testenv"
)

// Document is what the page in the documentation is written from.
type Document struct {
	Seed      uint64
	Platforms int
	Seconds   float64
	Version   string
	Trials    []Trial
	Published []Backtest
	Cases     []Case // on simulated platforms
	Real      []Real
	RealCase  *Case // nil: real software was not asked for
}

// WriteText writes goals and figures for a terminal.
func WriteText(w io.Writer, trials []Trial, cases []Case, seconds float64) error {
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "family\tup to\tview\tdetermined\tmedian\tp90\tbias\tcovers\thi/lo\tresource\twrong go")
	for _, r := range Rows(trials) {
		fmt.Fprintf(t, "%s\t%.0f %%\t%s\t%d/%d\t%s\t%d/%d\n", r.Family, 100*r.Fraction, view(r.Counters), r.Determined, r.Trials, figures(r, "\t"), r.WrongGo, r.Go)
	}
	fmt.Fprintln(t)
	if err := t.Flush(); err != nil {
		return err
	}
	for _, c := range cases {
		if err := writeCase(w, c); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%.0f s\n", seconds)
	return err
}

func writeCase(w io.Writer, c Case) error {
	mark := "met   "
	if !c.Met {
		mark = "missed"
	}
	_, err := fmt.Fprintf(w, "%s  %s: %s\n        goal: %s\n", mark, c.Name, c.Figure, c.Goal)
	return err
}

// figures are a row's error, bias, coverage, width and named resources, or dashes where nothing was determined.
func figures(r Row, separator string) string {
	if r.Determined == 0 {
		return "—" + separator + "—" + separator + "—" + separator + "—" + separator + "—" + separator + "—"
	}
	return fmt.Sprintf("%.1f%s%.1f%s%+.1f%s%.0f %%%s%.2f%s%.0f %%", 100*r.Median, separator, 100*r.P90, separator, 100*r.Bias, separator, 100*r.Coverage, separator, r.Width, separator, 100*r.Named)
}

func view(counters bool) string {
	if counters {
		return "counters"
	}
	return "client only"
}

// WriteDocument writes the page of the documentation.
func WriteDocument(w io.Writer, d Document) error {
	b := bufio.NewWriter(w)
	p := func(format string, args ...any) { fmt.Fprintf(b, format+"\n", args...) }
	p("# How far forecasts can be trusted")
	p("")
	p("Written by `make bench-forecast` (seed %d, %d platforms of each family, %.0f s on the machine that wrote it); not by hand.", d.Seed, d.Platforms, d.Seconds)
	p("Platforms are drawn at random, their true capacity N* is found by discrete-event simulation to 1 %%, and a measurement of")
	p("six stages of 300 s is simulated with other random numbers. Simulator and model share no code. These are *simulated*")
	p("errors; those on real software stand apart, below, and real systems are harder.")
	p("")
	p("## Goals")
	p("")
	p("| case | goal | reached | met |")
	p("|---|---|---|---|")
	for _, c := range d.Cases {
		met := "yes"
		if !c.Met {
			met = "**no**"
		}
		p("| %s | %s | %s | %s |", c.Name, c.Goal, c.Figure, met)
	}
	p("")
	p("## By family")
	p("")
	p("Relative errors of the median forecast in %%, over the platforms for which a number was given; “covers” is the share of")
	p("90 %% intervals that hold the truth, “hi/lo” their median width, “resource” how often the right one was named.")
	p("")
	p("| family | measured up to | view | determined | median | p90 | bias | covers | hi/lo | resource | wrong go | lower bound holds |")
	p("|---|---|---|---|---|---|---|---|---|---|---|---|")
	rows := Rows(d.Trials)
	for _, r := range rows {
		p("| %s | %.0f %% | %s | %d/%d | %s | %d/%d | %.0f %% |", r.Family, 100*r.Fraction, view(r.Counters), r.Determined, r.Trials, figures(r, " | "), r.WrongGo, r.Go, 100*r.Holds)
	}
	p("")
	p("## What simpler methods say about the same measurements")
	p("")
	p("Median / 90th percentile of the relative error in %%, and for how many platforms the method found a crossing at all. None of")
	p("them gives an interval or refuses where it should.")
	p("")
	p("| family | measured up to | line through p95 | USL on users | USL on concurrency |")
	p("|---|---|---|---|---|")
	for _, r := range rows {
		if r.Counters {
			p("| %s | %.0f %% | %s | %s | %s |", r.Family, 100*r.Fraction, rival(r.Linear), rival(r.USLUsers), rival(r.USLConcurrency))
		}
	}
	p("")
	if len(d.Published) > 0 {
		p("## Published measurements")
		p("")
		p("The Universal Scalability Law, fitted to the rows below 0.6 of the highest load, against what was measured at the highest.")
		p("")
		p("| table | rows fitted | up to | at | throughput forecast (95 %% prediction band) | measured | error |")
		p("|---|---|---|---|---|---|---|")
		for _, b := range d.Published {
			p("| %s | %d of %d | %.3g | %.3g | %.4g (%.4g–%.4g) | %.4g | %+.1f %% |", b.Table, b.Fit, b.Rows, b.UpTo, b.At, b.Predicted, b.Low, b.High, b.Measured, 100*(b.Predicted/b.Measured-1))
		}
		p("")
	}
	p("## The families")
	p("")
	for _, f := range testenv.Families() {
		where := "inside the model"
		if !f.Inside {
			where = "outside the model"
		}
		p("- **%s** (%s): %s", f.Name, where, f.What)
	}
	if d.RealCase != nil {
		writeReal(b, d.Real, *d.RealCase)
	}
	return b.Flush()
}

func rival(r RivalRow) string {
	if r.Numbers == 0 {
		return "none"
	}
	return fmt.Sprintf("%.0f / %.0f (%d)", 100*r.Median, 100*r.P90, r.Numbers)
}
