package main

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"pegel/internal/plan"
	"pegel/probes"
	"pegel/probes/browser"
	"pegel/scenarios"
	"pegel/testenv"
)

func truthCommand(env environment) *cobra.Command {
	t := truthSearch{env: env}
	cmd := &cobra.Command{
		Use:   "truth",
		Short: "find the true capacity of an embedded platform by simulation, to about 1 %",
		Long: `The users of a scenario are simulated on the platform's queueing network until it is known at
what number of them an objective begins to break. A platform of a family brings its own users.`,
		Args: exactly(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			t.drawn = cmd.Flags().Changed("seed")
			return t.run(cmd.Context())
		},
	}
	t.platform.flags(cmd)
	cmd.Flags().StringVar(&t.family, "family", "", "a platform of a family, drawn by --seed, with its own users")
	cmd.Flags().StringVar(&t.scenario, "scenario", "demo", "scenario file, or name of a shipped one, whose users and objectives count")
	cmd.Flags().BoolVar(&t.json, "json", false, "print the result as JSON")
	return cmd
}

// truthSearch is one call of pegel testenv truth.
type truthSearch struct {
	env              environment
	platform         platformChoice
	family, scenario string
	drawn, json      bool
}

// truthJSON is the result for programs.
type truthJSON struct {
	Platform  string `json:"platform"`
	Users     int    `json:"users"`
	Low       int    `json:"low"`  // certainly holds
	High      int    `json:"high"` // certainly does not
	Objective string `json:"objective"`
	Action    string `json:"action"`
	Resource  string `json:"resource"`
	Events    int64  `json:"events"`
}

func (t *truthSearch) run(ctx context.Context) error {
	def, w, guess, err := t.open()
	if err != nil {
		return err
	}
	truth, err := testenv.Truth(ctx, def, w, testenv.TruthOptions{Seed: t.platform.seed + 1, Guess: guess})
	if err != nil {
		return err
	}
	if t.json {
		return json.NewEncoder(t.env.stdout).Encode(truthJSON{
			Platform: def.Name, Users: truth.Users, Low: truth.Low, High: truth.High,
			Objective: truth.Objective, Action: truth.Action, Resource: truth.Resource, Events: truth.Events,
		})
	}
	_, err = fmt.Fprintf(t.env.stdout, "platform   %s\ncapacity   %d active users (holds at %d, broken at %d)\nobjective  %s, first for %s\nresource   %s\n",
		def.Name, truth.Users, truth.Low, truth.High, truth.Objective, truth.Action, truth.Resource)
	return err
}

// open finds the platform, the workload on it, and about how many users it carries, if that is known.
func (t *truthSearch) open() (def testenv.Definition, w testenv.Workload, guess int, err error) {
	if t.family != "" {
		if t.platform.named() || t.scenario != "demo" {
			return def, w, 0, usage("--family brings its own platform and users: leave --profile, --definition and --scenario out")
		}
		d, err := testenv.DrawFamily(t.family, t.platform.seed)
		if err != nil {
			return def, w, 0, usage("%v", err)
		}
		return d.Definition, d.Workload, d.Nominal, nil
	}
	if t.platform.named() && t.drawn {
		return def, w, 0, usage("--seed draws a platform: leave it out with --profile and --definition")
	}
	if def, err = t.platform.open(); err != nil {
		return def, w, 0, err
	}
	p, err := t.plan(def)
	if err != nil {
		return def, w, 0, err
	}
	if err := simulable(p); err != nil {
		return def, w, 0, err
	}
	return def, workload(p), 0, nil
}

// plan compiles the scenario. On a platform drawn like a demo's the shipped one has that demo's draws, so that the result is
// the demo's own truth.
func (t *truthSearch) plan(def testenv.Definition) (*plan.Plan, error) {
	if t.scenario != "demo" || t.platform.named() {
		s, err := changes{}.load(t.scenario, t.env, false)
		if err != nil {
			return nil, err
		}
		return plan.Build(s, probes.All())
	}
	d := demo{env: t.env, seed: t.platform.seed}
	s, err := openShipped("demo", scenarios.Options{Set: d.sets(def, anywhere(), browser.Installed()), Getenv: d.getenv})
	if err != nil {
		return nil, err
	}
	return plan.Build(s, probes.All())
}

// anywhere are addresses for a scenario that is only simulated.
func anywhere() testenv.URLs {
	const web = "http://127.0.0.1:1/"
	return testenv.URLs{Web: web, CalDAV: web, CardDAV: web, Metrics: web + "metrics", SMTP: "smtp://127.0.0.1:1", IMAP: "imap://127.0.0.1:1", IMAPSource: "imap://127.0.0.1:1"}
}
