package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"pegel/internal/plan"
	"pegel/scenarios"
)

// experimentFlag adds --experiment, which may stand alone.
func experimentFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "experiment", "", `effects (also without a name): each load without and with copy traffic, two stages with another mix, and the
first load again. Or each load as it is and with one thing changed: --experiment=bypass goes around the balancer,
sources has one source address against many, one-group the accounts of one group, copy-off no copy traffic;
one-group:NAME and sources:127.0.1.0/24 say which`)
	cmd.Flags().Lookup("experiment").NoOptDefVal = scenarios.Effects
}

// experimentOf is the override of the scenario that makes it the experiment asked for; empty where none is.
func experimentOf(asked string) (set string, err error) {
	name, which, given := strings.Cut(asked, ":")
	switch {
	case asked == "":
		return "", nil
	case name == scenarios.Effects && !given:
		return "load.experiment=true", nil
	case name == scenarios.OneGroup && given:
		return fmt.Sprintf("load.experiment={arms: %s, group: %s}", name, yamlText(which)), nil
	case name == scenarios.BySource && given:
		return fmt.Sprintf("load.experiment={arms: %s, sources: %s}", name, yamlText(which)), nil
	case given:
		return "", usage("--experiment %s: only %s:NAME and %s:ADDRESSES say which", asked, scenarios.OneGroup, scenarios.BySource)
	}
	known := append([]string{scenarios.Effects}, scenarios.Arms()...)
	for _, one := range scenarios.Arms() {
		if name == one {
			return "load.experiment={arms: " + name + "}", nil
		}
	}
	hint := ""
	if near := scenarios.Nearest(name, known); near != "" {
		hint = fmt.Sprintf("; did you mean %q?", near)
	}
	return "", usage("unknown experiment %q: %s%s", asked, strings.Join(known, ", "), hint)
}

// yamlText is a text as a value within braces.
func yamlText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// separated puts a name that follows --experiment into the same argument: a flag that may stand alone takes no other.
func separated(args []string) []string {
	var out []string
	for i := 0; i < len(args); i++ {
		if args[i] == "--" {
			return append(out, args[i:]...)
		}
		if args[i] == "--experiment" && i+1 < len(args) && isExperiment(args[i+1]) {
			out = append(out, args[i]+"="+args[i+1])
			i++
			continue
		}
		out = append(out, args[i])
	}
	return out
}

func isExperiment(word string) bool {
	name, _, _ := strings.Cut(word, ":")
	for _, one := range append([]string{scenarios.Effects}, scenarios.Arms()...) {
		if name == one {
			return true
		}
	}
	return false
}

// armText says what an arm changes.
func armText(p *plan.Plan, arm *plan.Arm) string {
	group, isGroup := strings.CutPrefix(arm.Name, scenarios.GroupArm)
	switch {
	case arm.Name == scenarios.AsIs:
		return "the scenario as it is"
	case arm.Around:
		var ways []string
		for _, name := range p.Targets {
			if n := len(p.Scenario.Targets.ByName[name].Behind); n > 0 {
				ways = append(ways, fmt.Sprintf("%s straight at %s", name, plural(n, "backend")))
			}
		}
		if len(ways) == 0 {
			return "around the balancer of targets that no journey uses"
		}
		return "around the balancer: " + strings.Join(ways, ", ")
	case isGroup:
		return "only on accounts of the group " + group
	case arm.Name == scenarios.NoCopyArm:
		return "without copy traffic"
	case len(arm.Sources) == 1:
		return "all from " + arm.Sources[0].String()
	}
	return fmt.Sprintf("in turn from %d addresses, %s to %s", len(arm.Sources), arm.Sources[0], arm.Sources[len(arm.Sources)-1])
}
