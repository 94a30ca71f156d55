package diagnosis

import (
	"math"
	"time"

	"pegel/internal/capacity"
	"pegel/internal/judge"
)

// sentences are the English patterns of what the diagnosis says, by code.
var sentences = map[string]string{
	"diagnosis-held":             "the generator was at fault, so that nothing is said of the platform",
	"diagnosis-nothing-measured": "no valid stage was measured, so that nothing can be said",
	"diagnosis-healthy":          "nothing stands out: %s",
	"diagnosis-unclear":          "%s, but no cause has more evidence for it than against it",

	"danger-none":   "no objective is broken up to %s active users, and the capacity is not determined",
	"danger-far":    "every objective holds, and the capacity of %s active users is far above the %s that were measured",
	"danger-near":   "the capacity of %s active users is near the %s that were measured",
	"danger-busy":   "the capacity is not determined, and %s is %s full at %s active users",
	"danger-broken": "the objective \"%s\" is broken at %s active users",

	"saturating":            "%s gives way: at %s active users %s of its %s %s are in use",
	"hot-shard":             "the shard %s of %s is fuller than the others: %s of it is in use, %s on average of all",
	"slow-accounts":         "the accounts of the group %s are slower than all others: %s times",
	"uneven-sources":        "the balancer goes by source addresses: users of %s addresses are not spread over %s backends",
	"uneven-backends-limit": "the backend %s is slower or fuller than the others",
	"session-hop":           "sessions move between backends: %s of their requests are answered by another one than before",
	"copying":               "copy traffic takes part: %s operations per second at %s active users",
	"rate-limit":            "the platform limits the rate of the test, which is no limit of its capacity: %s refusals, the first of %s at %s active users",
	"listening":             "a limit before the service: the phase %s of %s takes %s at %s active users and %s at %s",
	"wait-step":             "%s responses of %s come just after %s: something waits a fixed time",
	"unseen":                "waiting grows up to %s active users while nothing that is counted is busy",
	"generator":             "the generator was the bottleneck",

	"because-forecast":        "the forecast has it give way first with a probability of %s, at %s active users",
	"because-forecast-also":   "the forecast has it give way first with a probability of %s",
	"because-not-forecast":    "the forecast has it give way first with a probability of %s only",
	"because-used":            "%s of %s in use (%s)",
	"because-fullest":         "it is the fullest of all: %s, the next is at %s (%s); there is no forecast",
	"because-idle":            "only %s of %s in use (%s)",
	"because-grows":           "its use grows with the users: %s at %s, %s at %s",
	"because-flat":            "its use does not grow with the users: %s at %s, %s at %s",
	"because-queue":           "%s visits wait for it at %s active users, %s at %s",
	"because-refused":         "it refuses %s visits per second at %s active users",
	"because-its-actions":     "actions that pass through it rise by %s times, others by %s times, from %s to %s active users",
	"because-not-its-actions": "actions that pass through it rise by %s times only, others by %s times, from %s to %s active users",
	"because-room":            "an objective is broken although only %s of it is in use",
	"because-explained":       "that it is full would follow from another cause: %s",
	"because-gives-way":       "what would give way by it is what gives way: %s",
	"because-others-first":    "what would give way by it has room: %s",
	"because-even":            "%s is the fullest, %s times the mean of %s, no more than chance or no matter",
	"because-fuller":          "%s is %s times as full as the mean of %s; chance among the users would do that with a probability below %s",
	"because-stays":           "%s is the fullest in all of %s stages",
	"because-longer":          "a visit to %s takes %s, %s at the others",
	"because-slower":          "users of the %s %s are %s times slower than all others with the same actions (%s; rank test over parts of the users, corrected, below %s)",
	"because-worst":           "%s has a p95 of %s at %s and %s elsewhere",
	"because-pinned":          "all that comes from each of %s addresses goes to one of %s backends; users sent one by one would do that with a probability below %s",
	"because-spread":          "users of the %s addresses are spread over the backends",
	"because-sibling-idle":    "%s does next to nothing while %s has %s in use",
	"because-uneven":          "%s does %s of %s, %s would be its equal share",
	"because-moves":           "%s of the requests of a session are answered by another backend than before, at %s active users",
	"because-stay":            "sessions stay where they are: %s of their requests move",
	"because-moved-slow":      "requests after a move take %s times as long (%s; rank test over parts of the users, corrected, below %s)",
	"because-moved-work":      "%s of the time of %s goes to what requests take longer after a move",
	"because-moved-alike":     "requests after a move take no longer than others",
	"because-copy-part":       "%s of what %s rose between %s and %s active users comes from copying",
	"because-copy-little":     "only %s of what %s rose comes from copying",
	"because-copy-capacity":   "the capacity is %s active users with copying and %s without",
	"because-copy-use":        "%s of what is in use of %s comes from copying",
	"because-copy-underway":   "%s of what is under way is copying",
	"because-copy-always":     "%s of what is in use of %s does not come from users, by a straight line through the stages, while %s copy operations per second went on in all of them",
	"because-limited":         "%s refusals as limited (%s of all actions), the first of %s at %s active users",
	"because-says-rate":       "the platform's words speak of a rate: \"%s\"",
	"because-says-space":      "the platform's words speak of space, not of a rate: \"%s\"",
	"because-at-login":        "nearly all of them at logging in",
	"because-refused-too":     "a resource that is counted refuses %s visits per second",
	"because-nothing-full":    "nothing that is counted is fuller than %s",
	"because-phase":           "the phase %s takes %s at %s active users and %s at %s",
	"because-onset":           "failures of the class %s begin with %s at %s active users (%s in all)",
	"because-small-part":      "it is a small part of what users wait: %s of %s",
	"because-step":            "%s responses of %s lie between %s and %s, with next to none just before",
	"because-hidden":          "the forecast sees a queue that no counter shows, first to give way with a probability of %s",
	"because-some-busy":       "%s is busy: %s of it is in use",
	"because-rises":           "response times rise by %s times from %s to %s active users while the fullest resource is at %s",
	"because-cpu-idle":        "processors are idle: %s is at %s",
	"because-uncounted":       "no resource of the platform is counted",
	"because-steady":          "response times hardly rise: by %s times from %s to %s active users",
	"because-generator":       "%s of %s stages are invalid; %s",

	"name-slots": "too few slots", "name-workers": "too few workers", "name-pool": "too few connections", "name-cpu": "too few processors",
	"name-memory": "too little memory", "name-disk": "too slow a disk", "name-lock": "a lock",
	"name-uneven-sources": "source addresses treated differently", "name-uneven-backends": "backends used unevenly", "name-session-hop": "sessions that move",
	"name-hot-shard": "one shard fuller than the others", "name-copy": "copy traffic", "name-rate-limit": "a limit of rate", "name-listen": "a limit before the service",
	"name-wait-step": "a wait of a fixed time", "name-unseen": "something that is not counted", "name-generator": "the generator",

	"unit-slots": "slots", "unit-workers": "workers", "unit-pool": "connections", "unit-cpu": "cores", "unit-memory": "units of memory", "unit-disk": "units", "unit-lock": "locks", "unit-listen": "places",

	"dimension-backend": "backend", "dimension-source": "address", "dimension-group": "group",

	"check-slots":           "maxconn of the server, the backend and the frontend; sessions in use and queue on the balancer's statistics page; timeouts that keep slots held",
	"check-workers":         "how many workers are allowed, and what each of them waits for; long polls that hold one",
	"check-pool":            "the size of the pool at the service and max_connections at the database; queries that hold a connection for long",
	"check-cpu":             "which process uses the cores; steal time of the hypervisor; frequency limits",
	"check-memory":          "memory per session, the limit of the process, swapping and garbage collection",
	"check-disk":            "operations and time per operation of the device; other users of the same storage",
	"check-lock":            "which lock is waited for, and what holds it longest",
	"check-uneven-sources":  "the balance rule of the balancer: a hash of the source address sends all users behind one NAT to one backend",
	"check-uneven-backends": "weights and health of the backends; the version and configuration of the one that differs",
	"check-session-hop":     "the cookie or table by which sessions stay: its name, its life, whether all instances of the balancer share it",
	"check-hot-shard":       "how accounts are distributed over the shards; indexes and statistics of the one that differs",
	"check-copy":            "the rate and concurrency of copying, and its hours",
	"check-rate-limit":      "limits on logins or requests per address or account, which users at their own addresses never meet",
	"check-listen":          "the listen backlog, limits on connections per address, processes that greet; name or policy look-ups before the greeting",
	"check-wait-step":       "time-outs and retries of that length in the configuration: pool, locks, name service, SYN retries",
	"check-unseen":          "limits that no page shows: locks, semaphores, limits of the operating system, name service, a shared service behind",
	"check-generator":       "the generator's machine",

	"settle-limit":        "raise the limit of %s by half and repeat the run: if it is the cause, the capacity grows",
	"settle-one-group":    "the same load with the accounts of one group alone, against all others",
	"settle-sources":      "the same load from one address and from many",
	"settle-sources-more": "the same load from many addresses: a limit of rate per address then goes away",
	"settle-bypass":       "the same load around the balancer, straight at the backends",
	"settle-sticky":       "the same load around the balancer: a session then cannot move",
	"settle-copy":         "the same load without copying",
	"settle-step":         "change the time-out that is %s and repeat the run: the step moves with it",
	"settle-observe":      "add the pages of the services behind to observe, and repeat the run",
	"settle-generator":    "give the generator a machine that has time for it, and repeat the run",

	"blind-resources": "no counters of the platform took part",
	"blind-backend":   "the platform does not tell which backend answers, or there is one only",
	"blind-source":    "all users came from one address, or none was given",
	"blind-group":     "the accounts have no groups, or one only",
	"blind-cpu":       "no processor is among the counters",
	"blind-stages":    "one load only was measured, so that nothing can be seen to rise",
}

// Sentences returns the English pattern of every message of a diagnosis by its code.
func Sentences() map[string]string { return sentences }

// say is the message with this code. Durations have three figures at most.
func say(code string, args ...any) judge.Message {
	for i, v := range args {
		if d, ok := v.(time.Duration); ok {
			args[i] = figures(d)
		}
	}
	return judge.Message{Code: code, Format: sentences[code], Args: args}
}

// share is a part as it is said, in whole percent.
func share(x float64) capacity.Share { return capacity.Share(math.Round(100*x) / 100) }

// percent is a probability as it is said.
func percent(p float64) capacity.Share { return capacity.Share(math.Round(1000*p) / 1000) }

// times is a factor as it is said.
func times(x float64) float64 { return math.Round(100*x) / 100 }

// round is a number as it is said, with three figures at most.
func round(x float64) float64 {
	if x == 0 || math.IsInf(x, 0) || math.IsNaN(x) {
		return 0
	}
	scale := math.Pow(10, 2-math.Floor(math.Log10(math.Abs(x))))
	if scale < 1 {
		return math.Round(x)
	}
	return math.Round(x*scale) / scale
}

// figures is a duration with three figures at most.
func figures(d time.Duration) time.Duration {
	unit := time.Duration(1)
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
