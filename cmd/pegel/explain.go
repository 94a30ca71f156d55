package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pegel/internal/expect"
	"pegel/internal/plan"
	"pegel/probes"
)

// explaining is one call of pegel explain.
type explaining struct {
	env environment
	changes
	shares     []string
	experiment string
	day, svg   string
	response   time.Duration
	json       bool
}

func explainCommand(env environment) *cobra.Command {
	c := explaining{env: env}
	cmd := &cobra.Command{
		Use:   "explain SCENARIO",
		Short: "say what a scenario will do before it does it: users, actions, mails, connections, what the generator needs",
		Long: `Says what a scenario will do, without sending anything: users by persona, actions, mails and bytes
per hour, connections, copy traffic, how long it takes, what the generator needs against what this
machine has, and the digest of the plan. Figures are expectations for a platform that keeps up.

Of a wave whose batches have dates, the busiest day is shown; --day DATE shows another, --day all the
whole run. The digest is always that of the whole plan.

--share 2/4 prints the digest of the second of four generators' parts. Digests of parts add up to
that of the plan: two numbers of 16 hexadecimal digits, each modulo 2^64. --share 1/4,2/4,3/4,4/4
prints the parts and their sum.`,
		Args: exactly(1, "one scenario"),
		RunE: func(_ *cobra.Command, args []string) error { return c.run(args[0]) },
	}
	cmd.Flags().StringVar(&c.day, "day", "", "day of the wave, YYYY-MM-DD, or all (default the busiest day)")
	cmd.Flags().StringVar(&c.svg, "svg", "", "draw the shape of the load into this file")
	cmd.Flags().StringSliceVar(&c.shares, "share", nil, "digest of share i/n, such as 2/4; several, separated by commas, are added up")
	cmd.Flags().DurationVar(&c.response, "response", expect.DefaultResponse, "assumed response time of an action")
	c.flags(cmd)
	experimentFlag(cmd, &c.experiment)
	cmd.Flags().BoolVar(&c.json, "json", false, "print JSON")
	return cmd
}

// explanation is what pegel explain says.
type explanation struct {
	Format   int    `json:"format"`
	Scenario string `json:"scenario"`
	Seed     uint64 `json:"seed"`
	Digest   string `json:"digest"` // of the whole plan
	// The digest of the share asked for, or the sum of several.
	DigestPart string            `json:"digest_part,omitempty"`
	Shares     map[string]string `json:"shares,omitempty"`
	Arms       []armFile         `json:"arms,omitempty"` // of an experiment
	Load       *expect.Load      `json:"load"`
	Generator  expect.Need       `json:"generator"`

	description string
	plan        *plan.Plan
}

// armFile is one arm of an experiment.
type armFile struct {
	Arm  string `json:"arm"`
	What string `json:"what"`
}

func (c *explaining) run(path string) error {
	if c.response <= 0 || c.response > time.Hour {
		return usage("--response must be above 0 and at most 1h")
	}
	var shares []plan.Share
	for _, text := range c.shares {
		share, err := plan.ParseShare(strings.TrimSpace(text))
		if err != nil {
			return usage("%v", err)
		}
		if slices.Contains(shares, share) {
			return usage("share %s is listed twice: it would count twice in the sum", share)
		}
		shares = append(shares, share)
	}
	set, err := experimentOf(c.experiment)
	if err != nil {
		return err
	}
	changed := c.changes
	if set != "" {
		changed = changed.and(set)
	}
	s, err := changed.load(path, c.env, true)
	if err != nil {
		return err
	}
	p, err := plan.Build(s, probes.All())
	if err != nil {
		return err
	}
	x := &explanation{Format: 1, Scenario: s.Name, Seed: s.Seed, description: s.Description, plan: p}
	if x.Load, err = expect.Of(p, expect.Options{Response: c.response, Day: c.day}); err != nil {
		return &exitError{code: exitUsage, err: err}
	}
	x.Generator = expect.NeedOf(p, x.Load, thisMachine())
	x.digests(shares)
	for _, arm := range p.Arms {
		x.Arms = append(x.Arms, armFile{arm.Name, armText(p, arm)})
	}
	if c.svg != "" {
		if err := writeSVG(c.svg, x); err != nil {
			return err
		}
	}
	if c.json {
		enc := json.NewEncoder(c.env.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(x)
	}
	return x.text(c.env.stdout)
}

// digests fills in the digest of the plan and those of the shares asked for.
func (x *explanation) digests(shares []plan.Share) {
	x.Digest = x.plan.Digest()
	if len(shares) == 0 {
		return
	}
	var sum plan.Digest
	x.Shares = map[string]string{}
	for _, share := range shares {
		part := x.plan.DigestOf(share)
		x.Shares[share.String()] = part.String()
		sum = sum.Add(part)
	}
	x.DigestPart = sum.String()
}

func writeSVG(path string, x *explanation) error {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("drawing the load: %w", err)
	}
	if err := expect.WriteSVG(f, cmp.Or(x.Scenario, filepath.Base(path)), x.Load); err != nil {
		f.Close()
		return fmt.Errorf("drawing the load: %w", err)
	}
	return f.Close()
}
