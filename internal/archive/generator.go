package archive

// PageGenerator is the Page of points about the generator itself; no page of the platform may have this name. Resource
// is then one of the Generator constants and Field is FieldValue.
const PageGenerator = "generator"

// PageBackend is the page on which older runs have what each backend did, every ten seconds: the resource is "action
// backend", the fields are count, failed, and p50, p95 and p99 in seconds. Now it is in Dimensions.
const PageBackend = "backend"

// The fields of points of the platform's resources, and FieldValue for the generator's.
const (
	FieldInUse   = "in_use"  // units in use
	FieldLimit   = "limit"   // units that there are
	FieldQueue   = "queue"   // visits that wait
	FieldBusy    = "busy"    // seconds that units were in use, since any beginning
	FieldServed  = "served"  // visits finished, likewise
	FieldRefused = "refused" // visits refused, likewise
	FieldWaited  = "waited"  // seconds that visits waited, likewise
	// FieldQueueLimit is how many visits may wait; negative: any number.
	FieldQueueLimit = "queue_limit"
	FieldValue      = "value"
)

// The metrics of the generator. Children are all processes below this one, such as browsers and servers it has started.
// Percentages are of one core, but for the machine's, which are of all. What is of TCP is the whole machine's, servers on it
// included. Runs before these were read lack some of them.
const (
	GeneratorCPU         = "process_cpu_percent"
	GeneratorRSS         = "process_rss_bytes"
	GeneratorGoroutines  = "goroutines"
	GeneratorMachineCPU  = "machine_cpu_percent"
	GeneratorGCPause     = "gc_pause_seconds"          // total since the process began
	GeneratorSchedP99    = "sched_latency_p99_seconds" // of the last second: runnable to running
	GeneratorFiles       = "open_files"
	GeneratorChildrenRSS = "children_rss_bytes"
	GeneratorChildrenCPU = "children_cpu_percent"

	GeneratorPause       = "pause_max_seconds"         // longest of the last second in which the whole process stood still
	GeneratorRunQueue    = "run_queue_delay_percent"   // of the time that its threads could have run: they waited for a processor
	GeneratorTimerError  = "timer_error_seconds"       // median lateness of a timer before the run: the calibration
	GeneratorTimerLate   = "timer_late_max_seconds"    // worst lateness of a timer of 10 ms in the last second
	GeneratorSteal       = "machine_steal_percent"     // time that a hypervisor gave to others
	GeneratorMemoryLeft  = "machine_memory_left_bytes" // available without swapping
	GeneratorSockets     = "tcp_sockets"
	GeneratorTimeWait    = "tcp_time_wait"
	GeneratorRetransmits = "tcp_retransmits_per_second"      // segments
	GeneratorOverflows   = "tcp_listen_overflows_per_second" // connections that a listener on this machine had no room for
)
