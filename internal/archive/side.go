package archive

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// WriteFile writes a file into the run directory so that it is there whole or not at all: write fills a temporary file,
// which then takes the name. An existing file is replaced.
func WriteFile(dir, name string, write func(io.Writer) error) error {
	if filepath.Base(name) != name {
		return fmt.Errorf("writing %s: not a plain file name", name)
	}
	f, err := os.CreateTemp(dir, "."+name+".*.tmp")
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	defer os.Remove(f.Name()) // it is gone where all went well
	err = write(f)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// syncDir makes new names in dir outlast a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeJSON is WriteFile of a value.
func writeJSON(dir, name string, v any) error {
	return WriteFile(dir, name, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	})
}

// readJSON reads what writeJSON wrote, of at most so many bytes; nil where there is no such file.
func readJSON[T any](dir, name string, most int64) (*T, error) {
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	defer f.Close()
	v := new(T)
	if err := json.NewDecoder(io.LimitReader(f, most)).Decode(v); err != nil {
		return nil, fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	return v, nil
}
