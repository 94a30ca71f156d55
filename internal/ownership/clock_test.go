package ownership

import (
	"net"
	"net/url"
	"testing"
	"time"

	"pegel/probes/probe"
	"pegel/testenv"
)

// days are the dates around which local time jumps: summer time in Europe, half an hour on Lord Howe, a day left out in Samoa.
var jumps = []time.Time{
	time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC), time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC), time.Date(2026, 4, 4, 15, 0, 0, 0, time.UTC),
	time.Date(2011, 12, 30, 10, 0, 0, 0, time.UTC), time.Date(2028, 2, 29, 23, 0, 0, 0, time.UTC),
}

func zones(t *testing.T) (list []*time.Location) {
	for _, name := range []string{"UTC", "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "Etc/GMT+12"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, zone)
	}
	return list
}

// since is SINCE of IMAP (RFC 9051, section 6.4.4), as a pass uses it: by whole days, without regard to the zone of the date.
func since(stored, pass time.Time, days int) bool {
	day := func(at time.Time) int64 {
		return time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86400
	}
	return day(stored) >= day(pass.AddDate(0, 0, -days))
}

// Canaries go with the pass that they are made for, wherever servers are and whatever local time does meanwhile: those of the core
// pass for as long as they are younger than the limit by a day, those of the deferred pass always. The same holds for what a
// fingerprint expects of a core pass that begins within a day.
func TestPassesPartWhereTheyShould(t *testing.T) {
	const day = 24 * time.Hour
	all := zones(t)
	for _, jump := range jumps {
		for shift := -3 * day; shift <= 3*day; shift += 5 * time.Hour {
			planted := jump.Add(shift)
			for _, limit := range []int{1, 2, 3, 7, 30} {
				for _, wait := range []time.Duration{0, 7 * time.Hour, day} {
					for i, stored := range all {
						pass := planted.Add(wait).In(all[(i+1)%len(all)])
						for _, c := range canariesOf("canary-b", "a@x.test", time.Duration(limit)*day) {
							core := since(planted.Add(-c.age).In(stored), pass, limit)
							sure := c.age+wait <= time.Duration(limit-1)*day // zones lie up to 26 hours apart, and a date rounds down
							if c.pass == Deferred && core || c.pass == Core && !core && sure && all[i] == pass.Location() {
								t.Fatalf("planted %s in %s, pass %s: %s canary of age %s goes with core: %v", planted, stored, pass, c.pass, c.age, core)
							}
						}
					}
					for _, zone := range all {
						pass := planted.Add(wait).In(zone)
						for age := time.Duration(0); age < time.Duration(limit+5)*day; age += 9 * time.Hour {
							core := since(planted.Add(-age).In(zone), pass, limit)
							if a := ageOf(age, time.Duration(limit)*day); a == young && !core || a == old && core {
								t.Fatalf("message of age %s at %s, pass %s, limit %d days: class %d, core %v", age, planted, pass, limit, a, core)
							}
						}
					}
				}
			}
		}
	}
}

// A clock that was set forward or back between two plantings, or that lags behind the servers, plants nothing twice and expects nothing
// that cannot be there.
func TestClockSteps(t *testing.T) {
	p, err := testenv.Start(t.Context(), testenv.Options{Accounts: 5, Password: "right-word", MessagesPerAccount: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	u, err := url.Parse(p.URLs.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	side := Side{
		Target: probe.Target{Name: "imap", URL: u, DialContext: new(net.Dialer).DialContext},
		Account: func(name string) (probe.Account, error) {
			return probe.Account{Login: name, Password: "right-word"}, nil
		},
	}
	work := Work{Key: testKey(t), Run: "canary-clock", Limit: 7 * 24 * time.Hour, Moves: []Move{{Source: p.Login(1), Target: p.Login(1)}, {Source: p.Login(2), Target: p.Login(2)}}}
	now := time.Now()
	for i, step := range []time.Duration{0, 400 * 24 * time.Hour, -90 * time.Minute, -40 * 24 * time.Hour} {
		for _, o := range Plant(t.Context(), Platform{Mail: side}, work, now.Add(step), nil) {
			if want := map[bool]int{true: 4}[i == 0]; o.Err != nil || o.Made != want || o.Made+o.Found != 4 {
				t.Errorf("clock off by %s: %+v", step, o)
			}
		}
	}
	for _, step := range []time.Duration{0, -365 * 24 * time.Hour, 24 * time.Hour} {
		sketches, outcomes := Fingerprint(t.Context(), side, work, 0, now.Add(step), nil)
		for _, o := range outcomes {
			if o.Err != nil {
				t.Error(o.Err)
			}
		}
		if sketch := sketches[work.Key.label(p.Login(1))]; step < 0 && len(sketch.Hashes) > 1 { // what is of tomorrow is not settled
			t.Errorf("clock off by %s: %d messages are sketched", step, len(sketch.Hashes))
		}
		v, err := NewVerifier(Platform{Mail: side}, work, Deferred, &Fingerprints{Limit: work.Limit, Sketches: sketches})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range v.Once(t.Context(), nil) {
			if f.Wrong() || len(f.Doubtful) > 0 || f.Err != nil {
				t.Errorf("clock off by %s: %+v", step, f)
			}
		}
	}
}
