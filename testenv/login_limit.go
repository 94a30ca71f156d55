package testenv

import (
	"fmt"
	"math"
	"net/netip"
	"time"
)

// LoginLimit refuses logins beyond Logins within Per from one source address, for web, IMAP and SMTP apart. Those refused
// do not count.
type LoginLimit struct {
	Logins int           `yaml:"logins"`
	Per    time.Duration `yaml:"per"`
}

// loginOperations are the operations that a login limit counts.
var loginOperations = []string{"web.login", "imap.login"}

func (l *LoginLimit) check() error {
	if l.Logins < 1 || l.Logins > 100_000 || l.Per <= 0 || l.Per > 24*time.Hour {
		return fmt.Errorf("login_limit: %d logins per %v: want 1 to 100000 in at most 24h", l.Logins, l.Per)
	}
	return nil
}

// limiter counts logins by service and source address.
type limiter struct {
	LoginLimit
	recent  map[limitKey]*loginTimes
	swept   int64
	refused map[string]int64 // by service
}

type limitKey struct {
	service string
	source  netip.Addr
}

// loginTimes are the times of the latest logins, as a ring.
type loginTimes struct {
	at   []int64
	next int
}

func newLimiter(d Definition) *limiter {
	if d.LoginLimit == nil {
		return nil
	}
	return &limiter{LoginLimit: *d.LoginLimit, recent: map[limitKey]*loginTimes{}, swept: math.MinInt64, refused: map[string]int64{}}
}

// admit says whether a login may go on, and if so counts it. Addresses that have been quiet are forgotten now and then.
func (l *limiter) admit(service string, source netip.Addr, now int64) bool {
	if l == nil {
		return true
	}
	if l.swept == math.MinInt64 {
		l.swept = now
	} else if now-l.swept > int64(l.Per) {
		for key, times := range l.recent {
			if now-times.latest() > int64(l.Per) {
				delete(l.recent, key)
			}
		}
		l.swept = now
	}
	key := limitKey{service, source.Unmap()}
	times := l.recent[key]
	if times == nil {
		times = &loginTimes{}
		l.recent[key] = times
	}
	if len(times.at) < l.Logins {
		times.at = append(times.at, now)
		return true
	}
	if now-times.at[times.next] < int64(l.Per) {
		l.refused[service]++
		return false
	}
	times.at[times.next] = now
	times.next = (times.next + 1) % l.Logins
	return true
}

// latest is the time of the last login.
func (t *loginTimes) latest() int64 {
	if len(t.at) == 0 {
		return math.MinInt64 / 2
	}
	return t.at[(t.next+len(t.at)-1)%len(t.at)]
}
