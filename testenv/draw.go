package testenv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// cost is what one visit takes alone, in relative units, in the web worker, the database and the storage. Operations that come
// through the balancer and a web worker hold both while they use the rest; the others go to database and storage directly.
type cost struct {
	operation        string
	balanced         bool
	web, db, storage float64
}

// costs is the table from which Draw starts. Proportions only: Draw scales them.
func costs() []cost {
	return []cost{
		{"web.login", true, 12, 10, 2},
		{"web.page", true, 10, 4, 1},
		{"web.list", true, 9, 8, 5},
		{"web.read", true, 8, 5, 7},
		{"web.send", true, 12, 6, 12},
		{"web.logout", true, 3, 2, 0},
		{"caldav.discover", true, 4, 4, 0},
		{"caldav.query", true, 8, 10, 0},
		{"caldav.create", true, 7, 9, 0},
		{"caldav.update", true, 7, 9, 0},
		{"caldav.delete", true, 4, 6, 0},
		{"caldav.copy", true, 7, 12, 0},
		{"imap.login", false, 0, 4, 1},
		{"imap.select", false, 0, 1, 3},
		{"imap.list", false, 0, 2, 1},
		{"imap.fetch_headers", false, 0, 2, 6},
		{"imap.fetch", false, 0, 1, 9},
		{"imap.store", false, 0, 1, 5},
		{"imap.search", false, 0, 1, 16},
		{"imap.append", false, 0, 2, 12},
		{"imap.sync", false, 0, 1, 4},
		{"imap.copy", false, 0, 1, 10},
		{"smtp.send", false, 0, 4, 12},
	}
}

// drawMix is the mix of operations, per action, for which Draw sizes a platform, and drawThink the think time.
func drawMix() map[string]float64 {
	return map[string]float64{
		"web.list": 0.25, "web.read": 0.20, "web.send": 0.03,
		"imap.fetch_headers": 0.15, "imap.fetch": 0.20, "imap.store": 0.04, "imap.search": 0.03,
		"smtp.send": 0.04, "caldav.query": 0.06,
	}
}

const drawThink = 1200 * time.Millisecond

// Draw makes up a platform for a demonstration: which resource limits it (the balancer's slots, the web workers, one hot
// database shard or the storage), how many units that has (8 to 60), and what each operation costs (on average 10 to 60 ms
// an action when nobody waits). For the usual mix of mail, web and calendar actions with a think time of 1.2 s its capacity lies
// at roughly 500 to 1,100 active users, depending on the objectives, where every other resource is used to at most 65 %.
func Draw(seed uint64) Definition {
	random := rand.New(rand.NewPCG(seed, 0x9e6e1))
	between := func(low, high float64) float64 { return low + (high-low)*random.Float64() }

	const balancer, web, db, storage = 0, 1, 2, 3
	limiting := random.IntN(4)
	stress := [4]float64{1, 1, 1, 1} // the limiting resource is where operations spend most of their time
	alone := between(0.030, 0.046)
	switch limiting {
	case web:
		stress[web] = between(1.8, 2.6)
	case db:
		stress[db], alone = between(3.5, 4.5), between(0.042, 0.050)
	case storage:
		stress[storage] = between(1.8, 2.6)
	}
	// One shard has about half of the accounts, or all have the same number of them.
	shares := []float64{0.33, 0.33, 0.34}
	if limiting == db {
		hot := math.Round(between(0.52, 0.62)*100) / 100
		shares = []float64{math.Round((1-hot)*48) / 100, 0, hot}
		shares[1] = math.Round((1-shares[0]-shares[2])*100) / 100
		random.Shuffle(len(shares), func(i, j int) { shares[i], shares[j] = shares[j], shares[i] })
	}

	d := Definition{
		Name: fmt.Sprintf("demo-%d", seed),
		Resources: []Resource{
			{Name: "balancer", Kind: "slots", Limit: 1, Queue: new(2000)},
			{Name: "web", Kind: "workers", Limit: 1},
			{Name: "db.1", Kind: "pool", Limit: 1, Group: "db"},
			{Name: "db.2", Kind: "pool", Limit: 1, Group: "db"},
			{Name: "db.3", Kind: "pool", Limit: 1, Group: "db"},
			{Name: "storage", Kind: "disk", Limit: 1},
		},
		Shards:     map[string][]float64{"db": shares},
		Operations: map[string][]Step{},
	}
	for _, c := range costs() {
		step := func(use string, relative float64) Step {
			ms := relative * between(0.8, 1.25)
			return Step{Use: use, For: Service{
				Mean: time.Duration(ms * float64(time.Millisecond)),
				CV:   math.Round(between(0.7, 1)*20) / 20,
			}}
		}
		steps := []Step{step("db", c.db*stress[db])}
		if c.storage > 0 {
			steps = append(steps, step("storage", c.storage*stress[storage]))
		}
		if c.balanced {
			worker := step("web", c.web*stress[web])
			worker.Steps = steps
			steps = []Step{{Use: "balancer", Steps: []Step{worker}}}
		}
		d.Operations[c.operation] = steps
	}

	// Scale all costs to the mean time per action drawn, and then so that the limiting resource is exactly full at the number
	// of users drawn.
	users := between(500, 800)
	rate := users / (drawThink.Seconds() + alone)
	demands, unscaled := d.demands(drawMix())
	full := [4]float64{demands["balancer"], demands["web"], max(demands["db.1"], demands["db.2"], demands["db.3"]), demands["storage"]}
	units := min(max(math.Round(rate*full[limiting]*alone/unscaled), 8), 60)
	scale := units / (rate * full[limiting])
	for op := range d.Operations {
		scaleSteps(d.Operations[op], scale)
	}
	var limits [4]int
	for r := range limits {
		// Users whom the limiting resource does not hold up make the rest somewhat busier than this rate does.
		limits[r] = max(2, int(math.Ceil(rate*full[r]*scale/between(0.40, 0.50))))
	}
	// While an inner resource is short, those who wait for it hold the outer ones: these must be many.
	if limiting > web {
		limits[web] = atLeast(limits[web], 0.6*users)
	}
	if limiting > balancer {
		limits[balancer] = atLeast(limits[balancer], 1.2*users)
	}
	limits[limiting] = int(units)
	for i, r := range [...]int{balancer, web, db, db, db, storage} {
		d.Resources[i].Limit = limits[r]
	}
	return d
}

// atLeast is the larger of the two, rounded up to a full hundred as configured limits are.
func atLeast(limit int, users float64) int {
	return int(math.Ceil(max(float64(limit), users)/100)) * 100
}

// scaleSteps multiplies the mean service times, rounded to 10 µs.
func scaleSteps(steps []Step, by float64) {
	for i := range steps {
		steps[i].For.Mean = time.Duration(float64(steps[i].For.Mean) * by).Round(10 * time.Microsecond)
		scaleSteps(steps[i].Steps, by)
	}
}
