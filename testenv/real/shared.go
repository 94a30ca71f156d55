package real

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
)

// sharedMail is how many messages each functional mailbox has in the beginning.
const sharedMail = 20

// fillShared puts mail into the functional mailboxes, unless a kept directory has them already.
func (s *Stack) fillShared(ctx context.Context, had bool) error {
	if had {
		return nil
	}
	for team := range min(sharedTeams, s.Accounts+1) { // where there are fewer accounts, the others have no reader
		if err := s.fillTeam(ctx, team); err != nil {
			return fmt.Errorf("filling %s: %w", SharedMailbox(team), err)
		}
	}
	return nil
}

func (s *Stack) fillTeam(ctx context.Context, team int) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", loopback(s.ports.IMAP))
	if err != nil {
		return err
	}
	defer conn.Close()
	if end, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(end) // fails on a closed connection only, as what follows will
	}
	c := imapclient.New(conn, nil)
	defer c.Close()
	if err := c.Login(Account(team), s.Password).Wait(); err != nil {
		return err
	}
	for i := range sharedMail {
		message := fmt.Sprintf("From: %s\r\nTo: %s@%s\r\nDate: %s\r\nMessage-ID: <%d.%s@%s>\r\nSubject: Request %d\r\n\r\n%s", Account(i%(s.Accounts+1)),
			sharedName(team), Domain, time.Now().Format(time.RFC1123Z), i+1, sharedName(team), Domain, i+1, strings.Repeat("Please have a look at this.\r\n", 20+5*i))
		command := c.Append(SharedMailbox(team), int64(len(message)), nil)
		if _, err := command.Write([]byte(message)); err != nil {
			return err
		}
		if err := command.Close(); err != nil {
			return err
		}
		if _, err := command.Wait(); err != nil {
			return err
		}
	}
	return nil
}

// hasShared reports whether a state directory has functional mailboxes from an earlier start.
func hasShared(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "shared", "mailboxes"))
	return err == nil
}
