package recording

import (
	"regexp"
	"strings"
)

var (
	passwordName = regexp.MustCompile(`(?i)(?:^|[^a-z])(?:pass|password|passwd|pwd|passwort|kennwort|passphrase)(?:$|[^a-z])|password$`)
	loginName    = regexp.MustCompile(`(?i)^_?(?:user|username|user_name|login|loginname|account|email|uid|userid)$`)
)

// Infer finds login and password in the requests of a recording of which nothing is known: the fields that are called so, of
// the same request. A password that is told by its name alone is never written.
func Infer(r *Recording) {
	for _, k := range r.Known {
		if k.Name == "account.password" {
			return
		}
	}
	for _, a := range r.Actions {
		for _, x := range a.Exchanges {
			fields := take(x).body
			login, password := "", ""
			for _, f := range fields {
				switch {
				case passwordName.MatchString(f.name) && f.value != "" && password == "":
					password = f.value
				case loginName.MatchString(f.name) && f.value != "" && login == "":
					login = f.value
				}
			}
			if password == "" {
				continue
			}
			if login != "" {
				r.Known = append(r.Known, KnownOf(login, login)...)
			}
			r.Known = append(r.Known, Known{"account.password", password, true})
			return
		}
	}
}

// KnownOf are the names of an account.
func KnownOf(login, address string) []Known {
	list := []Known{{"account.login", login, false}}
	if address != login && address != "" {
		list = append(list, Known{"account.address", address, false})
	}
	if local, _, ok := strings.Cut(login, "@"); ok && local != "" {
		list = append(list, Known{"account.local", local, false})
	}
	return list
}
