package testenv

// failed ends an attempt that was refused or given up: with another one, or with the action's error.
func (s *simulation) failed(o int32) {
	u := &s.users[o]
	u.visiting = false
	if int(o) >= s.active || int(u.tries) >= s.retry.Times {
		s.end(o, true)
		return
	}
	u.tries++
	random := &s.engine.jobs[u.job].random
	// At least a microsecond, so that time goes on.
	s.engine.sleep(u.job, max(1000, int64((0.5+uniform(random))*float64(s.retry.Backoff))))
}

// wait starts the user's patience with an attempt. Its timer's event is not taken back when the attempt ends but looks, when
// due, at what there is to wait for, so that there is at most one for each user.
func (s *simulation) wait(o int32) {
	u := &s.users[o]
	u.visiting, u.deadline = true, s.engine.now+int64(s.retry.Patience)
	if u.timer < 0 {
		u.timer = s.job(^o)
	}
	if !u.armed {
		u.armed = true
		s.engine.sleep(u.timer, int64(s.retry.Patience))
	}
}

// timeout is the event of a user's timer: the user gives up if the attempt has taken as long as the patience lasts.
func (s *simulation) timeout(o int32) {
	u := &s.users[o]
	switch {
	case !u.visiting:
		u.armed = false
	case u.deadline > s.engine.now:
		s.engine.sleep(u.timer, u.deadline-s.engine.now)
	default:
		u.armed = false
		left := u.job
		s.owner[left] = nobody
		u.job = s.job(o)
		s.engine.jobs[u.job].random = mix(s.engine.jobs[left].random)
		s.failed(o)
	}
}
