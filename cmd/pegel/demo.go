package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pegel/internal/judge"
	"pegel/internal/plan"
	"pegel/probes"
	"pegel/probes/browser"
	"pegel/reports"
	"pegel/scenarios"
	"pegel/testenv"
)

const demoPassword = "demo-secret"

func demoCommand(env environment) *cobra.Command {
	var d demo
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "a wave on the embedded platform, with forecast, report and truth, in under 100 seconds",
		Long: `The demo starts an embedded platform with a known capacity, drives the shipped scenario "demo"
against it over real protocols while two batches join, forecasts from what it measured, and
only then computes the true capacity by simulation. The seed draws the platform (which
resource limits it, limits and demands) and the load (mix, stages). With --profile the platform is one
of the shipped ones and only the load is drawn. Times are compressed eightfold.`,
		Args: exactly(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			d.env = env
			if err := knownLanguage(d.lang); err != nil {
				return err
			}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().Uint64Var(&d.seed, "seed", 1, "draws the platform and the load")
	cmd.Flags().StringVar(&d.profile, "profile", "", "a shipped platform instead of a drawn one; pegel testenv --list names them")
	cmd.Flags().StringVar(&d.out, "out", "", "directory of the archive (default runs/demo-TIME)")
	cmd.Flags().BoolVar(&d.json, "json", false, "print the forecast as JSON")
	cmd.Flags().BoolVar(&d.blind, "blind", false, "withhold the platform's counters from the forecast")
	cmd.Flags().StringVar(&d.lang, "lang", "en", "language of report and summary: en or de")
	return cmd
}

// demo is one demonstration.
type demo struct {
	env         environment
	seed        uint64
	profile     string
	out, lang   string
	json, blind bool
}

func (d *demo) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	definition := testenv.Draw(d.seed)
	if d.profile != "" {
		var err error
		if definition, err = testenv.Profile(d.profile); err != nil {
			return usage("%v", err)
		}
	}
	platform, err := testenv.Start(ctx, testenv.Options{Definition: definition, Seed: d.seed, Accounts: 2000, Password: demoPassword, SourceAccounts: true})
	if err != nil {
		return err
	}
	defer platform.Close()

	observed := browser.Installed()
	s, err := d.scenario(definition, platform.URLs, observed)
	if err != nil {
		return err
	}
	run, err := prepare(s, d.out, d.env)
	if err != nil {
		return err
	}
	run.quiet = d.json
	again := fmt.Sprintf("pegel demo --seed %d", d.seed)
	if d.profile != "" {
		again += " --profile " + d.profile
	}
	if d.blind {
		again += " --blind"
	}
	run.remember(d.sets(definition, platform.URLs, observed), 0, d.blind, again)
	run.notes = append(run.notes, judge.Say(judge.NoteCompressed, s.Compression, s.Compression).String())
	if observed {
		run.notes = append(run.notes, judge.Say(judge.NoteBrowser).String())
	} else {
		run.notes = append(run.notes, judge.Say(judge.NoteNoBrowser).String())
	}
	if d.blind {
		run.notes = append(run.notes, judge.Say(judge.NoteBlind).String())
	}
	for _, note := range run.notes {
		fmt.Fprintln(d.env.stderr, "note: "+note)
	}
	ended := run.drive(ctx)
	if err := notJudged(ended); err != nil {
		return err
	}
	show := presentation{json: d.json, lang: d.lang, again: again}
	r, err := judged(run.dir, s, judge.Options{Blind: d.blind})
	if err != nil {
		return err
	}
	if err := store(run.dir, r, show); err != nil { // on disk before the truth is looked for
		return err
	}
	platform.Close()
	if ended == nil {
		truth, err := testenv.Truth(ctx, definition, workload(run.plan), testenv.TruthOptions{Seed: d.seed + 1, Budget: 14 * time.Second})
		if err != nil {
			fmt.Fprintf(d.env.stderr, "pegel: the true capacity was not found: %v\n", err)
		} else {
			show.truth = &reports.Truth{Users: truth.Users, Objective: truth.Objective, Resource: truth.Resource}
			if err := store(run.dir, r, show); err != nil {
				return err
			}
		}
	}
	if err := print(d.env, run.dir, r, show); err != nil {
		return err
	}
	err = outcome(r, ended)
	var exit *exitError
	if errors.As(err, &exit) && (exit.code == exitNoGo || exit.code == exitCaution || exit.code == exitObjective) {
		return nil // any verdict is a good demo
	}
	return err
}

// scenario loads the shipped scenario with this demo's addresses and draws.
func (d *demo) scenario(def testenv.Definition, urls testenv.URLs, observed bool) (*scenarios.Scenario, error) {
	opt := scenarios.Options{Set: d.sets(def, urls, observed), Getenv: d.getenv}
	return openShipped("demo", opt)
}

func (d *demo) getenv(name string) (string, bool) {
	if name == "PEGEL_DEMO_PASSWORD" {
		return demoPassword, true
	}
	return d.env.getenv(name)
}

// sets are the overrides that make the shipped scenario this demo. The stages lie at shares, drawn too, of what the
// platform would carry if nobody ever waited, as a planner would size a test from data sheets; the forecast does not see
// that number.
func (d *demo) sets(def testenv.Definition, urls testenv.URLs, observed bool) []string {
	rng := rand.New(rand.NewPCG(d.seed, 77))
	pick := func(low, high float64) float64 { return low + (high-low)*rng.Float64() }
	sets := []string{
		fmt.Sprintf("seed=%d", d.seed),
		fmt.Sprintf(`targets={web: {url: "%s", timeout: 20s}, browser: {url: "%s", timeout: 20s}, imap: {url: "%s", timeout: 20s}, imap.source: {url: "%s", timeout: 20s}, smtp: {url: "%s", timeout: 20s}, caldav: {url: "%s", timeout: 20s}}`,
			urls.Web, urls.Web, urls.IMAP, urls.IMAPSource, urls.SMTP, urls.CalDAV),
		"observe.0.prometheus=" + urls.Metrics,
		fmt.Sprintf("activity.browser=%.3f", pick(0.26, 0.32)),
		fmt.Sprintf("activity.thunderbird=%.3f", pick(0.22, 0.27)),
		fmt.Sprintf("activity.mobile=%.3f", pick(0.08, 0.13)),
	}
	if d.profile != "" {
		sets = append(sets, observing(def, urls.Metrics)) // a profile has resources of its own
	}
	if !observed {
		sets = append(sets, "personas=[{name: browser, journey: webmail}, {name: thunderbird, journey: desktop, fresh: firstsync}, {name: mobile, journey: phone}, {name: migrator, journey: copying, copy: true}]")
	}
	s, err := openShipped("demo", scenarios.Options{Set: sets, Getenv: d.getenv})
	if err != nil {
		return sets // loading again with the same overrides reports it
	}
	p, err := plan.Build(s, probes.All())
	if err != nil {
		return sets
	}
	top := pick(0.68, 0.76) * float64(nominal(def, p))
	if d.profile != "" {
		top = 0.66 / 0.72 * top // a part of the capacity that is not drawn; platforms differ enough
	}
	var users []string
	for _, share := range []float64{0.30, 0.50, 0.68, 0.84, 1} {
		users = append(users, fmt.Sprint(int(top*share)))
	}
	per := p.ActivePerAccount()
	live := int(0.66 * top / per)
	batch := int(0.18 * top / per)
	sets = append(sets,
		"load.stages.users=["+strings.Join(users, ", ")+"]",
		fmt.Sprintf("wave.live=%d", live),
		fmt.Sprintf("wave.batches=[{name: \"1\", accounts: %d}, {name: \"2\", accounts: %d}, {name: \"3\", accounts: %d}]", batch, batch, int(pick(0.5, 2.5)*float64(batch))),
	)
	return sets
}
