//go:build !linux

package engine

import "syscall"

func lateLocalPort(_, _ string, _ syscall.RawConn) error { return nil }
