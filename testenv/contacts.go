package testenv

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

// contactStore holds the address books of all accounts: "personal", and others as they are made. Contacts are kept as the text that
// came. The global address book has one entry for each account, is the same for all, and cannot be changed.
type contactStore struct {
	mail *mailStore // whose accounts they are

	mu       sync.Mutex
	accounts map[int]map[string]*addressBook // by collection name
	etag     int

	people sync.Once
	global []string // names of the global address book, by account
}

// addressBook is one collection; the store's lock guards it.
type addressBook struct {
	title string
	cards map[string]card // by file name
	log   journal
}

type card struct{ etag, text string }

func newContactStore(mail *mailStore) *contactStore {
	return &contactStore{mail: mail, accounts: make(map[int]map[string]*addressBook)}
}

// seededCards are in every personal address book.
const seededCards = 10

// of returns the address books of an account, making them on first touch. The caller holds the lock.
func (s *contactStore) of(account int) map[string]*addressBook {
	books := s.accounts[account]
	if books == nil {
		personal := &addressBook{title: "Personal", cards: make(map[string]card)}
		for k := range seededCards {
			// Acquaintances are other accounts, the same each time.
			who := int(rand.New(rand.NewPCG(s.mail.seed, uint64(account)<<8|uint64(k))).Uint64() % uint64(s.mail.accounts))
			personal.cards[fmt.Sprintf("seeded-%02d.vcf", k)] = card{fmt.Sprintf("s%d-%d", k, who), s.entry(who)}
		}
		books = map[string]*addressBook{"personal": personal}
		s.accounts[account] = books
	}
	return books
}

var (
	givenNames  = strings.Fields("Anke Bernd Clara Dirk Eva Frank Gesa Hauke Inga Jens Kirsten Lars Maren Nils Ose Peter Renate Sven Tanja Uwe")
	familyNames = strings.Fields("Albers Becker Clausen Dreyer Ehlers Franzen Gosch Hansen Ivers Jessen Kruse Lorenzen Mohr Nissen Otto Petersen Quedens Rohde Schulz Thomsen Voss Wulf Zander")
)

// person is the name of an account's owner.
func person(account int) (given, family string) {
	return givenNames[account%len(givenNames)], familyNames[account/len(givenNames)%len(familyNames)]
}

// entry is an account in the global address book.
func (s *contactStore) entry(account int) string {
	given, family := person(account)
	address := s.mail.login(account)
	return "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//pegel//testenv//EN\r\nUID:" + address + "\r\nFN:" + given + " " + family +
		"\r\nN:" + family + ";" + given + ";;;\r\nEMAIL;TYPE=INTERNET:" + address + "\r\nEND:VCARD\r\n"
}

// names are what the global address book is searched by: FN, N and EMAIL of each account, in small letters, a line each.
func (s *contactStore) names() []string {
	s.people.Do(func() {
		s.global = make([]string, s.mail.accounts)
		for i := range s.global {
			s.global[i] = searched(s.entry(i))
		}
	})
	return s.global
}

// searched is what a contact is searched by: the values of FN, N and EMAIL in small letters, each after a line break.
func searched(text string) string {
	var b strings.Builder
	for line := range strings.SplitSeq(text, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		switch name, _, _ = strings.Cut(strings.ToUpper(name), ";"); name {
		case "FN", "N", "EMAIL", "UID":
			b.WriteString("\n" + strings.ToLower(value))
		}
	}
	return b.String()
}

// matches tells whether one of the matches of a filter fits a contact; without any, all fit.
func (b *davBody) matches(searched string) bool {
	some := false
	for _, p := range b.Filter.Props {
		for _, m := range p.Matches {
			some = true
			text := strings.ToLower(m.Text)
			if m.Type == "starts-with" {
				text = "\n" + text
			}
			if strings.Contains(searched, text) {
				return true
			}
		}
	}
	return !some
}
