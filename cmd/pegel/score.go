package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pegel/internal/judge"
	"pegel/internal/score"
)

func scoreCommand(env environment) *cobra.Command {
	var (
		observed string
		asJSON   bool
	)
	cmd := &cobra.Command{
		Use:   "score [DIR…]",
		Short: "hold stored forecasts against what then happened",
		Long: `Every forecast is kept in its archive (` + score.File + `). score looks for them below the directories
(default: runs) and pairs each with its outcome: a later run of the same scenario and
environment that reached higher loads, operation as it was observed (--observed), or, for the
embedded platform, the simulated truth. Real and simulated outcomes are reported apart.

The file of --observed has the columns time (or date), users, and ok (yes or no) or p95.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"runs"}
			}
			rows, err := readObserved(observed)
			if err != nil {
				return err
			}
			var seen []score.Observation
			for _, r := range rows {
				seen = append(seen, score.Observation{At: r.At, Users: r.Users, Environment: r.Environment, Known: r.Known, OK: r.OK, P95: r.P95})
			}
			entries, warnings, err := score.Load(args...)
			if errors.Is(err, os.ErrNotExist) {
				return &exitError{code: exitUsage, err: err, hint: "name the directories that hold your runs"}
			}
			if err != nil {
				return err
			}
			card := newScoreCard(entries, seen, warnings)
			if asJSON {
				return card.writeJSON(env.stdout)
			}
			for _, w := range warnings {
				fmt.Fprintln(env.stderr, "pegel: "+w)
			}
			return card.writeText(env.stdout)
		},
	}
	cmd.Flags().StringVar(&observed, "observed", "", "CSV file of how the platform did in real use")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the scores as JSON")
	return cmd
}

// scoreCard is what is printed.
type scoreCard struct {
	Format    int        `json:"format"`
	Forecasts int        `json:"forecasts"`
	Unpaired  int        `json:"unpaired"`
	Real      score.Card `json:"real"` // later runs and observed operation
	Simulated score.Card `json:"simulated"`
	Warnings  []string   `json:"warnings"`
}

func newScoreCard(entries []score.Entry, observed []score.Observation, warnings []string) scoreCard {
	pairs, unpaired := score.Pairs(entries, observed)
	var actual, simulated []score.Pair
	for _, p := range pairs {
		if p.Kind == score.Simulated {
			simulated = append(simulated, p)
		} else {
			actual = append(actual, p)
		}
	}
	return scoreCard{Format: 1, Forecasts: len(entries), Unpaired: unpaired, Real: score.Score(actual), Simulated: score.Score(simulated),
		Warnings: append([]string{}, warnings...)}
}

func (c scoreCard) writeJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(c)
}

func (c scoreCard) writeText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%d forecasts stored, %d questions without an outcome yet\n", c.Forecasts, c.Unpaired)
	for _, part := range []struct {
		title string
		card  score.Card
	}{{"against real outcomes (later runs, observed operation)", c.Real}, {"against the truth of simulated platforms", c.Simulated}} {
		fmt.Fprintf(&b, "\n%s: %d pairs\n", part.title, part.card.Pairs)
		if part.card.Pairs > 0 {
			textCard(&b, part.card)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func textCard(b *strings.Builder, c score.Card) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(b, "  %-22s %s\n", name, fmt.Sprintf(format, args...))
	}
	if c.Changed > 0 {
		line("changed in between", "%d pairs: the scenario or the environment was another one", c.Changed)
	}
	line("90 % intervals", "%s", shareText(c.Coverage, "held the outcome", "coverage means anything"))
	if c.Bias != nil {
		line("bias", "forecasts were %+.1f %% off in the median", 100*(math.Exp(*c.Bias)-1))
	}
	if c.Width != nil {
		line("width", "upper end %.2f times the lower in the median", *c.Width)
	}
	if c.Refused > 0 {
		line("not determined", "%d; of those with an outcome the lower bound held in %d of %d", c.Refused, c.Lower.Count, c.Lower.Of)
	}
	if c.FalseGo.Of > 0 {
		line("wrong go", "%d of %d; the share is below %.1f %% with 95 %% confidence", c.FalseGo.Count, c.FalseGo.Of, 100*c.FalseMost)
	}
	if c.Brier == nil {
		return
	}
	if c.Decisions < score.Needed {
		line("P(ok)", "%d of %d verdicts needed before a score means anything", c.Decisions, score.Needed)
		return
	}
	line("P(ok)", "Brier score %.3f over %d verdicts (0 is perfect, 0.25 a coin)", *c.Brier, c.Decisions)
	for _, r := range c.Table {
		if r.N > 0 {
			line("", "P(ok) %.2f–%.2f: said %.2f, was ok %d of %d", r.From, r.To, r.Mean, r.OK, r.N)
		}
	}
}

func shareText(r score.Rate, what, meaning string) string {
	if !r.Enough {
		return fmt.Sprintf("%d of %d needed before %s", r.Of, r.Needed, meaning)
	}
	return fmt.Sprintf("%d of %d %s: %.0f %% (95 %%: %.0f–%.0f %%)", r.Count, r.Of, what, 100**r.Share, 100**r.Low, 100**r.High)
}

// toBeScored is a forecast as it is kept for score: with what the run itself measured.
func toBeScored(r *judge.Result, show presentation, asked score.Question) score.Entry {
	f := &r.Forecast
	asked.Blind = asked.Blind || r.Meta.Labels[labelBlind] == "true"
	if asked.NextBatch == 0 {
		asked.NextBatch, _ = strconv.Atoi(r.Meta.Labels[labelNext]) // none where the label is missing
	}
	sum := sha256.New()
	driven := r.Effective
	if driven == nil {
		driven = []byte(string(r.Scenario) + "\x00" + r.Meta.Labels[labelSet])
	}
	fmt.Fprintf(sum, "%s\x00%s", driven, r.Meta.Environment)
	e := score.Entry{
		Time: time.Now().UTC().Truncate(time.Second), Pegel: version, Run: r.Meta.RunID, Started: r.Meta.Started, Scenario: r.Meta.Scenario,
		Environment: r.Meta.Environment, Digest: fmt.Sprintf("%x", sum.Sum(nil))[:16],
		Simulated: r.Meta.Compression > 1 || show.truth != nil, // time runs faster on the embedded platform only
		Question:  asked, Determined: f.Determined, LowerBound: float64(f.LowerBound), Measured: measuredBy(r),
	}
	if f.Determined {
		e.Users = &score.Interval{P05: f.Users.P05, P50: f.Users.P50, P95: f.Users.P95}
		if math.IsInf(e.Users.P95, 0) {
			e.Users.P95 = 0
		}
	}
	for _, b := range f.Batches {
		batch := score.Batch{Name: b.Name, Users: b.Users, Verdict: b.Verdict}
		p, unknown := b.POK, b.Unknown
		if len(b.Situations) > 0 { // outcomes are busy hours
			p, unknown = b.Situations[0].POK, b.Situations[0].Unknown
		}
		if !unknown {
			batch.POK = &p
		}
		e.Batches = append(e.Batches, batch)
	}
	for _, o := range r.Objectives {
		if limit := o.Limit.Seconds(); o.Quantile == 0.95 && (e.P95Limit == 0 || limit < e.P95Limit) {
			e.P95Limit = limit
		}
	}
	if show.truth != nil {
		e.Truth = float64(show.truth.Users)
	}
	if f.Transferred { // the forecast is production's, what was measured is staging's
		e.Environment, e.Measured = "production", score.Measured{}
	}
	return e
}

// measuredBy is the highest load at which all objectives held, below the first at which one was broken. Stages in which
// the generator was late, or none had enough samples, show nothing.
func measuredBy(r *judge.Result) score.Measured {
	var m score.Measured
	valid := map[int]bool{}
	for _, st := range r.Stages {
		if st.Valid {
			valid[st.Users] = true
			m.Max = math.Max(m.Max, float64(st.Users))
		}
	}
	judged, bad := map[int]bool{}, map[int]bool{}
	for _, o := range r.Objectives {
		if at := float64(o.BrokenAt); at > 0 && (m.Broken == 0 || at < m.Broken) {
			m.Broken = at
		}
		for _, st := range o.Stages {
			if valid[st.Users] && st.Enough {
				judged[st.Users] = true
				bad[st.Users] = bad[st.Users] || !st.Held
			}
		}
	}
	for users := range judged {
		if n := float64(users); !bad[users] && (m.Broken == 0 || n < m.Broken) {
			m.Held = math.Max(m.Held, n)
		}
	}
	return m
}

// noteAnswer keeps the answer to a question about one run; what is only assumed, or pooled from several runs, is no
// forecast that anything can be held against. An archive that cannot be written is no reason to hold the answer back.
func noteAnswer(env environment, dirs []string, r *judge.Result, show presentation, asked score.Question) {
	if len(dirs) != 1 || r.Forecast.WhatIf != nil {
		return
	}
	if err := score.Append(dirs[0], toBeScored(r, show, asked)); err != nil {
		fmt.Fprintf(env.stderr, "pegel: %v; pegel score will not know of it\n", err)
	}
}
