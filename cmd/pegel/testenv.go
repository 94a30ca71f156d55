package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pegel/testenv"
	"pegel/testenv/real"
)

func testenvCommand(env environment) *cobra.Command {
	var (
		choice   platformChoice
		accounts int
		phones   int
		debian   debianChoice
		list     bool
	)
	cmd := &cobra.Command{
		Use:   "testenv",
		Short: "run the embedded platform in the foreground, or find its true capacity",
		Long:  testenvHelp(),
		Args: func(cmd *cobra.Command, args []string) error {
			if debian.kind == debianMail && len(args) == 1 && slices.Contains(debianKinds, args[0]) {
				debian.kind = args[0] // "--real sogo", which pflag takes for a flag without a value and an argument
				return nil
			}
			if len(args) > 0 {
				return usage("%s has no command %q%s", cmd.CommandPath(), args[0], suggestion(cmd, args[0]))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if list {
				return listPlatforms(env)
			}
			if accounts < 1 || accounts > 99_999 {
				return usage("--accounts %d is not between 1 and 99999", accounts)
			}
			if debian.kind != "" && choice.named() {
				return usage("--real starts real servers, which take no --profile or --definition")
			}
			if err := debian.check(cmd); err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			if debian.kind != "" {
				if !cmd.Flags().Changed("accounts") {
					accounts = real.DefaultAccounts
				}
				return debian.foreground(ctx, env, accounts)
			}
			def, err := choice.open()
			if err != nil {
				return err
			}
			p, err := testenv.Start(ctx, testenv.Options{Definition: def, Seed: choice.seed, Accounts: accounts, Password: demoPassword, SourceAccounts: true, PhoneWorkers: phones})
			if err != nil {
				return err
			}
			defer p.Close()
			u := p.URLs
			fmt.Fprintf(env.stdout, "platform %s, %d accounts, password %s\nweb      %s\nimap     %s\nsource   %s\nsmtp     %s\ncaldav   %s\ncarddav  %s\neas      %s\nmetrics  %s\nCtrl-C ends it\n",
				def.Name, accounts, demoPassword, u.Web, u.IMAP, u.IMAPSource, u.SMTP, u.CalDAV, u.CardDAV, u.EAS, u.Metrics)
			untilInterrupted(ctx, env)
			return p.Close()
		},
	}
	choice.flags(cmd)
	debian.flags(cmd)
	cmd.Flags().BoolVar(&list, "list", false, "list the shipped profiles and the families of drawn platforms")
	cmd.Flags().IntVar(&accounts, "accounts", 2000, "number of accounts (with --real by default 1000)")
	cmd.Flags().IntVar(&phones, "phone-workers", 0, "how many commands of phones are served at a time, waiting Pings among them; 0: any number")
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(truthCommand(env), knownCommand(env))
	return cmd
}

// testenvHelp names the profiles. Those with a cause, and healthy, are platforms to try a diagnosis on.
func testenvHelp() string {
	var faulty, others []string
	for _, p := range testenv.Profiles() {
		if def, err := testenv.Profile(p.Name); err == nil && (def.Cause != nil || p.Name == "healthy") {
			faulty = append(faulty, p.Name)
		} else {
			others = append(others, p.Name)
		}
	}
	return wrap("A groupware platform in one process, with a known capacity. --profile starts a shipped one. With one fault each, for trying a diagnosis: "+
		strings.Join(faulty, ", ")+". For the users of the scenario demo: "+strings.Join(others, ", ")+". Without it the platform is drawn by --seed.", 95)
}

// wrap breaks a text into lines of at most so many characters, between words.
func wrap(text string, width int) string {
	var out strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		switch {
		case column == 0:
		case column+1+len(word) > width:
			out.WriteByte('\n')
			column = 0
		default:
			out.WriteByte(' ')
			column++
		}
		out.WriteString(word)
		column += len(word)
	}
	return out.String()
}

// platformChoice are the flags that say which embedded platform is meant.
type platformChoice struct {
	seed                uint64
	profile, definition string
}

func (c *platformChoice) flags(cmd *cobra.Command) {
	cmd.Flags().Uint64Var(&c.seed, "seed", 1, "draws the platform as pegel demo does")
	cmd.Flags().StringVar(&c.profile, "profile", "", "a shipped platform instead of a drawn one (--list of pegel testenv names them)")
	cmd.Flags().StringVar(&c.definition, "definition", "", "YAML file with resources and operations instead of a drawn platform")
}

// named says whether the platform is not drawn.
func (c *platformChoice) named() bool { return c.profile != "" || c.definition != "" }

func (c *platformChoice) open() (testenv.Definition, error) {
	switch {
	case c.profile != "" && c.definition != "":
		return testenv.Definition{}, usage("--profile and --definition exclude each other")
	case c.profile != "":
		def, err := testenv.Profile(c.profile)
		if err != nil {
			return testenv.Definition{}, usage("%v", err)
		}
		return def, nil
	case c.definition == "":
		return testenv.Draw(c.seed), nil
	}
	raw, err := os.ReadFile(c.definition)
	if errors.Is(err, fs.ErrNotExist) {
		return testenv.Definition{}, usage("%v", err)
	}
	if err != nil {
		return testenv.Definition{}, err
	}
	def, err := testenv.ParseDefinition(raw)
	if err != nil {
		return testenv.Definition{}, &exitError{code: exitScenario, err: fmt.Errorf("%s: %w", c.definition, err)}
	}
	return def, nil
}

func listPlatforms(env environment) error {
	w := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "profiles, for --profile:")
	for _, p := range testenv.Profiles() {
		what, _, _ := strings.Cut(p.What, ". ")
		fmt.Fprintf(w, "  %s\t%s\n", p.Name, strings.TrimSuffix(what, "."))
	}
	fmt.Fprintln(w, "families, for pegel testenv truth --family:")
	for _, f := range testenv.Families() {
		outside := ""
		if !f.Inside {
			outside = " (outside the usual models)"
		}
		fmt.Fprintf(w, "  %s\t%s%s\n", f.Name, f.What, outside)
	}
	return w.Flush()
}

func untilInterrupted(ctx context.Context, env environment) {
	signals, release := env.interrupts.take()
	defer release()
	select {
	case <-signals:
	case <-ctx.Done():
	}
}
