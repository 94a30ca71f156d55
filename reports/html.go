package reports

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"regexp"
	"strconv"
	"strings"

	"pegel/internal/judge"
)

//go:embed template/report.tmpl.html template/report.css template/report.js template/vendor/echarts.min.js
var files embed.FS

// page is what the template shows.
type page struct {
	Lang     string
	Title    string
	Scenario string
	Started  string
	Sections []section

	Answer     headline
	Tiles      []tile
	Conditions []pair
	Warnings   []*remark
	Why        *remark // not determined
	Truth      string

	Edge       *figure
	Situations situations
	Batches    batchPlan
	WhatIf     whatIf
	Arms       armed
	Effects    effects
	Limits     limits
	Feel       feel
	Dimensions byDimension
	Mail       delivered
	Copies     copied
	Checks     checks
	Browser    browsers
	Failures   failures
	Trust      trust
	CSS        template.CSS
	ECharts    template.JS
	Script     template.JS
	Data       template.JS
	Generator  string
	Newest     string // several runs: which one is shown over time
}

type section struct{ ID, Name string }

type pair struct {
	Label, Value string
	Run          bool // the value is words of the run
}

// builder collects the charts of one report while its sections are made.
type builder struct {
	*language
	r      *judge.Result
	opt    Options
	charts map[string]chart
	stages []judge.StageResult // by load
}

// WriteHTML writes the report as one file that needs nothing else: styles, scripts and data are inside, and its content
// security policy forbids it to load anything.
func WriteHTML(w io.Writer, r *judge.Result, opt Options) error {
	l, err := speak(opt.Lang)
	if err != nil {
		return err
	}
	b := &builder{language: l, r: r, opt: opt, charts: map[string]chart{}, stages: byLoad(r)}
	p := b.page()
	if err := b.embed(&p); err != nil {
		return err
	}
	source, err := files.ReadFile("template/report.tmpl.html")
	if err != nil {
		return fmt.Errorf("reading the report's template: %w", err)
	}
	t, err := template.New("report").Funcs(template.FuncMap{
		"t":       l.t,
		"nb":      unbroken,
		"places":  func(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) },
		"percent": func(share float64) string { return strconv.FormatFloat(100*share, 'f', 1, 64) },
	}).Parse(string(source))
	if err != nil {
		return fmt.Errorf("reading the report's template: %w", err)
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

var ends = regexp.MustCompile(`(\d)–(\d)`)

// unbroken keeps a number and its unit on one line, and the two ends of an interval.
func unbroken(text string) string {
	text = ends.ReplaceAllString(text, "$1\u2060–\u2060$2")
	return strings.NewReplacer(" %", "\u00a0%", " ms", "\u00a0ms", " s ", "\u00a0s ", " s.", "\u00a0s.", " min ", "\u00a0min\u00a0").Replace(text)
}

func (b *builder) page() page {
	r := b.r
	p := page{
		Lang:       b.code,
		Title:      b.t("title", r.Meta.Scenario),
		Scenario:   r.Meta.Scenario,
		Started:    r.Meta.Started.Format("2006-01-02 15:04"),
		Answer:     b.answer(r),
		Tiles:      b.tiles(),
		Conditions: b.conditions(),
		Warnings:   b.remarks(r.Warnings),
		Truth:      b.truth(r, b.opt.Truth),
		Edge:       b.edge(),
		Situations: b.situations(),
		Batches:    b.batches(),
		WhatIf:     b.whatIf(),
		Newest:     b.newest(),
		Arms:       b.arms(),
		Effects:    b.effects(),
		Limits:     b.limits(),
		Feel:       b.feel(),
		Dimensions: b.dimensions(),
		Mail:       b.delivered(),
		Copies:     b.copied(),
		Checks:     b.checks(),
		Browser:    b.browsers(),
		Failures:   b.failures(),
		Trust:      b.trust(),
		Generator:  "pegel " + r.Meta.Pegel,
	}
	p.Sections = []section{{"verdict", b.t("nav.verdict")}, {"edge", b.t("nav.edge")}}
	if !r.Forecast.Determined {
		p.Why = b.remark(r.Forecast.Why)
	}
	if len(p.Situations.Table.Rows) > 0 {
		p.Sections = append(p.Sections, section{"situations", b.t("nav.situations")})
	}
	if len(p.Batches.Table.Rows) > 0 {
		p.Sections = append(p.Sections, section{"batches", b.t("nav.batches")})
	}
	if p.WhatIf.Title != "" || p.WhatIf.Target != nil {
		p.Sections = append(p.Sections, section{"what-if", b.t("nav.what-if")})
	}
	if r.Arms != nil {
		p.Sections = append(p.Sections, section{"experiment", b.t("nav.arms")})
	}
	if r.Effects != nil {
		p.Sections = append(p.Sections, section{"effects", b.t("nav.effects")})
	}
	p.Sections = append(p.Sections, section{"limit", b.t("nav.limit")}, section{"feel", b.t("nav.feel")})
	if len(p.Dimensions.Tables) > 0 {
		p.Sections = append(p.Sections, section{"groups", b.t("nav.groups")})
	}
	if p.Mail.Title != "" {
		p.Sections = append(p.Sections, section{"mail", b.t("nav.mail")})
	}
	if p.Copies.Title != "" {
		p.Sections = append(p.Sections, section{"copies", b.t("nav.copies")})
	}
	if p.Checks.Title != "" {
		p.Sections = append(p.Sections, section{"state", b.t("nav.checks")})
	}
	if p.Browser.Title != "" {
		p.Sections = append(p.Sections, section{"browser", b.t("nav.browser")})
	}
	p.Sections = append(p.Sections, section{"failures", b.t("nav.failures")}, section{"trust", b.t("nav.trust")})
	return p
}

// embed puts styles, scripts and data into the page. The data are JSON in which <, > and & are escaped, so that nothing
// from the run can end the script element that carries them.
func (b *builder) embed(p *page) error {
	read := func(name string) string {
		data, err := files.ReadFile("template/" + name)
		if err != nil {
			panic(err) // it is compiled in
		}
		return string(data)
	}
	p.CSS = template.CSS(read("report.css"))
	p.Script = template.JS(read("report.js"))
	p.ECharts = template.JS(read("vendor/echarts.min.js"))
	texts := map[string]string{}
	for key, text := range b.texts {
		if rest, ok := strings.CutPrefix(key, "chart."); ok {
			texts[rest] = text
		}
	}
	data, err := json.Marshal(map[string]any{
		"charts": b.charts, "text": texts, "thousands": b.thousands, "decimal": b.decimal,
	})
	if err != nil {
		return fmt.Errorf("encoding the report's data: %w", err)
	}
	p.Data = template.JS(data)
	return nil
}
