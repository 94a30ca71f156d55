package eas

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// pingParams are the parameters of ping.
type pingParams struct {
	Heartbeat time.Duration `yaml:"heartbeat"`
	Folders   []string      `yaml:"folders"`
}

const (
	// maxHeartbeat is the longest that servers allow: 59 minutes (MS-ASCMD, section 2.2.3.84.1).
	maxHeartbeat     = 59 * time.Minute
	defaultHeartbeat = 8 * time.Minute
	// early is how much of a heartbeat may be missing where the server says that it is over: servers look for changes now and then,
	// and may not begin another round that would end too late.
	early = 0.5
	// mostVain is how many Pings in a row may be answered with changes of which Sync then finds none.
	mostVain = 3
)

// longPoll is the action ping: the server holds its answer until something has changed in one of the folders, or the heartbeat is
// over (MS-ASCMD, section 2.2.1.13). That wait is no latency and counts in none of the action's times; what counts is how much
// later than the heartbeat the answer came, which is the time that a request has lain waiting for a worker. The action's time-out
// begins when the heartbeat is over.
//
// Where the server prescribes another heartbeat, the phone keeps to it from then on. A shorter one is asked for in the same action;
// after a longer one the action ends, because its time-out has been set for less, and the next Ping asks for it.
//
// A server that does not hold its answer fails the action: one that says that the heartbeat is over long before it is, at once, and
// one that tells of changes of which there are none when it has done so several times in a row. Either ends the session.
func longPoll(decode func(any) error) (probe.Step, error) {
	params := pingParams{Heartbeat: defaultHeartbeat, Folders: []string{"inbox", "calendar", "contacts"}}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Heartbeat < time.Second || params.Heartbeat > maxHeartbeat {
		return nil, fmt.Errorf("heartbeat %v: must lie between 1s and %v", params.Heartbeat, maxHeartbeat)
	}
	if params.Heartbeat%time.Second != 0 {
		return nil, fmt.Errorf("heartbeat %v: must be whole seconds", params.Heartbeat)
	}
	if len(params.Folders) == 0 {
		return nil, errors.New("folders: there must be one at least")
	}
	for _, f := range params.Folders {
		if _, known := kinds[f]; !known {
			return nil, fmt.Errorf("folders: %q must be inbox, calendar, contacts, tasks, sent, drafts or trash", f)
		}
	}
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*Session](t)
		if err != nil {
			return err
		}
		prescribed := s.device.prescribed()
		t.Await(max(params.Heartbeat, prescribed))
		ids, err := s.watched(t, &params)
		if err != nil {
			return err
		}
		return s.ping(t, &params, ids, prescribed)
	}, nil
}

// watched are the folders to be watched. A folder must have been synchronised before it can be (MS-ASCMD, section 2.2.1.13); where
// one has not been, it is given its first key.
func (s *Session) watched(t *probe.Turn, p *pingParams) (ids []string, err error) {
	if err := s.device.enter(t); err != nil {
		return nil, err
	}
	defer s.device.leave()
	for _, name := range p.Folders {
		id, err := s.folder(t, name)
		if err != nil {
			return nil, err
		}
		s.device.mu.Lock()
		known := s.device.keys[id] != ""
		s.device.mu.Unlock()
		if !known {
			first := syncParams{Folder: name, Window: 100, Filter: "all", Body: 1024}
			if err := s.sync(t, id, &first, false); err != nil {
				return nil, err
			}
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// pingAnswer is what is of interest in an answer to Ping.
type pingAnswer struct {
	status, heartbeat int
	waited            time.Duration
}

// prescribed is the heartbeat that the server has prescribed; 0: none.
func (d *device) prescribed() time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.heartbeat
}

func (d *device) prescribe(heartbeat time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.heartbeat = heartbeat
}

// ping asks, once more with the server's own longest heartbeat where the one wanted is longer, or when the phone has been provisioned,
// or when the folders had changed. prescribed is the heartbeat that the server has named before, 0 for none.
func (s *Session) ping(t *probe.Turn, p *pingParams, ids []string, prescribed time.Duration) error {
	const name = "Ping"
	heartbeat := cmp.Or(prescribed, p.Heartbeat)
	for tries := 0; ; tries++ {
		a, err := s.pingOnce(t, heartbeat, ids)
		if errors.Is(err, errProvision) && tries == 0 {
			err = s.own(t, func() error { return s.provision(t, true) })
			if err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		switch {
		case a.status == 1 && a.waited < time.Duration(float64(heartbeat)*early):
			return probe.Failf(probe.BadProtocol, name, "the server says after %v that the heartbeat of %v is over: it does not hold its answers", a.waited.Round(time.Millisecond), heartbeat)
		case a.status == 5:
			now := time.Duration(min(a.heartbeat, 1+int(maxHeartbeat/time.Second))) * time.Second
			switch {
			case now > 0 && now < heartbeat && tries < 2:
				heartbeat = now
				s.device.prescribe(now)
				continue
			case now > heartbeat && now <= maxHeartbeat && heartbeat == p.Heartbeat && prescribed == 0:
				s.device.prescribe(now)
				complete(t)
				return nil
			}
			s.device.prescribe(0) // a server that refuses what it has prescribed is asked anew next time
			return judge(ofPing, name, a.status)
		case a.status == 7 && tries == 0:
			if err := s.own(t, func() error { return s.syncFolders(t, false) }); err != nil {
				return err
			}
			if ids, err = s.watched(t, p); err != nil {
				return err
			}
			continue
		case a.status == 2:
			s.device.mu.Lock()
			s.device.vain++
			vain := s.device.vain
			if vain > mostVain {
				s.device.vain = 0
			}
			s.device.mu.Unlock()
			if vain > mostVain {
				return probe.Failf(probe.BadProtocol, name, "the server told %d times in a row of changes, and no sync in between has found any", vain)
			}
		case a.status != 1:
			return judge(ofPing, name, a.status)
		}
		t.Awaited(min(a.waited, heartbeat))
		complete(t)
		return nil
	}
}

// complete marks the end of a Ping.
func complete(t *probe.Turn) {
	if marked, _ := t.Phases(); marked[probe.PhaseComplete] == 0 { // else the folders were asked for first
		t.Mark(probe.PhaseFirstByte)
	}
	t.Mark(probe.PhaseComplete)
}

// own does something that the phone does alone.
func (s *Session) own(t *probe.Turn, do func() error) error {
	if err := s.device.enter(t); err != nil {
		return err
	}
	defer s.device.leave()
	return do()
}

func (s *Session) pingOnce(t *probe.Turn, heartbeat time.Duration, ids []string) (pingAnswer, error) {
	const name = "Ping"
	d := newDocument().open(ping).text(pingHeartbeat, strconv.Itoa(int(heartbeat/time.Second))).open(pingFolders)
	for _, id := range ids {
		d.open(pingFolder).text(pingID, id).text(pingClass, s.device.class(id)).end()
	}
	response, err := s.post(t, name, d.end().end(), httpconn.Request{Hold: true})
	if err != nil {
		return pingAnswer{}, err
	}
	a := pingAnswer{waited: response.Waited}
	err = read(name, response, func(e *element) error {
		switch {
		case e.is(pingStatus):
			a.status = e.number()
		case e.is(pingHeartbeat):
			a.heartbeat = e.number()
		}
		return nil
	})
	if err != nil {
		return a, err
	}
	if a.status == 0 {
		return a, judge(ofPing, name, 0)
	}
	return a, nil
}

// class is what kind of items a folder holds.
func (d *device) class(id string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, f := range d.folders {
		if f.id == id {
			switch f.kind {
			case kinds["calendar"]:
				return "Calendar"
			case kinds["contacts"]:
				return "Contacts"
			case kinds["tasks"]:
				return "Tasks"
			}
		}
	}
	return "Email"
}
