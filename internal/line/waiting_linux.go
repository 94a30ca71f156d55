package line

import "golang.org/x/sys/unix"

// waiting is how many bytes a socket has for its reader.
func waiting(fd uintptr) int {
	n, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
	if err != nil {
		return 0
	}
	return n
}
