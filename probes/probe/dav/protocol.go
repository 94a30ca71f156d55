package dav

import (
	"maps"
	"strings"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// Protocol is the protocol of a kind: the actions that calendars and contacts have in common, and those of its own.
func (k *Kind) Protocol(own map[string]probe.Action) probe.Protocol {
	actions := map[string]probe.Action{
		"discover": Discover,
		"sync":     Sync,
		"verify":   Verify,
		"race":     Race,
		"rights":   Rights,
		"update":   Update,
		"delete":   Delete,
		"copy":     k.copy,
	}
	maps.Copy(actions, own)
	return probe.Protocol{
		Name: k.Service, Schemes: []string{"http", "https"}, Actions: actions, Answers: []string{"query", "create", "update"},
		Open: func(t *probe.Turn, target probe.Target, account probe.Account) (probe.Session, error) {
			s, err := Open(t, k, target, account)
			if err != nil {
				return nil, err // and no session, rather than one that is nil
			}
			return s, nil
		},
	}
}

// copyParams are the parameters of copy.
type copyParams struct {
	Into string `yaml:"into"` // name of the collection in the account's home, made where missing; default Migrated, of contacts Migrated-contacts
}

// copy writes one object as the copy pass of a migration does. What it writes belongs to the migration: update and delete do not
// take it from this session's memory.
func (k *Kind) copy(decode func(any) error) (probe.Step, error) {
	params := copyParams{Into: k.CopyInto}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := CheckName("into", params.Into); err != nil {
		return nil, err
	}
	return Step(func(t *probe.Turn, s *Session) error {
		into, err := s.FindOrMake(t, params.Into)
		if err != nil {
			return err
		}
		uid, data := k.Old(t)
		return s.Create(t, "copy "+k.one(), into, uid, data, false)
	}), nil
}

// OwnUID is what the identifiers of pegel's own objects end with.
func OwnUID() string {
	uid := corpus.EventUID("", 0)
	return uid[strings.IndexByte(uid, '@'):]
}
