//go:build linux

package real

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// startSwitched starts a stack of SOGo, or of mail alone, with switches.
func startSwitched(t *testing.T, kind string, settings ...string) *Stack {
	t.Helper()
	o := Options{Accounts: 40}
	if kind == "sogo" {
		o.SOGo = new(SOGo)
	}
	if err := o.SetAll(settings); err != nil {
		t.Fatal(err)
	}
	return startWith(t, o)
}

// Every switch changes the options with its own standard value and documents what it does, and wrong ones are refused.
func TestSwitchesAreDocumented(t *testing.T) {
	for _, s := range Switches() {
		if s.What == "" || s.Shows == "" && s.Cause != "" || len(s.Stacks) == 0 || s.Default != "" && s.Value == "" {
			t.Errorf("%s is not described: %+v", s.Name, s)
		}
		setting := s.Name
		if s.Value != "" && s.Default == "" {
			setting += "=1"
		}
		o := Options{}
		switch {
		case slices.Contains(s.Stacks, "sogo"):
			o.SOGo = new(SOGo)
		case slices.Contains(s.Stacks, "roundcube"):
			o.Roundcube = new(Roundcube)
		}
		before := fmt.Sprintf("%+v %+v", o, o.SOGo)
		if err := o.Set(setting); err != nil {
			t.Errorf("%s: %v", setting, err)
		}
		if after := fmt.Sprintf("%+v %+v", o, o.SOGo); after == before {
			t.Errorf("%s changes nothing", setting)
		}
	}
	for setting, want := range map[string]string{
		"maxcon": "want one of", "maxconn=0": "from 1 to 10000", "maxconn=": "no number", "balance-source=2": "takes no value",
		"instances": "needs a value", "slow-shard=2": "0.01 to 1", "slow-backend=NaN": "0.01 to 1", "queue-timeout=5": "no duration", "pings=2h": "no duration",
	} {
		if err := (&Options{SOGo: new(SOGo)}).Set(setting); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", setting, err, want)
		}
	}
	if err := new(Options).Set("workers=2"); err == nil || !strings.Contains(err.Error(), "of sogo, roundcube, not of mail") {
		t.Errorf("workers of a stack without a web application: %v", err)
	}
	o := Options{SOGo: new(SOGo)}
	if err := o.SetAll([]string{"slow-backend=0.5", "instances=3"}); err != nil || !slices.Equal(o.Tweaks.WebSpeeds, []float64{0, 0, 0.5}) {
		t.Errorf("the slow one of three instances, named first: %v, %v", o.Tweaks.WebSpeeds, err)
	}
}

// ping lets a phone wait, which holds a worker of SOGo and a slot of HAProxy, and returns when the request is under way.
// What was waited for until the end of the test is of no interest.
func ping(t *testing.T, s *Stack, account int) {
	t.Helper()
	command := func(ctx context.Context, name string, body []byte) (int, []byte, error) {
		address := fmt.Sprintf("%s?Cmd=%s&User=%s&DeviceId=dev%d&DeviceType=iPhone", s.ActiveSync, name, Account(account), account)
		r, err := http.NewRequestWithContext(ctx, "POST", address, bytes.NewReader(body))
		if err != nil {
			return 0, nil, err
		}
		r.Header.Set("Authorization", basic(Account(account), s.Password))
		r.Header.Set("MS-ASProtocolVersion", "14.1")
		r.Header.Set("Content-Type", "application/vnd.ms-sync.wbxml")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, nil, err
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return response.StatusCode, text, err
	}
	first, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	status, folders, err := command(first, "FolderSync", []byte("\x03\x01\x6a\x00\x00\x07\x56\x52\x030\x00\x01\x01"))
	id := regexp.MustCompile(`H\x03(mail%2F[0-9a-f]+)\x00`).FindSubmatch(folders)
	if err != nil || id == nil {
		t.Fatalf("FolderSync: status %d, %v, %q", status, err, folders)
	}
	body := fmt.Appendf(nil, "\x03\x01\x6a\x00\x00\x0d\x45\x48\x03%d\x00\x01\x49\x4a\x4b\x03%s\x00\x01\x4c\x03Email\x00\x01\x01\x01\x01", 600, id[1])
	waiting, give := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, _, err := command(waiting, "Ping", body)
		done <- err
	}()
	t.Cleanup(func() { give(); <-done })
}

// awaitMetric waits until the exporter page of HAProxy has a line that the pattern matches.
func awaitMetric(t *testing.T, page, pattern string) {
	t.Helper()
	wanted := regexp.MustCompile("(?m)^" + pattern)
	var text string
	for end := time.Now().Add(deadline); time.Now().Before(end); time.Sleep(pollEvery) {
		if text = get(t, page); wanted.MatchString(text) {
			return
		}
	}
	proxy := regexp.MustCompile(`(?m)^haproxy_(server|backend|frontend)_(current|max|limit)_(sessions|queue).*(web|imap).*$`)
	t.Fatalf("%s never has %s, but\n%s", page, pattern, strings.Join(proxy.FindAllString(text, -1), "\n"))
}

// HAProxy passes one request at a time to each instance and chooses it by address: with a phone waiting, everybody else is
// told 503 though one instance does nothing.
func TestSwitchesOfTheBalancer(t *testing.T) {
	s := startSwitched(t, "sogo", "maxconn=1", "queue-timeout=700ms", "balance-source", "instances=2", "workers=3", "pings=10m", "smtp-processes=1", "slow-shard=0.1")
	t.Run("smtp-processes", func(t *testing.T) { testSMTPProcesses(t, s) }) // before anybody waits
	t.Run("slow-shard", func(t *testing.T) { testShard(t, s) })
	ping(t, s, 1)
	awaitMetric(t, s.HAProxyMetrics, `haproxy_server_current_sessions{proxy="web",server="sogo[12]"} 1`)
	response, _ := newAgent(t).do("GET", s.Web+"SOGo/", "", "")
	if response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("with the only slot held: %s, want 503", response.Status)
	}
	awaitMetric(t, s.HAProxyMetrics, `haproxy_server_limit_sessions{proxy="web",server="sogo1"} 1`)
	awaitMetric(t, s.HAProxyMetrics, `haproxy_(server|backend)_max_queue{proxy="web".*} [1-9]`)
	awaitMetric(t, s.HAProxyMetrics, `haproxy_server_sessions_total{proxy="web",server="sogo[12]"} 0`)
	for n := range s.WebDirect { // straight at the instances all is well
		if response, _ := newAgent(t).do("GET", s.WebDirect[n]+"SOGo/", "", ""); response.StatusCode != http.StatusOK {
			t.Errorf("straight at instance %d: %s", n+1, response.Status)
		}
	}
}

// With one process for each of Postfix's services a second client waits for its greeting until the first one has gone.
func testSMTPProcesses(t *testing.T, s *Stack) {
	first, second := dial(t, host(t, s.SMTPInbound)), dial(t, host(t, s.SMTPInbound))
	if line, err := lineOf(first, deadline); err != nil || !strings.HasPrefix(line, "220") {
		t.Fatalf("first client: %q, %v", line, err)
	}
	if line, err := lineOf(second, 700*time.Millisecond); err == nil {
		t.Errorf("the second client was greeted beside the first: %q", line)
	}
	first.Close()
	if line, err := lineOf(second, deadline); err != nil || !strings.HasPrefix(line, "220") {
		t.Errorf("second client, the first one having gone: %q, %v", line, err)
	}
}

// Accounts above the middle have their sessions on the Dovecot that is slowed down, and read there what was delivered to the other.
func testShard(t *testing.T, s *Stack) {
	for _, c := range []struct {
		account int
		there   bool
	}{{5, false}, {35, true}} {
		session := imapLogin(t, s, c.account)
		session.must("a STATUS INBOX (MESSAGES)", "a OK")
		session.must("b LOGOUT", "b OK")
		// Dovecot counts a command when it is done
		found := false
		for end := time.Now().Add(deadline); !found && time.Now().Before(end); time.Sleep(pollEvery) {
			found = regexp.MustCompile(`(?m)^dovecot_imap_command_total{cmd_name="STATUS".*} [1-9]`).MatchString(get(t, s.ShardMetrics))
			if !c.there {
				break
			}
		}
		if found != c.there {
			t.Errorf("account %d has its session on the shard: %v", c.account, found)
		}
	}
	for end := time.Now().Add(deadline); ; time.Sleep(7 * time.Millisecond) {
		if standsStill(t, s, "shard", "(imap) T ") {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the shard never stands still")
		}
	}
}

// A phone's Ping holds the only worker: nobody else is served, whatever the balancer lets through.
func TestSwitchWorkers(t *testing.T) {
	s := startSwitched(t, "sogo", "workers=1", "pings=10m", "frontend-maxconn=30")
	ping(t, s, 1)
	awaitMetric(t, s.HAProxyMetrics, `haproxy_server_current_sessions{proxy="web",server="sogo1"} 1`)
	impatient := http.Client{Timeout: 2 * time.Second}
	response, err := impatient.Get(s.Web + "SOGo/")
	if err == nil {
		response.Body.Close()
		t.Errorf("with the only worker held: %s", response.Status)
	}
	awaitInFile(t, filepath.Join(s.Dir, "log", "sogo1.log"), "No child available")
	awaitMetric(t, s.Counters, `sogo_workers{instance="sogo1"} 1`)
	awaitMetric(t, s.Counters, `sogo_workers_busy{instance="sogo1"} [12]`)
	awaitMetric(t, s.Counters, `sogo_requests_total{instance="sogo1"} [1-9]`)
	awaitMetric(t, s.Counters, `stack_cpu_seconds_total{server="sogo1"} [0-9.]*[1-9]`)
	t.Run("frontend-maxconn", func(t *testing.T) {
		for range 30 {
			dial(t, host(t, s.Web))
		}
		awaitMetric(t, s.HAProxyMetrics, `haproxy_frontend_current_sessions{proxy="web"} 30`)
		late := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
		if response, err := late.Get(s.Web + "no-such-page"); err == nil {
			response.Body.Close()
			t.Errorf("beyond the frontend's connections: %s", response.Status)
		}
	})
}

// PostgreSQL has connections for fewer workers than there are: SOGo fails for some users, and PostgreSQL's log says why.
func TestSwitchDatabaseConnections(t *testing.T) {
	s := startSwitched(t, "sogo", "workers=6", "database-connections=1", "database-latency=5ms", "mail-latency=5ms")
	failed := make(chan string, 24)
	for n := range cap(failed) {
		go func() {
			r, err := http.NewRequest("PROPFIND", s.SOGoDAV+Account(n)+"/Calendar/personal/", strings.NewReader(`<propfind xmlns="DAV:"><prop><displayname/></prop></propfind>`))
			if err != nil {
				failed <- err.Error()
				return
			}
			r.Header.Set("Authorization", basic(Account(n), s.Password))
			r.Header.Set("Depth", "0")
			client := http.Client{Timeout: deadline}
			response, err := client.Do(r)
			if err != nil {
				failed <- "" // late, which says nothing
				return
			}
			response.Body.Close()
			if response.StatusCode == http.StatusMultiStatus {
				failed <- ""
				return
			}
			failed <- response.Status
		}()
	}
	count := map[string]int{}
	for range cap(failed) {
		count[<-failed]++
	}
	t.Logf("answers other than 207: %v", count)
	if count[""] == cap(failed) {
		t.Error("nobody saw a failure")
	}
	awaitInFile(t, filepath.Join(s.Dir, "log", "postgresql.log"), "connection slots are reserved")
	awaitMetric(t, s.Counters, `postgres_connections_limit 1`)
	awaitMetric(t, s.Counters, `postgres_refused_total [1-9]`)
}

// Dovecot with so many processes of sessions at most leaves the next login without an answer, and says so in its log.
func TestSwitchDovecotSessions(t *testing.T) {
	s := startSwitched(t, "mail", "dovecot-sessions=3", "imap-maxconn=7", "caldav-maxconn=2")
	for n := range 3 {
		imapLogin(t, s, n)
	}
	fourth := newSession(t, s)
	fmt.Fprintf(fourth.conn, "a LOGIN %s %s\r\n", Account(4), s.Password)
	if line, err := lineOf(fourth.conn, 2*time.Second); err == nil && strings.HasPrefix(line, "a OK") {
		t.Errorf("a fourth session: %q", line)
	}
	awaitInFile(t, filepath.Join(s.Dir, "log", "dovecot.log"), "process_limit")
	awaitMetric(t, s.Counters, `dovecot_sessions [3-9]`)
	awaitMetric(t, s.Counters, `dovecot_sessions_limit 3`)
	awaitMetric(t, s.HAProxyMetrics, `haproxy_server_limit_sessions{proxy="imap",server="dovecot"} 7`)
	awaitMetric(t, s.HAProxyMetrics, `haproxy_server_limit_sessions{proxy="caldav",server="radicale"} 2`)
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp4", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func lineOf(conn net.Conn, within time.Duration) (string, error) {
	if err := conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}

// session is an IMAP connection without TLS, straight at Dovecot.
type session struct {
	t    *testing.T
	conn net.Conn
}

func newSession(t *testing.T, s *Stack) session {
	t.Helper()
	c := session{t, dial(t, host(t, s.IMAPStartTLS))}
	if line, err := lineOf(c.conn, deadline); err != nil || !strings.HasPrefix(line, "* OK") {
		t.Fatalf("greeting %q, %v", line, err)
	}
	return c
}

// must sends a command and reads up to the line that answers it.
func (c session) must(command, want string) {
	c.t.Helper()
	if _, err := fmt.Fprintf(c.conn, "%s\r\n", command); err != nil {
		c.t.Fatal(err)
	}
	if err := c.conn.SetReadDeadline(time.Now().Add(deadline)); err != nil {
		c.t.Fatal(err)
	}
	tag, _, _ := strings.Cut(want, " ")
	lines := bufio.NewReader(c.conn)
	for {
		line, err := lines.ReadString('\n')
		if err != nil || strings.HasPrefix(line, tag+" ") {
			if err != nil && !errors.Is(err, io.EOF) || !strings.HasPrefix(line, want) {
				c.t.Fatalf("%s: %q, %v", command, line, err)
			}
			return
		}
	}
}

func imapLogin(t *testing.T, s *Stack, account int) session {
	t.Helper()
	c := newSession(t, s)
	c.must(fmt.Sprintf("z LOGIN %s %s", Account(account), s.Password), "z OK")
	return c
}

// standsStill reports whether a process of the daemon has this in its state: its name and a T.
func standsStill(t *testing.T, s *Stack, daemon, state string) bool {
	t.Helper()
	for _, d := range s.daemons {
		if d.name != daemon {
			continue
		}
		for _, pid := range d.family.update(true) {
			if stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)); err == nil && bytes.Contains(stat, []byte(state)) {
				return true
			}
		}
		return false
	}
	t.Fatalf("no daemon %s", daemon)
	return false
}
