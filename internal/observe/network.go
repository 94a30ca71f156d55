package observe

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// tcpNow is what the kernel says of TCP on this machine. Connections to a platform on the same machine count twice in
// Sockets, at both ends; retransmits and overflows are those of all its programs.
type tcpNow struct {
	Sockets     float64 // in use, listening ones included
	TimeWait    float64 // closed by this side, their ports not free yet
	Retransmits float64 // segments, since the machine began
	Overflows   float64 // connections that a listener on this machine had no room for, since then
}

// readTCP reads the counters below a proc directory (proc_pid_net(5)). ok is false where any of the files cannot be read.
func readTCP(proc string) (now tcpNow, ok bool) {
	stat, ok1 := pairs(filepath.Join(proc, "net/sockstat"), "TCP:")
	snmp, ok2 := titled(filepath.Join(proc, "net/snmp"), "Tcp:")
	ext, ok3 := titled(filepath.Join(proc, "net/netstat"), "TcpExt:")
	if !ok1 || !ok2 || !ok3 {
		return tcpNow{}, false
	}
	now = tcpNow{Sockets: stat["inuse"], TimeWait: stat["tw"], Retransmits: snmp["RetransSegs"], Overflows: ext["ListenOverflows"]}
	// sockstat counts IPv4; the sockets of IPv6 are in a file that a kernel without it does not have.
	if six, ok := pairs(filepath.Join(proc, "net/sockstat6"), "TCP6:"); ok {
		now.Sockets += six["inuse"]
	}
	return now, true
}

// pairs reads the line that begins so as names, each with its number after it.
func pairs(file, begins string) (map[string]float64, bool) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	for line := range strings.Lines(string(raw)) {
		rest, found := strings.CutPrefix(line, begins)
		if !found {
			continue
		}
		values, fields := map[string]float64{}, strings.Fields(rest)
		for i := 0; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i+1], 64); err == nil {
				values[fields[i]] = v
			}
		}
		return values, true
	}
	return nil, false
}

// titled reads two lines that begin so: the first has the names, the second the numbers.
func titled(file, begins string) (map[string]float64, bool) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	var names []string
	lines := bufio.NewScanner(bytes.NewReader(raw))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		rest, found := strings.CutPrefix(lines.Text(), begins)
		if !found {
			continue
		}
		if names == nil {
			names = strings.Fields(rest)
			continue
		}
		values := map[string]float64{}
		for i, text := range strings.Fields(rest) {
			if v, err := strconv.ParseFloat(text, 64); err == nil && i < len(names) {
				values[names[i]] = v
			}
		}
		return values, true
	}
	return nil, false
}
