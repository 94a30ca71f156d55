package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"pegel/internal/archive"
	"pegel/internal/judge"
	"pegel/scenarios"
)

// Labels under which a run keeps what judging it again needs besides the scenario.
const (
	labelPath     = "scenario_path"
	labelSet      = "set"
	labelNext     = "next_batch"
	labelBlind    = "blind"
	labelAgain    = "again"
	labelBranches = "branches_of" // the run whose branches this one took
	labelReplay   = "replay"      // of an adaptive run: the command that repeats it, up to the load
)

// remember notes in the archive what was asked: overrides, the question, and the command that repeats the run. What the
// scenario came to is stored by keepSources.
func (d *driving) remember(sets []string, next int, blind bool, again string) {
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

// keepSources stores the effective scenario and the bytes of every included file and site file, so that the run is judged and
// repeated without files from elsewhere.
func keepSources(dir string, s *scenarios.Scenario) error {
	write := func(name string, raw []byte) error {
		return archive.WriteFile(dir, name, func(out io.Writer) error {
			_, err := out.Write(raw)
			return err
		})
	}
	for i, in := range s.Included() {
		if err := write(fmt.Sprintf("include-%02d-%s", i+1, fileName(path.Base(in.Name))), in.Bytes); err != nil {
			return err
		}
	}
	for _, at := range s.SiteFiles() {
		if err := write(at.Name, at.Bytes); err != nil {
			return err
		}
	}
	return write(archive.EffectiveFile, s.Effective())
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

// archivedScenario loads the scenario that an archive holds as it was driven: the effective one, or in archives that have none
// the original with the overrides that were given to the run.
func archivedScenario(run *archive.Run, dir string) (*scenarios.Scenario, error) {
	path := run.Meta.Labels[labelPath]
	if path == "" {
		path = filepath.Join(dir, archive.ScenarioFile)
	}
	opt, src := scenarios.Options{Alone: true}, run.Effective
	if src == nil {
		src = run.Scenario
		if raw := run.Meta.Labels[labelSet]; raw != "" {
			if err := json.Unmarshal([]byte(raw), &opt.Set); err != nil {
				return nil, fmt.Errorf("the archive's overrides: %w", err)
			}
		}
	}
	s, err := scenarios.Parse(path, src, opt)
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
