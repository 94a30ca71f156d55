package testenv

import (
	"fmt"
	"strings"
)

const (
	proxyFront, proxyBack = "web", "groupware"
	// frontLimit is what the page shows as the frontend's maxconn. The platform sets no such limit.
	frontLimit = 20000
)

// balanced says whether an operation comes through the balancer: all of HTTP.
func balanced(operation string) bool {
	return !strings.HasPrefix(operation, "imap.") && !strings.HasPrefix(operation, "smtp.")
}

// writeHAProxy shows the slots as a balancer's servers. A platform without instances has one server for each resource of
// slots.
func writeHAProxy(p *Platform, c *counters, out emitter) {
	servers := c.kind("slots")
	if b := p.options.Definition.Balance; b != nil {
		servers = nil
		for _, r := range c.resources {
			if r.Group == b.Groups[0] {
				servers = append(servers, r)
			}
		}
	}
	var open, accepted, in, received int64
	for _, ln := range p.proxied {
		open += int64(ln.open())
		accepted += ln.accepted.Load()
		in += ln.in.Load()
		received += ln.out.Load()
	}
	all := c.of(-1, balanced)
	limited := c.limited["web"]
	requests := float64(all.done + all.refused + limited)

	front := []string{"proxy", proxyFront}
	out.gauge("haproxy_frontend_current_sessions", "Number of current sessions on the frontend, backend or server", float64(open), front...)
	out.gauge("haproxy_frontend_limit_sessions", "Frontend/listener/server's maxconn, backend's fullconn", frontLimit, front...)
	out.counter("haproxy_frontend_sessions_total", "Total number of sessions since process started", float64(accepted), front...)
	out.counter("haproxy_frontend_connections_total", "Total number of new connections accepted on this frontend since the worker process started", float64(accepted), front...)
	out.counter("haproxy_frontend_bytes_in_total", "Total number of request bytes since process started", float64(in), front...)
	out.counter("haproxy_frontend_bytes_out_total", "Total number of response bytes since process started", float64(received), front...)
	out.counter("haproxy_frontend_http_requests_total", "Total number of HTTP requests processed by this object since the worker process started", requests, front...)
	writeResponses(out, "haproxy_frontend", all, limited, front)

	back := []string{"proxy", proxyBack}
	var inUse, limit, queue, fresh float64
	for _, s := range servers {
		inUse, limit, queue = inUse+float64(s.InUse), limit+float64(s.Limit), queue+float64(s.Queue)
	}
	for _, n := range c.fresh {
		fresh += float64(n)
	}
	out.gauge("haproxy_backend_current_queue", "Number of current queued connections", 0, back...) // each server has its own
	out.gauge("haproxy_backend_current_sessions", "Number of current sessions on the frontend, backend or server", inUse+queue, back...)
	out.gauge("haproxy_backend_limit_sessions", "Frontend/listener/server's maxconn, backend's fullconn", max(1, frontLimit/10), back...)
	out.counter("haproxy_backend_sessions_total", "Total number of sessions since process started", requests, back...)
	out.counter("haproxy_backend_http_requests_total", "Total number of HTTP requests processed by this object since the worker process started", requests, back...)
	out.counter("haproxy_backend_loadbalanced_total", "Total number of requests routed by load balancing since the worker process started (ignores queue pop and stickiness)", fresh, back...)
	out.gauge("haproxy_backend_active_servers", "Total number of active UP servers with a non-zero weight", float64(len(servers)), back...)
	out.counter("haproxy_backend_bytes_in_total", "Total number of request bytes since process started", float64(in), back...)
	out.counter("haproxy_backend_bytes_out_total", "Total number of response bytes since process started", float64(received), back...)
	writeResponses(out, "haproxy_backend", all, limited, back)
	writeTimes(out, "haproxy_backend", c.servers[0], back)

	for i, s := range servers {
		name := fmt.Sprintf("web-%d", i+1)
		labels := []string{"proxy", proxyBack, "server", name}
		tally, times := all, c.servers[0]
		if len(c.servers) > i+1 {
			tally, times = c.of(i+1, balanced), c.servers[i+1]
			out.counter("haproxy_server_loadbalanced_total", "Total number of requests routed by load balancing since the worker process started (ignores queue pop and stickiness)", float64(c.fresh[i]), labels...)
		}
		out.gauge("haproxy_server_current_queue", "Number of current queued connections", float64(s.Queue), labels...)
		out.gauge("haproxy_server_queue_limit", "Limit on the number of connections in queue, for servers only (maxqueue argument)", float64(max(s.QueueLimit, 0)), labels...)
		out.gauge("haproxy_server_current_sessions", "Number of current sessions on the frontend, backend or server", float64(s.InUse), labels...)
		out.gauge("haproxy_server_limit_sessions", "Frontend/listener/server's maxconn, backend's fullconn", float64(s.Limit), labels...)
		out.counter("haproxy_server_sessions_total", "Total number of sessions since process started", float64(s.Served+int64(s.InUse)), labels...)
		out.gauge("haproxy_server_weight", "Server's effective weight, or sum of active servers' effective weights for a backend", 1, labels...)
		for state, value := range map[string]float64{"DOWN": 0, "UP": 1, "MAINT": 0, "DRAIN": 0, "NOLB": 0} {
			out.gauge("haproxy_server_status", "Current status of the service, per state label value", value, append(labels, "state", state)...)
		}
		writeResponses(out, "haproxy_server", tally, 0, labels)
		writeTimes(out, "haproxy_server", times, labels)
	}
}

// writeResponses shows answers by class: what a limit refused is 503, a login too many 429.
func writeResponses(out emitter, prefix string, t opTally, limited int64, labels []string) {
	for _, c := range []struct {
		code  string
		value int64
	}{{"1xx", 0}, {"2xx", t.done}, {"3xx", 0}, {"4xx", limited}, {"5xx", t.refused}, {"other", 0}} {
		out.counter(prefix+"_http_responses_total", "Total number of HTTP responses with this status code class returned", float64(c.value),
			append(append([]string(nil), labels...), "code", c.code)...)
	}
}

func writeTimes(out emitter, prefix string, t serverTally, labels []string) {
	out.gauge(prefix+"_queue_time_average_seconds", "Avg. queue time for last 1024 successful connections.", t.queued.mean, labels...)
	out.gauge(prefix+"_connect_time_average_seconds", "Avg. connect time for last 1024 successful connections.", 0, labels...)
	out.gauge(prefix+"_response_time_average_seconds", "Avg. response time for last 1024 successful connections.", t.responded.mean, labels...)
	out.gauge(prefix+"_total_time_average_seconds", "Avg. total time for last 1024 successful connections.", t.total.mean, labels...)
}
