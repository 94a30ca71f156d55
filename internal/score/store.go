// Package score holds forecasts against what then happened. Each archive keeps the forecasts that were made for it, one
// line each, with what the run itself measured; a later run of the same scenario in the same environment, operation as it
// was observed, or the truth of a simulated platform is the outcome that a forecast is paired with.
//
// It assumes that clocks of the machines that made forecasts agree within minutes, and that the platform was not changed
// between a forecast and its outcome; where the scenario's digest differs, that is said.
package score

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"
)

// File is the forecasts' file in an archive's directory.
const File = "forecasts.jsonl"

// Entry is one forecast and what was known when it was made. Loads are in active users.
type Entry struct {
	Format      int       `json:"format"` // 1
	Time        time.Time `json:"time"`
	Pegel       string    `json:"pegel"` // version
	Run         string    `json:"run"`   // the archive's run
	Started     time.Time `json:"started"`
	Scenario    string    `json:"scenario"`
	Environment string    `json:"environment"`
	Digest      string    `json:"digest"`    // of scenario and environment
	Simulated   bool      `json:"simulated"` // the platform was simulated, and real runs say nothing about it

	Question   Question  `json:"question"`
	Determined bool      `json:"determined"`
	Users      *Interval `json:"users,omitempty"` // nil: not determined
	LowerBound float64   `json:"lower_bound"`     // load that the forecast says holds
	Batches    []Batch   `json:"batches,omitempty"`
	P95Limit   float64   `json:"p95_limit,omitempty"` // strictest objective on a p95, seconds; 0: none

	Measured Measured `json:"measured"`
	Truth    float64  `json:"truth,omitempty"` // true capacity; 0: not known
}

// Question is what was asked. Forecasts of one run with different questions are different.
type Question struct {
	NextBatch int  `json:"next_batch,omitempty"`
	Plan      bool `json:"plan,omitempty"` // batches of a plan of its own
	Blind     bool `json:"blind,omitempty"`
}

// Interval is an estimate with its 90 % interval; P95 0 is an open end.
type Interval struct {
	P05 float64 `json:"p05"`
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

// Batch is the verdict for one batch.
type Batch struct {
	Name    string   `json:"name,omitempty"`
	Users   float64  `json:"users"`          // expected after it
	POK     *float64 `json:"p_ok,omitempty"` // nil: the capacity is not determined
	Verdict string   `json:"verdict"`        // go, caution, no-go
}

// Measured is what the run itself has shown.
type Measured struct {
	Max    float64 `json:"max"`              // highest load
	Held   float64 `json:"held"`             // highest load at which every objective held, with enough samples
	Broken float64 `json:"broken,omitempty"` // lowest load at which one was broken; 0: none
}

// Append adds a forecast to an archive's directory and syncs it. A forecast that differs from the last one there in
// nothing but its time is not added again. A line that a kill has cut short stays alone on its line.
func Append(dir string, e Entry) error {
	e.Format = 1
	path := filepath.Join(dir, File)
	raw, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("storing the forecast: %w", err)
	}
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("storing the forecast: %w", err)
	}
	whole := bytes.HasSuffix(raw, []byte("\n"))
	lines := bytes.Split(bytes.TrimSpace(raw), []byte("\n"))
	var last Entry
	if json.Unmarshal(lines[len(lines)-1], &last) == nil {
		last.Time = e.Time
		if again, err := json.Marshal(last); err == nil && bytes.Equal(again, line) {
			return nil
		}
	}
	if len(raw) > 0 && !whole {
		line = append([]byte("\n"), line...)
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("storing the forecast: %w", err)
	}
	_, err = f.Write(append(line, '\n')) // one write, so that two processes do not mix their lines
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("storing the forecast: %w", err)
	}
	return nil
}

// mostLine bounds one line of a store.
const mostLine = 1 << 20

// Load reads all forecasts below the directories, each an archive or a directory of archives at any depth. Lines that are
// no forecast are left out, each with a warning that names its place. It fails where a directory cannot be read.
func Load(dirs ...string) (entries []Entry, warnings []string, err error) {
	for _, dir := range dirs {
		if dir, err = filepath.EvalSymlinks(dir); err != nil {
			return nil, nil, fmt.Errorf("looking for forecasts: %w", err)
		}
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if d.Name() != File || !d.Type().IsRegular() {
				return nil
			}
			list, warned, err := read(path)
			entries, warnings = append(entries, list...), append(warnings, warned...)
			return err
		})
		if err != nil {
			return nil, nil, fmt.Errorf("looking for forecasts: %w", err)
		}
	}
	return entries, warnings, nil
}

func read(path string) (entries []Entry, warnings []string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	r := bufio.NewReader(f)
	for n := 1; ; n++ {
		line, skipped, err := readLine(r)
		if err != nil && err != io.EOF {
			return nil, nil, err
		}
		switch e, why := parse(line, skipped); {
		case len(bytes.TrimSpace(line)) == 0 && !skipped:
		case why != "":
			warnings = append(warnings, fmt.Sprintf("%s:%d: left out: %s", path, n, why))
		default:
			entries = append(entries, e)
		}
		if err == io.EOF {
			return entries, warnings, nil
		}
	}
}

// readLine reads a line without its end; what is longer than mostLine is skipped.
func readLine(r *bufio.Reader) (line []byte, skipped bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > mostLine {
			line, skipped = nil, true
		} else if !skipped {
			line = append(line, part...)
		}
		if err != bufio.ErrBufferFull {
			return line, skipped, err
		}
	}
}

// parse reads and checks one line; why is empty where it is a forecast.
func parse(line []byte, skipped bool) (e Entry, why string) {
	switch err := json.Unmarshal(line, &e); {
	case skipped:
		return e, "the line is too long"
	case err != nil:
		return e, "not a forecast: " + err.Error()
	case e.Format != 1:
		return e, fmt.Sprintf("format %d is not known", e.Format)
	case e.Time.IsZero() || e.Run == "":
		return e, "it has no time or no run"
	case e.Determined && (e.Users == nil || !(e.Users.P05 > 0) || e.Users.P50 < e.Users.P05 || e.Users.P95 != 0 && e.Users.P95 < e.Users.P50):
		return e, "its interval is none"
	case e.LowerBound < 0 || e.Truth < 0 || e.Measured.Held < 0 || e.Measured.Broken < 0:
		return e, "a load is below 0"
	}
	for _, b := range e.Batches {
		if b.POK != nil && (*b.POK < 0 || *b.POK > 1 || math.IsNaN(*b.POK)) {
			return e, "a probability is not between 0 and 1"
		}
	}
	return e, ""
}
