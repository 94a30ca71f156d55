package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pegel/internal/learn"
	"pegel/probes"
)

// logFlags say how access logs are read; learn and compare have them.
type logFlags struct {
	format, key, zone string
	year, accounts    int
}

func (f *logFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.format, "format", "", "format of all logs, instead of recognising it")
	flags.StringVar(&f.key, "key", "", "environment variable with the key of the pseudonyms; default: a random key that is forgotten")
	flags.StringVar(&f.zone, "zone", "Local", "time zone of stamps without one, and of the hours of the day, such as Europe/Berlin")
	flags.IntVar(&f.year, "year", 0, "year of the first line, for stamps without one (default: the latest that is not in the future)")
	flags.IntVar(&f.accounts, "accounts", 0, "accounts of the platform (default: as many as the logs show)")
}

func (f *logFlags) options(env environment) (opt learn.Options, err error) {
	var names []string
	for _, format := range learn.Formats() {
		names = append(names, format[0])
	}
	if f.format != "" && !slices.Contains(names, f.format) {
		return opt, usage("unknown format %q: %s", f.format, strings.Join(names, ", "))
	}
	if f.year != 0 && (f.year < 1970 || f.year > 9999) {
		return opt, usage("year %d: write it with four digits", f.year)
	}
	if f.accounts < 0 {
		return opt, usage("accounts must be above 0")
	}
	opt = learn.Options{Format: f.format, Year: f.year, Accounts: f.accounts, Known: hasAction}
	if opt.Zone, err = time.LoadLocation(f.zone); err != nil {
		return opt, usage("unknown time zone %q: write a name such as Europe/Berlin or UTC", f.zone)
	}
	if f.key != "" {
		value, ok := env.getenv(f.key)
		if !ok || value == "" {
			return opt, usage("--key names the environment variable %s, which is not set", f.key)
		}
		opt.Key = []byte(value)
	}
	return opt, nil
}

// hasAction tells whether pegel has the action.
func hasAction(action string) bool {
	name, verb, _ := strings.Cut(action, ".")
	p, ok := probes.ByName(name)
	return ok && p.Actions[verb] != nil
}

// sources are the files, each once; - is the standard input.
func sources(files []string) ([]learn.Source, error) {
	seen := map[string]bool{}
	var list []learn.Source
	for _, name := range files {
		if name == "-" {
			list = append(list, learn.Source{Name: "standard input", Open: func() (io.ReadCloser, error) { return io.NopCloser(os.Stdin), nil }})
			continue
		}
		info, err := os.Stat(name)
		switch path := filepath.Clean(name); {
		case err != nil:
			return nil, &exitError{code: exitUsage, err: fmt.Errorf("opening the log: %w", err)}
		case info.IsDir():
			return nil, &exitError{code: exitUsage, err: fmt.Errorf("%s is a directory", name), hint: "name the log files in it"}
		case seen[path]:
			return nil, usage("%s is named twice; it would count twice", name)
		default:
			seen[path] = true
		}
		list = append(list, learn.Source{Name: name, Open: func() (io.ReadCloser, error) { return os.Open(name) }})
	}
	return list, nil
}

// learnFrom reads the logs.
func learnFrom(cmd *cobra.Command, env environment, flags *logFlags, files []string) (*learn.Result, error) {
	opt, err := flags.options(env)
	if err != nil {
		return nil, err
	}
	list, err := sources(files)
	if err != nil {
		return nil, err
	}
	if len(list) > learn.MostFiles {
		return nil, usage("%d files are more than %d at once", len(list), learn.MostFiles)
	}
	r, err := learn.Learn(cmd.Context(), list, opt)
	if errors.Is(err, learn.ErrNotUnderstood) {
		return nil, &exitError{code: exitScenario, err: err, hint: "pegel learn --help lists the formats; --format names one"}
	}
	return r, err
}

func learnCommand(env environment) *cobra.Command {
	var (
		flags         logFlags
		out, arrivals string
		asJSON, rules bool
	)
	var help strings.Builder
	help.WriteString(`learn reads access logs and derives the mix of actions, think times, session lengths, activity
and the hours of the day, as a fragment that a scenario takes in with include:

  pegel learn access.log* mail.log --zone Europe/Berlin --out office.yaml

Names, addresses and network addresses become keyed hashes while a line is read, and are never
kept, printed or written. The fragment goes to --out, and the summary with the fits to the
standard output; without --out the fragment goes there, and the summary to standard error.
Logs may be compressed with gzip; several are merged by time. Formats, recognised by themselves:

`)
	for _, f := range learn.Formats() {
		fmt.Fprintf(&help, "  %-10s %s\n", f[0], f[1])
	}
	help.WriteString("\n--rules shows which requests are known, and what they become.")
	cmd := &cobra.Command{
		Use:   "learn LOG…",
		Short: "derive a scenario fragment from access logs, pseudonymised on reading",
		Long:  help.String(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rules {
				return writeRules(env.stdout)
			}
			if len(args) == 0 {
				return usage("pegel learn wants log files")
			}
			r, err := learnFrom(cmd, env, &flags, args)
			if err != nil {
				return err
			}
			csv := arrivals
			if arrivals != "" {
				if err := writeTo(arrivals, r.WriteArrivals); err != nil {
					return err
				}
				if rel, err := filepath.Rel(filepath.Dir(out), arrivals); err == nil {
					csv = filepath.ToSlash(rel) // the fragment finds it from where it stands
				}
			}
			var fragment bytes.Buffer
			if err := r.WriteFragment(&fragment, csv); err != nil {
				return err
			}
			if out != "" {
				if err := writeTo(out, func(w io.Writer) error { _, err := w.Write(fragment.Bytes()); return err }); err != nil {
					return err
				}
			}
			if asJSON {
				return writeIndented(env.stdout, struct {
					*learn.Result
					Fragment string `json:"fragment"`
				}{r, fragment.String()})
			}
			if out != "" {
				return r.WriteText(env.stdout)
			}
			if _, err := env.stdout.Write(fragment.Bytes()); err != nil {
				return err
			}
			return r.WriteText(env.stderr)
		},
	}
	flags.register(cmd)
	cmd.Flags().StringVar(&out, "out", "", "file for the fragment")
	cmd.Flags().StringVar(&arrivals, "arrivals", "", "CSV file for the mails from outside by minute, which the fragment then plays")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print everything as JSON")
	cmd.Flags().BoolVar(&rules, "rules", false, "list the requests that are known, and end")
	return cmd
}

func writeRules(w io.Writer) error {
	var b strings.Builder
	for _, r := range learn.Rules() {
		fmt.Fprintf(&b, "%-11s %-18s %s\n", r.Software, r.Action, r.Request)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeIndented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
