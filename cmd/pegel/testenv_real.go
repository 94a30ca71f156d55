package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"pegel/testenv/real"
)

// The stacks of real servers that pegel testenv runs in the foreground.
const (
	debianMail      = "mail" // Dovecot, Postfix, Radicale, HAProxy and the embedded webmail
	debianSOGo      = "sogo"
	debianRoundcube = "roundcube"
)

var debianKinds = []string{debianMail, debianSOGo, debianRoundcube}

// debianChoice are the flags that describe a stack of real servers.
type debianChoice struct {
	kind               string // empty: none
	instances, workers int
	switches           []string
}

func (c *debianChoice) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&c.kind, "real", "", "start servers from Debian packages instead: mail (Dovecot, Postfix, Radicale and HAProxy, also without a value), sogo or roundcube")
	cmd.Flags().Lookup("real").NoOptDefVal = debianMail
	cmd.Flags().IntVar(&c.instances, "instances", 1, "with --real sogo or roundcube: how many of them stand behind HAProxy")
	cmd.Flags().IntVar(&c.workers, "workers", 0, "with --real sogo or roundcube: processes of each instance (0: 4 of SOGo, 8 of Roundcube)")
	cmd.Flags().StringArrayVar(&c.switches, "switch", nil, "with --real: start the servers with a limit or fault, NAME or NAME=VALUE; may be repeated (--list names them)")
}

func (c *debianChoice) check(cmd *cobra.Command) error {
	if c.kind != "" && !slices.Contains(debianKinds, c.kind) {
		return usage("--real %s: want one of %s", c.kind, strings.Join(debianKinds, ", "))
	}
	if cmd.Flags().Changed("switch") && c.kind == "" {
		return usage("--switch goes with --real")
	}
	for _, name := range []string{"instances", "workers"} {
		if cmd.Flags().Changed(name) && (c.kind == "" || c.kind == debianMail) {
			return usage("--%s goes with --real sogo or --real roundcube", name)
		}
	}
	if c.kind != "" {
		o := c.options(0)
		if err := o.SetAll(c.switches); err != nil {
			return usage("--switch: %v", err)
		}
	}
	return nil
}

func (c *debianChoice) options(accounts int) real.Options {
	o := real.Options{Accounts: accounts, SharedMailboxes: c.kind == debianMail}
	switch c.kind {
	case debianSOGo:
		o.SOGo = &real.SOGo{Instances: c.instances, Workers: c.workers}
	case debianRoundcube:
		o.Roundcube = &real.Roundcube{Instances: c.instances, Workers: c.workers}
	}
	return o
}

// foreground runs the servers until Ctrl-C, also during their start. A second one kills them.
func (c *debianChoice) foreground(ctx context.Context, env environment, accounts int) error {
	signals, release := env.interrupts.take()
	defer release()
	starting, cancel := context.WithCancel(ctx)
	defer cancel()
	type started struct {
		servers *servers
		err     error
	}
	done := make(chan started, 1)
	options := c.options(accounts)
	if err := options.SetAll(c.switches); err != nil {
		return usage("--switch: %v", err)
	}
	go func() {
		s, err := startReal(starting, realDir, options)
		done <- started{s, err}
	}()
	var s *servers
	select {
	case <-signals:
		cancel()
		up := <-done
		if up.err == nil {
			return up.servers.Close()
		}
		return &exitError{code: exitInterrupted, err: errors.New("interrupted")}
	case up := <-done:
		if up.err != nil {
			return up.err
		}
		s = up.servers
	}
	c.describe(env, s.stack)
	select {
	case <-signals:
	case <-ctx.Done():
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	for {
		select {
		case <-signals:
			s.stack.Kill()
		case err := <-closed:
			return err
		}
	}
}

func (c *debianChoice) describe(env environment, s *real.Stack) {
	fmt.Fprintf(env.stdout, "real servers, %d accounts u00000@example.test…, password %s\n", s.Accounts, s.Password)
	w := tabwriter.NewWriter(env.stdout, 0, 0, 2, ' ', 0)
	say := func(name string, values ...string) {
		if text := strings.TrimSpace(strings.Join(values, " ")); text != "" {
			fmt.Fprintf(w, "%s\t%s\n", name, text)
		}
	}
	say("imap", s.IMAP)
	say("smtp", s.SMTP)
	say("inbound", s.SMTPInbound)
	say("caldav", s.CalDAV)
	web := s.Web
	if c.kind == debianSOGo {
		web += "SOGo/"
	}
	say("web", web)
	say("each", s.WebDirect...)
	say("dav", s.SOGoDAV)
	say("activesync", s.ActiveSync)
	say("metrics", s.HAProxyMetrics, s.DovecotMetrics, s.ShardMetrics, s.Counters)
	say("status", append(slices.Clone(s.NginxStatus), s.PHPStatus...)...)
	say("ca", s.CAFile)
	say("logs", s.Dir+"/log")
	_ = w.Flush() // standard output: nobody could be told
	fmt.Fprintln(env.stdout, "Ctrl-C ends them")
}
