package engine

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"pegel/probes/probe"
)

func TestOutOfSockets(t *testing.T) {
	for err, want := range map[error]bool{
		os.NewSyscallError("connect", syscall.EADDRNOTAVAIL):                                                        true,
		probe.Fail(probe.BadProtocol, "dial", fmt.Errorf("dial: %w", os.NewSyscallError("socket", syscall.EMFILE))): true,
		os.NewSyscallError("connect", syscall.ECONNREFUSED):                                                         false,
		fmt.Errorf("too many open files"):                                                                           false,
	} {
		if outOfSockets(err) != want {
			t.Errorf("%v: %v", err, !want)
		}
	}
}

// Connections that this machine could not open are counted and told at the end of the stage.
func TestUnopenedConnectionsAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		d := &diary{fail: func(entry) error {
			if n++; n%4 == 0 {
				return probe.Fail(probe.BadProtocol, "connect", os.NewSyscallError("connect", syscall.EADDRNOTAVAIL))
			}
			return nil
		}}
		_, out := d.keep(t, "", `
      - {repeat: {for: session}, steps: [{do: web.list, think: 1s}]}`, 1, "30s")
		var notes []string
		for _, e := range out.events {
			if e.Kind == Note {
				notes = append(notes, e.Text)
			}
		}
		if want := fmt.Sprintf(unopenedText, n/4, 1); len(notes) != 1 || notes[0] != want && !strings.HasPrefix(notes[0], fmt.Sprint(n/4-1)) {
			t.Errorf("notes %q, want %q", notes, want)
		}
	})
}
