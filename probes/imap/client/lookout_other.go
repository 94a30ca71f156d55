//go:build !linux

package client

import "errors"

// Lookout keeps watch over connections that rest in IDLE. There is none on this system: news are found when somebody reads.
type Lookout struct{}

type watch struct{}

// NewLookout fails on this system.
func NewLookout() (*Lookout, error) { return nil, errNoLookout }

// Close does nothing.
func (*Lookout) Close() error { return nil }

func (*Lookout) admit(*Conn) *watch { return nil }

func (*watch) forget() {}

func (*watch) rearm() {}

func (*watch) read([]byte) (int, error) { return 0, errNothingYet }

// errNoLookout says that the system has nothing to keep watch with.
var errNoLookout = errors.New("connections cannot be watched on this system")
