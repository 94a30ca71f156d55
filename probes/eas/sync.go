package eas

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"pegel/probes/probe"
)

// syncParams are the parameters of sync.
type syncParams struct {
	Folder  string `yaml:"folder"`  // inbox, calendar, contacts, tasks, sent, drafts, trash
	Window  int    `yaml:"window"`  // items in one answer
	Filter  string `yaml:"filter"`  // how old items may be: all, 1d, 3d, 1w, 2w, 1m, 3m, 6m
	Body    int    `yaml:"body"`    // bytes of each text; the rest is cut off
	Initial bool   `yaml:"initial"` // from the beginning, as a phone does that is set up
}

// filters are the values of FilterType (MS-ASCMD, section 2.2.3.68.2).
var filters = []string{"all", "1d", "3d", "1w", "2w", "1m", "3m", "6m"}

// maxRounds is how many answers one action takes: more than 50 million items are no mailbox.
const maxRounds = 100_000

// synchronise brings one folder up to date, answer by answer until the server has no more (MS-ASCMD, section 2.2.1.21).
func synchronise(decode func(any) error) (probe.Step, error) {
	params := syncParams{Folder: "inbox", Window: 25, Filter: "all", Body: 1024}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if err := params.check(); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *Session) error {
		id, err := s.folder(t, params.Folder)
		if err != nil {
			return err
		}
		return s.sync(t, id, &params, params.Initial)
	}), nil
}

func (p *syncParams) check() error {
	if _, known := kinds[p.Folder]; !known {
		return fmt.Errorf("folder %q: must be inbox, calendar, contacts, tasks, sent, drafts or trash", p.Folder)
	}
	if p.Window < 1 || p.Window > 512 {
		return fmt.Errorf("window %d: must lie between 1 and 512", p.Window)
	}
	if !slices.Contains(filters, p.Filter) {
		return fmt.Errorf("filter %q: must be one of %s", p.Filter, strings.Join(filters, ", "))
	}
	if p.Body < 0 || p.Body > maxText {
		return fmt.Errorf("body %d: must lie between 0 and %d bytes", p.Body, maxText)
	}
	return nil
}

// sync asks until there is no more. A folder without a key begins with an answer that has the key only. A key that the server does
// not know begins again once.
func (s *Session) sync(t *probe.Turn, id string, p *syncParams, initial bool) error {
	const name = "Sync"
	again := false
	for range maxRounds {
		s.device.mu.Lock()
		if initial {
			delete(s.device.keys, id)
			initial = false
		}
		key := s.device.keys[id]
		s.device.mu.Unlock()
		var a syncAnswer
		if err := s.command(t, name, p.request(id, key), a.visit); err != nil {
			return err
		}
		if key != "" && !a.any { // an empty answer: nothing has changed
			return nil
		}
		switch {
		case (a.status == 3 || a.status == 132) && key != "" && !again:
			again, initial = true, true
			continue
		case a.status == 12 && !again:
			again = true
			if err := s.syncFolders(t, false); err != nil {
				return err
			}
			continue
		}
		if err := judge(ofSync, name, a.status); err != nil {
			return err
		}
		if a.key == "" || a.key == "0" {
			return probe.Failf(probe.BadProtocol, name, "the answer has no SyncKey")
		}
		if a.more && a.key == key && a.changes == 0 {
			return probe.Failf(probe.BadProtocol, name, "the server says for ever that there is more, and sends nothing")
		}
		s.device.took(id, &a)
		if key != "" && !a.more {
			return nil
		}
	}
	return probe.Failf(probe.BadProtocol, name, "the server says for ever that there is more")
}

// took notes what an answer has brought.
func (d *device) took(id string, a *syncAnswer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys[id] = a.key
	if a.changes > 0 {
		d.vain = 0
	}
	for _, message := range a.invitations {
		invited := invitation{id, message}
		if slices.Contains(d.invited, invited) {
			continue
		}
		if len(d.invited) == maxInvited {
			d.invited = d.invited[1:]
		}
		d.invited = append(d.invited, invited)
	}
	d.invited = slices.DeleteFunc(d.invited, func(x invitation) bool { return x.folder == id && slices.Contains(a.gone, x.id) })
}

// request is one Sync of one folder.
func (p *syncParams) request(id, key string) *document {
	d := newDocument().open(airSync).open(airCollections).open(airCollection)
	if key == "" {
		return d.text(airSyncKey, "0").text(airCollectionID, id).end().end().end()
	}
	d.text(airSyncKey, key).text(airCollectionID, id).empty(airDeletesAsMoves).text(airGetChanges, "1").text(airWindowSize, strconv.Itoa(p.Window))
	d.open(airOptions)
	// FilterType is for mail, calendar and tasks only.
	if p.Folder != "contacts" {
		d.text(airFilterType, strconv.Itoa(slices.Index(filters, p.Filter)))
	}
	d.open(baseBodyPreference).text(baseType, "1").text(baseTruncationSize, strconv.Itoa(p.Body)).end()
	return d.end().end().end().end()
}

// syncAnswer is what is of interest in an answer to Sync.
type syncAnswer struct {
	any, more   bool
	status      int
	key         string
	changes     int
	invitations []string // messages with invitations of pegel's
	gone        []string // items removed

	item  string // of the Add, Change or Delete being read
	class string
	ours  bool
}

func (a *syncAnswer) visit(e *element) error {
	a.any = true
	switch {
	case e.is(airStatus) && !e.in(airResponses):
		a.status = e.number()
	case e.is(airSyncKey):
		a.key = string(e.text)
	case e.is(airMoreAvailable):
		a.more = true
	case e.is(airServerID):
		a.item = string(e.text)
	case e.is(emailMessageClass):
		a.class = string(e.text)
	case e.is(emailGlobalObjID), e.is(calendarUID):
		a.ours = a.ours || ownEvent(string(e.text))
	case (e.is(airAdd) || e.is(airChange) || e.is(airDelete) || e.is(airSoftDelete)) && e.in(airCommands):
		a.changes++
		switch {
		case e.is(airAdd):
			if a.ours && strings.HasPrefix(a.class, "IPM.Schedule.Meeting.Request") {
				a.invitations = append(a.invitations, a.item)
			}
		case !e.is(airChange):
			a.gone = append(a.gone, a.item)
		}
		a.item, a.class, a.ours = "", "", false
	}
	return nil
}
