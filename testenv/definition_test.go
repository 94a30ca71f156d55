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
	for _, c := range []struct{ old, new, want string }{
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
	} {
		text := strings.Replace(sample, c.old, c.new, 1)
		if text == sample {
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
