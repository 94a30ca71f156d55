package caldav

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pegel/probes/probe"
	"pegel/probes/probetest"
	"pegel/testenv/real"
)

func TestRadicale(t *testing.T) {
	stack := start(t, real.Options{Accounts: 5})
	address := stack.CalDAVDirect
	t.Run("journey", func(t *testing.T) {
		u := realUser(t, stack, address, 1)
		u.Must("discover", "query", "create", "create", "update", "query", "delete", "copy", "update", "delete", "delete")
		u.Must("sync", "sync", "create", "sync", "race", "sync", "verify", "update", "verify", "delete", "verify", "answer")
		for _, with := range []string{"by: token", "by: ctag", "by: listing", "{page: 1, collection: Migrated}"} {
			for _, verb := range []string{"sync", "create", "sync", "verify"} {
				if verb == "create" {
					u.Must("create")
				} else if err := u.Try(verb, with); err != nil {
					t.Errorf("%s %s: %v", verb, with, err)
				}
			}
		}
		if err := u.Try("rights", "need: write"); err != nil {
			t.Error(err)
		}
		if err := u.Try("create", "{repeat: true, exceptions: 3, alarm: true, attach: 30KB}"); err != nil {
			t.Error(err)
		}
		u.Must("query", "update", "race")
		u.fails("freebusy", "", probe.Content, "does not offer it")
		if err := u.Try("freebusy", "where_offered: true"); err != nil {
			t.Error(err)
		}
	})
	t.Run("classes", func(t *testing.T) {
		u := realUser(t, stack, address, 1)
		u.Must("discover")
		for with, want := range map[string]probe.Class{"collection: /" + real.Account(2) + "/": probe.Denied, "collection: /" + real.Account(1) + "/none/": probe.Content, "collection: none": probe.Content} {
			if err := u.Try("rights", with); probe.ClassOf(err) != want {
				t.Errorf("rights %s: %v, want %v", with, err, want)
			}
		}
	})
	t.Run("another session", func(t *testing.T) {
		u := realUser(t, stack, address+"/"+real.Account(1)+"/", 1)
		u.Must("query", "update")
	})
	t.Run("unknown token", func(t *testing.T) {
		forgotten(t, address, realAccount(stack, 3), true, "http://radicale.org/ns/sync/"+strings.Repeat("0123456789abcdef", 4), "none")
	})
	// What a server does that has thrown the states of its tokens away.
	t.Run("forgotten token", func(t *testing.T) {
		u := realUser(t, stack, address, 4)
		u.Must("discover", "sync", "create", "sync")
		var thrown int
		err := filepath.WalkDir(stack.Dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "sync-token" {
				thrown++
				if err := os.RemoveAll(path); err != nil {
					return err
				}
				return filepath.SkipDir
			}
			return nil // what a server removes meanwhile is no matter
		})
		if err != nil || thrown == 0 {
			t.Fatalf("%d states of tokens thrown away: %v", thrown, err)
		}
		u.Must("create", "sync", "verify")
	})
	t.Run("suite", func(t *testing.T) {
		suite(t, stack, address, 2, func(probetest.Case) bool { return false })
	})
}
