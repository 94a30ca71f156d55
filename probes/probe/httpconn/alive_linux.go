package httpconn

import (
	"net"
	"syscall"
)

// alive looks whether an idle connection is still there: nothing has come on it, not even its end. It does not wait.
// Connections that cannot be looked at count as alive.
func alive(conn net.Conn) bool {
	if shaped, ok := conn.(interface{ Below() net.Conn }); ok {
		conn = shaped.Below()
	}
	c, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	quiet := true
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		quiet = err == syscall.EAGAIN || err == syscall.EINTR
		return true
	})
	return err == nil && quiet
}
