package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"pegel/internal/recording"
	"pegel/internal/site"
	"pegel/probes"
	"pegel/probes/probe"
)

// difference is one answer that is not as it was recorded, or an action that failed.
type difference struct {
	Account int    `json:"account"` // its number
	Action  string `json:"action"`
	Request string `json:"request,omitempty"` // as the site writes it
	What    string `json:"what"`
}

// checked is what a check came to.
type checked struct {
	Format      int          `json:"format"`
	Site        string       `json:"site"`
	Accounts    int          `json:"accounts"`
	Actions     []string     `json:"actions"`
	Answers     int          `json:"answers"`
	Shapes      int          `json:"with_shape"`
	Differences []difference `json:"differences"`
}

// checkRecorded plays the web parts of a site for two accounts, and reports what is not as it was recorded.
func checkRecorded(ctx context.Context, env environment, f *recordFlags) error {
	if len(f.hars) > 0 || f.out != "" {
		return usage("--check reads one site file: leave --har and --out away")
	}
	s, err := siteOf(f.check)
	if err != nil {
		return err
	}
	target, err := f.target()
	if err != nil {
		return err
	}
	if f.accounts == "" {
		return usage("--accounts is missing: a CSV file with login and password, or a pattern such as u{n:05}@example.test")
	}
	accounts, err := f.take(env, 2, f.recordings+1)
	if err != nil {
		return err
	}
	verbs, err := f.checkedVerbs(s)
	if err != nil {
		return err
	}
	target.Site = s
	out := checked{Format: 1, Site: s.Name, Accounts: len(accounts), Actions: verbs, Differences: []difference{}}
	for i, account := range accounts {
		if err := out.play(ctx, target, account, accounts[(i+1)%len(accounts)]); err != nil {
			return err
		}
	}
	if f.asJSON {
		err = writeIndented(env.stdout, out)
	} else {
		err = out.write(env.stdout)
	}
	if err == nil && len(out.Differences) > 0 {
		return &exitError{code: exitObjective}
	}
	return err
}

// checkedVerbs are the actions that are played: those of --actions, or all that the site has at HTTP level.
func (f *recordFlags) checkedVerbs(s *site.Site) (verbs []string, err error) {
	for _, verb := range f.actions {
		if len(s.Actions[verb].Web) == 0 {
			return nil, usage("the site %s has no %s at HTTP level", s.Name, verb)
		}
	}
	for _, verb := range site.Verbs {
		if len(s.Actions[verb].Web) > 0 && (len(f.actions) == 0 || slices.Contains(f.actions, verb)) {
			verbs = append(verbs, verb)
		}
	}
	if len(verbs) == 0 {
		return nil, usage("the site %s has nothing at HTTP level to be played", s.Name)
	}
	return verbs, nil
}

// play does all actions as one user, in the order of a usual journey.
func (c *checked) play(ctx context.Context, target probe.Target, account, peer probe.Account) error {
	web, ok := probes.ByName("web")
	if !ok {
		return fmt.Errorf("there is no protocol web")
	}
	number := account.Index + 1
	doing := ""
	var mu sync.Mutex
	target.Heard = func(h probe.Heard) {
		mu.Lock()
		defer mu.Unlock()
		c.Answers++
		_, request, _ := strings.Cut(h.Doing, ": ")
		differs := func(what string) {
			d := difference{number, doing, request, what}
			if !slices.Contains(c.Differences, d) {
				c.Differences = append(c.Differences, d)
			}
		}
		wanted := h.Request.Status
		if len(wanted) == 0 {
			wanted = []int{200}
			if h.Request.Shape.Type == "" && h.Status >= 200 && h.Status <= 299 { // nobody said which
				wanted = []int{h.Status}
			}
		}
		if h.Request.Cache {
			wanted = append(slices.Clone(wanted), 304)
		}
		if !slices.Contains(wanted, h.Status) {
			differs(fmt.Sprintf("status %d instead of %d", h.Status, wanted[0]))
			return
		}
		if h.Request.Shape.Type == "" {
			return
		}
		c.Shapes++
		for _, what := range recording.Differs(h.Request.Shape, h.Type, h.Body) {
			differs(what)
		}
	}
	shared, err := web.Prepare(ctx, target)
	if err != nil {
		return err
	}
	defer shared.Close()
	target.Shared = shared
	u := &soleUser{ctx: ctx, protocol: web, target: target, account: account, peer: peer, run: "check-" + time.Now().UTC().Format("20060102T150405")}
	defer u.close()
	for n, verb := range c.Actions {
		doing = verb
		before := len(c.Differences)
		if err := u.do(verb, uint64(n)); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			text := account.Redact(err.Error())
			if probe.ClassOf(err) == probe.Refused || probe.ClassOf(err) == probe.Denied || verb == "login" && probe.ClassOf(err) == probe.Auth {
				return &exitError{code: exitNoStart, err: fmt.Errorf("account %d: %s", number, text), hint: "check --url, --allow and the accounts"}
			}
			mu.Lock()
			if len(c.Differences) == before { // else it has been said why
				c.Differences = append(c.Differences, difference{number, verb, "", text})
			}
			mu.Unlock()
		}
	}
	return nil
}

// write is the table.
func (c *checked) write(w io.Writer) error {
	if len(c.Differences) == 0 {
		_, err := fmt.Fprintf(w, "%s: %s; %d answers for %d accounts are as they were recorded, %d of them with their shape\n",
			c.Site, strings.Join(c.Actions, ", "), c.Answers, c.Accounts, c.Shapes)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "account\taction\trequest\tdifference")
	for _, d := range c.Differences {
		request := d.Request
		if request == "" {
			request = "-"
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\n", d.Account, d.Action, request, d.What)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "%s: %d differences in %d answers for %d accounts\n", c.Site, len(c.Differences), c.Answers, c.Accounts)
	return err
}
