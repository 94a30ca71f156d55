package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pegel/internal/engine"
	"pegel/internal/recording"
	"pegel/internal/site"
	"pegel/probes/probe"
	"pegel/scenarios"
)

// recordFlags are those of pegel record.
type recordFlags struct {
	site, url, out, name, check string
	hars, actions               []string
	recordings                  int
	asJSON                      bool
	recordAccounts
}

func recordCommand(env environment) *cobra.Command {
	var f recordFlags
	cmd := &cobra.Command{
		Use:   "record --site SITE --url URL --accounts ACCOUNTS --out FILE",
		Short: "record a browser's journey as requests at HTTP level, and hold them against the platform again",
		Long: `record leads a real Chromium through the browser part of a site, once for each of two accounts, and
writes a site file whose web parts are what the browser sent: requests by page action, static files
with the browser's cache, and what differs between the accounts taken from the answers it came from.

  pegel record --site embedded --url http://127.0.0.1:8080/ --accounts 'u{n:05}@example.test' --out own.yaml
  pegel record --har ann.har --har bob.har --actions login,list,read --site embedded --out own.yaml
  pegel record --check own.yaml --url http://127.0.0.1:8080/ --accounts 'u{n:05}@example.test'

--accounts is a CSV file with login and password, or a pattern whose password stands in the
environment (--password-env). The first accounts are recorded, --check takes the two after them.
--check reports each answer that differs in status or shape, with exit code 99. With a HAR file
nothing is sent.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("%s takes flags only, got %q", cmd.CommandPath(), args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, release := untilInterrupt(cmd.Context(), env)
			defer release()
			var err error
			if f.check != "" {
				err = checkRecorded(ctx, env, &f)
			} else {
				err = makeSite(ctx, env, &f)
			}
			if ctx.Err() != nil && cmd.Context().Err() == nil {
				return &exitError{code: exitInterrupted, err: errors.New("interrupted; nothing was written")}
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.site, "site", scenarios.DefaultSite, "site that comes with pegel, or a site file: whose browser parts are played and kept")
	flags.StringVar(&f.url, "url", "", "address of the application")
	flags.StringVar(&f.out, "out", "", "file for the recorded site (default: standard output)")
	flags.StringVar(&f.name, "name", "", "name of the recorded site (default: that of --site with -recorded)")
	flags.StringVar(&f.check, "check", "", "play the web parts of this site file with other accounts, and report what differs")
	flags.StringArrayVar(&f.hars, "har", nil, "HAR file of one account, instead of leading a browser; twice or three times")
	flags.StringSliceVar(&f.actions, "actions", nil, "actions in their order (default: all that the site has for a browser)")
	flags.IntVar(&f.recordings, "recordings", 2, "how many accounts are recorded, 2 to 5")
	flags.BoolVar(&f.asJSON, "json", false, "print what was found as JSON")
	f.recordAccounts.register(flags)
	return cmd
}

// siteOf reads a site that comes with pegel, or a site file.
func siteOf(name string) (*site.Site, error) {
	if !strings.HasSuffix(name, ".yaml") {
		if slices.Contains(scenarios.Sites(), name) {
			return scenarios.OpenSite(name)
		}
		hint := "a file of your own ends in .yaml"
		if near := scenarios.Nearest(name, scenarios.Sites()); near != "" {
			hint = fmt.Sprintf("did you mean %q?", near)
		}
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("there is no site %q: %s", name, strings.Join(scenarios.Sites(), ", ")), hint: hint}
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, &exitError{code: exitUsage, err: fmt.Errorf("opening the site file: %w", err)}
	}
	if !info.Mode().IsRegular() || info.Size() > 1<<20 {
		return nil, usage("%s is no plain file of at most 1 MiB", name)
	}
	src, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return scenarios.ParseSite(filepath.ToSlash(name), src)
}

// address reads --url.
func (f *recordFlags) address() (*url.URL, error) {
	if f.url == "" {
		return nil, usage("--url is missing: the address of the application")
	}
	u, err := url.Parse(f.url)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, usage("--url %q: write http://127.0.0.1:8080/", f.url)
	}
	if u.User != nil {
		return nil, usage("--url has a login in it: accounts come from --accounts")
	}
	u.RawQuery, u.Fragment = "", ""
	return u, nil
}

// target is where the application lies, to be reached within the allow-list.
func (f *recordFlags) target() (probe.Target, error) {
	u, err := f.address()
	if err != nil {
		return probe.Target{}, err
	}
	dialer := &engine.Dialer{}
	for _, text := range f.allow {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, alone := netip.ParseAddr(text)
			if alone != nil {
				return probe.Target{}, usage("--allow %q: write 10.1.0.0/16 or an address", text)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		dialer.Allow = append(dialer.Allow, p)
	}
	config := &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return probe.Target{}, &exitError{code: exitUsage, err: fmt.Errorf("reading --ca: %w", err)}
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return probe.Target{}, usage("--ca %s holds no certificate in PEM form", f.ca)
		}
	}
	return probe.Target{Name: "web", URL: u, TLS: config, DialContext: dialer.DialContext}, nil
}

// makeSite makes the recordings, or reads them, and writes what they have in common.
func makeSite(ctx context.Context, env environment, f *recordFlags) error {
	base, err := siteOf(f.site)
	if err != nil {
		return err
	}
	if err := f.verbs(base); err != nil {
		return err
	}
	if f.out != "" { // better now than after the recording
		if info, err := os.Stat(filepath.Dir(f.out)); err != nil || !info.IsDir() {
			return usage("--out %s: there is no directory %s", f.out, filepath.Dir(f.out))
		}
	}
	var (
		list  []*recording.Recording
		notes []string
	)
	if len(f.hars) > 0 {
		list, notes, err = f.fromHARs(env)
	} else {
		list, notes, err = f.fromBrowser(ctx, env, base)
	}
	if err != nil {
		return err
	}
	journey, err := recording.Correlate(list)
	if err != nil {
		return &exitError{code: exitScenario, err: err, hint: "record the same actions with accounts that are filled alike"}
	}
	name := f.name
	if name == "" {
		name = strings.TrimSuffix(base.Name, "-recorded") + "-recorded"
	}
	text := journey.Site(base, name, len(list))
	written, err := checkWritten(text, name, list)
	if err != nil {
		return err
	}
	if slices.Contains(journey.Recorded(), "login") && !sendsPassword(written.Actions["login"].Web) {
		notes = append(notes, "login: no request sends the password: whoever plays this signs nobody in, unless that is done without one")
	}
	if f.out != "" {
		if err := writeTo(f.out, func(w io.Writer) error { _, err := w.Write(text); return err }); err != nil {
			return err
		}
	} else if !f.asJSON {
		if _, err := env.stdout.Write(text); err != nil {
			return err
		}
	}
	return tellRecorded(env, f, journey, append(notes, journey.Notes...), text)
}

// verbs checks --actions, or takes all that the site has for a browser.
func (f *recordFlags) verbs(base *site.Site) error {
	for i, verb := range f.actions {
		switch {
		case !slices.Contains(site.Verbs, verb):
			return usage("--actions: there is no action %q: %s", verb, strings.Join(site.Verbs, ", "))
		case slices.Contains(f.actions[:i], verb):
			return usage("--actions: %s is named twice", verb)
		case len(f.hars) == 0 && len(base.Actions[verb].Browser) == 0:
			return usage("the site %s does not say how a browser does %s", base.Name, verb)
		}
	}
	if len(f.actions) > 0 {
		if first := f.actions[0]; len(f.hars) == 0 && first != "login" && !base.Actions[first].Anonymous {
			return usage("--actions must begin with login, in whose session %s is done", first)
		}
		return nil
	}
	if len(f.hars) > 0 {
		return usage("--actions is missing: the actions of the HAR files in their order, such as login,list,read")
	}
	for _, verb := range site.Verbs {
		if len(base.Actions[verb].Browser) > 0 {
			f.actions = append(f.actions, verb)
		}
	}
	if len(f.actions) == 0 {
		return usage("the site %s has no browser parts to be played", base.Name)
	}
	return nil
}

// checkWritten holds what is to be written against the reader of site files, and against the passwords.
func checkWritten(text []byte, name string, list []*recording.Recording) (*site.Site, error) {
	written, err := scenarios.ParseSite(name+".yaml", text)
	if err != nil {
		return nil, fmt.Errorf("what was recorded makes no valid site file: %w", err)
	}
	for _, r := range list {
		for _, k := range r.Known {
			if k.Secret && len(k.Value) >= 6 && bytes.Contains(text, []byte(k.Value)) {
				return nil, errors.New("the recorded site would hold a password: nothing was written")
			}
		}
	}
	return written, nil
}

// sendsPassword says whether a request of an action holds the account's password.
func sendsPassword(steps []site.Step) bool {
	holds := func(texts ...site.Text) bool {
		return slices.ContainsFunc(texts, func(x site.Text) bool { return strings.Contains(x.String(), "{{account.password}}") })
	}
	for i := range steps {
		for _, r := range append([]site.Request{steps[i].Request}, steps[i].Parallel...) {
			if holds(r.Path, r.JSON, r.Body) {
				return true
			}
			for _, m := range []map[string]site.Text{r.Query, r.Headers, r.Form, r.Multipart} {
				for _, x := range m {
					if holds(x) {
						return true
					}
				}
			}
		}
	}
	return false
}

// tellRecorded says what came out.
func tellRecorded(env environment, f *recordFlags, j *recording.Journey, notes []string, text []byte) error {
	if f.asJSON {
		return writeIndented(env.stdout, struct {
			Format   int      `json:"format"`
			Actions  []string `json:"actions"`
			Captures int      `json:"captures"`
			Notes    []string `json:"notes"`
			Site     string   `json:"site"`
		}{1, j.Recorded(), j.Captures, notes, string(text)})
	}
	for _, n := range notes {
		fmt.Fprintf(env.stderr, "note: %s\n", n)
	}
	to := ""
	if f.out != "" {
		to = ", written to " + f.out
	}
	_, err := fmt.Fprintf(env.stderr, "recorded: %s; %d values are taken from answers%s\n", strings.Join(j.Recorded(), ", "), j.Captures, to)
	return err
}
