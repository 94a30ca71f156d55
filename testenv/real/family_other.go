//go:build !linux

package real

import (
	"errors"
	"syscall"
)

// Missing keeps Start from getting here on other systems.
var errNotLinux = errors.New("real servers run on Linux only")

func attributes(string, syscall.Signal) (*syscall.SysProcAttr, error) { return nil, errNotLinux }

func descriptorLimit() int { return 1024 }

type family struct{}

func newFamily(int) family { return family{} }

func (family) update(bool) []int { return nil }

type process struct{}

func processes() map[int]process { return nil }

func (family) updateFrom(map[int]process, bool) []int { return nil }

func (family) kill() {}

func (family) signalChildren(syscall.Signal) {}

const signalStop, signalContinue syscall.Signal = 0, 0
