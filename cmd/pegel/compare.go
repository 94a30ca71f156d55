package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pegel/internal/archive"
	"pegel/internal/learn"
	"pegel/scenarios"
)

func compareCommand(env environment) *cobra.Command {
	var (
		flags  logFlags
		logs   []string
		asJSON bool
	)
	cmd := &cobra.Command{
		Use:   "compare RUN --logs LOG…",
		Short: "hold what a run did against what the access logs of real use show",
		Long: `compare shows for each action how often an active user does it in an hour, in the run and in the
busiest hours of the logs, the ratio with its 95 % interval, and the think times beside each
other. Actions that only one of the two has are named. Logs are read as by pegel learn.

  pegel compare runs/monday --logs access.log mail.log --zone Europe/Berlin`,
		Args: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return usage("pegel compare wants a run and --logs with log files")
			case len(logs) == 0 && len(args) > 1:
				return &exitError{code: exitUsage, err: errors.New("two runs cannot be compared with each other yet"), hint: "pegel compare RUN --logs LOG… holds one against access logs"}
			case len(logs) == 0:
				return &exitError{code: exitUsage, err: errors.New("there are no logs to hold the run against"), hint: "pegel compare RUN --logs access.log"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := archive.Open(args[0])
			if errors.Is(err, os.ErrNotExist) {
				return &exitError{code: exitUsage, err: err}
			}
			if err != nil {
				return err
			}
			s, err := archivedScenario(run, args[0])
			if err != nil {
				return err
			}
			done, err := synthetic(run, s)
			if err != nil {
				return err
			}
			r, err := learnFrom(cmd, env, &flags, append(logs, args[1:]...))
			if err != nil {
				return err
			}
			rows := learn.Compare(done, r)
			if asJSON {
				return writeIndented(env.stdout, comparison{Format: 1, Run: run.Meta.RunID, Logs: r.Source(), Rows: rows, Warnings: r.Warnings})
			}
			fmt.Fprintf(env.stdout, "run %s against %s, %d lines\n\n", run.Meta.RunID, r.Source(), r.Lines)
			if err := learn.WriteComparison(env.stdout, rows); err != nil {
				return err
			}
			for _, m := range r.Warnings {
				fmt.Fprintf(env.stdout, "warning: %s\n", m.Text)
			}
			return nil
		},
	}
	flags.register(cmd)
	cmd.Flags().StringArrayVar(&logs, "logs", nil, "access logs; more of them may follow")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the comparison as JSON")
	return cmd
}

// comparison is what compare prints as JSON.
type comparison struct {
	Format   int             `json:"format"`
	Run      string          `json:"run"`
	Logs     string          `json:"logs"`
	Rows     []learn.Row     `json:"actions"`
	Warnings []learn.Warning `json:"warnings"`
}

// synthetic sums up what the active users of a run did while loads were held. Observers, copy traffic and arrivals are no
// active users. Where times are compressed, so are the hours.
func synthetic(run *archive.Run, s *scenarios.Scenario) ([]learn.Synthetic, error) {
	type hold struct {
		from, to time.Duration
		mix      []int
	}
	var holds []hold
	for _, e := range run.Events {
		switch n := len(holds); {
		case e.Stage == nil || e.Stage.Situation != "": // a storm of logins is nothing that logs of a usual day hold
		case e.Kind == archive.EventHold:
			mix := e.Stage.Mix
			if mix == nil && len(run.Meta.Personas) == 1 {
				mix = []int{e.Stage.Users}
			} else if mix == nil {
				return nil, errors.New("the archive does not say how many users each persona had: it is of an older pegel")
			}
			holds = append(holds, hold{from: e.At, to: 1 << 62, mix: mix})
		case e.Kind == archive.EventStageEnd && n > 0:
			holds[n-1].to = min(holds[n-1].to, e.At)
		}
	}
	personas := len(run.Meta.Personas)
	life := max(1, run.Meta.Compression)
	counts := make([]float64, len(run.Meta.Actions)*personas)
	hours := make([]float64, personas)
	for row, err := range run.Rows() {
		if err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		middle := (row.Start + row.End) / 2
		for _, h := range holds {
			if middle < h.from || middle >= h.to {
				continue
			}
			for p, users := range h.mix {
				if p < personas {
					hours[p] += float64(users) * (row.End - row.Start).Hours() * life
				}
			}
			for i := range row.Series {
				if k := row.Series[i].Index; k < len(counts) {
					counts[k] += float64(row.Series[i].Done())
				}
			}
		}
	}
	thinks := map[string][]scenarios.Dist{}
	for _, p := range s.Personas {
		thinkTimes(s.Journeys[p.Journey], thinks)
	}
	var list []learn.Synthetic
	for a, action := range run.Meta.Actions {
		out := learn.Synthetic{Action: action}
		for p := range personas {
			if n := counts[a*personas+p]; n > 0 && hours[p] > 0 {
				out.Count += n
				out.Hours += hours[p]
			}
		}
		if strings.HasSuffix(action, ".connect") { // no step of a journey; logs have logins instead
			continue
		}
		out.Think = quantiles(thinks[action], life)
		list = append(list, out)
	}
	return list, nil
}

// thinkTimes collects the think times after each action.
func thinkTimes(j scenarios.Journey, into map[string][]scenarios.Dist) {
	add := func(action string, think *scenarios.Dist) {
		if action != "" && think != nil {
			into[action] = append(into[action], *think)
		}
	}
	for _, s := range j {
		add(s.Do, s.Think)
		thinkTimes(s.Steps, into)
		thinkTimes(s.Else, into)
		for _, c := range s.Choose {
			add(c.Do, c.Think)
			thinkTimes(c.Steps, into)
		}
		for _, b := range s.Parallel {
			thinkTimes(b.Steps, into)
		}
	}
}

// quantiles are the median and the p90 in seconds of life, where all think times are alike.
func quantiles(list []scenarios.Dist, life float64) []float64 {
	if len(list) == 0 {
		return nil
	}
	at := func(d scenarios.Dist, p float64) float64 { return d.Quantile(p).Seconds() * life }
	for _, d := range list {
		if at(d, 0.5) != at(list[0], 0.5) || at(d, 0.9) != at(list[0], 0.9) {
			return nil
		}
	}
	return []float64{at(list[0], 0.5), at(list[0], 0.9)}
}
