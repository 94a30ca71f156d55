package plan

import (
	"encoding/binary"
	"encoding/hex"
	"hash/fnv"
	"math"
)

// digestActs is how many acts of each user enter the digest.
const digestActs = 32

// Digest identifies what the plan will do: users, start times, journeys and draws. It is the sum modulo 2^64, twice, of
// a digest per user, so that the digests of parts of a plan add up to that of the whole, in any order.
func (p *Plan) Digest() string {
	var a, b uint64
	for _, list := range [][]User{p.Active, p.Fixed, p.Copiers} {
		for i := range list {
			x, y := p.userDigest(&list[i])
			a += x
			b += y
		}
	}
	for _, s := range p.Stages {
		h := fnv.New64a()
		put(h, uint64(s.Index), uint64(s.Users), uint64(s.Copiers), uint64(s.Ramp), uint64(s.Settle), uint64(s.Hold))
		if s.Mixed {
			for _, n := range s.Mix {
				put(h, uint64(n))
			}
		}
		a += h.Sum64()
	}
	if p.To > 0 {
		h := fnv.New64a()
		put(h, uint64(p.To), uint64(p.Most), math.Float64bits(p.Scenario.Load.Precision))
		a += h.Sum64()
	}
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], a)
	binary.BigEndian.PutUint64(raw[8:], b)
	return hex.EncodeToString(raw[:])
}

func (p *Plan) userDigest(u *User) (uint64, uint64) {
	h := fnv.New128a()
	put(h, u.ID, uint64(u.Account), math.Float64bits(u.Start))
	h.Write([]byte(p.Personas[u.Persona].Name))
	c := p.Cursor(u)
	for range digestActs {
		act, ok := c.Next()
		if !ok {
			break
		}
		h.Write([]byte(p.Actions[act.Action]))
		h.Write([]byte(act.Target))
		put(h, act.Key, uint64(act.Think), uint64(act.Timeout))
	}
	sum := h.Sum(nil)
	return binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:])
}

func put(h interface{ Write([]byte) (int, error) }, values ...uint64) {
	var b [8]byte
	for _, v := range values {
		binary.BigEndian.PutUint64(b[:], v)
		h.Write(b[:])
	}
}
