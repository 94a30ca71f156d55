package site

import "time"

func (b *Back) defaults() {
	if b.First == 0 {
		b.First = time.Second
	}
	if b.Most == 0 {
		b.Most = max(5*time.Second, b.First)
	}
}

// Pause is how long a client waits before it tries for the n-th time, from 0, to come back; draw lies in [0, 1).
func (b Back) Pause(n int, draw float64) time.Duration {
	pause := b.Most
	if n < 30 && b.First < b.Most>>n {
		pause = b.First << n
	}
	return time.Duration(float64(pause) * (1 + b.Jitter*(2*draw-1)))
}
