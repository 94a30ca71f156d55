package engine

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// lateLocalPort lets the system choose the local port when it connects instead of when it binds, so that one address has as many
// ports for each server as it has without binding.
func lateLocalPort(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		// A kernel that does not know it has fewer ports, and no fault.
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
}
