package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pegel/internal/archive"
	"pegel/internal/engine"
	"pegel/internal/record"
	"pegel/scenarios"
	"pegel/testenv"
)

// doneCommand is "done DIR ACTION STAGE FROM TO LOW HIGH": of the seconds FROM to TO after the hold of stage STAGE, counted from 1,
// has begun, the archive must have from LOW to HIGH actions. Seconds are those of the run's clock.
func doneCommand(ts *testscript.TestScript, _ bool, args []string) {
	number := func(i int) int {
		n, err := strconv.Atoi(args[i])
		ts.Check(err)
		return n
	}
	run, err := archive.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	var hold time.Duration = -1
	for _, e := range run.Events {
		if e.Kind == archive.EventHold && e.Stage.Index == number(2)-1 {
			hold = e.At
		}
	}
	if hold < 0 {
		ts.Fatalf("there is no stage %s", args[2])
	}
	from, to := hold+time.Duration(number(3))*time.Second, hold+time.Duration(number(4))*time.Second
	n := 0
	for row, err := range run.Rows() {
		ts.Check(err)
		for i := range row.Series {
			s := &row.Series[i]
			if run.Meta.Actions[s.Index/len(run.Meta.Personas)] == args[1] && row.Start >= from-500*time.Millisecond && row.End <= to+500*time.Millisecond {
				var sum record.Series
				s.AddTo(&sum)
				n += int(sum.Done())
			}
		}
	}
	if n < number(5) || n > number(6) {
		ts.Fatalf("%d times %s in the seconds %s to %s of the hold of stage %s, want %s to %s", n, args[1], args[3], args[4], args[2], args[5], args[6])
	}
}

const blackedOut = `
name: blacked-out
targets: {imap: {url: "imap://127.0.0.1:9"}}
accounts: {pattern: "u{n:05}@example.test", count: 20, password: {env: PEGEL_PASSWORD}}
activity: {desktop: 50%, source: test}
personas: [{name: desktop, journey: mail}]
journeys: {mail: [{do: imap.login}, {repeat: {for: session}, steps: [{do: imap.noop, think: 100ms}]}]}
load: {blackout: ["22:00-06:00"], stages: {users: [4], ramp: 1s, settle: 1s, hold: 60s}}
objectives: [{errors: 1%}]
`

// A run that would begin in a blackout is refused with the time from which it may run. One that is still going when a blackout
// comes ends before it, gently: its archive is complete and says why.
func TestBlackout(t *testing.T) {
	platform, err := testenv.Start(t.Context(), testenv.Options{Accounts: 20, Password: "right-word"})
	if err != nil {
		t.Fatal(err)
	}
	defer platform.Close()
	drive := func(clock string) (string, string, error) {
		s, err := scenarios.Parse("blacked-out.yaml", []byte(blackedOut), scenarios.Options{
			Getenv: func(string) (string, bool) { return "right-word", true }, Set: []string{"targets.imap.url=" + platform.URLs.IMAP}})
		if err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		env := environment{stdout: &stderr, stderr: &stderr, getenv: os.LookupEnv, interrupts: new(interrupts)}
		d, err := prepare(s, filepath.Join(t.TempDir(), "run"), env)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		first, err := time.ParseInLocation("2006-01-02 15:04:05", clock, time.Local)
		if err != nil {
			t.Fatal(err)
		}
		d.clock = func() time.Time { return first.Add(time.Since(began)) }
		err = d.drive(t.Context())
		return d.dir, stderr.String(), err
	}
	for clock, from := range map[string]string{"2026-03-02 23:10:00": "2026-03-03 06:00", "2026-03-02 05:59:59": "2026-03-02 06:00", "2026-03-02 21:59:55": "2026-03-03 06:00"} {
		dir, _, err := drive(clock)
		if code, _ := codeOf(err); code != exitNoStart || !strings.Contains(err.Error(), from) {
			t.Errorf("at %s: %v, code %d, want that it may begin from %s on", clock, err, code, from)
		}
		if _, err := os.Stat(filepath.Join(dir, "run.json")); err == nil {
			t.Errorf("at %s: an archive was begun", clock)
		}
	}
	began := time.Now()
	dir, said, err := drive("2026-03-02 21:59:52")
	if took := time.Since(began); !errors.Is(err, engine.ErrStopped) || took > 7*time.Second {
		t.Errorf("ended with %v after %v", err, took)
	}
	if !strings.Contains(said, "a blackout begins at 2026-03-02 22:00; users finish") || !strings.Contains(said, "it will be ended there") {
		t.Errorf("said %q", said)
	}
	run, err := archive.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	var kinds, note string
	for _, e := range run.Events {
		if e.Kind == archive.EventNote || e.Kind == archive.EventStop {
			kinds += e.Kind + " "
			note += e.Text
		}
	}
	if kinds != "note stop " || !strings.Contains(note, "before the blackout that begins at 2026-03-02 22:00") || run.Truncated {
		t.Errorf("events %q, %q, truncated %v", kinds, note, run.Truncated)
	}
}
