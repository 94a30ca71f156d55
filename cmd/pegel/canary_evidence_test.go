package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"pegel/internal/ownership"
)

// old is people's mail that the deferred pass carries over.
func old(n int, of string) map[string]int {
	ages := map[string]int{}
	for k := range n {
		ages[fmt.Sprintf("old%d.%s", k, of)] = 100 + k
	}
	return ages
}

// Fingerprints alone: whole, partial and tiny swaps are proven, with the right owners; what people do with their own mail is at most
// doubtful, and said to be so; nothing is said of anybody else.
func TestCanaryEvidence(t *testing.T) {
	const accounts = 27
	onBoth(t, accounts, func(t *testing.T, m *migration) {
		m.dav = ""
		scenario, _ := m.files(t)
		s, d := func(i int) string { return m.login("s", i) }, func(i int) string { return m.login("t", i) }
		mail := make([]map[string]int, accounts)
		for i := range mail {
			mail[i] = old(6, s(i))
			mail[i]["newsletter@example.test"] = 30
		}
		for _, i := range []int{2, 3, 4} {
			mail[i] = old(3, s(i))
		}
		for _, i := range []int{17, 18, 19} {
			mail[i] = old(1, s(i))
		}
		mail[7], mail[8], mail[20] = nil, nil, nil
		delete(mail[14], "newsletter@example.test")
		mail[16] = mail[15] // deputies: every message in both mailboxes
		for i, ages := range mail {
			m.put(t, m.source, s(i), "INBOX", ages)
		}
		rows := "Target;SOURCE\n"
		for i := range accounts {
			to := d(i)
			switch i {
			case 22:
				to = d(21) // two accounts become one
			case 23:
				to = strings.ToUpper(to)
			}
			rows += fmt.Sprintf("%s;%s\n", to, s(i))
		}
		batch, prints := m.write(t, "evidence.csv", "\ufeff"+rows), filepath.Join(m.dir, "prints")
		m.pegel(t, exitOK, "canary", "fingerprint", scenario, "--accounts", batch, "--out", prints)

		moved := map[int]int{0: 1, 1: 0, 2: 3, 3: 4, 4: 2, 9: 8, 17: 18, 18: 17, 19: 20, 22: 21}
		for i := range accounts {
			to, swapped := moved[i]
			if !swapped {
				to = i
			}
			for id, days := range mail[i] {
				at := to
				switch {
				case i == 5 && id < "old3", i == 12 && id < "old2" && strings.HasPrefix(id, "old"): // a part only; 12 moved two messages to 13 himself
					at = i + 1
				}
				m.put(t, m.target, d(at), "INBOX", map[string]int{id: days})
			}
		}
		m.put(t, m.target, d(11), "INBOX", map[string]int{"old0." + s(10): 0})           // resent
		m.put(t, m.target, d(14), "INBOX", map[string]int{"newsletter@example.test": 0}) // came late
		m.put(t, m.target, d(25), "Sent", mail[24])                                      // a whole mailbox copied to somebody else as well

		v := m.verify(t, exitObjective, scenario, "--accounts", batch, "--fingerprints", prints, "--run", "none")
		want := map[string]string{d(0): s(1), d(1): s(0), d(2): s(4), d(3): s(2), d(4): s(3), d(6): s(5), d(8): s(9), d(17): s(18), d(18): s(17), d(25): s(24)}
		whose, _ := v.foreign()
		for i := range accounts {
			if whose[d(i)] != want[d(i)] {
				t.Errorf("account %d: foreign items of %q, want %q", i, whose[d(i)], want[d(i)])
			}
		}
		doubtful := map[string]string{}
		for _, f := range v.Accounts {
			for _, x := range f.Doubtful {
				doubtful[f.Target] += fmt.Sprint(x.Fingerprints, " ", x.Owner, len(x.Candidates))
			}
		}
		wantDoubt := map[string]string{d(11): "1 " + s(10) + "0", d(13): "2 " + s(12) + "0", d(14): "1 5", d(20): "1 " + s(19) + "0"}
		// The newsletter of swapped mailboxes may be told as a doubt beside the finding; nothing else may.
		for i := range accounts {
			if got := doubtful[d(i)]; got != wantDoubt[d(i)] && (want[d(i)] == "" || wantDoubt[d(i)] != "") {
				t.Errorf("account %d: doubt %q, want %q", i, got, wantDoubt[d(i)])
			}
		}
		table := m.pegel(t, exitObjective, "canary", "verify", scenario, "--accounts", batch, "--fingerprints", prints, "--run", "none")
		if !strings.Contains(table, "not enough evidence: "+s(10)) {
			t.Error(table)
		}

		// With nothing but the resent message there is no finding, and no verdict either.
		few := m.write(t, "few.csv", fmt.Sprintf("source,target\n%s,%s\n%s,%s\n", s(10), d(10), s(11), d(11)))
		m.pegel(t, exitOK, "canary", "plant", scenario, "--accounts", few, "--run", "few")
		m.copyOne(t, 10, 10, canariesOnly())
		m.copyOne(t, 11, 11, canariesOnly())
		v = m.verify(t, exitCaution, scenario, "--accounts", few, "--fingerprints", prints, "--run", "few")
		if v.OK || len(v.Accounts) != 2 || v.Accounts[1].Wrong() || len(v.Accounts[1].Doubtful) != 1 {
			t.Errorf("%+v", v)
		}
		if i := slices.IndexFunc(v.Accounts, func(f ownership.Finding) bool { return f.Missing > 0 }); i >= 0 {
			t.Errorf("missing: %+v", v.Accounts[i])
		}
	})
}

// canariesOnly is what the copier takes of mailboxes that were copied otherwise.
func canariesOnly() *imap.SearchCriteria {
	return &imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "X-Pegel-Canary"}}}
}
