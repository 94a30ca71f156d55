package observe

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"

	"pegel/scenarios"
)

// haproxyStats is HAProxy's statistics as CSV, over its stats socket or over HTTP. Its series have the names of HAProxy's own
// exporter, so that the catalogue serves both.
type haproxyStats struct {
	network, address string // of the socket
	dial             dialFunc
	web              *web // instead
}

var _ source = (*haproxyStats)(nil)

func newHAProxyStats(from *scenarios.Observe, dial dialFunc) (source, error) {
	u, err := url.Parse(from.HAProxy)
	if err != nil {
		return nil, fmt.Errorf("haproxy: %w", errors.Unwrap(err))
	}
	switch u.Scheme {
	case "unix":
		var d net.Dialer // on this machine: no network that the allow-list could hold for
		return &haproxyStats{network: "unix", address: u.Path, dial: d.DialContext}, nil
	case "tcp":
		return &haproxyStats{network: "tcp", address: u.Host, dial: dial}, nil
	}
	w, err := newWeb("haproxy", from.HAProxy, from, dial)
	if err != nil {
		return nil, err
	}
	return &haproxyStats{web: w}, nil
}

func (h *haproxyStats) close() {
	if h.web != nil {
		h.web.close()
	}
}

func (h *haproxyStats) read(ctx context.Context, t *table) error {
	if h.web != nil {
		return h.web.get(ctx, h.web.url, func(r io.Reader) error { return readHAProxy(r, t) })
	}
	conn, err := h.dial(ctx, h.network, h.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if _, err := io.WriteString(conn, "show info;show stat\n"); err != nil {
		return err
	}
	if err := readHAProxy(&bounded{r: conn, left: maxBody}, t); err != nil {
		return errors.Join(err, ctx.Err())
	}
	return nil
}

// statNames are the columns of the statistics that are read, and what the exporter calls them; those under times are milliseconds.
func statNames() (names map[string]string, times map[string]bool) {
	return map[string]string{
		"qcur": "current_queue", "scur": "current_sessions", "slim": "limit_sessions", "stot": "sessions_total",
		"econ": "connection_errors_total", "eresp": "response_errors_total", "wretr": "retry_warnings_total",
		"dreq": "requests_denied_total", "ereq": "request_errors_total", "req_tot": "http_requests_total",
		"bin": "bytes_in_total", "bout": "bytes_out_total", "qlimit": "queue_limit", "rate": "current_session_rate",
		"qtime": "queue_time_average_seconds", "ctime": "connect_time_average_seconds",
		"rtime": "response_time_average_seconds", "ttime": "total_time_average_seconds",
	}, map[string]bool{"qtime": true, "ctime": true, "rtime": true, "ttime": true}
}

// infoNames are the lines of show info that are read, as the exporter calls them.
func infoNames() map[string]string {
	return map[string]string{
		"CurrConns": "haproxy_process_current_connections", "Maxconn": "haproxy_process_max_connections",
		"CumConns": "haproxy_process_connections_total", "Idle_pct": "haproxy_process_idle_time_percent",
	}
}

// readHAProxy reads the lines of show info, where they are, and the table that follows.
func readHAProxy(r io.Reader, t *table) error {
	in := bufio.NewReaderSize(r, 64<<10)
	info := infoNames()
	for {
		begin, err := in.Peek(2)
		if err != nil && len(begin) == 0 {
			return errors.New("HAProxy told no statistics")
		}
		if string(begin) == "# " {
			break
		}
		line, err := in.ReadSlice('\n')
		if err != nil {
			return errors.New("this is not what HAProxy tells of itself")
		}
		name, text, _ := strings.Cut(string(bytes.TrimSpace(line)), ": ")
		if metric, known := info[name]; known {
			if v, err := strconv.ParseFloat(text, 64); err == nil {
				t.give(metric, v)
			}
		}
	}
	in.Discard(2)
	rows := csv.NewReader(in)
	rows.ReuseRecord, rows.LazyQuotes, rows.FieldsPerRecord = true, true, -1
	head, err := rows.Read()
	if err != nil {
		return fmt.Errorf("HAProxy's statistics: %w", err)
	}
	column := map[string]int{}
	for i, name := range head {
		column[name] = i
	}
	proxy, hasProxy := column["pxname"]
	server, hasServer := column["svname"]
	if !hasProxy || !hasServer {
		return errors.New("HAProxy's statistics have no columns pxname and svname")
	}
	type read struct {
		at     int
		name   string
		millis bool
	}
	var wanted []read
	names, times := statNames()
	for name, metric := range names {
		if at, ok := column[name]; ok {
			wanted = append(wanted, read{at, metric, times[name]})
		}
	}
	width := len(head)
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("HAProxy's statistics: %w", err)
		}
		if len(row) < width {
			return errors.New("HAProxy's statistics are cut off within a line")
		}
		of, labels := "haproxy_server_", []string{"proxy", row[proxy], "server", row[server]}
		switch row[server] {
		case "FRONTEND":
			of, labels = "haproxy_frontend_", labels[:2]
		case "BACKEND":
			of, labels = "haproxy_backend_", labels[:2]
		}
		for _, x := range wanted {
			v, err := strconv.ParseFloat(row[x.at], 64)
			if err != nil {
				v = math.NaN() // nothing is set
			}
			if x.millis {
				v /= 1000
			}
			t.give(of+x.name, v, labels...)
		}
	}
}
