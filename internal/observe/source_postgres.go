package observe

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"pegel/scenarios"
)

// postgres asks the database itself, over one connection that it keeps. Its series have the names of postgres_exporter; two about
// locks come besides.
type postgres struct {
	config *pgconn.Config
	conn   *pgconn.PgConn
}

var _ source = (*postgres)(nil)

// postgresAsks are the questions, in one message of the simple protocol. pegel's own connection is left out. Nothing in them needs
// more than the right to connect; with pg_monitor the states of others' connections are seen too.
const postgresAsks = `
SELECT 'pg_stat_activity_count', count(*), 'datname', coalesce(datname, ''), 'state', coalesce(state, '')
  FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' GROUP BY datname, state;
SELECT 'pg_settings_' || name, setting FROM pg_settings WHERE name IN ('max_connections', 'superuser_reserved_connections');
SELECT 'pg_stat_database_numbackends', numbackends, 'datname', datname FROM pg_stat_database WHERE datname IS NOT NULL;
SELECT 'pg_stat_database_xact_commit', xact_commit, 'datname', datname FROM pg_stat_database WHERE datname IS NOT NULL;
SELECT 'pg_stat_database_xact_rollback', xact_rollback, 'datname', datname FROM pg_stat_database WHERE datname IS NOT NULL;
SELECT 'pg_locks_granted_count', count(*) FROM pg_locks WHERE granted AND pid <> pg_backend_pid();
SELECT 'pg_locks_waiting_count', count(*) FROM pg_locks WHERE NOT granted;`

func newPostgres(from *scenarios.Observe, dial dialFunc) (source, error) {
	u, err := url.Parse(from.Postgres)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errors.New("postgres: not an address such as postgres://pegel@127.0.0.1:5432/postgres")
	}
	config, err := pgconn.ParseConfig(from.Postgres)
	if err != nil {
		return nil, errors.New("postgres: not an address such as postgres://pegel@127.0.0.1:5432/postgres") // its error may repeat a password
	}
	if from.User != "" {
		config.User = from.User
	}
	if from.Password.Value != "" {
		config.Password = from.Password.Value
	}
	if from.CA != "" && config.TLSConfig != nil {
		pem, err := os.ReadFile(from.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("ca: %s holds no certificate", from.CA)
		}
		config.TLSConfig.RootCAs, config.TLSConfig.InsecureSkipVerify = pool, false
		config.TLSConfig.ServerName = config.Host
		config.Fallbacks = nil // none without TLS
	}
	config.RuntimeParams["application_name"] = "pegel"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	unix := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if network == "unix" {
			return unix(ctx, network, addr)
		}
		return dial(ctx, network, addr)
	}
	return &postgres{config: config}, nil
}

func (p *postgres) close() {
	if p.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), beat)
		defer cancel()
		p.conn.Close(ctx)
		p.conn = nil
	}
}

func (p *postgres) read(ctx context.Context, t *table) error {
	if p.conn == nil || p.conn.IsClosed() {
		conn, err := pgconn.ConnectConfig(ctx, p.config)
		if err != nil {
			return postgresError("connecting", ctx, err)
		}
		p.conn = conn
	}
	answers, err := p.conn.Exec(ctx, postgresAsks).ReadAll()
	if err != nil {
		return postgresError("asking", ctx, err)
	}
	for _, a := range answers {
		for _, row := range a.Rows {
			v, err := strconv.ParseFloat(string(row[1]), 64)
			if err != nil {
				return fmt.Errorf("%s is not a number", clip(row[1]))
			}
			var labels []string
			for _, text := range row[2:] {
				labels = append(labels, string(text))
			}
			t.give(string(row[0]), v, labels...)
		}
	}
	return nil
}

// postgresError is what went wrong, without the address: it names the user and the database.
func postgresError(doing string, ctx context.Context, err error) error {
	var said *pgconn.PgError
	switch {
	case errors.As(err, &said):
		return fmt.Errorf("%s: the database answered %s (%s)", doing, said.Message, said.Code)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", doing, ctx.Err())
	}
	for inner := err; inner != nil; inner = errors.Unwrap(inner) {
		err = inner
	}
	return fmt.Errorf("%s: %w", doing, err)
}
