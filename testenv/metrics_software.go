package testenv

import (
	"fmt"
	"slices"
	"strconv"
)

// writeFPM shows the web workers as pools of PHP-FPM, one for each instance.
func writeFPM(_ *Platform, c *counters, out emitter) {
	for i, r := range c.kind("workers") {
		labels := []string{"pool", fmt.Sprintf("web-%d", i+1)}
		out.gauge("phpfpm_up", "Could PHP-FPM be reached?", 1, labels...)
		out.counter("phpfpm_start_since", "The number of seconds since FPM has started.", c.seconds, labels...)
		out.counter("phpfpm_accepted_connections", "The number of requests accepted by the pool.", float64(r.Served+int64(r.InUse)), labels...)
		out.gauge("phpfpm_listen_queue", "The number of requests in the queue of pending connections.", float64(r.Queue), labels...)
		out.gauge("phpfpm_listen_queue_length", "The size of the socket queue of pending connections.", 511, labels...)
		out.gauge("phpfpm_active_processes", "The number of active processes.", float64(r.InUse), labels...)
		out.gauge("phpfpm_idle_processes", "The number of idle processes.", float64(r.Limit-r.InUse), labels...)
		out.gauge("phpfpm_total_processes", "The number of idle + active processes.", float64(r.Limit), labels...)
	}
}

// writePgBouncer shows the application's pools of database connections.
func writePgBouncer(_ *Platform, c *counters, out emitter) {
	out.gauge("pgbouncer_up", "The pgbouncer scrape succeeded", 1)
	for _, r := range c.kind("pool") {
		if r.Group != "" {
			continue
		}
		pool := []string{"database", "mail", "user", "groupware"}
		out.gauge("pgbouncer_pools_client_active_connections", "Client connections linked to server connection and able to process queries, shown as connection", float64(r.InUse), pool...)
		out.gauge("pgbouncer_pools_client_waiting_connections", "Client connections waiting on a server connection, shown as connection", float64(r.Queue), pool...)
		out.gauge("pgbouncer_pools_server_active_connections", "Server connections linked to a client connection, shown as connection", float64(r.InUse), pool...)
		out.gauge("pgbouncer_pools_server_idle_connections", "Server connections idle and ready for a client query, shown as connection", float64(r.Limit-r.InUse), pool...)
		database := []string{"name", "mail", "host", "127.0.0.1", "port", "5432", "database", "mail", "force_user", "", "pool_mode", "transaction"}
		out.gauge("pgbouncer_databases_pool_size", "Maximum number of server connections", float64(r.Limit), database...)
		out.gauge("pgbouncer_databases_current_connections", "Current number of connections for this database", float64(r.Limit), database...)
		out.gauge("pgbouncer_databases_max_connections", "Maximum number of allowed connections for this database", 0, database...)
		stats := []string{"database", "mail"}
		out.counter("pgbouncer_stats_queries_pooled_total", "Total number of SQL queries pooled", float64(r.Served), stats...)
		out.counter("pgbouncer_stats_sql_transactions_pooled_total", "Total number of SQL transactions pooled", float64(r.Served), stats...)
		out.counter("pgbouncer_stats_client_wait_seconds_total", "Time spent by clients waiting for a server in seconds", r.Wait, stats...)
		out.counter("pgbouncer_stats_server_in_transaction_seconds_total", "Total number of seconds spent by pgbouncer when connected to PostgreSQL in a transaction, either idle in transaction or executing queries", r.Busy, stats...)
	}
}

// shardsOf are the shards of the database, in the order of the definition.
func shardsOf(d Definition) (names []string) {
	for _, r := range d.Resources {
		if r.Kind == "pool" && r.Group != "" && !r.Hidden {
			names = append(names, r.Name)
		}
	}
	return names
}

// writePostgres shows the shards of the database, or only the n-th of them from 1, each as a server with as many connections as it
// has units. Who waits for one is not on it: the server knows nothing of them.
func writePostgres(only int) func(*Platform, *counters, emitter) {
	return func(p *Platform, c *counters, out emitter) {
		for i, name := range shardsOf(p.options.Definition) {
			if only == 0 || only == i+1 {
				at := slices.IndexFunc(c.resources, func(r ResourceStats) bool { return r.Name == name })
				writeShard(i+1, &c.resources[at], out)
			}
		}
	}
}

func writeShard(n int, r *ResourceStats, out emitter) {
	server, datname := fmt.Sprintf("db-%d:5432", n), fmt.Sprintf("mail%d", n)
	out.gauge("pg_up", "Whether the last scrape of metrics from PostgreSQL was able to connect to the server (1 for yes, 0 for no).", 1, "server", server)
	out.gauge("pg_settings_max_connections", "Server Parameter: max_connections", float64(r.Limit), "server", server)
	for _, s := range []struct {
		state string
		count int
	}{{"active", r.InUse - r.Kept}, {"idle", r.Kept}, {"idle in transaction", 0}, {"idle in transaction (aborted)", 0}, {"fastpath function call", 0}, {"disabled", 0}} {
		out.gauge("pg_stat_activity_count", "number of connections in this state", float64(s.count), "datname", datname, "server", server, "state", s.state)
	}
	database := []string{"datid", strconv.Itoa(16384 + n), "datname", datname}
	out.gauge("pg_stat_database_numbackends", "Number of backends currently connected to this database. This is the only column in this view that returns a value reflecting current state; all other columns return the accumulated values since the last reset.", float64(r.InUse), database...)
	out.counter("pg_stat_database_xact_commit", "Number of transactions in this database that have been committed", float64(r.Served), database...)
	out.counter("pg_stat_database_xact_rollback", "Number of transactions in this database that have been rolled back", 0, database...)
	out.counter("pg_stat_database_deadlocks", "Number of deadlocks detected in this database", 0, database...)
	out.counter("pg_stat_database_active_time_seconds_total", "Time spent executing SQL statements in this database, in seconds", r.Busy, database...)
}

// commands are IMAP's, by the operations that they cost.
var commands = []struct {
	name       string
	operations []string
}{
	{"SELECT", []string{"imap.select"}}, {"LIST", []string{"imap.list"}}, {"STATUS", []string{"imap.status"}},
	{"FETCH", []string{"imap.fetch", "imap.fetch_headers", "imap.sync"}}, {"STORE", []string{"imap.store"}},
	{"SEARCH", []string{"imap.search"}}, {"APPEND", []string{"imap.append", "imap.copy"}},
}

// writeDovecot shows IMAP as Dovecot's own page does for metrics called imap_cmd, grouped by command and reply, and auth_ok and
// auth_fail. A metric that is grouped has a series at each level of its groups.
func writeDovecot(_ *Platform, c *counters, out emitter) {
	count := func(events int64, seconds float64, labels ...string) {
		out.counter("dovecot_imap_cmd_total", "Total number of all events of this kind", float64(events), labels...)
		out.counter("dovecot_imap_cmd_duration_seconds_total", "Total duration of all events of this kind", seconds, labels...)
	}
	var all opTally
	for _, cmd := range commands {
		t := c.of(-1, func(op string) bool { return slices.Contains(cmd.operations, op) })
		all.done, all.seconds = all.done+t.done+t.refused, all.seconds+t.seconds
		count(t.done+t.refused, t.seconds, "cmd_name", cmd.name)
		count(t.done, t.seconds, "cmd_name", cmd.name, "tagged_reply_state", "OK")
		count(t.refused, 0, "cmd_name", cmd.name, "tagged_reply_state", "NO")
	}
	count(all.done, all.seconds)
	login := c.of(-1, func(op string) bool { return op == "imap.login" })
	out.counter("dovecot_auth_ok_total", "Total number of all events of this kind", float64(login.done))
	out.counter("dovecot_auth_ok_duration_seconds_total", "Total duration of all events of this kind", login.seconds)
	out.counter("dovecot_auth_fail_total", "Total number of all events of this kind", float64(login.refused+c.limited["imap"]))
	out.counter("dovecot_auth_fail_duration_seconds_total", "Total duration of all events of this kind", 0)
}
