package real

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// Missing returns what this machine lacks to run the stack, in Debian's package names: empty if Start can work. What is
// not a package (Linux, root, a version) is named in words.
func Missing() []string {
	if runtime.GOOS != "linux" {
		return []string{"Linux (this is " + runtime.GOOS + ")"}
	}
	var missing []string
	for _, p := range []struct {
		name  string
		files []string // one of them has to be there
	}{
		{"dovecot-imapd", []string{"/usr/lib/dovecot/imap", "/usr/libexec/dovecot/imap"}},
		{"dovecot-lmtpd", []string{"/usr/lib/dovecot/lmtp", "/usr/libexec/dovecot/lmtp"}},
		{"postfix", []string{find("postconf")}},
		{"haproxy", []string{find("haproxy")}},
		{"radicale", []string{find("radicale")}},
	} {
		if !anyExists(p.files) {
			missing = append(missing, p.name)
		}
	}
	if dovecot := find("dovecot"); dovecot != "" {
		// 2.4 has another configuration language
		if version := versionOf(dovecot); !strings.HasPrefix(version, "2.3.") {
			missing = append(missing, "dovecot 2.3 (there is "+version+")")
		}
	}
	if os.Geteuid() != 0 {
		missing = append(missing, "root (Postfix's master demands it)")
	}
	return missing
}

func anyExists(files []string) bool {
	for _, f := range files {
		if f == "" {
			continue
		}
		if _, err := os.Stat(f); err == nil {
			return true
		}
	}
	return false
}

func versionOf(program string) string {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, program, "--version").Output()
	if fields := strings.Fields(string(out)); err == nil && len(fields) > 0 {
		return fields[0]
	}
	return "a version it does not tell"
}
