package observe

import (
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pegel/internal/archive"
	"pegel/internal/record"
	"pegel/scenarios"

	"golang.org/x/sys/unix"
)

// watchTime is how long BenchmarkTwentyPages observes.
const watchTime = 30 * time.Second

// livePages are twenty balancers' pages whose counters go up, made before they are asked for: 1,600 series of 200 servers each.
func livePages(versions int) [][]byte {
	rng := rand.New(rand.NewPCG(1, 2))
	var list [][]byte
	served := make([]int, 200)
	for range versions {
		var b strings.Builder
		for _, metric := range []string{"current_sessions", "max_sessions", "limit_sessions", "sessions_total", "bytes_in_total", "bytes_out_total", "current_queue", "connect_time_average_seconds"} {
			fmt.Fprintf(&b, "# HELP haproxy_server_%s Some text that explains it.\n# TYPE haproxy_server_%[1]s gauge\n", metric)
			for i := range served {
				v := rng.IntN(50)
				switch metric {
				case "limit_sessions":
					v = 50
				case "sessions_total":
					served[i] += rng.IntN(100)
					v = served[i]
				}
				fmt.Fprintf(&b, "haproxy_server_%s{proxy=\"be%d\",server=\"node%02d\"} %d\n", metric, i/20, i%20, v)
			}
		}
		list = append(list, []byte(b.String()))
	}
	return list
}

func cpuSeconds(b *testing.B) float64 {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// BenchmarkTwentyPages reads twenty pages each second into an archive: the processor time that it takes, that of the server that
// shows the pages included, and how fast the archive grows.
func BenchmarkTwentyPages(b *testing.B) {
	pages := livePages(8)
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write(pages[asked.Add(1)/20%int64(len(pages))])
	}))
	defer server.Close()
	var list []scenarios.Observe
	for i := range 20 {
		list = append(list, scenarios.Observe{Name: fmt.Sprintf("lb%d", i), Software: "haproxy", Prometheus: server.URL})
	}
	for b.Loop() {
		dir := filepath.Join(b.TempDir(), "run")
		w, err := archive.Create(dir, archive.Meta{RunID: "b", Actions: []string{"a"}, Personas: []string{"p"}}, []byte("name: b\n"))
		if err != nil {
			b.Fatal(err)
		}
		o, err := New(list, dialer.DialContext)
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), watchTime)
		before, begun, now := cpuSeconds(b), time.Now(), clock()
		go func() { // the archive syncs with each interval
			for ctx.Err() == nil {
				w.Interval(&record.Interval{Start: now(), End: now() + time.Second})
				time.Sleep(time.Second)
			}
		}()
		if err := o.Run(ctx, now, w); err != nil {
			b.Fatal(err)
		}
		cancel()
		seconds := time.Since(begun).Seconds()
		b.ReportMetric(100*(cpuSeconds(b)-before)/seconds, "%core")
		if err := w.Close(); err != nil {
			b.Fatal(err)
		}
		var size int64
		filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				size += info.Size()
			}
			return nil
		})
		b.ReportMetric(float64(size)/seconds*3600/1e6, "MB/h")
	}
}
