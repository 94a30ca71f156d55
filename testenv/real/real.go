// Package real starts a mail platform of real servers for tests and rehearsals: Dovecot (IMAP, LMTP, authentication),
// Postfix (submission and inbound SMTP), Radicale (CalDAV) and HAProxy in front of them; on demand also SOGo (with
// PostgreSQL, memcached and nginx), Roundcube (with PHP-FPM and nginx) or Xandikos.
//
// Every server runs from a private configuration in one state directory, listens on 127.0.0.1 only, and is a direct child
// of this process; the system's own configuration and services are neither read nor touched, and no mail leaves the
// machine. All accounts share one password, and their mailboxes come into being at the first login or delivery. A certificate authority
// made for the stack signs the servers' certificate, so that clients can verify it.
//
// Debian's packages, Linux and root are assumed; Missing and Options.Missing say what is lacking.
package real

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const (
	// Domain is the mail domain of all accounts.
	Domain = "example.test"
	// DefaultPassword is the password of all accounts where Options.Password is empty.
	DefaultPassword = "pegel-test"
	// DefaultAccounts is the number of accounts where Options.Accounts is 0.
	DefaultAccounts = 1000

	startLimit = 60 * time.Second // Start gives up then, whatever its context allows
)

// Options chooses the stack; the zero value is a working stack on the default ports.
type Options struct {
	// Dir holds everything the stack writes and must be traversable for other users, because mailboxes and queue belong
	// to system users. If empty, a directory below /var/tmp is made, and removed by Close; a directory of the caller is
	// kept with its mail.
	Dir string
	// Accounts is the largest account number; u00000 to this one exist, and other logins are refused. 0 means DefaultAccounts.
	Accounts int
	// Password of all accounts: letters, digits and ._~!@^*+=- only. Empty means DefaultPassword.
	Password string
	Ports    Ports
	// Webmail is the host:port of a web server that HAProxy puts behind its web frontend. Empty: no such frontend.
	Webmail   string
	SOGo      *SOGo      // starts SOGo behind the web frontend, instead of Webmail
	Roundcube *Roundcube // the same with Roundcube
	Xandikos  bool       // starts Xandikos beside Radicale
	// SharedMailboxes gives Dovecot rights (RFC 4314) and the functional mailboxes SharedMailbox, with 20 messages each.
	SharedMailboxes bool
	// KnownRecipients has Postfix refuse recipients that are no accounts at once. Otherwise it takes their mail, Dovecot
	// refuses it, and the sender gets a bounce.
	KnownRecipients bool
	Tweaks          Tweaks
}

// Tweaks changes limits and configurations, for tests that need a bottleneck in a known place.
type Tweaks struct {
	IMAPMaxConn   int // sessions HAProxy passes to Dovecot at a time; 0 means 1000
	CalDAVMaxConn int // requests HAProxy passes to Radicale at a time; 0 means 6, what its listen backlog holds
	WebMaxConn    int // requests HAProxy passes to each server of the web frontend at a time; 0 means no limit
	// WebQueueTimeout is how long a request waits for one of them in HAProxy's queue; 0 means 20 s.
	WebQueueTimeout time.Duration
	// WebFrontendMaxConn is how many connections HAProxy's web frontend has open at a time; 0 means as many as HAProxy can.
	WebFrontendMaxConn int
	// WebBalance is HAProxy's algorithm over the instances of SOGo or Roundcube: roundrobin (where empty), leastconn,
	// source, static-rr, first or random.
	WebBalance string
	// WebWeights are HAProxy's weights of the instances, in their order, 1 to 256; equal where nil.
	WebWeights []int
	// WebNoCookie leaves out the cookie RouteCookie, by which HAProxy keeps a browser with its instance.
	WebNoCookie bool
	// WebSpeeds are the shares of the time that the processes of the instances may run, in their order: 0.5 stops them for
	// half of each ThrottlePeriod, as a CPU quota does. 0 and 1 mean all the time.
	WebSpeeds []float64
	// DatabaseConnections is PostgreSQL's max_connections, three of them for the superuser; 0 means 400.
	DatabaseConnections int
	// DovecotStock leaves Dovecot its own limits: one process for each of 1,024 sessions, 10 of them for one account and
	// address.
	DovecotStock bool
	// DovecotSessions is that limit of sessions with DovecotStock; 0 means 1024.
	DovecotSessions int
	// MailShard gives the accounts above the middle (above Accounts/2) a Dovecot of their own, whose processes may run for this
	// share of the time: 1 is all of it, 0 means that there is no such Dovecot. The other Dovecot leads their IMAP sessions there.
	MailShard float64
	// MailLatency and DatabaseLatency hold back what SOGo says to Dovecot and PostgreSQL, and what it is told, by so much in
	// each direction; 0 means not at all.
	MailLatency, DatabaseLatency time.Duration

	DovecotExtra   string // appended to dovecot.conf
	PostfixExtra   string // appended to main.cf
	HAProxyExtra   string // appended to haproxy.cfg
	SOGoExtra      string // appended to the keys of sogo.conf; the last of equal keys counts
	RoundcubeExtra string // appended to config.inc.php
	DatabaseExtra  string // appended to postgresql.conf
}

// URLs says where the servers of a stack answer, all on 127.0.0.1.
type URLs struct {
	IMAP           string   // imaps:// through HAProxy
	IMAPDirect     string   // imaps:// at Dovecot
	IMAPStartTLS   string   // imap:// at Dovecot, which offers STARTTLS
	SMTP           string   // smtp:// submission at Postfix, which demands STARTTLS and AUTH
	SMTPInbound    string   // smtp:// for mail arriving from outside, without authentication
	CalDAV         string   // http:// through HAProxy
	CalDAVDirect   string   // http:// at Radicale
	Xandikos       string   // http:// through HAProxy, with the login of XandikosAccount; empty without Options.Xandikos
	Web            string   // http:// through HAProxy; empty without Webmail, SOGo and Roundcube
	WebDirect      []string // http:// at the nginx of each instance of SOGo or Roundcube
	SOGoDAV        string   // CalDAV and CardDAV of SOGo through HAProxy
	ActiveSync     string   // ActiveSync of SOGo through HAProxy
	HAProxyMetrics string   // the Prometheus page of HAProxy
	DovecotMetrics string   // the OpenMetrics page of Dovecot
	ShardMetrics   string   // that of the Dovecot of Tweaks.MailShard; empty without it
	Counters       string   // a page of what has no exporter of its own: SOGo's workers, PostgreSQL's connections, processor times
	NginxStatus    []string // the stub_status page of each instance
	PHPStatus      []string // the status page of each instance's PHP-FPM; "?json" may be appended
}

// Stack is a running platform. Close must be called.
type Stack struct {
	URLs
	Dir      string // state directory; the servers' logs are in its folder log
	CAFile   string // certificate authority of the servers, PEM
	Accounts int
	Password string
	// AccessLogs are the access logs of the web instances, in their order: nginx's combined format, then the seconds that
	// the whole request and the application took.
	AccessLogs []string
	// BalancerLog is HAProxy's log, with a line in its HTTP format for each request to SOGo or Roundcube.
	BalancerLog string

	ports     Ports
	ownsDir   bool
	launcher  *launcher
	options   Options
	programs  []program
	mu        sync.Mutex // guards daemons
	daemons   []*daemon
	throttles []*throttle
	counters  *counters
	lines     []*line
	close     sync.Once
	closeErr  error
	hurry     chan struct{} // closed by Kill
	kill      sync.Once
}

// Account returns the login, which is also the address, of the account with the given number.
func Account(number int) string { return fmt.Sprintf("u%05d@%s", number, Domain) }

// XandikosAccount is the login, with the stack's password, of the only account that Xandikos serves: it knows one
// principal. Its calendar is /LOGIN/calendars/calendar/, its address book /LOGIN/contacts/addressbook/.
func XandikosAccount() string { return Account(1) }

// Start starts the stack and returns when every server answers. The context bounds the start only. An error cites the end
// of the log of the server at fault; nothing is left running then.
func Start(ctx context.Context, o Options) (*Stack, error) {
	if missing := o.Missing(); len(missing) > 0 {
		return nil, fmt.Errorf("starting real servers: missing %s", strings.Join(missing, ", "))
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	if err := o.complete(); err != nil {
		return nil, fmt.Errorf("starting real servers: %w", err)
	}
	s := &Stack{Accounts: o.Accounts, Password: o.Password, launcher: newLauncher(), hurry: make(chan struct{})}
	err := s.start(ctx, o)
	if err == nil {
		return s, nil
	}
	return nil, errors.Join(fmt.Errorf("starting real servers: %w", err), s.Close())
}

// Check reports what keeps Start from using the options, with the port where it is in use. It writes nothing.
func (o Options) Check() error { return o.complete() }

// complete fills in the defaults and refuses what the configuration files could not express.
func (o *Options) complete() error {
	if o.Accounts == 0 {
		o.Accounts = DefaultAccounts
	}
	if o.Accounts < 0 || o.Accounts > 99999 {
		return fmt.Errorf("%d accounts: want 1 to 99999", o.Accounts)
	}
	if o.Password == "" {
		o.Password = DefaultPassword
	}
	if !plainWord(o.Password, "._~!@^*+=-") {
		return errors.New("the password has a character other than letters, digits and ._~!@^*+=-")
	}
	if o.Tweaks.IMAPMaxConn == 0 {
		o.Tweaks.IMAPMaxConn = 1000
	}
	if o.Tweaks.CalDAVMaxConn == 0 {
		o.Tweaks.CalDAVMaxConn = 6
	}
	if o.Tweaks.DovecotSessions == 0 {
		o.Tweaks.DovecotSessions = 1024
	}
	if o.Tweaks.MailLatency < 0 || o.Tweaks.DatabaseLatency < 0 || o.SOGo == nil && o.Tweaks.MailLatency+o.Tweaks.DatabaseLatency > 0 {
		return errors.New("latency: want at least 0, and SOGo, which has it")
	}
	if v := o.Tweaks.MailShard; !(v >= 0 && v <= 1) {
		return fmt.Errorf("speed %g of the shard: want 0 to 1", v)
	}
	if err := o.completeWeb(); err != nil {
		return err
	}
	return o.Ports.complete(o)
}

func (s *Stack) start(ctx context.Context, o Options) error {
	if err := s.makeDir(o.Dir); err != nil {
		return err
	}
	hadShared := hasShared(s.Dir)
	s.CAFile = filepath.Join(s.Dir, "tls", "ca.pem")
	if err := writeCertificates(filepath.Join(s.Dir, "tls")); err != nil {
		return err
	}
	if err := writeConfig(s.Dir, o); err != nil {
		return err
	}
	s.URLs, s.ports = o.urls(), o.Ports
	s.BalancerLog = filepath.Join(s.Dir, "log", "haproxy.log")
	for _, i := range o.instances(s.Dir) {
		s.AccessLogs = append(s.AccessLogs, i.AccessLog)
	}
	s.options = o
	programs, err := programs(ctx, s.Dir, o)
	if err != nil {
		return err
	}
	if err := s.launch(programs...); err != nil {
		return err
	}
	if o.SOGo != nil {
		if err := s.startSOGo(ctx, o); err != nil {
			return err
		}
	}
	if err := s.awaitAll(ctx, o, ""); err != nil {
		return err
	}
	if o.SharedMailboxes {
		if err := s.fillShared(ctx, hadShared); err != nil {
			return err
		}
	}
	s.throttle(o)
	return s.startCounters(o)
}

func (s *Stack) launch(programs ...program) error {
	for _, p := range programs {
		d, err := s.launcher.launch(p, filepath.Join(s.Dir, "log", p.name+".log"))
		if err != nil {
			return err
		}
		s.daemons = append(s.daemons, d)
		s.programs = append(s.programs, p)
	}
	return nil
}

// makeDir makes the state directory, or checks the caller's.
func (s *Stack) makeDir(dir string) error {
	if dir == "" {
		made, err := os.MkdirTemp("/var/tmp", "pegel-real-")
		if err != nil {
			return fmt.Errorf("making the state directory: %w", err)
		}
		s.Dir, s.ownsDir = made, true
		return os.Chmod(made, 0o755)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("finding the state directory: %w", err)
	}
	// Longer paths do not fit into the address of a UNIX socket (107 bytes) together with Dovecot's and Postfix's names.
	if !plainWord(dir, "/._-+") || len(dir) > 70 {
		return fmt.Errorf("state directory %s: want at most 70 letters, digits and ._-+/", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("making the state directory: %w", err)
	}
	for d := dir; ; d = filepath.Dir(d) {
		info, err := os.Stat(d)
		if err != nil {
			return fmt.Errorf("checking the state directory: %w", err)
		}
		if info.Mode()&0o001 == 0 {
			return fmt.Errorf("state directory %s: other users may not pass through %s (mode %04o)", dir, d, info.Mode().Perm())
		}
		if d == filepath.Dir(d) {
			break
		}
	}
	s.Dir = dir
	return nil
}

// Err reports the first server that has ended by itself, with the end of its log; nil while all are running.
func (s *Stack) Err() error {
	for _, d := range s.running() {
		if d.ended() && !d.stopped.Load() {
			return d.failure("ended unexpectedly")
		}
	}
	return nil
}

// Close stops all servers, returns when their last process is gone, which takes 1 to 2 s, and removes the state directory
// if Start made it. Further calls return the same error.
func (s *Stack) Close() error {
	s.close.Do(func() {
		for _, t := range s.throttles {
			t.close()
		}
		daemons := s.running()
		errs := make([]error, len(daemons))
		for _, l := range s.lines {
			errs = append(errs, l.close())
		}
		if s.counters != nil {
			errs = append(errs, s.counters.close())
		}
		var stopping sync.WaitGroup
		for i, d := range daemons {
			stopping.Go(func() { errs[i] = d.stop(s.hurry) })
		}
		stopping.Wait()
		s.launcher.close()
		if s.ownsDir {
			errs = append(errs, os.RemoveAll(s.Dir))
		}
		if err := errors.Join(errs...); err != nil {
			s.closeErr = fmt.Errorf("stopping real servers: %w", err)
		}
	})
	return s.closeErr
}

// Kill has a Close, under way or to come, kill all processes at once. It does not wait.
func (s *Stack) Kill() { s.kill.Do(func() { close(s.hurry) }) }

// plainWord reports whether s is made of ASCII letters, digits and the further characters only.
func plainWord(s, further string) bool {
	for _, r := range s {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		if !letter && !strings.ContainsRune(further, r) {
			return false
		}
	}
	return true
}
