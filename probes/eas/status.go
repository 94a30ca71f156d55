package eas

import (
	"fmt"

	"pegel/probes/probe"
)

// isStatus tells whether a tag is the status of a command.
func isStatus(t tag) bool {
	switch t {
	case airStatus, folderStatus, meetingStatus, pingStatus, provisionStatus, composeStatus:
		return true
	}
	return false
}

// common classifies the statuses above 100 that every command may answer (MS-ASCMD, section 2.2.2).
func common(name string, status int) error {
	switch status {
	case 141, 142, 143, 144: // no policy key, an old one, a wrong one
		return probe.Fail(probe.Denied, name, fmt.Errorf("status %d: %w", status, errProvision))
	}
	class, what := probe.Content, ""
	switch status {
	case 101, 102, 103, 104, 105, 106, 107, 108, 109:
		class, what = probe.BadProtocol, "the server does not understand the request"
	case 110:
		what = "server error"
	case 111, 114, 133:
		class, what = probe.Overload, "the server cannot now"
	case 112, 126, 127, 128, 129, 130, 131, 139, 140, 145, 173:
		class, what = probe.Denied, "the account or the phone may not"
	case 113, 115, 177:
		class, what = probe.Limited, "a quota is used up"
	case 119, 120:
		what = "the mail was not taken"
	case 132, 134, 135, 136:
		what = "the server has lost the state of the phone"
	}
	return refusal(class, name, status, what)
}

func refusal(class probe.Class, name string, status int, what string) error {
	if what == "" {
		what = "refused"
	}
	return probe.Failf(class, name, "status %d: %s", status, what)
}

// said is what a status of one command means.
type said struct {
	class probe.Class
	what  string
}

// ofSync, ofFolders, ofPing, ofMeeting and ofProvision are the statuses of the commands (MS-ASCMD, section 2.2.3.177).
var (
	ofSync = map[int]said{
		3: {probe.Content, "the key of synchronisation is not known"}, 4: {probe.BadProtocol, "the server does not understand the request"},
		5: {probe.Overload, "server error, to be tried again"}, 6: {probe.Content, "an item cannot be converted"}, 7: {probe.Content, "conflict"},
		8: {probe.Content, "the item is gone"}, 9: {probe.Limited, "the mailbox is full"}, 12: {probe.Content, "the folders have changed"},
		13: {probe.BadProtocol, "the request is not complete"}, 14: {probe.BadProtocol, "the wait is out of range"},
		15: {probe.Limited, "too many collections"}, 16: {probe.Overload, "the server asks to try again"},
	}
	ofFolders = map[int]said{
		6: {probe.Overload, "server error, to be tried again"}, 9: {probe.Content, "the key of synchronisation is not known"},
		10: {probe.BadProtocol, "the server does not understand the request"},
	}
	ofPing = map[int]said{
		3: {probe.BadProtocol, "the request is not complete"}, 4: {probe.BadProtocol, "the server does not understand the request"},
		5: {probe.Content, "the heartbeat is out of range"}, 6: {probe.Limited, "too many folders"},
		7: {probe.Content, "the folders have changed"}, 8: {probe.Overload, "server error, to be tried again"},
	}
	ofMeeting = map[int]said{
		2: {probe.Content, "this is no invitation"}, 3: {probe.Overload, "the mailbox has an error, to be tried again"}, 4: {probe.Content, "server error"},
	}
	ofProvision = map[int]said{
		2: {probe.BadProtocol, "the server does not understand the request"}, 3: {probe.Content, "server error"},
	}
)

// judge is nil for status 1, else the failure.
func judge(table map[int]said, name string, status int) error {
	if status == 1 {
		return nil
	}
	if status > 100 {
		return common(name, status)
	}
	if s, known := table[status]; known {
		return refusal(s.class, name, status, s.what)
	}
	if status < 1 {
		return probe.Failf(probe.BadProtocol, name, "the answer has no status")
	}
	return refusal(probe.Content, name, status, "")
}
