package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"

	"pegel/probes/probe"
)

// stateHead is the first line of a state file: what its accounts are complete with.
type stateHead struct {
	Format   int      `json:"format"`
	Target   string   `json:"target"`
	Run      string   `json:"run"`
	Messages int      `json:"messages"`
	Bytes    int64    `json:"bytes"`
	Size     string   `json:"size"`
	Folders  []string `json:"folders"`
	Until    string   `json:"until"`
}

// stateFile remembers complete accounts, one a line behind its head. It is only appended to, so a kill costs one line at most.
type stateFile struct {
	file     *os.File
	complete map[string]bool
}

// maxStateFile bounds what is read, in bytes: some two million accounts.
const maxStateFile = 64 << 20

// openState opens or begins a state file. One that was written for other content is refused.
func openState(path string, head stateHead) (*stateFile, error) {
	s := &stateFile{complete: map[string]bool{}}
	raw, err := os.ReadFile(path)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("reading the state file: %w", err)
	case len(raw) > maxStateFile:
		return nil, fmt.Errorf("the state file %s is larger than %d MiB", path, maxStateFile>>20)
	}
	if cut := strings.LastIndexByte(string(raw), '\n'); cut+1 < len(raw) { // a line that a kill cut off
		raw = raw[:cut+1]
	}
	lines := bufio.NewScanner(strings.NewReader(string(raw)))
	lines.Buffer(nil, 1<<20)
	if lines.Scan() {
		var was stateHead
		if json.Unmarshal(lines.Bytes(), &was) != nil || was.Format != 1 {
			return nil, usage("%s is no state file of pegel corpus fill", path)
		}
		if !reflect.DeepEqual(was, head) {
			return nil, &exitError{code: exitUsage, err: fmt.Errorf("the state file %s is about other content: it was begun with other flags or another scenario", path),
				hint: "repeat the same flags, or name another file: what is in the accounts is found without it too"}
		}
	}
	for n := 2; lines.Scan(); n++ {
		var account string
		if err := json.Unmarshal(lines.Bytes(), &account); err != nil {
			return nil, usage("%s:%d: this is no account", path, n)
		}
		s.complete[account] = true
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the state file: %w", err)
	}
	if s.file, err = os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600); err != nil {
		return nil, fmt.Errorf("opening the state file: %w", err)
	}
	err = s.file.Truncate(int64(len(raw)))
	if err == nil {
		_, err = s.file.Seek(0, 2)
	}
	if err == nil && len(raw) == 0 {
		err = s.write(head)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("writing the state file: %w", err), s.file.Close())
	}
	return s, nil
}

func (s *stateFile) write(v any) error {
	line, err := json.Marshal(v)
	if err == nil {
		_, err = s.file.Write(append(line, '\n'))
	}
	return err
}

// missing are the accounts that are not known to be complete.
func (s *stateFile) missing(all []probe.Account) []probe.Account {
	return slices.DeleteFunc(slices.Clone(all), func(a probe.Account) bool { return s.complete[a.Address] })
}

// done remembers an account. A line that cannot be written costs time at the next run, and nothing else.
func (s *stateFile) done(account string) { _ = s.write(account) }

func (s *stateFile) close() { _ = s.file.Close() } // every line was written at once
