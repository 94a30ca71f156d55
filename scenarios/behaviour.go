package scenarios

// Patience is what a user does who waits too long: after so long in one action it gives it up. The action counts as failed with
// the class timeout and the time it took so far; the platform may go on working on it.
type Patience struct {
	After Duration `yaml:"after"` // above 0; shorter than the action's own time-out to have an effect
	Then  string   `yaml:"then"`  // Reload, Retry or Leave
	Most  int      `yaml:"most"`  // Reload, Retry: how often in a row, then it leaves; default 3
	Pos   Pos      `yaml:"-"`
}

// What an impatient user does.
const (
	Reload = "reload" // closes its sessions and begins the journey again
	Retry  = "retry"  // does the same action again, on a new session where the old one was lost
	Leave  = "leave"  // closes its sessions and comes back after Session.Away, or after 5 minutes where it has none
)

// SessionLength is how long users stay and how long they are away before they come back, with new sessions and a journey that
// begins again. Who is away still counts as an active user of the stage.
type SessionLength struct {
	Length Dist `yaml:"length"`
	Away   Dist `yaml:"away"` // default: none, they come back at once
	Pos    Pos  `yaml:"-"`
}

// Auth is how accounts log in.
type Auth struct {
	Method      string `yaml:"method"`       // Password (default), AppPassword, XOAuth2 or MasterUser
	Token       Secret `yaml:"token"`        // xoauth2: the access token of all accounts; else the CSV file's column token
	AppPassword Secret `yaml:"app_password"` // app_password: of all accounts; else the CSV file's column app_password, else their password
	User        string `yaml:"user"`         // master: the master user's name; accounts.password is its password
	Joint       string `yaml:"joint"`        // master: stands between login and master user; default "*", as Dovecot has it
	Pos         Pos    `yaml:"-"`
}

// Ways to log in. An app password is what programs log in with (IMAP, SMTP, CalDAV); the web UI is given the password.
const (
	Password    = "password"
	AppPassword = "app_password"
	XOAuth2     = "xoauth2"
	MasterUser  = "master"
)
