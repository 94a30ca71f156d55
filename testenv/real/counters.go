package real

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"time"
)

// counters is a page in the Prometheus text format with what these servers have no exporter for in Debian, or none at all:
// SOGo's workers, PostgreSQL's connections, Dovecot's sessions, and the processor time of each server. It is read from /proc
// and the servers' logs when the page is asked for, and asks the servers nothing, so that it also answers when they do not.
type counters struct {
	s      *Stack
	o      Options
	server *http.Server
	ended  chan error

	mu       sync.Mutex // one reader at a time: each goes on where the last one was
	logs     map[string]*logCount
	families map[string]*usage // by daemon
}

// logCount counts in a log that grows.
type logCount struct {
	offset int64
	rest   []byte
	count  int64
}

// usage is the processor time of a server's processes, those that have ended included as far as they were seen.
type usage struct {
	family family
	last   map[int]float64
	total  float64
}

// ticks of a second in /proc/PID/stat; Linux shows 100 to programs whatever it uses itself.
const ticksPerSecond = 100

// startCounters begins to serve the page.
func (s *Stack) startCounters(o Options) error {
	l, err := net.Listen("tcp4", loopback(o.Ports.Counters))
	if err != nil {
		return fmt.Errorf("listening for the counters' page: %w", err)
	}
	c := &counters{s: s, o: o, ended: make(chan error, 1), logs: map[string]*logCount{}, families: map[string]*usage{}}
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}
	go func() { c.ended <- c.server.Serve(l) }()
	s.counters = c
	return nil
}

func (c *counters) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), orphanGrace)
	defer cancel()
	err := c.server.Shutdown(ctx)
	if err != nil {
		err = c.server.Close()
	}
	if served := <-c.ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// ServeHTTP writes the page, whatever path is asked for.
func (c *counters) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	text := c.page()
	c.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	_, _ = io.WriteString(w, text) // the reader may be gone
}

func (c *counters) page() string {
	var out strings.Builder
	family := func(name, kind, help string) {
		fmt.Fprintf(&out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	}
	sockets := connections()
	if c.o.SOGo != nil {
		instances := c.o.instances(c.s.Dir)
		family("sogo_workers", "gauge", "Processes that serve requests, as configured.")
		for _, i := range instances {
			fmt.Fprintf(&out, "sogo_workers{instance=%q} %d\n", i.Name, c.o.SOGo.Workers)
		}
		family("sogo_workers_busy", "gauge", "Workers with a request: connections that were accepted.")
		for _, i := range instances {
			fmt.Fprintf(&out, "sogo_workers_busy{instance=%q} %d\n", i.Name, sockets[i.App].accepted)
		}
		family("sogo_listen_queue", "gauge", "Connections that no worker has accepted yet.")
		for _, i := range instances {
			fmt.Fprintf(&out, "sogo_listen_queue{instance=%q} %d\n", i.Name, sockets[i.App].waiting)
		}
		family("sogo_requests_total", "counter", "Requests that SOGo has answered.")
		for _, i := range instances {
			fmt.Fprintf(&out, "sogo_requests_total{instance=%q} %d\n", i.Name, c.counted(i.AccessLog, servedByApplication))
		}
		family("sogo_answered_total", "counter", "Requests that all instances have answered.")
		answered := int64(0)
		for _, i := range instances {
			answered += c.counted(i.AccessLog, servedByApplication)
		}
		fmt.Fprintf(&out, "sogo_answered_total %d\n", answered)
		log := filepath.Join(c.s.Dir, "log", "postgresql.log")
		family("postgres_connections", "gauge", "Connections of clients.")
		fmt.Fprintf(&out, "postgres_connections %d\n", sockets[c.o.Ports.PostgreSQL].accepted)
		family("postgres_connections_limit", "gauge", "max_connections less those for the superuser.")
		fmt.Fprintf(&out, "postgres_connections_limit %d\n", c.o.Tweaks.DatabaseConnections-reservedConnections)
		family("postgres_refused_total", "counter", "Connections refused because there are too many.")
		fmt.Fprintf(&out, "postgres_refused_total %d\n", c.counted(log, tooManyConnections))
	}
	family("dovecot_sessions", "gauge", "Connections of clients, SOGo among them.")
	fmt.Fprintf(&out, "dovecot_sessions %d\n", sockets[c.o.Ports.IMAP].accepted+sockets[c.o.Ports.IMAPS].accepted)
	if c.o.Tweaks.DovecotStock {
		family("dovecot_sessions_limit", "gauge", "Processes of sessions at most.")
		fmt.Fprintf(&out, "dovecot_sessions_limit %d\n", c.o.Tweaks.DovecotSessions)
	}
	if c.o.Tweaks.MailShard > 0 {
		family("dovecot_shard_sessions", "gauge", "Sessions that were led to the shard's own Dovecot.")
		fmt.Fprintf(&out, "dovecot_shard_sessions %d\n", sockets[c.o.Ports.MailShard].accepted)
	}
	family("stack_cpu_seconds_total", "counter", "Processor time of a server's processes.")
	all, processes := 0.0, processes() // read once: there may be many
	for _, d := range c.s.running() {
		x := c.cpu(d, processes)
		fmt.Fprintf(&out, "stack_cpu_seconds_total{server=%q} %.2f\n", d.name, x)
		all += x
	}
	family("stack_processor_seconds_total", "counter", "Processor time of all servers of the stack.")
	fmt.Fprintf(&out, "stack_processor_seconds_total %.2f\n", all)
	family("stack_processors", "gauge", "Processors of the machine.")
	fmt.Fprintf(&out, "stack_processors %d\n", runtime.NumCPU())
	return out.String()
}

// servedByApplication says whether a line of the access log is of a request that came to the application: nginx writes a
// dash for those that it serves itself.
func servedByApplication(line []byte) bool { return !bytes.HasSuffix(line, []byte(" -")) }

// tooManyConnections knows PostgreSQL's two texts.
func tooManyConnections(line []byte) bool {
	return bytes.Contains(line, []byte("connection slots are reserved")) || bytes.Contains(line, []byte("too many clients"))
}

// counted is how many lines of a log were wanted so far. Logs only grow while the servers run.
func (c *counters) counted(path string, wanted func([]byte) bool) int64 {
	t := c.logs[path]
	if t == nil {
		t = new(logCount)
		c.logs[path] = t
	}
	f, err := os.Open(path)
	if err != nil {
		return t.count
	}
	defer f.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, err := f.ReadAt(buffer, t.offset)
		t.offset += int64(n)
		t.rest = append(t.rest, buffer[:n]...)
		for {
			line, rest, whole := bytes.Cut(t.rest, []byte("\n"))
			if !whole {
				break
			}
			if t.rest = rest; wanted(line) {
				t.count++
			}
		}
		if n == 0 || err != nil {
			t.rest = bytes.Clone(t.rest) // not the whole buffer behind it
			return t.count
		}
	}
}

// cpu is the processor time of a daemon so far, in seconds.
func (c *counters) cpu(d *daemon, now map[int]process) float64 {
	u := c.families[d.name]
	if u == nil {
		u = &usage{family: newFamily(d.command.Process.Pid), last: map[int]float64{}}
		c.families[d.name] = u
	}
	seen := map[int]float64{}
	for _, pid := range u.family.updateFrom(now, !d.ended()) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			continue
		}
		end := bytes.LastIndexByte(stat, ')')
		fields := strings.Fields(string(stat[end+1:]))
		if end < 0 || len(fields) < 13 {
			continue
		}
		user, err1 := strconv.ParseFloat(fields[11], 64)
		system, err2 := strconv.ParseFloat(fields[12], 64)
		if err1 != nil || err2 != nil {
			continue
		}
		seen[pid] = (user + system) / ticksPerSecond
		if more := seen[pid] - u.last[pid]; more > 0 {
			u.total += more
		}
	}
	u.last = seen
	return u.total
}

// held is how many connections a port has.
type held struct{ accepted, waiting int }

// connections counts the established connections of this machine's IPv4 listeners by local port, from /proc/net/tcp. One that
// no process has accepted yet has no inode.
func connections() map[int]held {
	const established = "01"
	all := map[int]held{}
	text, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		return all
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 10 || fields[3] != established {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		port, err := strconv.ParseUint(hex, 16, 16)
		if err != nil {
			continue
		}
		h := all[int(port)]
		if fields[9] == "0" {
			h.waiting++
		} else {
			h.accepted++
		}
		all[int(port)] = h
	}
	return all
}
