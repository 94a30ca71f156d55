package real

import (
	"bytes"
	"embed"
	"fmt"
	"math"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

//go:embed templates
var templates embed.FS

// The system users that own what the servers write. The mail user is part of every Debian system, the others come with
// their packages.
const (
	mailUser     = "mail"
	dovecotUser  = "dovecot"
	postfixUser  = "postfix"
	postdrop     = "postdrop"
	radicaleUser = "radicale"
	haproxyUser  = "haproxy"
	xandikosUser = radicaleUser // its package makes no user
)

// settings is what the templates see.
type settings struct {
	Dir, InstanceName, Domain, Password, MailUser, WebUser string
	Folders                                                []string
	Ports                                                  Ports
	Accounts                                               int
	Clients                                                int // connections of one Dovecot service
	MaxConn                                                int // connections of HAProxy
	IMAPMaxConn, CalDAVMaxConn, WebMaxConn                 int
	WebFrontendMaxConn, WebQueueTimeout                    int // the timeout in milliseconds
	SOGoIMAP                                               int // port
	DovecotSessions, ReservedConnections                   int
	DovecotStock, SOGo, Xandikos, KnownRecipients          bool
	XandikosAccount                                        string
	Web                                                    []instance // servers of the web frontend
	Balanced                                               bool       // they are instances of SOGo or Roundcube
	WebBalance, WebCookie                                  string
	WebTimeout                                             int // seconds until an answer is given up
	Workers                                                int
	PingSeconds                                            int
	Database                                               string // URL
	DatabaseConnections                                    int
	SessionKey                                             string
	Instance                                               instance // the one that the file is for
	SharedPrefix                                           string
	SharedMailboxes                                        []string // without the prefix
	Extra                                                  string
}

func newSettings(dir string, o Options) settings {
	descriptors := descriptorLimit()
	s := settings{
		Dir: dir, InstanceName: filepath.Base(dir), Domain: Domain, Password: o.Password, MailUser: mailUser, WebUser: webUser,
		Folders: []string{"Drafts", "Sent", "Trash", "Junk"},
		Ports:   o.Ports, Accounts: o.Accounts,
		Clients:     min(20000, descriptors),
		MaxConn:     min(8000, (descriptors-100)/2), // two descriptors a connection, and some for listeners and checks
		IMAPMaxConn: o.Tweaks.IMAPMaxConn, CalDAVMaxConn: o.Tweaks.CalDAVMaxConn, WebMaxConn: o.Tweaks.WebMaxConn,
		DovecotStock: o.Tweaks.DovecotStock, SOGo: o.SOGo != nil, Xandikos: o.Xandikos, KnownRecipients: o.KnownRecipients, XandikosAccount: XandikosAccount(),
		Web: o.instances(dir), Balanced: o.Instances() > 0, WebBalance: o.Tweaks.WebBalance, WebTimeout: 60,
		DatabaseConnections: o.Tweaks.DatabaseConnections, ReservedConnections: reservedConnections,
		DovecotSessions: o.Tweaks.DovecotSessions, WebFrontendMaxConn: o.Tweaks.WebFrontendMaxConn, WebQueueTimeout: int(o.Tweaks.WebQueueTimeout.Milliseconds()),
	}
	if o.SharedMailboxes {
		s.SharedPrefix = sharedPrefix
		for team := range sharedTeams {
			s.SharedMailboxes = append(s.SharedMailboxes, sharedName(team))
		}
	}
	if o.Webmail != "" {
		s.Web = []instance{{Name: "webmail", Address: o.Webmail}}
	}
	if s.Balanced && !o.Tweaks.WebNoCookie {
		s.WebCookie = RouteCookie
	}
	switch {
	case o.SOGo != nil:
		s.Workers = o.SOGo.Workers
		s.PingSeconds = int(math.Ceil(o.SOGo.Ping.Seconds()))
		s.WebTimeout += s.PingSeconds
		database := o.Ports.PostgreSQL
		if o.Tweaks.DatabaseLatency > 0 {
			database = o.Ports.DatabaseLine
		}
		s.Database = "postgresql://sogo:sogo@" + loopback(database) + "/sogo"
		if s.SOGoIMAP = o.Ports.IMAP; o.Tweaks.MailLatency > 0 {
			s.SOGoIMAP = o.Ports.MailLine
		}
	case o.Roundcube != nil:
		s.Workers = o.Roundcube.Workers
	}
	return s
}

// writeConfig writes the configuration of every server and the directories it needs into dir.
func writeConfig(dir string, o Options) error {
	s := newSettings(dir, o)
	type folder struct {
		name  string
		mode  os.FileMode
		owner string
	}
	folders := []folder{
		{"log", 0o755, ""}, {"dovecot", 0o755, ""}, {"mail", 0o755, mailUser}, {"haproxy", 0o755, ""},
		{"radicale", 0o755, ""}, {"radicale/collections", 0o700, radicaleUser}, {"postfix", 0o755, ""},
	}
	if o.Xandikos {
		folders = append(folders, folder{"xandikos", 0o755, ""}, folder{"xandikos/data", 0o700, xandikosUser})
	}
	if o.SharedMailboxes {
		folders = append(folders, folder{"shared", 0o700, mailUser})
	}
	if o.Tweaks.MailShard > 0 {
		folders = append(folders, folder{"shard", 0o755, ""})
	}
	if s.Balanced {
		folders = append(folders, folder{"nginx", 0o755, ""})
	}
	for _, d := range folders {
		if err := makeDir(filepath.Join(dir, d.name), d.mode, d.owner); err != nil {
			return err
		}
	}
	if err := makeQueue(filepath.Join(dir, "postfix")); err != nil {
		return err
	}
	type file struct {
		template, path, extra string
		mode                  os.FileMode
		owner                 string
	}
	files := []file{
		{"dovecot.conf.tmpl", "dovecot/dovecot.conf", o.Tweaks.DovecotExtra, 0o600, ""}, // may hold passwords
		{"main.cf.tmpl", "postfix/main.cf", o.Tweaks.PostfixExtra, 0o644, ""},
		{"master.cf.tmpl", "postfix/master.cf", "", 0o644, ""},
		{"radicale.conf.tmpl", "radicale/config", "", 0o644, ""},
		{"haproxy.cfg.tmpl", "haproxy/haproxy.cfg", o.Tweaks.HAProxyExtra, 0o600, haproxyUser}, // may hold the password
	}
	if o.Tweaks.MailShard > 0 {
		files = append(files, file{"shard.conf.tmpl", "shard/dovecot.conf", "", 0o600, ""})
	}
	if s.Balanced {
		files = append(files, file{"nginx.conf.tmpl", "nginx/nginx.conf", "", 0o644, ""})
	}
	for _, f := range files {
		s.Extra = f.extra
		if err := writeTemplate(f.template, filepath.Join(dir, f.path), s, f.mode, f.owner); err != nil {
			return err
		}
	}
	if err := writeAccounts(dir, o); err != nil {
		return err
	}
	switch {
	case o.SOGo != nil:
		return writeSOGo(dir, o, s)
	case o.Roundcube != nil:
		return writeRoundcube(dir, o, s)
	}
	return nil
}

func writeTemplate(template, path string, s settings, mode os.FileMode, owner string) error {
	text, err := render(template, s)
	if err != nil {
		return err
	}
	return writeFile(path, text, mode, owner)
}

func render(name string, s settings) ([]byte, error) {
	t, err := template.New(name).Option("missingkey=error").ParseFS(templates, "templates/"+name)
	if err != nil {
		return nil, fmt.Errorf("reading the template %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, s); err != nil {
		return nil, fmt.Errorf("filling the template %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// makeQueue makes the directories that Postfix's own start script would make, which takes it two seconds. Owners and
// modes are those of Postfix's postfix-files.
func makeQueue(dir string) error {
	type folder struct {
		name, owner string
		mode        os.FileMode
	}
	folders := []folder{
		{"queue", "", 0o755}, {"queue/pid", "", 0o755}, {"data", postfixUser, 0o700},
		{"queue/private", postfixUser, 0o700},
		{"queue/public", postfixUser + ":" + postdrop, 0o710},
		{"queue/maildrop", postfixUser + ":" + postdrop, 0o730},
	}
	for _, name := range []string{"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "saved", "trace"} {
		folders = append(folders, folder{"queue/" + name, postfixUser, 0o700})
	}
	for _, f := range folders {
		if err := makeDir(filepath.Join(dir, f.name), f.mode, f.owner); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes a directory with exactly this mode, whatever the umask. Owner is "", "user" or "user:group".
func makeDir(path string, mode os.FileMode, owner string) error {
	if err := os.MkdirAll(path, mode); err != nil {
		return fmt.Errorf("making a directory: %w", err)
	}
	return own(path, mode, owner)
}

// writeFile writes a file with exactly this mode; it is readable for nobody else before it has its owner.
func writeFile(path string, text []byte, mode os.FileMode, owner string) error {
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("replacing a file: %w", err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("writing a file: %w", err)
	}
	return own(path, mode, owner)
}

func own(path string, mode os.FileMode, owner string) error {
	if owner != "" {
		name, group, _ := strings.Cut(owner, ":")
		uid, gid, err := ids(name, group)
		if err != nil {
			return err
		}
		if err := os.Chown(path, int(uid), int(gid)); err != nil {
			return fmt.Errorf("setting an owner: %w", err)
		}
	}
	if err := os.Chmod(path, mode); err != nil {
		return fmt.Errorf("setting a mode: %w", err)
	}
	return nil
}

// ids returns the numbers of a user and of a group, by default the user's own.
func ids(name, group string) (uid, gid uint32, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, fmt.Errorf("finding the system user %s: %w", name, err)
	}
	number := u.Gid
	if group != "" {
		g, err := user.LookupGroup(group)
		if err != nil {
			return 0, 0, fmt.Errorf("finding the system group %s: %w", group, err)
		}
		number = g.Gid
	}
	user64, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the number of user %s: %w", name, err)
	}
	group64, err := strconv.ParseUint(number, 10, 32)
	if err != nil {
		return 0, 0, fmt.Errorf("reading the group of user %s: %w", name, err)
	}
	return uint32(user64), uint32(group64), nil
}
