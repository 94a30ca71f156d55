//go:build linux

package real

import (
	"bytes"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func startWith(t *testing.T, o Options) *Stack {
	t.Helper()
	if missing := o.Missing(); len(missing) > 0 {
		t.Skipf("these servers cannot be started here, missing: %s", strings.Join(missing, ", "))
	}
	o.Ports.Free = true
	begun := time.Now()
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	t.Logf("started in %v", time.Since(begun).Round(time.Millisecond))
	return s
}

// closeAndLook closes the stack and expects its processes, ports and directory to be gone.
func closeAndLook(t *testing.T, s *Stack) {
	t.Helper()
	if err := s.Err(); err != nil {
		t.Errorf("a server ended while the tests ran: %v", err)
	}
	families := map[string]map[int]string{}
	memory := map[string]int{}
	for _, d := range s.daemons {
		d.family.update(true)
		families[d.name] = maps.Clone(d.family.members)
		for pid := range d.family.members {
			memory[d.name] += proportionalKiB(pid)
		}
	}
	total := 0
	for _, kib := range memory {
		total += kib
	}
	t.Logf("memory in use: %d MiB, KiB of each: %v", total>>10, memory)
	begun := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("stopped in %v", time.Since(begun).Round(time.Millisecond))
	for name, members := range families {
		for pid, start := range members {
			if running(pid, start) {
				t.Errorf("process %d of %s runs after Close", pid, name)
			}
		}
	}
	for _, u := range append([]string{s.IMAPDirect, s.SMTP, s.Web, s.HAProxyMetrics}, s.WebDirect...) {
		if u == "" {
			continue
		}
		if conn, err := net.Dial("tcp", host(t, u)); err == nil {
			conn.Close()
			t.Errorf("%s is listened on after Close", u)
		}
	}
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Errorf("the state directory is still there after Close: %v", err)
	}
}

// stopped reports whether a process of the daemon stands still.
func stopped(t *testing.T, s *Stack, daemon string) bool {
	t.Helper()
	for _, d := range s.daemons {
		if d.name != daemon {
			continue
		}
		for _, pid := range d.family.update(true) {
			stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
			if err == nil && bytes.Contains(stat, []byte("(sogod) T ")) {
				return true
			}
		}
		return false
	}
	t.Fatalf("no daemon %s", daemon)
	return false
}

// proportionalKiB is the memory of a process with its share of what it has in common with others.
func proportionalKiB(pid int) int {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "smaps_rollup"))
	if err != nil {
		return 0
	}
	found := regexp.MustCompile(`(?m)^Pss:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		return 0
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		return 0
	}
	return kib
}

func TestSOGo(t *testing.T) {
	s := startWith(t, Options{Accounts: 50, SOGo: &SOGo{Instances: 2, Workers: 3}, Tweaks: Tweaks{
		WebMaxConn: 9, WebBalance: "roundrobin", WebWeights: []int{20, 10}, DatabaseConnections: 90, DovecotStock: true,
		WebSpeeds: []float64{1, 0.7},
	}})
	t.Run("page", func(t *testing.T) {
		_, text := newAgent(t).do("GET", s.Web+"SOGo/", "", "")
		if !strings.Contains(text, "passwordField") && !strings.Contains(text, `name="loginForm"`) {
			t.Errorf("that is no login page:\n%.600s", text)
		}
		found := regexp.MustCompile(`href="(/SOGo[^"]*\.css[^"]*)"`).FindStringSubmatch(text)
		if found == nil {
			t.Fatal("the page names no style sheet")
		}
		if response, style := newAgent(t).do("GET", strings.TrimSuffix(s.Web, "/")+found[1], "", ""); response.StatusCode != 200 || len(style) < 1000 {
			t.Errorf("style sheet: %s, %d bytes", response.Status, len(style))
		}
	})
	t.Run("mail", func(t *testing.T) { testSOGoMail(t, s) })
	t.Run("dav", func(t *testing.T) { testSOGoDAV(t, s) })
	t.Run("activesync", func(t *testing.T) {
		a := newAgent(t)
		a.header.Set("Authorization", basic(Account(7), s.Password))
		response, _ := a.do("OPTIONS", s.ActiveSync, "", "")
		if versions := response.Header.Get("MS-ASProtocolVersions"); response.StatusCode != 200 || !strings.Contains(versions, "14.1") {
			t.Errorf("OPTIONS: %s, versions %q", response.Status, versions)
		}
	})
	t.Run("balance", func(t *testing.T) { testRoutes(t, s, "SOGo/", []string{"sogo1", "sogo2"}) })
	t.Run("throttle", func(t *testing.T) {
		for end := time.Now().Add(deadline); ; time.Sleep(7 * time.Millisecond) {
			if stopped(t, s, "sogo1") {
				t.Fatal("sogo1 is stopped, whose speed is 1")
			}
			if stopped(t, s, "sogo2") {
				return
			}
			if time.Now().After(end) {
				t.Fatal("sogo2 never stands still")
			}
		}
	})
	t.Run("limits", func(t *testing.T) {
		metrics := get(t, s.HAProxyMetrics)
		for _, want := range []string{
			`haproxy_server_limit_sessions{proxy="web",server="sogo2"} 9`,
			`haproxy_server_weight{proxy="web",server="sogo1"} 20`, `haproxy_server_weight{proxy="web",server="sogo2"} 10`,
		} {
			if !strings.Contains(metrics, want) {
				t.Errorf("HAProxy does not have %s", want)
			}
		}
		port := strconv.Itoa(s.ports.PostgreSQL)
		if err := check(t.Context(), postgres("psql"), "-X", "-h", "127.0.0.1", "-p", port, "-U", "sogo", "-d", "sogo", "-c",
			"SELECT 1 / (SELECT count(*) FROM pg_settings WHERE name = 'max_connections' AND setting = '90')"); err != nil {
			t.Errorf("PostgreSQL's max_connections is not 90: %v", err)
		}
		for _, d := range s.daemons {
			if d.name == "sogo2" {
				d.family.update(true)
				if n := len(d.family.members); n < 5 { // the guard, the watchdog and three workers
					t.Errorf("sogo2 has %d processes", n)
				}
			}
		}
	})
	closeAndLook(t, s)
}

// testSOGoMail sends a message by what SOGo's page sends, and reads it as the recipient.
func testSOGoMail(t *testing.T, s *Stack) {
	from, to := newAgent(t), newAgent(t)
	from.loginSOGo(s.Web, Account(3), s.Password)
	to.loginSOGo(s.Web, Account(4), s.Password)
	refused := newAgent(t)
	if response, _ := refused.do("POST", s.Web+"SOGo/connect", "application/json", `{"userName":"`+Account(3)+`","password":"wrong"}`); response.StatusCode != http.StatusForbidden {
		t.Errorf("login with a wrong password: %s, want 403", response.Status)
	}
	mail := s.Web + "SOGo/so/" + Account(3) + "/Mail/0/"
	if _, text := from.do("GET", s.Web+"SOGo/so/"+Account(3)+"/Mail/view", "", ""); !strings.Contains(text, "var UserLogin = '"+Account(3)+"'") {
		t.Errorf("that is no mail page:\n%.600s", text)
	}
	from.header.Set("Accept", "application/json")
	_, text := from.do("GET", mail+"compose", "", "")
	var draft struct{ MailboxPath, DraftID string }
	if err := json.Unmarshal([]byte(text), &draft); err != nil || draft.DraftID == "" {
		t.Fatalf("composing: %v: %.600s", err, text)
	}
	message, err := json.Marshal(map[string]any{"to": []string{Account(4)}, "cc": []string{}, "bcc": []string{}, "subject": "from the page",
		"text": "Hello", "from": Account(3), "isHTML": 0, "priority": "NORMAL"})
	if err != nil {
		t.Fatal(err)
	}
	draftURL := mail + "folder" + draft.MailboxPath + "/" + draft.DraftID
	if response, text := from.do("POST", draftURL+"/send", "application/json", string(message)); response.StatusCode != http.StatusOK {
		t.Fatalf("sending with %+v: %s %.600s", draft, response.Status, text)
	}
	for end := time.Now().Add(deadline); ; time.Sleep(4 * pollEvery) {
		_, text := to.do("POST", s.Web+"SOGo/so/"+Account(4)+"/Mail/0/folderINBOX/view", "application/json", `{"sortingAttributes":{"sort":"arrival","asc":0,"match":"OR"}}`)
		if strings.Contains(text, "from the page") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the message has not arrived: %.600s", text)
		}
	}
}

func testSOGoDAV(t *testing.T, s *Stack) {
	a := newAgent(t)
	a.header.Set("Authorization", basic(Account(7), s.Password))
	a.header.Set("Depth", "0")
	for _, path := range []string{"Calendar/personal/", "Contacts/personal/"} {
		response, text := a.do("PROPFIND", s.SOGoDAV+Account(7)+"/"+path, "text/xml", `<propfind xmlns="DAV:"><prop><resourcetype/><displayname/></prop></propfind>`)
		if response.StatusCode != http.StatusMultiStatus || !strings.Contains(text, "collection") {
			t.Errorf("PROPFIND %s: %s %.400s", path, response.Status, text)
		}
	}
	event := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//pegel//test//EN\r\nBEGIN:VEVENT\r\nUID:e1\r\nDTSTAMP:20261121T000000Z\r\n" +
		"DTSTART:20261121T100000Z\r\nDTEND:20261121T110000Z\r\nSUMMARY:Meeting\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	card := "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:c1\r\nFN:Ann Example\r\nN:Example;Ann;;;\r\nEND:VCARD\r\n"
	for _, e := range []struct{ path, kind, body, want string }{
		{"Calendar/personal/e1.ics", "text/calendar", event, "SUMMARY:Meeting"},
		{"Contacts/personal/c1.vcf", "text/vcard", card, "FN:Ann Example"},
	} {
		address := s.SOGoDAV + Account(7) + "/" + e.path
		if response, text := a.do("PUT", address, e.kind, e.body); response.StatusCode != http.StatusCreated {
			t.Errorf("PUT %s: %s %.400s", e.path, response.Status, text)
		}
		if response, text := a.do("GET", address, "", ""); response.StatusCode != http.StatusOK || !strings.Contains(text, e.want) {
			t.Errorf("GET %s: %s %.400s", e.path, response.Status, text)
		}
	}
	a.header.Set("Authorization", basic(Account(51), s.Password))
	if response, _ := a.do("PROPFIND", s.SOGoDAV+Account(51)+"/", "", ""); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("PROPFIND of an account that does not exist: %s, want 401", response.Status)
	}
}

// testRoutes expects that new browsers come to all servers, that each stays with its own, and that the access logs know it.
func testRoutes(t *testing.T, s *Stack, path string, servers []string) {
	reached := map[string]int{}
	for range 9 {
		a := newAgent(t)
		a.do("GET", s.Web+path, "", "")
		route := a.cookie(s.Web, RouteCookie)
		reached[route]++
		mark := "pegel-route-" + route
		a.do("GET", s.Web+path+"?"+mark, "", "")
		if again := a.cookie(s.Web, RouteCookie); again != route {
			t.Errorf("a browser of %s was sent to %s", route, again)
		}
	}
	for n, name := range servers {
		if reached[name] == 0 {
			t.Errorf("no browser reached %s: %v", name, reached)
		}
		for other, file := range s.AccessLogs {
			log, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if here := bytes.Contains(log, []byte("pegel-route-"+name)); here != (other == n) {
				t.Errorf("requests with the route %s in %s: %v", name, file, here)
			}
		}
		awaitInFile(t, s.BalancerLog, "web/"+name)
	}
}

func awaitInFile(t *testing.T, path, want string) {
	t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(pollEvery) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(want)) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no %q in %s", want, path)
		}
	}
}

func TestRoundcube(t *testing.T) {
	s := startWith(t, Options{Accounts: 20, Roundcube: &Roundcube{Instances: 2, Workers: 3}, Xandikos: true, Tweaks: Tweaks{WebSpeeds: []float64{0.7, 0}}})
	t.Run("login", func(t *testing.T) {
		if text := newAgent(t).loginRoundcube(s.Web, Account(5), s.Password); !strings.Contains(text, "Roundcube Webmail :: Inbox") || !strings.Contains(text, Account(5)) {
			t.Errorf("that is no mailbox:\n%.600s", text)
		}
		if text := newAgent(t).loginRoundcube(s.Web, Account(5), "wrong"); strings.Contains(text, "Inbox") {
			t.Error("a wrong password was accepted")
		}
	})
	t.Run("balance", func(t *testing.T) { testRoutes(t, s, "", []string{"roundcube1", "roundcube2"}) })
	t.Run("status", func(t *testing.T) {
		for n := range s.WebDirect {
			if text := get(t, s.PHPStatus[n]); !strings.Contains(text, "total processes:      3") {
				t.Errorf("status of PHP-FPM %d:\n%s", n+1, text)
			}
			if text := get(t, s.NginxStatus[n]); !strings.Contains(text, "Active connections") {
				t.Errorf("status of nginx %d:\n%s", n+1, text)
			}
		}
	})
	t.Run("xandikos", func(t *testing.T) {
		a := newAgent(t)
		calendar := s.Xandikos + XandikosAccount() + "/calendars/calendar/"
		a.header.Set("Depth", "0")
		if response, _ := a.do("PROPFIND", calendar, "", ""); response.StatusCode != http.StatusUnauthorized {
			t.Errorf("PROPFIND without a login: %s, want 401", response.Status)
		}
		a.header.Set("Authorization", basic(XandikosAccount(), s.Password))
		body := `<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>`
		if response, text := a.do("PROPFIND", calendar, "text/xml", body); response.StatusCode != http.StatusMultiStatus || !strings.Contains(text, "calendar") {
			t.Errorf("PROPFIND: %s %.400s", response.Status, text)
		}
	})
	closeAndLook(t, s)
}

func TestWebFailures(t *testing.T) {
	needServers(t)
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{SOGo: &SOGo{}, Roundcube: &Roundcube{}}, "only one of"},
		{Options{SOGo: &SOGo{Workers: 1000}}, "1000 workers"},
		{Options{SOGo: &SOGo{Ping: 2 * time.Hour}}, "pings"},
		{Options{SOGo: &SOGo{}, Tweaks: Tweaks{WebBalance: "fair"}}, `algorithm "fair"`},
		{Options{SOGo: &SOGo{}, Tweaks: Tweaks{WebWeights: []int{1, 2}}}, "2 weights for 1"},
		{Options{SOGo: &SOGo{}, Tweaks: Tweaks{WebSpeeds: []float64{-1}}}, "speed -1"},
		{Options{SOGo: &SOGo{}, Tweaks: Tweaks{DatabaseExtra: "no_such_setting = 1\n"}}, "no_such_setting"},
		{Options{Roundcube: &Roundcube{}, Tweaks: Tweaks{HAProxyExtra: "frontend broken\n  bind nowhere\n"}}, "nowhere"},
	} {
		if len(c.o.Missing()) > 0 {
			continue // TestSOGo and TestRoundcube say so
		}
		dir, err := os.MkdirTemp("/var/tmp", "pegel-failed-")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		c.o.Dir, c.o.Ports.Free = dir, true
		s, err := Start(t.Context(), c.o)
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error is %v, want one with %q", err, c.want)
		}
		if left := mentioning(t, dir); len(left) > 0 {
			t.Errorf("%q: still running: %v", c.want, left)
		}
	}
}

// mentioning returns the command lines of the processes that name the directory.
func mentioning(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err == nil && bytes.Contains(line, []byte(dir)) {
			lines = append(lines, strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return lines
}
