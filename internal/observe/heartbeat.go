package observe

import (
	"context"
	"slices"
	"sync"
	"time"
)

// heartbeat is a timer beside the load: it wakes up each hundredth of a second and notes how late it was. What delays it
// delays every user, so it tells how exact this machine's timers are while nothing happens (the calibration, before the
// run) and what became of that under load, in seconds too in which no user did anything.
type heartbeat struct {
	mu   sync.Mutex
	late []time.Duration // since the last look
}

const pulse = 10 * time.Millisecond

// calibrationBeats take a fifth of a second.
const calibrationBeats = 20

// Calibrate measures before the load begins how late timers of this machine are, the median, and keeps it for the archive.
func (o *Observer) Calibrate(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, calibrationBeats*pulse)
	defer cancel()
	o.generator.heart.run(ctx)
	o.generator.calibrated, _ = o.generator.heart.take()
	return o.generator.calibrated
}

// run beats until ctx ends.
func (h *heartbeat) run(ctx context.Context) {
	timer := time.NewTimer(pulse)
	defer timer.Stop()
	for due := time.Now().Add(pulse); ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		now := time.Now()
		h.mu.Lock()
		if len(h.late) < 1<<12 { // whoever is to take them has stopped
			h.late = append(h.late, now.Sub(due))
		}
		h.mu.Unlock()
		due = now.Add(pulse)
		timer.Reset(pulse)
	}
}

// take returns the median and the worst lateness since it was called last; zero where there was no beat.
func (h *heartbeat) take() (median, worst time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.late) == 0 {
		return 0, 0
	}
	slices.Sort(h.late)
	median, worst = h.late[len(h.late)/2], h.late[len(h.late)-1]
	h.late = h.late[:0]
	return median, worst
}
