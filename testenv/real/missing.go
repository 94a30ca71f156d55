package real

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Missing returns what this machine lacks to run the stack without SOGo, Roundcube and Xandikos, in Debian's package
// names: empty if Start can work. What is not a package (Linux, root, a version) is named in words.
func Missing() []string { return Options{}.Missing() }

// need is a package and files of which one has to be there.
type need struct {
	name  string
	files []string
}

// Missing returns what this machine lacks to run the stack that these options describe, as the function Missing does.
func (o Options) Missing() []string {
	if runtime.GOOS != "linux" {
		return []string{"Linux (this is " + runtime.GOOS + ")"}
	}
	needs := []need{
		{"dovecot-imapd", []string{"/usr/lib/dovecot/imap", "/usr/libexec/dovecot/imap"}},
		{"dovecot-lmtpd", []string{"/usr/lib/dovecot/lmtp", "/usr/libexec/dovecot/lmtp"}},
		{"postfix", []string{find("postconf")}},
		{"haproxy", []string{find("haproxy")}},
		{"radicale", []string{find("radicale")}},
	}
	if o.Xandikos {
		needs = append(needs, need{"xandikos", []string{find("xandikos")}})
	}
	if o.SOGo != nil || o.Roundcube != nil {
		needs = append(needs, need{"nginx-light", []string{find("nginx")}})
	}
	if o.SOGo != nil {
		needs = append(needs,
			need{"sogo", []string{find("sogod")}},
			need{"sogo-activesync", []string{"/usr/lib/GNUstep/SOGo/ActiveSync.SOGo"}},
			need{"postgresql", []string{postgres("postgres")}},
			need{"memcached", []string{find("memcached")}},
			need{"util-linux", []string{find("setpriv")}})
	}
	if o.Roundcube != nil {
		needs = append(needs,
			need{"roundcube-core", []string{roundcubeRoot}},
			need{"roundcube-sqlite3", []string{roundcubeTables}},
			need{"php-sqlite3", matching("/usr/lib/php/*/pdo_sqlite.so")},
			need{"php-fpm", []string{phpFPM()}},
			need{"php-cli", []string{find("php")}})
	}
	var missing []string
	for _, n := range needs {
		if !anyExists(n.files) {
			missing = append(missing, n.name)
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

// matching returns the files of a pattern, the one that sorts last first.
func matching(pattern string) []string {
	found, err := filepath.Glob(pattern)
	if err != nil {
		return nil
	}
	slices.Sort(found)
	slices.Reverse(found)
	return found
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
