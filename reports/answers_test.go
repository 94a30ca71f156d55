package reports

import (
	"encoding/json"
	stdhtml "html"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// answered is what the tests read back from forecast.json.
type answered struct {
	Situations []situationRead `json:"situations"`
	Batches    []batchRead     `json:"batches"`
	Plan       struct {
		Safe     int        `json:"safe"`
		LastDate string     `json:"last_safe_date"`
		Summary  string     `json:"summary"`
		Measure  targetRead `json:"measure"`
	} `json:"plan"`
	WhatIf struct {
		Assumed    []string        `json:"assumed"`
		Before     situationRead   `json:"before"`
		After      situationRead   `json:"after"`
		Situations []situationRead `json:"situations"`
		Batches    []batchRead     `json:"batches"`
	} `json:"what_if"`
	Target   targetRead `json:"target"`
	Activity float64    `json:"activity_share"`
	Transfer bool       `json:"transferred"`
	Runs     []struct {
		ID string `json:"id"`
	} `json:"runs"`
}

type situationRead struct {
	Name     string `json:"name"`
	Capacity *struct {
		Users, Accounts capacity.Interval
	} `json:"capacity"`
	Limit struct {
		Resource string `json:"resource"`
	} `json:"limit"`
}

type batchRead struct {
	Name     string   `json:"name"`
	Date     string   `json:"date"`
	Accounts int      `json:"accounts"`
	After    int      `json:"accounts_after"`
	Users    float64  `json:"users_after"`
	POK      *float64 `json:"p_ok"`
	Verdict  string   `json:"verdict"`
	Worst    string   `json:"worst_situation"`
	Resource string   `json:"resource"`
}

type targetRead struct {
	Accounts int     `json:"accounts"`
	Users    float64 `json:"users"`
	POK      float64 `json:"p_ok"`
	After    float64 `json:"p_ok_after"`
	Enough   bool    `json:"enough"`
	Changes  []struct {
		Resource string  `json:"resource"`
		From     float64 `json:"from"`
		To       float64 `json:"to"`
	} `json:"changes"`
}

func readBack(t *testing.T, r *judge.Result) answered {
	t.Helper()
	var file answered
	if err := json.Unmarshal([]byte(written(t, func(w io.Writer) error { return WriteForecast(w, r, Extra{}) })), &file); err != nil {
		t.Fatal(err)
	}
	return file
}

var (
	tags   = regexp.MustCompile(`<[^>]*>`)
	rowsOf = regexp.MustCompile(`(?s)<tr.*?</tr>`)
	cells  = regexp.MustCompile(`(?s)<t[hd][^>]*>(.*?)</t[hd]>`)
)

// plain is the text of a page or a cell without tags, with plain spaces and dashes.
func plain(markup string) string {
	text := stdhtml.UnescapeString(tags.ReplaceAllString(markup, " "))
	text = strings.NewReplacer("\u00a0", " ", "\u2060", "").Replace(text)
	return strings.Join(strings.Fields(text), " ")
}

// sectionOf is the markup of one section of a page.
func sectionOf(t *testing.T, page, id string) string {
	t.Helper()
	found := regexp.MustCompile(`(?s)<section id="` + id + `".*?</section>`).FindString(page)
	if found == "" {
		t.Fatalf("no section %s", id)
	}
	return found
}

// cellsOf are the texts of all rows of a section's tables, cell by cell.
func cellsOf(markup string) [][]string {
	var rows [][]string
	for _, row := range rowsOf.FindAllString(markup, -1) {
		var texts []string
		for _, c := range cells.FindAllStringSubmatch(row, -1) {
			texts = append(texts, plain(c[1]))
		}
		rows = append(rows, texts)
	}
	return rows
}

// wantRow looks for a row that has these texts in this order, other cells between them.
func wantRow(t *testing.T, where string, rows [][]string, texts ...string) {
	t.Helper()
	for _, row := range rows {
		i := 0
		for _, c := range row {
			if i < len(texts) && (c == texts[i] || i == 0 && strings.HasPrefix(c, texts[i])) {
				i++
			}
		}
		if i == len(texts) {
			return
		}
	}
	t.Errorf("%s: no row with %q in %q", where, texts, rows)
}

// wantLine looks for a line of the summary that has these texts in this order, the first one at its beginning.
func wantLine(t *testing.T, out string, texts ...string) {
	t.Helper()
	for line := range strings.Lines(out) {
		rest := strings.TrimSpace(line)
		ok := strings.HasPrefix(rest, texts[0])
		for _, s := range texts {
			_, after, found := strings.Cut(rest, s)
			rest, ok = after, ok && found
		}
		if ok {
			return
		}
	}
	t.Errorf("no line of the summary has %q:\n%s", texts, out)
}

// TestAnswersAgree holds what was answered against each other in JSON, page and summary, in both languages: the numbers are
// read from the JSON, rounded by the report's rules, and looked for in the rows where they belong.
func TestAnswersAgree(t *testing.T) {
	r := full()
	file := readBack(t, r)
	en, de := both(t)
	for _, l := range []*language{en, de} {
		page, out := visible(html(t, r, Options{Lang: l.code})), text(t, r, Options{Lang: l.code})
		flat := strings.Join(strings.Fields(out), " ")
		situations := cellsOf(sectionOf(t, page, "situations"))
		for _, s := range file.Situations {
			users := l.estimate(s.Capacity.Users) + " (" + l.spread(s.Capacity.Users) + ")"
			accounts := l.estimate(s.Capacity.Accounts)
			wantRow(t, "situations", situations, l.situation(s.Name), users, accounts+" ("+l.spread(s.Capacity.Accounts)+")")
			wantLine(t, out, l.situation(s.Name), users, accounts, s.Limit.Resource)
		}
		plan := cellsOf(sectionOf(t, page, "batches"))
		for _, b := range file.Batches {
			wantRow(t, "plan", plan, b.Name, b.Date, l.count(b.Accounts), l.count(b.After), l.about(b.Users), l.probability(*b.POK),
				symbol(b.Verdict)+" "+l.t("word."+b.Verdict), b.Worst)
			wantLine(t, out, b.Name, b.Date, l.count(b.Accounts), l.about(b.Users), l.probability(*b.POK), l.t("word."+b.Verdict), b.Resource)
		}
		whatIf := cellsOf(sectionOf(t, page, "what-if"))
		for i, s := range file.WhatIf.Situations {
			users := l.estimate(s.Capacity.Users) + " (" + l.spread(s.Capacity.Users) + ")"
			wantRow(t, "what-if", whatIf, l.situation(s.Name), l.t("text.after"), users)
			wantLine(t, out, l.situation(s.Name), users)
			was := file.Situations[i].Capacity.Users
			wantRow(t, "what-if", whatIf, l.situation(s.Name), l.t("text.before"), l.estimate(was)+" ("+l.spread(was)+")")
		}
		for i, b := range file.WhatIf.Batches {
			wantRow(t, "batches then", whatIf, b.Name, l.count(b.After), l.about(b.Users), l.probability(*file.Batches[i].POK), l.probability(*b.POK),
				symbol(b.Verdict)+" "+l.t("word."+b.Verdict))
			wantLine(t, out, b.Name, b.Date, l.about(b.Users), l.probability(*b.POK), l.t("word."+b.Verdict))
		}
		for id, target := range map[string]targetRead{"batches": file.Plan.Measure, "what-if": file.Target} {
			markup := sectionOf(t, page, id)
			asked := l.t("text.target-accounts", l.count(target.Accounts), l.about(target.Users))
			if id == "what-if" {
				wantLine(t, out, l.t("text.target", asked))
			}
			if !strings.Contains(plain(markup), asked) || !strings.Contains(plain(markup), l.likelihood(target.POK)) || !strings.Contains(flat, l.probability(target.POK)) {
				t.Errorf("%s, %s: does not say %s and %s", l.code, id, asked, l.likelihood(target.POK))
			}
			if target.Enough && (!strings.Contains(plain(markup), l.probability(target.After)) || !strings.Contains(flat, l.t("text.target-then", l.probability(target.After)))) {
				t.Errorf("%s, %s: does not say %s", l.code, id, l.probability(target.After))
			}
			for _, c := range target.Changes {
				wantRow(t, id, cellsOf(markup), c.Resource, l.amount(c.From), l.amount(c.To))
				wantLine(t, out, c.Resource, l.amount(c.From), "→ "+l.amount(c.To))
			}
		}
		verdict := plain(sectionOf(t, page, "verdict"))
		worst := file.Situations[slices.IndexFunc(file.Situations, func(s situationRead) bool { return s.Name == file.Batches[0].Worst })]
		said := []string{l.estimate(worst.Capacity.Users) + " ", l.spread(worst.Capacity.Users), worst.Name, l.percent(file.Activity), "20 %", "200 → 400"}
		for _, run := range file.Runs {
			said = append(said, run.ID)
		}
		for _, s := range said {
			if !strings.Contains(verdict, s) || !strings.Contains(flat, s) {
				t.Errorf("%s: the banner or the summary does not have %q:\n%s\n%s", l.code, s, verdict, flat)
			}
		}
	}
	if len(file.Batches) != 6 || len(file.Situations) != 3 || len(file.Runs) != 2 || !file.Transfer || file.Plan.Safe != 2 || file.Target.Enough {
		t.Errorf("read back %+v", file)
	}
}

func symbol(verdict string) string {
	return map[string]string{Go: "✓", Caution: "!", NoGo: "✗"}[verdict]
}

// TestPlanMarksTheLastSafeBatch also where all or none are safe.
func TestPlanMarksTheLastSafeBatch(t *testing.T) {
	r := full()
	marked := regexp.MustCompile(`(?s)<tr class="last">\s*<th scope="row">(\w+) <small>last safe batch`)
	if m := marked.FindStringSubmatch(html(t, r, Options{})); m == nil || m[1] != "14" {
		t.Errorf("marked %q, want batch 14", m)
	}
	if page := plain(sectionOf(t, visible(html(t, r, Options{})), "batches")); !strings.Contains(page, "Go up to batch 14, 2025-10-20, the last safe date; batch 15 is the first that is not") {
		t.Errorf("no summary of the plan: %s", page)
	}
	r.Forecast.Plan = &judge.Plan{Batches: 6, Safe: 6, Last: &r.Forecast.Batches[5], Summary: judge.Say("plan-all", 6)}
	if page := html(t, r, Options{}); marked.MatchString(page) || !strings.Contains(page, "All 6 batches are go") {
		t.Error("a last safe batch is marked although all of them are")
	}
	if page := html(t, openSituation(), Options{}); marked.MatchString(page) {
		t.Error("a last safe batch is marked although there is none")
	}
}

// TestOpenSituation is about the situation that decides because nothing is known of it.
func TestOpenSituation(t *testing.T) {
	page := visible(html(t, openSituation(), Options{}))
	if rows := cellsOf(sectionOf(t, page, "situations")); !strings.HasPrefix(rows[1][0], "Monday login the worst") || rows[1][1] != "not determined" {
		t.Errorf("the situation that decides is not the first: %q", rows[1])
	}
	for _, want := range []string{"What decides is the situation “Monday login”", "no logins of arriving users were seen"} {
		if !strings.Contains(plain(sectionOf(t, page, "verdict")), want) {
			t.Errorf("the banner does not say %q", want)
		}
	}
	if s := plain(sectionOf(t, page, "batches")); strings.Count(s, "no logins of arriving users were seen") != 1 || !strings.Contains(s, "Batch 13, batch 14, batch 15: what the situation") {
		t.Errorf("the reason is not said once for its batches: %s", s)
	}
	if s := plain(sectionOf(t, page, "what-if")); !strings.Contains(s, "would bring is not determined") || !strings.Contains(s, "the counters of store.disk are missing") {
		t.Errorf("the what-if does not say why it is not determined: %s", s)
	}
}

// TestUndeterminedAnswers shows no number where nothing is known.
func TestUndeterminedAnswers(t *testing.T) {
	r := undeterminedFully()
	page := visible(html(t, r, Options{}))
	for _, id := range []string{"situations", "batches", "what-if"} {
		s := sectionOf(t, page, id)
		if strings.Contains(s, `class="range"`) || strings.Contains(s, `class="bar"`) || strings.Contains(plain(s), "0 (0–0)") {
			t.Errorf("%s: draws what is not known", id)
		}
		if why := "response times do not yet rise"; !strings.Contains(plain(s), why) && id != "what-if" {
			t.Errorf("%s: does not say why", id)
		}
	}
	if s := plain(sectionOf(t, page, "verdict")); !strings.Contains(s, "With batch 16 there will be 8,300 active users; whether every objective holds then is not determined.") {
		t.Errorf("the banner says of the batch: %s", s)
	}
	for _, b := range readBack(t, r).Batches {
		if b.POK != nil {
			t.Errorf("batch %s: P(ok) %v where none is known", b.Name, *b.POK)
		}
	}
}

// TestStagingIsNotProduction: what was measured on staging is no measurement of production.
func TestStagingIsNotProduction(t *testing.T) {
	r := full()
	var data struct {
		Charts struct {
			Edge struct {
				Measured, Lower float64
				Staging         bool
				Worst           []float64
			}
			Use struct {
				Interval []float64
				Series   []struct{ Beyond []any }
			}
		}
	}
	raw := regexp.MustCompile(`(?s)id="data">(.*?)</script>`).FindStringSubmatch(html(t, r, Options{}))[1]
	if err := json.Unmarshal([]byte(raw), &data); err != nil {
		t.Fatal(err)
	}
	edge, use := data.Charts.Edge, data.Charts.Use
	if edge.Measured != 0 || edge.Lower != 0 || !edge.Staging || len(edge.Worst) != 3 || edge.Worst[1] != 8020 {
		t.Errorf("the chart of the edge has %+v", edge)
	}
	if len(use.Interval) != 0 || len(use.Series[0].Beyond) != 0 {
		t.Error("staging's use of its limits is continued into production")
	}
	page := plain(sectionOf(t, visible(html(t, r, Options{})), "limit"))
	if !strings.Contains(page, "had 165 of 200 in use (83 %). That was on staging; in production the limit is 400.") {
		t.Errorf("the evidence mixes staging and production: %s", page)
	}
	r.Forecast.Determined, r.Forecast.Batch = false, nil
	if out := text(t, r, Options{}); !strings.Contains(out, "On staging every objective held up to 3,750") || strings.Contains(out, "NOT DETERMINED ABOVE") {
		t.Errorf("staging's load passes for production's:\n%s", out)
	}
}

// TestPooledRuns shows of the older run neither holds nor discarded time in the newest one's.
func TestPooledRuns(t *testing.T) {
	r := full()
	if n := len(borders(r)); n != 3 {
		t.Errorf("%d holds over time, the newest run has 3", n)
	}
	rows := cellsOf(sectionOf(t, visible(html(t, r, Options{})), "trust"))
	wantRow(t, "runs", rows, "20251002-091500-kiel", "2025-10-02 09:15", "2 of 2", "750 – 1,500", "456 ms – 460 ms")
	wantRow(t, "runs", rows, "20251004-091500-kiel", "2025-10-04 09:15", "3 of 3", "2,250 – 3,750", "425 ms – 604 ms")
	if page := visible(html(t, fixture(), Options{})); strings.Contains(page, "judged together") || strings.Contains(page, "newest run") {
		t.Error("one run is shown as several")
	}
}
