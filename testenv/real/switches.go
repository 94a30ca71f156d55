package real

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Switch is one limit or fault that a stack can be started with: what a configuration looks like that does not fit the load.
type Switch struct {
	Name    string
	What    string // what it changes, in a sentence
	Value   string // what a value says, with its unit and range; empty: it takes none
	Default string // the value where none is given; "" where Value is empty or a value is needed
	Shows   string // what clients and counters see of it
	Cause   string // code of the hypothesis of internal/diagnosis; empty: it is no fault
	// Stacks are the kinds of stack that have it: mail, sogo, roundcube.
	Stacks []string

	set func(o *Options, value string) error
}

var (
	onWeb  = []string{"sogo", "roundcube"}
	onSOGo = []string{"sogo"}
	onAll  = []string{"mail", "sogo", "roundcube"}
)

// Switches are all that there are, in the order in which they are documented.
func Switches() []Switch {
	return []Switch{
		{
			Name: "instances", What: "how many instances of SOGo or Roundcube stand behind HAProxy",
			Value: "1 to 16", Stacks: onWeb,
			set: number(1, maxInstances, func(o *Options, n int) { *o.counts().instances = n }),
		},
		{
			Name: "accounts", What: "how many accounts there are beside u00000",
			Value: "1 to 99999", Stacks: onAll,
			set: number(1, 99999, func(o *Options, n int) { o.Accounts = n }),
		},
		{
			Name: "workers", What: "processes of each instance, each of which serves one request at a time (WOWorkersCount, pm.max_children)",
			Value: "1 to 200", Default: "2", Cause: "workers", Stacks: onWeb,
			Shows: "a sharp knee with idle processors; sogod logs \"No child available to handle incoming request!\"",
			set:   number(1, maxWorkers, func(o *Options, n int) { *o.counts().workers = n }),
		},
		{
			Name: "maxconn", What: "requests that HAProxy passes to each instance at a time; more wait for at most queue-timeout",
			Value: "1 to 10000", Default: "2", Cause: "slots", Stacks: onWeb,
			Shows: "response times grow while all backends are idle, then 503; HAProxy's queue grows",
			set: number(1, 10000, func(o *Options, n int) {
				o.Tweaks.WebMaxConn = n
				if o.Tweaks.WebQueueTimeout == 0 {
					o.Tweaks.WebQueueTimeout = 5 * time.Second
				}
			}),
		},
		{
			Name: "queue-timeout", What: "how long a request waits in HAProxy's queue before it is answered with 503",
			Value: "a duration up to 10m", Default: "5s", Stacks: onWeb,
			set: duration(10*time.Millisecond, 10*time.Minute, func(o *Options, d time.Duration) { o.Tweaks.WebQueueTimeout = d }),
		},
		{
			Name: "frontend-maxconn", What: "connections that HAProxy's web frontend has open at a time; others wait in the kernel",
			Value: "1 to 10000", Default: "20", Cause: "listen", Stacks: onWeb,
			Shows: "requests of new connections wait before HAProxy counts them; the frontend is full and no queue is seen",
			set:   number(1, 10000, func(o *Options, n int) { o.Tweaks.WebFrontendMaxConn = n }),
		},
		{
			Name: "balance-source", What: "HAProxy chooses the instance by the client's address (balance source), without a route cookie",
			Cause: "uneven-sources", Stacks: onWeb,
			Shows: "all users behind one address come to one instance, and the others idle",
			set:   simply(func(o *Options) { o.Tweaks.WebBalance, o.Tweaks.WebNoCookie = "source", true }),
		},
		{
			Name: "no-cookie", What: "HAProxy sends requests to the instances in turn, without a route cookie",
			Cause: "session-hop", Stacks: onWeb,
			Shows: "each session is on every instance; what one of them keeps in memory is built again on the others",
			set:   simply(func(o *Options) { o.Tweaks.WebNoCookie = true }),
		},
		{
			Name: "slow-backend", What: "the last instance may run for this share of the time only",
			Value: "0.01 to 1", Default: "0.2", Cause: "uneven-backends", Stacks: onWeb,
			Shows: "what comes to that instance is slow, and nothing else",
			set: share(func(o *Options, v float64) {
				o.Tweaks.WebSpeeds = make([]float64, o.Instances())
				o.Tweaks.WebSpeeds[len(o.Tweaks.WebSpeeds)-1] = v
			}),
		},
		{
			Name: "database-connections", What: "connections that PostgreSQL gives to SOGo, whose workers each keep theirs for minutes",
			Value: "1 to 9000", Default: "6", Cause: "pool", Stacks: onSOGo,
			Shows: "PostgreSQL refuses (\"remaining connection slots are reserved\"), and SOGo answers with errors or refuses logins",
			set:   number(1, 9000, func(o *Options, n int) { o.Tweaks.DatabaseConnections = n + reservedConnections }),
		},
		{
			Name: "database-idle", What: "how long a worker of SOGo keeps a connection to PostgreSQL that it does not use (by SOGo's own choice three to eight minutes)",
			Value: "whole seconds, 1 to 600", Default: "1", Stacks: onSOGo,
			set: number(1, 600, func(o *Options, n int) {
				o.Tweaks.SOGoExtra += fmt.Sprintf("GCSChannelExpireAge = %d; GCSChannelCollectionTimer = %d;\n", n, n)
			}),
		},
		{
			Name: "mail-latency", What: "SOGo reaches Dovecot over a line that takes so long in each direction, as a distant or slow store of mail does",
			Value: "a duration up to 5s", Default: "50ms", Stacks: onSOGo,
			Shows: "every request to SOGo that looks at mail holds its worker and its slot for longer; no processor is busier",
			set:   duration(time.Millisecond, 5*time.Second, func(o *Options, d time.Duration) { o.Tweaks.MailLatency = d }),
		},
		{
			Name: "database-latency", What: "SOGo reaches PostgreSQL over a line that takes so long in each direction",
			Value: "a duration up to 5s", Default: "20ms", Stacks: onSOGo,
			Shows: "every request to SOGo holds its worker and its connection for longer; no processor is busier",
			set:   duration(time.Millisecond, 5*time.Second, func(o *Options, d time.Duration) { o.Tweaks.DatabaseLatency = d }),
		},
		{
			Name: "slow-shard", What: "the accounts above the middle have a Dovecot of their own, which may run for this share of the time only",
			Value: "0.01 to 1", Default: "0.1", Cause: "hot-shard", Stacks: onAll,
			Shows: "mail is slow for one half of the accounts, by every way in",
			set:   share(func(o *Options, v float64) { o.Tweaks.MailShard = v }),
		},
		{
			Name: "pings", What: "the longest time for which a phone's Ping or Sync may hold its worker of SOGo",
			Value: "a duration up to 1h", Default: "10m", Cause: "workers", Stacks: onSOGo,
			Shows: "as many waiting phones as workers, and nobody else is served; no processor is busy",
			set:   duration(time.Second, maxPing, func(o *Options, d time.Duration) { o.SOGo.Ping = d }),
		},
		{
			Name: "dovecot-sessions", What: "Dovecot with a process for each session, so many at most, and its own limit of 10 sessions for one account and address",
			Value: "1 to 10000", Default: "1024", Cause: "slots", Stacks: onAll,
			Shows: "further logins stand still and then fail; Dovecot logs \"process_limit reached\"",
			set: number(1, 10000, func(o *Options, n int) {
				o.Tweaks.DovecotStock, o.Tweaks.DovecotSessions = true, n
			}),
		},
		{
			Name: "imap-maxconn", What: "sessions that HAProxy passes to Dovecot at a time",
			Value: "1 to 10000", Default: "50", Cause: "slots", Stacks: onAll,
			Shows: "further connections get no greeting; HAProxy's queue of imap grows",
			set:   number(1, 10000, func(o *Options, n int) { o.Tweaks.IMAPMaxConn = n }),
		},
		{
			Name: "caldav-maxconn", What: "requests that HAProxy passes to Radicale at a time",
			Value: "1 to 6", Default: "1", Cause: "slots", Stacks: onAll,
			Shows: "calendars of Radicale wait in HAProxy's queue of caldav",
			set:   number(1, 6, func(o *Options, n int) { o.Tweaks.CalDAVMaxConn = n }),
		},
		{
			Name: "smtp-processes", What: "processes of each of Postfix's services (default_process_limit)",
			Value: "1 to 1000", Default: "3", Cause: "listen", Stacks: onAll,
			Shows: "the greeting comes late; Postfix logs that all processes are busy",
			set: number(1, 1000, func(o *Options, n int) {
				o.Tweaks.PostfixExtra += fmt.Sprintf("default_process_limit = %d\n", n)
			}),
		},
	}
}

// Set applies a switch, written NAME or NAME=VALUE, to options that say already which stack is meant.
func (o *Options) Set(setting string) error {
	name, value, given := strings.Cut(setting, "=")
	all := Switches()
	i := slices.IndexFunc(all, func(s Switch) bool { return s.Name == name })
	if i < 0 {
		return fmt.Errorf("there is no switch %q: want one of %s", name, strings.Join(SwitchNames(), ", "))
	}
	s := all[i]
	switch kind := o.stackKind(); {
	case !slices.Contains(s.Stacks, kind):
		return fmt.Errorf("the switch %s is of %s, not of %s", name, strings.Join(s.Stacks, ", "), kind)
	case given && s.Value == "":
		return fmt.Errorf("the switch %s takes no value", name)
	case !given && s.Value != "" && s.Default == "":
		return fmt.Errorf("the switch %s needs a value: %s", name, s.Value)
	case !given:
		value = s.Default
	}
	if err := s.set(o, value); err != nil {
		return fmt.Errorf("the switch %s=%s: %w, want %s", name, value, err, s.Value)
	}
	return nil
}

// SetAll applies switches. Those that say how many instances there are come first, because others go by that.
func (o *Options) SetAll(settings []string) error {
	ordered := slices.Clone(settings)
	slices.SortStableFunc(ordered, func(a, b string) int {
		return rank(a) - rank(b)
	})
	for _, s := range ordered {
		if err := o.Set(s); err != nil {
			return err
		}
	}
	return nil
}

func rank(setting string) int {
	if name, _, _ := strings.Cut(setting, "="); name == "instances" {
		return 0
	}
	return 1
}

// SwitchNames are the names of all switches.
func SwitchNames() []string {
	var names []string
	for _, s := range Switches() {
		names = append(names, s.Name)
	}
	return names
}

// stackKind is the kind of stack that options describe.
func (o *Options) stackKind() string {
	switch {
	case o.SOGo != nil:
		return "sogo"
	case o.Roundcube != nil:
		return "roundcube"
	}
	return "mail"
}

// counts are where the numbers of instances and workers stand. There is a web application.
func (o *Options) counts() struct{ instances, workers *int } {
	if o.SOGo != nil {
		return struct{ instances, workers *int }{&o.SOGo.Instances, &o.SOGo.Workers}
	}
	return struct{ instances, workers *int }{&o.Roundcube.Instances, &o.Roundcube.Workers}
}

func number(least, most int, set func(*Options, int)) func(*Options, string) error {
	return func(o *Options, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < least || n > most {
			return fmt.Errorf("%q is no number from %d to %d", value, least, most)
		}
		set(o, n)
		return nil
	}
}

func share(set func(*Options, float64)) func(*Options, string) error {
	return func(o *Options, value string) error {
		v, err := strconv.ParseFloat(value, 64)
		if err != nil || !(v >= 0.01 && v <= 1) {
			return fmt.Errorf("%q is no number from 0.01 to 1", value)
		}
		set(o, v)
		return nil
	}
}

func duration(least, most time.Duration, set func(*Options, time.Duration)) func(*Options, string) error {
	return func(o *Options, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d < least || d > most {
			return fmt.Errorf("%q is no duration from %v to %v", value, least, most)
		}
		set(o, d)
		return nil
	}
}

func simply(set func(*Options)) func(*Options, string) error {
	return func(o *Options, _ string) error { set(o); return nil }
}
