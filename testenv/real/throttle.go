package real

import "time"

// ThrottlePeriod is the period in which a throttled instance runs and stands still, that of Linux's CPU quotas.
const ThrottlePeriod = 100 * time.Millisecond

const lookEvery = 10 // periods after which new worker processes are looked for

// throttle gives the processes of a server a share of the time only: they are stopped for the rest of each period. The
// first process goes on, because it has to end the others when this process dies.
type throttle struct {
	stop, done chan struct{}
}

// throttle slows down the shard of Tweaks.MailShard and the instances that Tweaks.WebSpeeds names.
func (s *Stack) throttle(o Options) {
	if v := o.Tweaks.MailShard; v > 0 && v < 1 {
		for _, d := range s.daemons {
			if d.name == "shard" {
				s.throttles = append(s.throttles, newThrottle(d, v))
			}
		}
	}
	for n, i := range o.instances(s.Dir) {
		if n >= len(o.Tweaks.WebSpeeds) {
			return
		}
		speed := o.Tweaks.WebSpeeds[n]
		if speed == 0 || speed == 1 {
			continue
		}
		for _, d := range s.daemons {
			if d.name == i.Name {
				s.throttles = append(s.throttles, newThrottle(d, speed))
			}
		}
	}
}

func newThrottle(d *daemon, speed float64) *throttle {
	t := &throttle{stop: make(chan struct{}), done: make(chan struct{})}
	members := newFamily(d.command.Process.Pid) // its own set: the daemon's belongs to the one who stops it
	runs := time.Duration(speed * float64(ThrottlePeriod))
	go func() {
		defer close(t.done)
		defer members.signalChildren(signalContinue)
		for n := 0; ; n++ {
			if n%lookEvery == 0 {
				members.update(!d.ended())
			}
			members.signalChildren(signalStop)
			if !t.pause(ThrottlePeriod - runs) {
				return
			}
			members.signalChildren(signalContinue)
			if !t.pause(runs) {
				return
			}
		}
	}()
	return t
}

// pause waits and is false once the throttle is closed.
func (t *throttle) pause(d time.Duration) bool {
	select {
	case <-t.stop:
		return false
	case <-time.After(d):
		return true
	}
}

// close lets the processes run and returns when nothing stops them any more.
func (t *throttle) close() {
	close(t.stop)
	<-t.done
}
