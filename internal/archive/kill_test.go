package archive

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

const childDir = "PEGEL_ARCHIVE_TEST_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, writeForever(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForever is the child that is killed: it prints how many intervals have been synced.
func writeForever(dir string) error {
	w, err := Create(dir, testMeta, []byte("name: killed\n"))
	if err != nil {
		return err
	}
	l := newLoad(testMeta, 11)
	for n := 1; ; n++ {
		if err := w.Event(Event{At: l.now, Kind: EventNote, Text: strconv.Itoa(n)}); err != nil {
			return err
		}
		if err := w.Metrics(Metrics{At: l.now, Points: []Point{{"p", "r", FieldServed, float64(n)}}}); err != nil {
			return err
		}
		if err := w.Interval(l.second(5)); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestKill(t *testing.T) {
	for _, after := range []int{1, 40, 650} { // the last one in the second segment
		t.Run(strconv.Itoa(after), func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "killed")
			exe, err := os.Executable()
			must(t, err)
			child := exec.Command(exe)
			child.Env = append(os.Environ(), childDir+"="+dir)
			child.Stderr = os.Stderr
			out, err := child.StdoutPipe()
			must(t, err)
			must(t, child.Start())
			lines := bufio.NewScanner(out)
			synced := 0
			for synced < after && lines.Scan() {
				synced, err = strconv.Atoi(lines.Text())
				must(t, err)
			}
			if synced < after {
				child.Wait()
				t.Fatalf("the child ended after %d intervals", synced)
			}
			must(t, child.Process.Kill())
			for lines.Scan() { // what it reported before the kill reached it
				if n, err := strconv.Atoi(lines.Text()); err == nil {
					synced = n
				}
			}
			io.Copy(io.Discard, out)
			if err := child.Wait(); err == nil {
				t.Error("the child was not killed")
			}

			r := open(t, dir)
			list := intervals(t, r)
			if len(list) < synced {
				t.Errorf("%d intervals can be read, %d had been synced", len(list), synced)
			}
			if len(r.Events) < synced {
				t.Errorf("%d events can be read, %d had been synced", len(r.Events), synced)
			}
			metrics := 0
			for _, err := range r.Metrics() {
				must(t, err)
				metrics++
			}
			if metrics < synced {
				t.Errorf("%d metrics can be read, %d had been synced", metrics, synced)
			}
			for i, in := range list {
				if in.Start != time.Duration(i)*time.Second || in.Lag.Total == 0 {
					t.Fatalf("interval %d starts at %v with %d counts", i, in.Start, in.Lag.Total)
				}
			}
		})
	}
}
