package eas

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// respondParams are the parameters of respond.
type respondParams struct {
	Answer string `yaml:"answer"` // accept, tentative or decline
}

var answers = map[string]string{"accept": "1", "tentative": "2", "decline": "3"}

// respond answers the oldest of pegel's own invitations in the inbox that the phone knows (MS-ASCMD, section 2.2.1.11). Where it
// knows none it looks for new ones first; none at all is a failure of the class content.
func respond(decode func(any) error) (probe.Step, error) {
	params := respondParams{Answer: "accept"}
	if err := decode(&params); err != nil {
		return nil, err
	}
	answer, known := answers[params.Answer]
	if !known {
		return nil, fmt.Errorf("answer %q: must be accept, tentative or decline", params.Answer)
	}
	look := syncParams{Folder: "inbox", Window: 100, Filter: "all", Body: 1024}
	return step(func(t *probe.Turn, s *Session) error {
		const name = "MeetingResponse"
		to, ok := s.device.invitation()
		if !ok {
			inbox, err := s.folder(t, "inbox")
			if err != nil {
				return err
			}
			if err := s.sync(t, inbox, &look, false); err != nil {
				return err
			}
			if to, ok = s.device.invitation(); !ok {
				return probe.Failf(probe.Content, name, "the inbox has no invitation of pegel's; eas.send with invites: true sends one")
			}
		}
		d := newDocument().open(meetingResponse).open(meetingRequest)
		d.text(meetingUserResponse, answer).text(meetingCollectionID, to.folder).text(meetingRequestID, to.id).end().end()
		status := 0
		err := s.command(t, name, d, func(e *element) error {
			if e.is(meetingStatus) {
				status = e.number()
			}
			return nil
		})
		if err != nil {
			return err
		}
		return judge(ofMeeting, name, status)
	}), nil
}

// invitation takes the oldest one, so that a second answer to it is never tried.
func (d *device) invitation() (invitation, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.invited) == 0 {
		return invitation{}, false
	}
	first := d.invited[0]
	d.invited = d.invited[1:]
	return first, true
}

// ownEvent tells whether an event is pegel's by its GlobalObjId or its UID. A UID that is not of Exchange's making lies in the
// GlobalObjId behind "vCal-Uid" and four bytes, up to a byte 0 (MS-ASEMAIL, section 2.2.2.37); both are written in base64 or, by
// some, in hexadecimal digits.
func ownEvent(text string) bool {
	for _, decoded := range []func(string) ([]byte, error){
		func(s string) ([]byte, error) { return []byte(s), nil }, base64.StdEncoding.DecodeString, hex.DecodeString,
	} {
		id, err := decoded(strings.TrimSpace(text))
		if err != nil {
			continue
		}
		uid := string(id)
		if _, vcal, ok := strings.Cut(uid, "vCal-Uid"); ok && len(vcal) > 4 {
			uid, _, _ = strings.Cut(vcal[4:], "\x00")
		}
		if ownUID(uid) {
			return true
		}
	}
	return false
}

// ownUID tells whether a UID has the form that pegel's have: 16 digits, a run, pegel's domain.
func ownUID(uid string) bool {
	_, suffix, _ := strings.Cut(corpus.EventUID("", 0), "@")
	left, domain, ok := strings.Cut(uid, "@")
	digits, run, dot := strings.Cut(left, ".")
	_, err := hex.DecodeString(digits)
	return ok && dot && domain == suffix && err == nil && len(digits) == 16 && run != ""
}
