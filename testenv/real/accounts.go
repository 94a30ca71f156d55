package real

import (
	"fmt"
	"path/filepath"
	"strings"
)

const (
	sharedPrefix = "shared/"
	sharedTeams  = 10
	// memberRights are what an account may do in its team's mailbox: all but to create and remove mailboxes below it and to
	// give rights away.
	memberRights = "lrswite"
)

// SharedMailbox is the functional mailbox that an account may use, with all others of its team, where
// Options.SharedMailboxes is set: shared/team01 for u00000, shared/team02 for u00001, to shared/team10, and again. The
// other teams' are refused.
func SharedMailbox(number int) string { return sharedPrefix + sharedName(number%sharedTeams) }

// sharedName is the name below the prefix of the mailbox of a team, which count from 0.
func sharedName(team int) string { return fmt.Sprintf("team%02d", team+1) }

// writeAccounts writes the lists of accounts of Dovecot, Postfix and Radicale, and the rights to functional mailboxes.
func writeAccounts(dir string, o Options) error {
	var dovecot, shard, postfix, radicale, rights strings.Builder
	for i := range o.Accounts + 1 {
		login := Account(i)
		name := strings.TrimSuffix(login, "@"+Domain)
		group := ""
		if o.SharedMailboxes {
			group = "userdb_acl_groups=" + sharedName(i%sharedTeams)
		}
		if o.Tweaks.MailShard > 0 && i > o.Accounts/2 {
			// Dovecot leads the session there with the password that the client gave
			fmt.Fprintf(&shard, "%s:{PLAIN}%s::::::%s\n", name, o.Password, group)
			group += fmt.Sprintf(" proxy=y host=127.0.0.1 port=%d", o.Ports.MailShard)
		}
		fmt.Fprintf(&dovecot, "%s:{PLAIN}%s::::::%s\n", name, o.Password, strings.TrimSpace(group))
		fmt.Fprintf(&postfix, "%s %s\n", login, name)
		fmt.Fprintf(&radicale, "%s:%s\n", login, o.Password)
	}
	for team := range sharedTeams {
		// everybody may look them up
		fmt.Fprintf(&rights, "%[1]s%[2]s group=%[2]s %[3]s\n%[1]s%[2]s anyone l\n", sharedPrefix, sharedName(team), memberRights)
	}
	type file struct{ path, text, owner string }
	files := []file{
		{"dovecot/users", dovecot.String(), dovecotUser},
		{"postfix/mailboxes", postfix.String(), postfixUser},
		{"radicale/users", radicale.String(), radicaleUser},
		{"dovecot/rights", rights.String(), mailUser},
	}
	if o.Tweaks.MailShard > 0 {
		files = append(files, file{"shard/users", shard.String(), dovecotUser})
	}
	for _, f := range files {
		if err := writeFile(filepath.Join(dir, f.path), []byte(f.text), 0o600, f.owner); err != nil {
			return err
		}
	}
	return nil
}
