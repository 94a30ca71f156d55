package testenv

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"
)

// busyClient is a user of the web page, from an address of this machine.
type busyClient struct {
	p        *Platform
	http     *http.Client
	account  int
	backends map[string]int // how often each answered
	statuses map[int]int
}

func newBusyClient(p *Platform, account int, from string) *busyClient {
	jar, _ := cookiejar.New(nil) // nil options cannot fail
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	return &busyClient{p: p, account: account, backends: map[string]int{}, statuses: map[int]int{},
		http: &http.Client{Jar: jar, Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 1}}}
}

func (c *busyClient) send(ctx context.Context, method, path string, body any) int {
	var text bytes.Buffer
	if body != nil {
		json.NewEncoder(&text).Encode(body) // to memory
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.p.URLs.Web, "/")+path, &text)
	if err != nil {
		return 0
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return 0
	}
	defer answer.Body.Close()
	io.Copy(io.Discard, answer.Body)
	if b := answer.Header.Get("X-Backend"); b != "" {
		c.backends[b]++
	}
	c.statuses[answer.StatusCode]++
	return answer.StatusCode
}

func (c *busyClient) login(ctx context.Context) int {
	return c.send(ctx, "POST", "/api/login", map[string]string{"user": c.p.Login(c.account), "password": c.p.Password()})
}

// crowdOf has n users log in and look at their lists again and again without a pause, until the test ends it. User i comes from
// 127.0.9.(1 + i mod 8). What they saw is complete when end has returned.
func crowdOf(t *testing.T, p *Platform, n int) (users []*busyClient, end func()) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for i := range n {
		c := newBusyClient(p, i+1, fmt.Sprintf("127.0.9.%d", 1+i%8))
		users = append(users, c)
		all.Go(func() {
			defer c.http.CloseIdleConnections()
			for ctx.Err() == nil && c.login(ctx) != http.StatusOK {
			}
			for ctx.Err() == nil {
				c.send(ctx, "GET", "/api/messages?limit=5", nil)
			}
		})
	}
	end = sync.OnceFunc(func() { cancel(); all.Wait() })
	t.Cleanup(end)
	return users, end
}

func startProfile(t *testing.T, name string, change func(*Definition)) *Platform {
	t.Helper()
	d, err := Profile(name)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&d)
	}
	return start(t, Options{Definition: d, Accounts: 300})
}

// resources are the counters by name.
func resources(p *Platform) map[string]ResourceStats {
	m := map[string]ResourceStats{}
	for _, r := range p.Stats() {
		m[r.Name] = r
	}
	return m
}

func TestProfileBalancerMaxconn(t *testing.T) {
	p := startProfile(t, "balancer-maxconn", func(d *Definition) {
		for i := range d.Resources {
			if d.Resources[i].Group == "balancer" {
				d.Resources[i].Queue = new(4)
			}
		}
	})
	users, end := crowdOf(t, p, 30)
	eventually(t, "a queue at each server whose slots are taken", func() bool {
		page := readPage(t, p, "/haproxy")
		for _, server := range []string{"server=web-1", "server=web-2", "server=web-3"} {
			if page.sum("haproxy_server_current_sessions", server) != page.sum("haproxy_server_limit_sessions", server) || page.sum("haproxy_server_current_queue", server) == 0 {
				return false
			}
		}
		return page.sum("haproxy_server_http_responses_total", "code=5xx") > 0
	})
	if s := resources(p); s["web.1"].InUse > s["web.1"].Limit/2 || s["cpu"].Queue > 0 || s["pool"].Queue > 0 {
		t.Errorf("behind the balancer: %+v %+v %+v", s["web.1"], s["cpu"], s["pool"])
	}
	end()
	refused := 0
	for _, c := range users {
		refused += c.statuses[http.StatusServiceUnavailable]
	}
	if refused == 0 {
		t.Error("no client saw 503")
	}
}

func TestProfileWorkersAndProcessors(t *testing.T) {
	p := startProfile(t, "workers", nil)
	_, end := crowdOf(t, p, 30)
	eventually(t, "requests that wait for workers", func() bool {
		page := readPage(t, p, "/php-fpm")
		return page.sum("phpfpm_idle_processes") == 0 && page.sum("phpfpm_listen_queue") >= 10
	})
	if s := resources(p); s["balancer.1"].Queue > 0 || s["cpu"].Queue > 0 {
		t.Errorf("%+v %+v", s["balancer.1"], s["cpu"])
	}
	end()

	p = startProfile(t, "cpu", nil)
	crowdOf(t, p, 30)
	eventually(t, "requests that wait for processors", func() bool { return resources(p)["cpu"].Queue >= 10 })
	if s := resources(p); s["balancer.1"].Queue > 0 || s["web.1"].Queue > 0 || s["pool"].Queue > 0 {
		t.Errorf("%+v %+v %+v", s["balancer.1"], s["web.1"], s["pool"])
	}
	eventually(t, "a load that the kernel's average shows", func() bool { return readPage(t, p, "/node").sum("node_load1") > 1 })
}

func TestProfilePoolAndHotShard(t *testing.T) {
	p := startProfile(t, "db-pool", nil)
	_, end := crowdOf(t, p, 30)
	eventually(t, "clients that wait for a connection", func() bool {
		page := readPage(t, p, "/pgbouncer")
		return page.sum("pgbouncer_pools_client_waiting_connections") >= 5 && page.sum("pgbouncer_pools_server_idle_connections") == 0
	})
	if page := readPage(t, p, "/postgres"); page.sum("pg_stat_activity_count", "state=active") > page.sum("pg_settings_max_connections")/2 {
		t.Error("the database is busy")
	}
	end()

	p = startProfile(t, "db-hot-shard", nil)
	crowdOf(t, p, 60)
	eventually(t, "waiting at one shard", func() bool {
		s := resources(p)
		return s["db.3"].Wait > 10 && s["db.3"].Wait > 5*(s["db.1"].Wait+s["db.2"].Wait)
	})
}

func TestProfileCopyContention(t *testing.T) {
	p := startProfile(t, "copy-contention", nil)
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); p.Close(); all.Wait() })
	for i := range 4 {
		c, _ := loggedIn(t, p, 200+i)
		if err := c.Create("Migrated", nil).Wait(); err != nil {
			t.Fatal(err)
		}
		all.Go(func() { // until the platform ends
			for ctx.Err() == nil && appendTo(c, "Migrated") == nil {
			}
		})
	}
	eventually(t, "reading that waits for copying", func() bool {
		if resources(p)["storage"].Queue == 0 {
			return false
		}
		page := readPage(t, p, "/dovecot")
		return page.sum("dovecot_imap_cmd_duration_seconds_total", "cmd_name=APPEND") > 3 && resources(p)["storage"].Wait > 1
	})
}

func appendTo(c *imapclient.Client, box string) error {
	const mail = "Subject: copied\r\n\r\ntext\r\n"
	cmd := c.Append(box, int64(len(mail)), nil)
	if _, err := io.WriteString(cmd, mail); err != nil {
		return err
	}
	if err := cmd.Close(); err != nil {
		return err
	}
	_, err := cmd.Wait()
	return err
}

func TestProfileMemoryCliff(t *testing.T) {
	p := startProfile(t, "memory-cliff", nil)
	before := readPage(t, p, "/node")
	if before.sum("node_memory_SwapFree_bytes") != before.sum("node_memory_SwapTotal_bytes") {
		t.Error("it swaps from the beginning")
	}
	crowdOf(t, p, 200)
	eventually(t, "processors that wait for pages", func() bool {
		page := readPage(t, p, "/node")
		return page.sum("node_memory_SwapFree_bytes") < page.sum("node_memory_SwapTotal_bytes") &&
			page.sum("node_cpu_seconds_total", "mode=iowait") > page.sum("node_cpu_seconds_total", "mode=user")/2
	})
}

func TestProfileSourceHash(t *testing.T) {
	p := startProfile(t, "balancer-source-hash", nil)
	users, end := crowdOf(t, p, 16)
	eventually(t, "a queue at one instance while another has workers to spare", func() bool {
		s := resources(p)
		return s["web.1"].Wait > 10 && s["web.3"].Wait == 0 && s["web.2"].Served > 20 && s["web.3"].Served > 20
	})
	end()
	sources, at := map[int]map[string]bool{}, map[string]int{}
	for i, c := range users {
		if sources[i%8] == nil {
			sources[i%8] = map[string]bool{}
		}
		for b := range c.backends {
			sources[i%8][b] = true
		}
	}
	for i, backends := range sources {
		if len(backends) != 1 {
			t.Errorf("127.0.9.%d comes to %v", i+1, backends)
		}
		for b := range backends {
			at[b]++
		}
	}
	if at["web-1"] != 5 || at["web-2"] != 2 || at["web-3"] != 1 {
		t.Errorf("addresses at each backend: %v", at)
	}
}

func TestProfileStickyHop(t *testing.T) {
	const lists = 32
	visit := func(profile string) (*Platform, *busyClient) {
		p := startProfile(t, profile, nil)
		c := newBusyClient(p, 1, "127.0.9.1")
		c.login(t.Context())
		for range lists {
			c.send(t.Context(), "GET", "/api/messages?limit=5", nil)
		}
		if c.statuses[http.StatusOK] != 1+lists {
			t.Errorf("%s: answers %v", profile, c.statuses)
		}
		c.http.CloseIdleConnections()
		return p, c
	}
	p, c := visit("balancer-sticky-hop")
	rebuilt := int64(0)
	for _, n := range p.network.counters().rebuilt {
		rebuilt += n
	}
	// Half of the requests are sent to an instance of three.
	if len(c.backends) != 3 || rebuilt < lists/8 {
		t.Errorf("%d sessions built again, backends %v", rebuilt, c.backends)
	}
	if fresh := readPage(t, p, "/haproxy").sum("haproxy_backend_loadbalanced_total"); fresh < lists/4 || fresh > 3*lists/4 {
		t.Errorf("%v of %d requests were unknown to the balancer", fresh, lists)
	}
	p, c = visit("healthy")
	if len(c.backends) != 1 || p.network.counters().fresh[0]+p.network.counters().fresh[1]+p.network.counters().fresh[2] != 1 {
		t.Errorf("with a cookie that stays: backends %v", c.backends)
	}
}

func TestProfileLoginRateLimit(t *testing.T) {
	p := startProfile(t, "login-rate-limit", nil)
	limit := p.options.Definition.LoginLimit.Logins
	office, home := newBusyClient(p, 1, "127.0.9.1"), newBusyClient(p, 2, "127.0.9.2")
	for range limit + 5 {
		office.login(t.Context())
	}
	if office.statuses[http.StatusOK] != limit || office.statuses[http.StatusTooManyRequests] != 5 {
		t.Errorf("answers to %d logins: %v", limit+5, office.statuses)
	}
	if got := home.login(t.Context()); got != http.StatusOK {
		t.Errorf("another address: %d", got)
	}
	if got := readPage(t, p, "/haproxy").sum("haproxy_frontend_http_responses_total", "code=4xx"); got != 5 {
		t.Errorf("the balancer counts %v answers 4xx", got)
	}

	for range limit {
		c, _ := loggedIn(t, p, 3)
		c.Close()
	}
	c, err := imapclient.DialInsecure(host(p.URLs.IMAP), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(p.Login(3), p.Password()).Wait(); !strings.Contains(fmt.Sprint(err), "NO [LIMIT] Maximum number of connections") {
		t.Errorf("IMAP says %v", err)
	}

	for range limit {
		dialSMTP(t, p).Close()
	}
	conn, err := net.Dial("tcp", host(p.URLs.SMTP))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	said, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(said), "421 4.7.0 mail.example.test Error: too many connections from 127.0.0.1") {
		t.Errorf("SMTP says %q, %v", said, err)
	}
}
