package eas

import (
	"slices"

	"pegel/probes/probe"
)

// The kinds of folders (MS-ASCMD, section 2.2.3.186.3) that are asked for by name.
var kinds = map[string]int{"inbox": 2, "drafts": 3, "trash": 4, "sent": 5, "tasks": 7, "calendar": 8, "contacts": 9}

// maxFolders is how many folders of an account a phone keeps.
const maxFolders = 10_000

type foldersParams struct {
	Initial bool `yaml:"initial"` // from the beginning, as a phone does that is set up
}

// folders brings the list of folders up to date.
func folders(decode func(any) error) (probe.Step, error) {
	var params foldersParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *Session) error { return s.syncFolders(t, params.Initial) }), nil
}

// syncFolders asks for what has changed since the last time, or for all; a key that the server does not know begins again.
func (s *Session) syncFolders(t *probe.Turn, initial bool) error {
	const name = "FolderSync"
	for again := false; ; again = true {
		s.device.mu.Lock()
		key, have := s.device.folderKey, slices.Clone(s.device.folders)
		s.device.mu.Unlock()
		if initial || again {
			key = "0"
		}
		if key == "0" {
			have = nil
		}
		status, next := 0, ""
		var f folder
		err := s.command(t, name, newDocument().open(folderSync).text(folderSyncKey, key).end(), func(e *element) error {
			switch {
			case e.is(folderStatus):
				status = e.number()
			case e.is(folderSyncKey):
				next = string(e.text)
			case e.is(folderServerID):
				f.id = string(e.text)
			case e.is(folderDisplayName):
				f.name = string(e.text)
			case e.is(folderType):
				f.kind = e.number()
			case e.is(folderAdd), e.is(folderUpdate), e.is(folderDelete):
				have = slices.DeleteFunc(have, func(x folder) bool { return x.id == f.id })
				if !e.is(folderDelete) && len(have) < maxFolders {
					have = append(have, f)
				}
				f = folder{}
			}
			return nil
		})
		if err != nil {
			return err
		}
		if status == 9 && key != "0" {
			continue
		}
		if err := judge(ofFolders, name, status); err != nil {
			return err
		}
		if next == "" {
			return probe.Failf(probe.BadProtocol, name, "the answer has no SyncKey")
		}
		s.device.mu.Lock()
		s.device.folderKey, s.device.folders = next, have
		for id := range s.device.keys {
			if !slices.ContainsFunc(have, func(f folder) bool { return f.id == id }) {
				delete(s.device.keys, id)
			}
		}
		s.device.mu.Unlock()
		return nil
	}
}

// folder is the phone's folder of that kind; the list is fetched first where the phone has none.
func (s *Session) folder(t *probe.Turn, name string) (string, error) {
	find := func() string {
		s.device.mu.Lock()
		defer s.device.mu.Unlock()
		for _, f := range s.device.folders {
			if f.kind == kinds[name] {
				return f.id
			}
		}
		return ""
	}
	if id := find(); id != "" {
		return id, nil
	}
	if err := s.syncFolders(t, false); err != nil {
		return "", err
	}
	if id := find(); id != "" {
		return id, nil
	}
	return "", probe.Failf(probe.Content, "look for the folder "+name, "the account has no such folder")
}
