package testenv

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

const (
	// sharedPrefix is where functional mailboxes are, the namespace of shared mailboxes.
	sharedPrefix = "shared/"
	// sharedTeams is how many functional mailboxes there are: shared/team01 to shared/team10. Account i belongs to the team
	// i mod 10 + 1. It sees the others' too, and may not read them.
	sharedTeams = 10
)

// SharedMailbox is the functional mailbox that account i may use, with all others of its team.
func SharedMailbox(i int) string { return sharedName(i%sharedTeams + 1) }

func sharedName(team int) string { return fmt.Sprintf("%steam%02d", sharedPrefix, team) }

// teamOf is the team of a functional mailbox, 0 if there is none of that name.
func teamOf(name string) int {
	digits, ok := strings.CutPrefix(name, sharedPrefix+"team")
	team, err := strconv.Atoi(digits)
	if !ok || err != nil || team < 1 || team > sharedTeams || sharedName(team) != name {
		return 0
	}
	return team
}

// isShared tells whether a name is in the shared namespace.
func isShared(name string) bool { return strings.HasPrefix(boxName(name), sharedPrefix) }

// sharedBox finds a functional mailbox for an account, making and filling it on the first touch. An account of another team is
// refused.
func (s *mailStore) sharedBox(name string, account int) (*mailbox, error) {
	name = boxName(name)
	team := teamOf(name)
	if team == 0 {
		return nil, imapNo(imap.ResponseCodeNonExistent, "no such mailbox")
	}
	if account%sharedTeams+1 != team {
		return nil, imapNo(imap.ResponseCodeNoPerm, "Permission denied")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	box := s.shared[team]
	if box == nil {
		// Another number than any account's, so that its mail is no account's.
		box = newMailbox(name, 1, seedItems(s.pool, s.seed, s.accounts+1+team, s.perAccount))
		box.subscribed = true
		s.shared[team] = box
	}
	return box, nil
}

// listShared answers LIST of the functional mailboxes, which only a pattern in their namespace finds.
func listShared(w *imapserver.ListWriter, ref string, patterns []string) error {
	for team := 1; team <= sharedTeams; team++ {
		for _, pattern := range patterns {
			if strings.HasPrefix(ref+pattern, sharedPrefix) && imapserver.MatchList(sharedName(team), mailboxDelim, ref, pattern) {
				if err := w.WriteList(&imap.ListData{Mailbox: sharedName(team), Delim: mailboxDelim}); err != nil {
					return err
				}
				break
			}
		}
	}
	return nil
}
