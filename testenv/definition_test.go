package testenv

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const sample = `
name: balancer-limit
resources:
  - {name: balancer, kind: slots, limit: 60, queue: 2000}
  - {name: web, kind: workers, limit: 64}
  - {name: db.1, kind: pool, limit: 12, group: db}
  - {name: db.2, kind: pool, limit: 12, group: db}
  - {name: storage, kind: disk, limit: 16, queue: 0}
operations:
  web.list: [{use: balancer, steps: [{use: web, for: {mean: 9ms, cv: 0.8}, steps: [{use: db, for: {mean: 8ms, cv: 1}}, {use: storage, for: {mean: 2500us}}]}]}]
  imap.fetch: [{use: storage, for: {mean: 12ms, cv: 1, shape: exponential}}]
shards: {db: [0.25, 0.75]}
`

func TestParseDefinition(t *testing.T) {
	d, err := ParseDefinition([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	if got := *d.Resources[0].Queue; got != 2000 {
		t.Errorf("balancer's queue is %d, want 2000", got)
	}
	if d.Resources[1].Queue != nil || *d.Resources[4].Queue != 0 {
		t.Errorf("queues: web %v, storage %v; want unlimited and none", d.Resources[1].Queue, *d.Resources[4].Queue)
	}
	if got := d.Operations["web.list"][0].Steps[0].Steps[1].For.Mean; got != 2500*time.Microsecond {
		t.Errorf("nested mean is %v, want 2.5ms", got)
	}
	text, err := d.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseDefinition(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if diff := cmp.Diff(d, again); diff != "" {
		t.Errorf("written and read again it differs:\n%s", diff)
	}
}

func TestParseDefinitionRefuses(t *testing.T) {
	refuses(t, sample, []refusal{
		{"kind: workers", "knd: workers", "knd"},
		{"use: web,", "use: wbe,", `unknown resource "wbe"`},
		{"name: web,", "name: balancer,", "defined twice"},
		{"name: web,", "name: db,", "both a resource and a group"},
		{"limit: 64", "limit: 0", "below 1"},
		{"mean: 9ms", "mean: -9ms", "mean service time"},
		{"shape: exponential", "shape: normal", `unknown shape "normal"`},
		{"db: [0.25, 0.75]", "db: [1]", "1 weights for 2"},
		{"db: [0.25, 0.75]", "db: [0, 0]", "no weight is above 0"},
		{"imap.fetch: [{use: storage, for: {mean: 12ms, cv: 1, shape: exponential}}]",
			"imap.fetch: [{use: storage, steps: [{use: web}]}]", "the other way round"},
		{"imap.fetch: [{use: storage, for: {mean: 12ms, cv: 1, shape: exponential}}]",
			"imap.fetch: [{use: db, steps: [{use: db}]}]", "the other way round"},
	})
}

// refusal is a change that makes a definition wrong, and what the error must say.
type refusal struct{ old, new, want string }

func refuses(t *testing.T, right string, cases []refusal) {
	t.Helper()
	for _, c := range cases {
		text := strings.Replace(right, c.old, c.new, 1)
		if text == right {
			t.Fatalf("%q does not occur", c.old)
		}
		if _, err := ParseDefinition([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", c.new, err, c.want)
		}
	}
}

func TestShardsFollowWeights(t *testing.T) {
	d, err := ParseDefinition([]byte(sample))
	if err != nil {
		t.Fatal(err)
	}
	p := compile(d)
	for _, from := range []int{0, 1, 777, 123456} {
		const accounts, step = 4000, 5 // a regular subset, as the accounts of one kind of user are
		count := 0
		for a := from; a < from+step*accounts; a += step {
			if p.groups[0].of(a) == 3 {
				count++
			}
		}
		if share := float64(count) / accounts; math.Abs(share-0.75) > 0.03 {
			t.Errorf("accounts from %d: a share of %.3f is on db.2, want 0.75", from, share)
		}
	}
}

func TestServiceTimesHaveTheirMoments(t *testing.T) {
	for _, s := range []Service{
		{Mean: 9 * time.Millisecond, CV: 0.8},
		{Mean: 20 * time.Millisecond, CV: 1.5},
		{Mean: 5 * time.Millisecond},
		{Mean: 12 * time.Millisecond, CV: 1, Shape: Exponential},
	} {
		in := s.compile()
		random := uint64(1)
		const n = 400_000
		sum, squares := 0.0, 0.0
		for range n {
			x := float64(in.draw(&random)) / float64(s.Mean)
			sum += x
			squares += x * x
		}
		mean := sum / n
		cv := math.Sqrt(max(0, squares/n-mean*mean)) / mean
		if math.Abs(mean-1) > 0.01 || math.Abs(cv-s.CV) > 0.03*max(s.CV, 0.01) {
			t.Errorf("%+v: mean is %.4f of it and cv %.4f", s, mean, cv)
		}
	}
}

const features = `
name: features
resources:
  - {name: balancer, kind: slots, limit: 34}
  - {name: cpu, kind: cores, limit: 2, slow: [{every: 5s, for: 1s, speed: 0.5}, {every: 10s, for: 200ms, up_to: 400ms, random: true}]}
  - {name: lock, limit: 1, hidden: true}
  - {name: disk, limit: 1}
  - {name: memory, kind: memory, limit: 280, memory: {base: 100, per_account: 3.5, ttl: 1s, beyond: {speed: 0.8, slows: [cpu]}}}
  - {name: cache, kind: cache, limit: 100, cache: {per_account: 4, ttl: 2s}}
operations:
  web.list: [{use: balancer, keep: 200ms, for: {mean: 5ms}, steps: [{use: cpu, for: {mean: 9ms, cv: 0.8}}, {use: lock, for: {mean: 2ms}}]}]
  imap.fetch: [{use: disk, for: {mean: 2ms, cv: 1}}, {use: disk, miss: cache, for: {mean: 8ms, cv: 1}}, {use: cpu, for: {mean: 3ms}}]
`

func TestParseFeatures(t *testing.T) {
	d, err := ParseDefinition([]byte(features))
	if err != nil {
		t.Fatal(err)
	}
	text, err := d.YAML()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ParseDefinition(text); err != nil {
		t.Errorf("written and read again: %v\n%s", err, text)
	}
	if !d.Resources[2].Hidden || d.Resources[1].Slow[0].Speed != 0.5 || d.Operations["web.list"][0].Keep != 200*ms || d.Resources[4].Memory.Beyond.Slows[0] != "cpu" {
		t.Errorf("read as %+v", d)
	}
}

func TestParseFeaturesRefuses(t *testing.T) {
	refuses(t, features, []refusal{
		{"every: 5s, for: 1s", "every: 1s, for: 1s", "want 0 < for < every"},
		{"speed: 0.5", "speed: 1", "speed 1 is not at least 0 and below 1"},
		{"up_to: 400ms, random: true", "up_to: 400ms", "up_to needs random"},
		{"up_to: 400ms", "up_to: 100ms", "up_to 100ms is not between"},
		{"per_account: 3.5", "per_account: 0", "per_account 0 is not above 0"},
		{"ttl: 1s", "ttl: 0s", "ttl 0s"},
		{"base: 100", "base: -1", "base -1 is below 0"},
		{"beyond: {speed: 0.8", "beyond: {speed: 0", "beyond the limit is not above 0"},
		{"slows: [cpu]", "slows: [gpu]", `slows an unknown resource "gpu"`},
		{"slows: [cpu]", "slows: [cache]", "at which nothing is served"},
		{"slows: [cpu]", "slows: []", "slows no resource"},
		{"miss: cache", "miss: memory", `miss names "memory", which is no cache`},
		{"keep: 200ms", "keep: -1s", "keep -1s is not between"},
		{"use: disk, for", "use: memory, for", "cannot be visited"},
		{"limit: 100, cache:", "limit: 100, queue: 3, cache:", "neither queue nor group"},
		{"hidden: true", "hiden: true", "hiden"},
	})
}

func TestBalanceRefuses(t *testing.T) {
	d, err := Profile("balancer-sticky-hop")
	if err != nil {
		t.Fatal(err)
	}
	d.LoginLimit = &LoginLimit{Logins: 5, Per: time.Minute}
	text, err := d.YAML()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseDefinition(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(d, again); diff != "" {
		t.Errorf("written and read again it differs:\n%s", diff)
	}
	for _, c := range []struct {
		want   string
		change func(*Definition)
	}{
		{`unknown way "leastconn"`, func(d *Definition) { d.Balance.By = "leastconn" }},
		{"no groups", func(d *Definition) { d.Balance.Groups = nil }},
		{`there is no group "backends"`, func(d *Definition) { d.Balance.Groups = []string{"backends"} }},
		{`group "balancer" has 3 members and "db" has 2`, func(d *Definition) {
			d.Balance.Groups = []string{"balancer", "db"}
			for i := range d.Resources {
				if d.Resources[i].Name == "db.3" {
					d.Resources[i].Group = ""
				}
			}
		}},
		{"cannot have shards", func(d *Definition) { d.Shards = map[string][]float64{"web": {1, 1, 1}} }},
		{"change 2 is not a share", func(d *Definition) { d.Balance.Change = 2 }},
		{"change 0.5 is not a share", func(d *Definition) { d.Balance.By = ByCookie }},
		{"change 0 is not a share", func(d *Definition) { d.Balance.Change = 0 }},
		{`unknown operation "web.again"`, func(d *Definition) { d.Balance.Rebuild = "web.again" }},
		{"0 logins per 1m0s", func(d *Definition) { d.LoginLimit.Logins = 0 }},
		{"5 logins per 0s", func(d *Definition) { d.LoginLimit.Per = 0 }},
		{"there is no code", func(d *Definition) { d.Cause.Code = "" }},
	} {
		wrong, err := ParseDefinition(text)
		if err != nil {
			t.Fatal(err)
		}
		c.change(&wrong)
		if err := wrong.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}
