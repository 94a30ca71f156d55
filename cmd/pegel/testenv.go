package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"pegel/testenv"
)

func testenvCommand(env environment) *cobra.Command {
	var (
		seed       uint64
		definition string
		accounts   int
		debian     bool
	)
	cmd := &cobra.Command{
		Use:   "testenv",
		Short: "run the embedded platform in the foreground",
		Args:  exactly(0, "no argument"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			if debian {
				return foreground(ctx, env)
			}
			def := testenv.Draw(seed)
			if definition != "" {
				raw, err := os.ReadFile(definition)
				if err != nil {
					return err
				}
				if def, err = testenv.ParseDefinition(raw); err != nil {
					return &exitError{code: exitScenario, err: fmt.Errorf("%s: %w", definition, err)}
				}
			}
			p, err := testenv.Start(ctx, testenv.Options{Definition: def, Seed: seed, Accounts: accounts, Password: demoPassword, SourceAccounts: true})
			if err != nil {
				return err
			}
			defer p.Close()
			u := p.URLs
			fmt.Fprintf(env.stdout, "platform %s, %d accounts, password %s\nweb      %s\nimap     %s\nsource   %s\nsmtp     %s\ncaldav   %s\nmetrics  %s\nCtrl-C ends it\n",
				def.Name, accounts, demoPassword, u.Web, u.IMAP, u.IMAPSource, u.SMTP, u.CalDAV, u.Metrics)
			untilInterrupted(ctx, env)
			return p.Close()
		},
	}
	cmd.Flags().Uint64Var(&seed, "seed", 1, "draws the platform as pegel demo does")
	cmd.Flags().StringVar(&definition, "definition", "", "YAML file with resources and operations instead of a drawn platform")
	cmd.Flags().BoolVar(&debian, "real", false, "start Dovecot, Postfix, Radicale and HAProxy from Debian packages instead")
	cmd.Flags().IntVar(&accounts, "accounts", 2000, "number of accounts")
	return cmd
}

// foreground runs the real servers until Ctrl-C.
func foreground(ctx context.Context, env environment) error {
	s, err := startDebian(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	fmt.Fprintf(env.stdout, "real servers, %d accounts u00000@example.test…, password %s\nimap     %s\nsmtp     %s\ncaldav   %s\nweb      %s\nmetrics  %s %s\nca       %s\nCtrl-C ends them\n",
		s.stack.Accounts, s.stack.Password, s.stack.IMAP, s.stack.SMTP, s.stack.CalDAV, s.stack.Web, s.stack.HAProxyMetrics, s.stack.DovecotMetrics, s.stack.CAFile)
	untilInterrupted(ctx, env)
	return nil
}

func untilInterrupted(ctx context.Context, env environment) {
	signals, release := env.interrupts.take()
	defer release()
	select {
	case <-signals:
	case <-ctx.Done():
	}
}
