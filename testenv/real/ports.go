package real

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"time"
)

// Ports are the TCP ports of a stack on 127.0.0.1. A field that is 0 gets its default port, or with Free a port that
// nobody uses.
type Ports struct {
	Free bool

	IMAP           int // Dovecot: IMAP with STARTTLS, 1143
	IMAPS          int // Dovecot: IMAP with TLS, 1993
	LMTP           int // Dovecot: delivery from Postfix, 2424
	SASL           int // Dovecot: authentication for Postfix, 1025
	DovecotMetrics int // Dovecot: OpenMetrics, 9900
	SMTP           int // Postfix: mail from outside, 2525
	Submission     int // Postfix: submission, 1587
	Radicale       int // Radicale: CalDAV, 5232
	ProxyIMAP      int // HAProxy: IMAP with TLS, 1144
	ProxyCalDAV    int // HAProxy: CalDAV, 5233
	ProxyWeb       int // HAProxy: web, 8090; used with Webmail, SOGo and Roundcube only
	ProxyMetrics   int // HAProxy: Prometheus and statistics, 8404

	MailLine     int // with Tweaks.MailLatency: where SOGo finds Dovecot, 1146
	DatabaseLine int // with Tweaks.DatabaseLatency: where it finds PostgreSQL, 15433

	Counters int // the page of counters that pegel serves itself, 9905

	Web           []int // nginx, for each instance of SOGo or Roundcube: 8081 and following
	App           []int // sogod or PHP-FPM of each instance: 20001 and following
	PostgreSQL    int   // with SOGo: 15432
	Memcached     int   // with SOGo: 21211
	Xandikos      int   // Xandikos: CalDAV without authentication, 5234
	MailShard     int   // with Tweaks.MailShard, the second Dovecot: IMAP, 1145
	ShardMetrics  int   // and its OpenMetrics, 9901
	ProxyXandikos int   // HAProxy: CalDAV of Xandikos, 5235
}

// Free ports are looked for below the range from which Linux takes the ports of outgoing connections, so that no client
// can take one between the choice and the server's start.
const freeFrom, freeTo = 12000, 32000

// complete chooses the ports that are 0 and makes sure that all of them can be listened on.
func (p *Ports) complete(o *Options) error {
	taken := map[int]string{}
	p.Web, p.App = resized(p.Web, o.Instances()), resized(p.App, o.Instances())
	table := p.table(o)
	for _, e := range table { // the caller's choices first, so that no free port collides with them
		if *e.port == 0 && !p.Free {
			*e.port = e.standard
		}
		if *e.port == 0 {
			continue
		}
		if other, double := taken[*e.port]; double {
			return fmt.Errorf("port %d is meant for both %s and %s", *e.port, other, e.name)
		}
		taken[*e.port] = e.name
		if err := listenable(*e.port); err != nil {
			return fmt.Errorf("port %d for %s cannot be used: %w", *e.port, e.name, err)
		}
	}
	for _, e := range table {
		for try := 0; *e.port == 0; try++ {
			if try == 1000 {
				return errors.New("no free port found")
			}
			port := freeFrom + rand.IntN(freeTo-freeFrom)
			if _, double := taken[port]; !double && listenable(port) == nil {
				*e.port = port
				taken[port] = e.name
			}
		}
	}
	return nil
}

// lineEntry is a way of SOGo to another server that has latency.
type lineEntry struct {
	port     *int
	standard int
	to       int
	latency  time.Duration
	name     string
}

// lines are those that there are to be.
func (o *Options) lines() []lineEntry {
	var list []lineEntry
	if l := o.Tweaks.MailLatency; l > 0 {
		list = append(list, lineEntry{&o.Ports.MailLine, 1146, o.Ports.IMAP, l, "SOGo's line to Dovecot"})
	}
	if l := o.Tweaks.DatabaseLatency; l > 0 {
		list = append(list, lineEntry{&o.Ports.DatabaseLine, 15433, o.Ports.PostgreSQL, l, "SOGo's line to PostgreSQL"})
	}
	return list
}

type portEntry struct {
	port     *int
	standard int
	name     string
}

// resized returns a copy of exactly n ports; 0 where none was given.
func resized(ports []int, n int) []int {
	out := make([]int, n)
	copy(out, ports)
	return out
}

func (p *Ports) table(o *Options) []portEntry {
	table := []portEntry{
		{&p.IMAP, 1143, "Dovecot's IMAP"},
		{&p.IMAPS, 1993, "Dovecot's IMAP with TLS"},
		{&p.LMTP, 2424, "Dovecot's LMTP"},
		{&p.SASL, 1025, "Dovecot's authentication service"},
		{&p.DovecotMetrics, 9900, "Dovecot's metrics"},
		{&p.SMTP, 2525, "Postfix's SMTP"},
		{&p.Submission, 1587, "Postfix's submission"},
		{&p.Radicale, 5232, "Radicale"},
		{&p.ProxyIMAP, 1144, "HAProxy's IMAP"},
		{&p.ProxyCalDAV, 5233, "HAProxy's CalDAV"},
		{&p.ProxyMetrics, 8404, "HAProxy's metrics"},
		{&p.Counters, 9905, "the page of counters"},
	}
	if o.web() {
		table = append(table, portEntry{&p.ProxyWeb, 8090, "HAProxy's web"})
	}
	for i := range o.Instances() {
		table = append(table,
			portEntry{&p.Web[i], 8081 + i, fmt.Sprintf("nginx of instance %d", i+1)},
			portEntry{&p.App[i], 20001 + i, fmt.Sprintf("application of instance %d", i+1)})
	}
	if o.SOGo != nil {
		table = append(table, portEntry{&p.PostgreSQL, 15432, "PostgreSQL"}, portEntry{&p.Memcached, 21211, "memcached"})
	}
	if o.Tweaks.MailShard > 0 {
		table = append(table, portEntry{&p.MailShard, 1145, "IMAP of the shard"}, portEntry{&p.ShardMetrics, 9901, "metrics of the shard"})
	}
	for _, l := range o.lines() {
		table = append(table, portEntry{l.port, l.standard, l.name})
	}
	if o.Xandikos {
		table = append(table, portEntry{&p.Xandikos, 5234, "Xandikos"}, portEntry{&p.ProxyXandikos, 5235, "HAProxy's Xandikos"})
	}
	return table
}

func listenable(port int) error {
	l, err := net.Listen("tcp4", loopback(port))
	if err != nil {
		return err
	}
	return l.Close()
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

func (o *Options) urls() URLs {
	p := &o.Ports
	u := URLs{
		IMAP:           "imaps://" + loopback(p.ProxyIMAP),
		IMAPDirect:     "imaps://" + loopback(p.IMAPS),
		IMAPStartTLS:   "imap://" + loopback(p.IMAP),
		SMTP:           "smtp://" + loopback(p.Submission),
		SMTPInbound:    "smtp://" + loopback(p.SMTP),
		CalDAV:         "http://" + loopback(p.ProxyCalDAV) + "/",
		CalDAVDirect:   "http://" + loopback(p.Radicale) + "/",
		HAProxyMetrics: "http://" + loopback(p.ProxyMetrics) + "/metrics",
		Counters:       "http://" + loopback(p.Counters) + "/metrics",
		DovecotMetrics: "http://" + loopback(p.DovecotMetrics) + "/metrics",
	}
	if o.web() {
		u.Web = "http://" + loopback(p.ProxyWeb) + "/"
	}
	for _, port := range p.Web {
		direct := "http://" + loopback(port) + "/"
		u.WebDirect = append(u.WebDirect, direct)
		u.NginxStatus = append(u.NginxStatus, direct+"nginx-status")
		if o.Roundcube != nil {
			u.PHPStatus = append(u.PHPStatus, direct+"fpm-status")
		}
	}
	if o.SOGo != nil {
		u.SOGoDAV = u.Web + "SOGo/dav/"
		u.ActiveSync = u.Web + "Microsoft-Server-ActiveSync"
	}
	if o.Tweaks.MailShard > 0 {
		u.ShardMetrics = "http://" + loopback(p.ShardMetrics) + "/metrics"
	}
	if o.Xandikos {
		u.Xandikos = "http://" + loopback(p.ProxyXandikos) + "/"
	}
	return u
}
