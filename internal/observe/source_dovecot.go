package observe

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// What doveadm prints first: for who -1, and for stats dump.
const (
	whoHead   = "username"
	statsHead = "metric_name"
)

// isDovecot tells a table of doveadm by its head.
func isDovecot(text []byte) bool {
	head, _, _ := bytes.Cut(text, []byte("\n"))
	first := bytes.Fields(head)
	return len(first) > 1 && (string(first[0]) == whoHead || string(first[0]) == statsHead)
}

// readDovecot reads what doveadm who -1 or doveadm stats dump prints. Sessions are counted by their protocol; the names of users
// are not kept. Statistics have the names of Dovecot's own exporter.
func readDovecot(text []byte, t *table) error {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return errors.New("the table is cut off within a line")
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	head := strings.Fields(lines[0])
	if head[0] == whoHead {
		sessions := map[string]float64{"imap": 0}
		for _, line := range lines[1:] {
			if fields := strings.Fields(line); len(fields) > 1 {
				sessions[fields[1]]++
			}
		}
		for protocol, n := range sessions {
			t.give("dovecot_sessions", n, "protocol", protocol)
		}
		return nil
	}
	at := map[string]int{}
	for i, name := range head {
		at[name] = i
	}
	field, okField := at["field"]
	count, okCount := at["count"]
	sum, okSum := at["sum"]
	if !okField || !okCount || !okSum {
		return errors.New("the statistics have no columns field, count and sum")
	}
	for _, line := range lines[1:] {
		fields := strings.Split(line, "\t")
		if len(fields) < len(head) {
			return errors.New("the statistics have a line that is too short")
		}
		if fields[field] != "duration" {
			continue
		}
		n, err := strconv.ParseFloat(fields[count], 64)
		micros, err2 := strconv.ParseFloat(fields[sum], 64)
		if err != nil || err2 != nil {
			return errors.New("the statistics have a count that is not a number")
		}
		t.give("dovecot_"+fields[0]+"_total", n)
		t.give("dovecot_"+fields[0]+"_duration_seconds_total", micros/1e6)
	}
	return nil
}
