package scenarios

import (
	"fmt"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"time"
)

// checker looks for what is well written but makes no sense. Sections that could not be read are left out, and so are the
// checks that build on them.
type checker struct {
	*Scenario
	d *decoder
}

// check reports everything that makes no sense in s.
func check(s *Scenario, d *decoder) {
	c := &checker{s, d}
	c.name()
	if c.read("targets") {
		c.targets()
	}
	if c.read("lines") {
		c.lines()
	}
	if c.read("accounts") {
		c.accounts()
		c.auth()
		c.groups()
	}
	if c.read("accounts", "wave") {
		c.batchGroups()
	}
	if c.read("data") {
		c.feeders()
	}
	if c.read("personas") {
		c.tags()
	}
	if c.read("personas") {
		c.personas()
	}
	if c.read("activity", "personas") {
		c.activity()
	}
	if before := len(d.errs.Problems); c.read("journeys") {
		c.journeys()
		d.failed["journeys"] = len(d.errs.Problems) > before
	}
	if c.read("wave") {
		c.wave()
	}
	if c.read("wave", "personas") {
		c.copies()
	}
	if c.read("load") {
		c.load()
	}
	if c.read("observe") {
		c.observe()
	}
	if c.read("objectives") {
		c.objectives()
	}
	if c.read("environment") {
		c.environment()
		c.transfer()
	}
	if c.read("situations") {
		c.situations()
	}
	if c.read("verdict") {
		c.verdict()
	}
	if c.read("delivery") {
		c.delivery()
	}
	if c.read("checks") {
		c.checks()
	}
}

// read says whether the sections were read without errors.
func (c *checker) read(sections ...string) bool {
	return !slices.ContainsFunc(sections, func(s string) bool { return c.d.failed[s] })
}

// fail reports a problem at the value reached by keys from pos, the zero pos being the file.
func (c *checker) fail(hint, text string, pos Pos, keys ...string) {
	_, at := c.locate(pos, keys...)
	c.d.fail(at, hint, "%s", text)
}

// failKey reports a problem at the last key instead of its value.
func (c *checker) failKey(hint, text string, pos Pos, keys ...string) {
	at, _ := c.locate(pos, keys...)
	c.d.fail(at, hint, "%s", text)
}

// has says whether the mapping at pos has the key.
func (c *checker) has(pos Pos, key string) bool {
	n := c.file.root
	if pos != (Pos{}) {
		n = c.file.index[pos]
	}
	return n != nil && slices.Contains(n.keys(), key)
}

// missing reports that a section or key is not there.
func (c *checker) missing(pos Pos, what, hint string, keys ...string) {
	if pos == (Pos{}) && len(keys) > 0 && c.file.root.value(keys[0]) == nil { // no place of its own, but a chapter
		p := c.file.problem(c.Field(pos, keys...), hint, what+" missing")
		p.See = document + "#" + chapters[keys[0]]
		c.d.errs.Add(p)
		return
	}
	c.fail(hint, what+" missing", pos, keys...)
}

// plainName is what targets, personas, journeys and resources are called; the names appear in tables and on command lines.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

const plainNameRule = "use letters, digits, dot, dash and underscore"

func (c *checker) name() {
	if c.read("name") && c.Name == "" {
		c.missing(Pos{}, "name is", "begin with name: …", "name")
	}
	if c.read("compression") && c.Compression < 0 {
		c.fail("", "compression must not be negative", Pos{}, "compression")
	}
}

var schemes = []string{"imap", "imaps", "smtp", "smtps", "http", "https"}

func (c *checker) targets() {
	if len(c.Targets.ByName) == 0 {
		c.missing(Pos{}, "targets are", "write targets: {imap: {url: imaps://imap.example.test}}", "targets")
	}
	for name, t := range c.Targets.ByName {
		if !plainName.MatchString(name) {
			c.failKey(plainNameRule, fmt.Sprintf("target name %q", name), Pos{}, "targets", name)
		}
		if t.URL == nil {
			continue
		}
		c.address(t.Pos, "url", t.URL.Scheme, t.URL.Hostname(), schemes)
		if t.StartTLS != "" && t.StartTLS != "required" && t.StartTLS != "optional" {
			c.fail(didYouMean(t.StartTLS, []string{"required", "optional"}), fmt.Sprintf("unknown starttls %q", t.StartTLS), t.Pos, "starttls")
		} else if t.StartTLS != "" && t.URL.Scheme != "imap" && t.URL.Scheme != "smtp" {
			c.fail("leave it out, or use imap or smtp", "starttls makes no sense with "+t.URL.Scheme, t.Pos, "starttls")
		}
		if t.Site.Name != "" && t.URL.Scheme != "http" && t.URL.Scheme != "https" {
			c.fail("leave it out", "site makes no sense with "+t.URL.Scheme, t.Pos, "site")
		}
		c.backend(&t)
		c.behind(&t)
		if t.Timeout == 0 {
			c.fail("", "timeout must be above 0", t.Pos, "timeout")
		}
		if t.Recycle < 0 || t.Recycle > 1e6 {
			c.fail("write recycle: 20", "recycle lies between 0 and 1000000", t.Pos, "recycle")
		}
	}
}

// address checks an address of the platform: its scheme, that it has a host, and that a literal address is allowed. Names
// are checked against the allow list when they are resolved.
func (c *checker) address(pos Pos, key, scheme, host string, among []string) {
	switch ip, err := netip.ParseAddr(host); {
	case !slices.Contains(among, scheme):
		text := fmt.Sprintf("unknown scheme %q", scheme)
		if scheme == "" {
			text = "the address has no scheme"
		}
		c.fail(didYouMean(scheme, among), text, pos, key)
	case host == "":
		c.fail("write "+scheme+"://mail.example.test", "the address has no host", pos, key)
	case err == nil && !slices.ContainsFunc(c.Targets.Allow, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) }):
		c.fail(fmt.Sprintf("add it to targets.allow: [%s]", ip), fmt.Sprintf("traffic to %s is not allowed", ip), pos, key)
	}
}

func (c *checker) accounts() {
	a := c.Accounts
	if a.Pos == (Pos{}) {
		c.missing(Pos{}, "accounts are", `write accounts: {pattern: "u{n:05}@example.test", count: 100, password: {env: PEGEL_PASSWORD}}`, "accounts")
		return
	}
	if a.CSV != "" {
		c.accountsCSV()
		return
	}
	if a.Pattern == "" {
		c.missing(a.Pos, "pattern or csv is", `write pattern: "u{n:05}@example.test"`)
	}
	if a.Count <= 0 {
		c.fail("", "count must be above 0", a.Pos, "count")
	}
	if a.First < 0 {
		c.fail("", "first must not be negative", a.Pos, "first")
	}
	for key, pattern := range map[string]string{"pattern": a.Pattern, "login": a.Login} {
		t, err := parseTemplate(pattern)
		if err != nil {
			c.fail("write u{n:05}@example.test", err.Error(), a.Pos, key)
		} else if pattern != "" && len(t.widths) == 0 && a.Count > 1 {
			c.fail("write u{n:05}@example.test", fmt.Sprintf("%s has no {n}, so all %d accounts would be the same", key, a.Count), a.Pos, key)
		}
	}
}

func (c *checker) accountsCSV() {
	a := c.Accounts
	for key, given := range map[string]bool{"pattern": a.Pattern != "", "count": a.Count != 0, "login": a.Login != ""} {
		if given {
			c.failKey("leave one of them out", "csv and "+key+" exclude each other", a.Pos, key)
		}
	}
	read := c.AccountList
	if c.d.opts.SkipSecrets { // what is there is checked all the same, but for secrets
		if _, err := os.Stat(c.d.path(a.CSV)); err != nil || c.d.opts.Alone {
			return
		}
		read = c.accountFile
	}
	if _, err := read(); err != nil {
		if p, ok := err.(*Problem); ok {
			c.d.errs.Add(p)
			return
		}
		c.fail("the path is relative to the scenario file", "reading accounts: "+err.Error(), a.Pos, "csv")
	}
}

func (c *checker) wave() {
	w := c.Wave
	if w.Live < 0 {
		c.fail("", "live must not be negative", w.Pos, "live")
	}
	sum := w.Live
	names := map[string]bool{}
	for _, b := range w.Batches {
		sum += b.Accounts
		if b.Pos == c.Field(w.Pos, "batches") && !c.has(b.Pos, "name") {
			continue // from a CSV file, which was checked line by line
		}
		if b.Accounts <= 0 {
			c.fail("", "accounts of a batch must be above 0", b.Pos, "accounts")
		}
		if b.Name == "" {
			c.missing(b.Pos, "name of the batch is", "")
		} else if names[b.Name] {
			c.fail("", fmt.Sprintf("batch %q is listed twice", b.Name), b.Pos, "name")
		}
		names[b.Name] = true
		if b.Date != "" && !isDate(b.Date) {
			c.fail("write 2026-03-02", fmt.Sprintf("%q is no date", b.Date), b.Pos, "date")
		}
	}
	if n, known := c.accountCount(); known && sum > n {
		key := "live"
		if len(w.Batches) > 0 {
			key = "batches"
		}
		c.fail("raise accounts.count or correct the wave",
			fmt.Sprintf("the wave has %d accounts, live and in batches, but there are only %d", sum, n), w.Pos, key)
	}
}

// accountCount is the number of accounts, if it can be known.
func (c *checker) accountCount() (n int, known bool) {
	if !c.read("accounts") {
		return 0, false
	}
	if c.Accounts.CSV == "" {
		return c.Accounts.Count, c.Accounts.Count > 0
	}
	if c.d.opts.SkipSecrets {
		return 0, false
	}
	list, err := c.AccountList()
	if err != nil {
		return 0, false
	}
	return list.Len(), true
}

// realServers are what environment.start may name.
var realServers = []string{"debian", "sogo", "roundcube"}

func (c *checker) environment() {
	e := c.Environment
	roles := []string{"production", "staging", "test"}
	if e.Role != "" && !slices.Contains(roles, e.Role) {
		c.fail(didYouMean(e.Role, roles), fmt.Sprintf("unknown role %q", e.Role), Pos{}, "environment", "role")
	}
	if e.Start != "" && !slices.Contains(realServers, e.Start) {
		c.fail(didYouMean(e.Start, realServers), fmt.Sprintf("unknown start %q", e.Start), Pos{}, "environment", "start")
	}
	if len(e.Switches) > 0 && e.Start == "" {
		c.fail("they are of real servers that are started for the run: start: sogo", "switches without start", Pos{}, "environment", "switches")
	}
	for name, n := range e.Nodes {
		if n <= 0 {
			c.fail("", fmt.Sprintf("nodes of %s must be above 0", name), Pos{}, "environment", "nodes", name)
		}
	}
	for name, n := range e.Cores {
		if n <= 0 {
			c.fail("", fmt.Sprintf("cores of %s must be above 0", name), Pos{}, "environment", "cores", name)
		}
	}
}

func isDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// names are the keys of a map.
func names[T any](m map[string]T) []string {
	list := make([]string, 0, len(m))
	for name := range m {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
