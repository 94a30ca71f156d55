package main

import (
	"fmt"

	"pegel/internal/archive"
	"pegel/internal/engine"
	"pegel/internal/plan"
)

// replayOf reads the branches that users took in a former run because of answers, for a run of the same plan. One that has
// none at all is refused: there is nothing to replay.
func replayOf(dir string, p *plan.Plan) (func(plan.Branch) (taken, known bool), error) {
	run, err := archive.Open(dir)
	if err != nil {
		return nil, &exitError{code: exitUsage, err: err}
	}
	if digest := p.Digest(); run.Meta.Digest != digest {
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("%s cannot be replayed: it was of another plan (digest %s, this one has %s)", dir, run.Meta.Digest, digest),
			hint: "take the scenario, seed, data files and --set of that run"}
	}
	if _, asks := p.DependsOnAnswers(); !asks {
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("there is nothing to replay: no if of the scenario depends on an answer"), hint: "leave --replay out, the run is the same anyway"}
	}
	list, err := run.Branches()
	if err != nil {
		return nil, err
	}
	taken := make(map[plan.Branch]bool, len(list))
	for _, b := range list {
		taken[plan.Branch{User: b.User, Step: b.Step, Iteration: b.Iteration}] = b.Taken
	}
	return func(b plan.Branch) (bool, bool) {
		b.Taken = false
		is, known := taken[b]
		return is, known
	}, nil
}

// keepBranches stores what users chose because of answers.
func keepBranches(opt *engine.Options, writer *archive.Writer, keep func(error)) {
	opt.OnBranches = func(list []plan.Branch) {
		rows := make([]archive.Branch, len(list))
		for i, b := range list {
			rows[i] = archive.Branch(b)
		}
		keep(writer.Branches(rows))
	}
}
