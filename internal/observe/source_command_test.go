package observe

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pegel/scenarios"
)

func shell(script string, values map[string]string, resources ...scenarios.Resource) scenarios.Observe {
	return scenarios.Observe{Name: "p", Command: []string{"/bin/sh", "-c", script}, Values: values, Resources: resources, Every: scenarios.Duration(20 * time.Second)}
}

func TestCommand(t *testing.T) {
	pool := scenarios.Resource{Name: "pool", InUse: `busy{pool="a"}`, Limit: "size"}
	plainPool := scenarios.Resource{Name: "pool", InUse: "busy", Limit: "size"}
	for name, c := range map[string]struct {
		page scenarios.Observe
		use  float64
		want string // part of the error
	}{
		"lines":        {shell(`echo 'busy{pool="a"} 3'; echo 'busy{pool="b"} 9'; echo size 8`, nil, pool), 3, ""},
		"json":         {shell(`echo '{"pools": [{"busy": 1}, {"busy": 2.5}], "size": "8"}'`, map[string]string{"busy": "pools.*.busy", "size": "size"}, plainPool), 3.5, ""},
		"no json":      {shell(`echo busy 3`, map[string]string{"busy": "busy"}, plainPool), 0, "no JSON"},
		"cut off json": {shell(`echo '{"busy": 3, "siz'`, map[string]string{"busy": "busy"}, plainPool), 0, "cut off"},
		"text in json": {shell(`echo '{"busy": "many"}'`, map[string]string{"busy": "busy"}, plainPool), 0, "not a number"},
		"fails":        {shell(`echo 'busy{pool="a"} 3'; exit 3`, nil, pool), 0, "exit status 3"},
		"prints much":  {shell(`yes busy`, nil, pool), 0, "more than 8 MiB"},
		"other":        {shell(`echo hello 1`, nil, pool), 0, "none of the"},
		"not there":    {scenarios.Observe{Name: "p", Command: []string{"/no/such/program"}, Resources: []scenarios.Resource{pool}}, 0, "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := New([]scenarios.Observe{c.page}, dialer.DialContext)
			if err != nil {
				t.Fatal(err)
			}
			m, err := o.pages[0].scrape(t.Context(), clock())
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || len(m.Points) > 0 {
					t.Errorf("error %v with %v, want one with %q", err, m.Points, c.want)
				}
				return
			}
			if v := values(m.Points); err != nil || v["pool.in_use"] != c.use || v["pool.limit"] != 8 {
				t.Errorf("%v, %v", v, err)
			}
		})
	}
}

// A command that hangs is ended in time, with the children that keep its output open.
func TestCommandThatHangs(t *testing.T) {
	page := shell("sleep 600 & sleep 600", nil, scenarios.Resource{Name: "r", InUse: "m", Limit: "1"})
	page.Every = 0
	o, err := New([]scenarios.Observe{page}, dialer.DialContext)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	if _, err := o.pages[0].scrape(t.Context(), clock()); err == nil || !strings.Contains(err.Error(), "took too long") {
		t.Errorf("error %v", err)
	}
	if d := time.Since(begun); d > 60*time.Second {
		t.Errorf("it took %v", d)
	}
}

func TestJSONPage(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hunter2" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		io.WriteString(w, `{"workers": {"busy": 7, "max": 10}, "name": "x"}`)
	})
	entry := scenarios.Observe{Name: "p", JSON: address, Values: map[string]string{"busy": "$.workers.busy", "most": "workers.max"},
		Resources: []scenarios.Resource{{Name: "w", InUse: "busy", Limit: "most"}}}
	for token, ok := range map[string]bool{"hunter2": true, "hunter3": false} {
		entry.Token.Value = token
		o, err := New([]scenarios.Observe{entry}, dialer.DialContext)
		if err != nil {
			t.Fatal(err)
		}
		m, err := o.pages[0].scrape(t.Context(), clock())
		o.pages[0].source.close()
		if v := values(m.Points); ok && (err != nil || v["w.in_use"] != 7 || v["w.limit"] != 10) || !ok && (err == nil || strings.Contains(err.Error(), "hunter")) {
			t.Errorf("%v, %v", v, err)
		}
	}
}

// What doveadm prints is counted; who is logged in is not kept.
func TestDoveadmTables(t *testing.T) {
	file := filepath.Join(t.TempDir(), "out")
	for text, want := range map[string]map[string]float64{
		"username\tservice\tpid\tip\nann@example.test\timap\t1\t127.0.0.1\nann@example.test\timap\t2\t\nbob@example.test\tlmtp\t3\t\n": {"sessions.imap.in_use": 2, "sessions.lmtp.in_use": 1},
		"username service pid ip\n": {"sessions.imap.in_use": 0},
		"metric_name\tfield\tcount\tsum\tmin\tmax\tavg\nimap_command\tduration\t10\t2500000\t1\t1\t1\nauth_success\tduration\t4\t1000000\t1\t1\t1\nauth_failure\tduration\t1\t500000\t1\t1\t1\n": {"imap.commands.busy": 2.5, "imap.commands.served": 10, "auth.busy": 1.5, "auth.served": 4, "auth.refused": 1},
	} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		o, err := New([]scenarios.Observe{{Name: "p", Software: "dovecot", Command: []string{"cat", file}, Every: scenarios.Duration(10 * time.Second)}}, dialer.DialContext)
		if err != nil {
			t.Fatal(err)
		}
		m, err := o.pages[0].scrape(t.Context(), clock())
		if err != nil {
			t.Fatal(err)
		}
		v := values(m.Points)
		for k, x := range want {
			if v[k] != x {
				t.Errorf("%s = %v, want %v", k, v[k], x)
			}
		}
		for _, r := range m.Resources {
			if strings.Contains(r.Name, "ann") {
				t.Errorf("found %+v", r)
			}
		}
	}
}
