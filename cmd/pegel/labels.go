package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"pegel/internal/archive"
	"pegel/internal/judge"
	"pegel/scenarios"
)

// Labels under which a run keeps what judging it again needs besides the scenario's bytes.
const (
	labelPath   = "scenario_path"
	labelSet    = "set"
	labelNext   = "next_batch"
	labelBlind  = "blind"
	labelAgain  = "again"
	labelReplay = "replay" // of an adaptive run: the command that repeats it, up to the load
)

// remember notes in the archive what judging it again needs: overrides, the batch plan (which may come from a file that
// is not there later), the question asked, and the command that repeats the run.
func (d *driving) remember(sets []string, next int, blind bool, again string) {
	if len(d.scenario.Wave.Batches) > 0 {
		sets = append(sets[:len(sets):len(sets)], "wave.batches="+inline(d.scenario.Wave.Batches))
	}
	if len(sets) > 0 {
		raw, err := json.Marshal(sets)
		if err == nil { // strings always encode
			d.labels[labelSet] = string(raw)
		}
	}
	if next > 0 {
		d.labels[labelNext] = strconv.Itoa(next)
	}
	if blind {
		d.labels[labelBlind] = "true"
	}
	d.labels[labelAgain] = again
}

func inline(batches []scenarios.Batch) string {
	var rows []string
	for _, b := range batches {
		row := fmt.Sprintf("{name: %s, accounts: %d", strconv.Quote(b.Name), b.Accounts)
		if b.Date != "" {
			row += ", date: " + strconv.Quote(b.Date)
		}
		rows = append(rows, row+"}")
	}
	return "[" + strings.Join(rows, ", ") + "]"
}

// repeatCommand is the command line that repeats a run.
func repeatCommand(scenario string, sets []string, next int) string {
	line := "pegel run " + quote(scenario)
	for _, s := range sets {
		line += " --set " + quote(s)
	}
	if next > 0 {
		line += fmt.Sprintf(" --next-batch %d", next)
	}
	return line
}

// quote quotes a word for a shell where it needs that.
func quote(word string) string {
	if word != "" && strings.IndexFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=:@%+,", r)
	}) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// archivedScenario loads the scenario that an archive holds, with the overrides that were given to the run.
func archivedScenario(run *archive.Run, dir string) (*scenarios.Scenario, error) {
	path := run.Meta.Labels[labelPath]
	if path == "" {
		path = filepath.Join(dir, archive.ScenarioFile)
	}
	opt := scenarios.Options{SkipSecrets: true}
	if raw := run.Meta.Labels[labelSet]; raw != "" {
		if err := json.Unmarshal([]byte(raw), &opt.Set); err != nil {
			return nil, fmt.Errorf("the archive's overrides: %w", err)
		}
	}
	s, err := scenarios.Parse(path, run.Scenario, opt)
	if err != nil {
		return nil, fmt.Errorf("the archive's scenario: %w", err)
	}
	return s, nil
}

// asked is the question that the run was asked, as far as opt does not ask another one.
func asked(run *archive.Run, opt judge.Options) judge.Options {
	if opt.NextBatch == 0 && opt.Plan == nil {
		opt.NextBatch, _ = strconv.Atoi(run.Meta.Labels[labelNext]) // none where the label is missing
	}
	opt.Blind = opt.Blind || run.Meta.Labels[labelBlind] == "true"
	return opt
}
