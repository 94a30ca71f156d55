package plan

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math"
	"math/bits"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// digestActs is how many acts of each user enter the digest.
const digestActs = 32

// Digest identifies what a plan will do, or a part of it: a pair of numbers that add up modulo 2^64, each by itself. Written
// as 32 hexadecimal digits, the first 16 for the first number.
type Digest [2]uint64

// Add is the digest of two parts together.
func (d Digest) Add(e Digest) Digest { return Digest{d[0] + e[0], d[1] + e[1]} }

func (d Digest) String() string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], d[0])
	binary.BigEndian.PutUint64(raw[8:], d[1])
	return hex.EncodeToString(raw[:])
}

// Share is one generator's part of a plan: the users whose ID is Index − 1 modulo Of. The zero value is the whole.
type Share struct{ Index, Of int }

// ParseShare reads 2/4: the second of four.
func ParseShare(text string) (Share, error) {
	first, second, ok := strings.Cut(text, "/")
	i, err1 := strconv.Atoi(first)
	n, err2 := strconv.Atoi(second)
	if !ok || err1 != nil || err2 != nil || n < 1 || n > mostShares || i < 1 || i > n {
		return Share{}, fmt.Errorf("%q is no share: write 2/4 for the second of four, of at most %d", text, mostShares)
	}
	return Share{i, n}, nil
}

// mostShares is more generators than any fleet has.
const mostShares = 10_000

func (s Share) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Of) }

// Has tells whether a user belongs to the share.
func (s Share) Has(u *User) bool { return s.Of <= 1 || u.ID%uint64(s.Of) == uint64(s.Index-1) }

// Digest identifies what the plan will do: users, start times, journeys and draws. It is the sum of a digest per user, so that
// the digests of parts of a plan add up to that of the whole, in any order.
func (p *Plan) Digest() string { return p.DigestOf(Share{}).String() }

// DigestOf is the digest of a share. Those of all shares i of n add up to that of the plan; what belongs to no user counts
// with the first share.
func (p *Plan) DigestOf(share Share) Digest {
	var sum Digest
	if share.Index <= 1 {
		sum = p.frameDigest().Add(p.shapeDigest()).Add(p.deliveryDigest())
	}
	for _, list := range p.lists() {
		sum = sum.Add(p.usersDigest(list, share))
	}
	return sum.Add(p.arrivalsDigest(share))
}

// lists are all users of the plan.
func (p *Plan) lists() [][]User { return [][]User{p.Active, p.Fixed, p.Copiers, p.Deferred} }

// usersDigest adds up a list's digests on all cores.
func (p *Plan) usersDigest(list []User, share Share) Digest {
	const block = 1024 // users
	parts := make([]Digest, min(runtime.GOMAXPROCS(0), len(list)/block+1))
	var wg sync.WaitGroup
	for w := range parts {
		wg.Go(func() {
			for from := w * block; from < len(list); from += len(parts) * block {
				for i := from; i < min(from+block, len(list)); i++ {
					if share.Has(&list[i]) {
						parts[w] = parts[w].Add(p.userDigest(&list[i]))
					}
				}
			}
		})
	}
	wg.Wait()
	var sum Digest
	for _, part := range parts {
		sum = sum.Add(part)
	}
	return sum
}

// frameDigest covers the stages.
func (p *Plan) frameDigest() Digest {
	sum := Digest{p.contentDigest() + p.authDigest() + p.sitesDigest()}
	for _, s := range p.Stages {
		h := fnv.New64a()
		put(h, uint64(s.Index), uint64(s.Users), uint64(s.Copiers), uint64(s.Ramp), uint64(s.Settle), uint64(s.Hold))
		if s.SettleMost > 0 || s.HoldMost > 0 {
			put(h, uint64(s.SettleMost), uint64(s.HoldMost), math.Float64bits(p.Scenario.Load.Stages.Precision))
		}
		if s.Mixed {
			for _, n := range s.Mix {
				put(h, uint64(n))
			}
		}
		if s.Arm != "" {
			h.Write([]byte(s.Arm))
		}
		sum[0] += h.Sum64()
	}
	for _, arm := range p.Arms {
		h := fnv.New64a()
		h.Write([]byte(arm.Name))
		for _, a := range arm.Sources {
			h.Write(a.AsSlice())
		}
		for k := range arm.users {
			for _, u := range arm.users[k] {
				put(h, u.ID, uint64(u.Account))
			}
		}
		for _, name := range p.Targets {
			for _, u := range p.Scenario.Targets.ByName[name].Behind {
				h.Write([]byte(name + "\x00" + u.String() + "\x00"))
			}
		}
		sum[0] += h.Sum64()
	}
	if p.To > 0 {
		h := fnv.New64a()
		put(h, uint64(p.To), uint64(p.Most), math.Float64bits(p.Scenario.Load.Precision))
		sum[0] += h.Sum64()
	}
	return sum
}

// sitesDigest covers what the sites say that targets name; 0 where none does.
func (p *Plan) sitesDigest() uint64 {
	var sum uint64
	for name, t := range p.Scenario.Targets.ByName {
		if t.Site.Name == "" {
			continue
		}
		h := fnv.New64a()
		h.Write([]byte(name + "\x00"))
		if t.Site.Text == nil { // one that comes with pegel
			h.Write([]byte(t.Site.Name))
		}
		h.Write(t.Site.Text)
		sum += h.Sum64()
	}
	return sum
}

func (p *Plan) userDigest(u *User) Digest {
	h := newDigester()
	h.put(u.ID, uint64(u.Account), math.Float64bits(u.Start))
	h.text(p.Personas[u.Persona].Name)
	left := digestBranchActs
	p.actsDigest(&h, p.Cursor(u), &left)
	p.behaviourDigest(&h, u)
	return h.sum()
}

// digester is FNV-1a of 128 bits, the hash of hash/fnv by the same definition (RFC 9923), without its allocations: a plan of tens
// of thousands of users has millions of acts. It guards against mistakes and chance, not against an adversary.
type digester struct{ high, low uint64 }

func newDigester() digester { return digester{0x6c62272e07bb0142, 0x62b821756295c58d} }

// byte takes in one: XOR, then times 2^88 + 0x13b modulo 2^128.
func (d *digester) byte(b byte) {
	const factor, shift = 0x13b, 88 - 64
	d.low ^= uint64(b)
	high, low := bits.Mul64(factor, d.low)
	d.high, d.low = high+d.low<<shift+factor*d.high, low
}

// put takes in numbers, the highest byte first.
func (d *digester) put(values ...uint64) {
	for _, v := range values {
		for shift := 56; shift >= 0; shift -= 8 {
			d.byte(byte(v >> shift))
		}
	}
}

func (d *digester) text(s string) {
	for i := range len(s) {
		d.byte(s[i])
	}
}

func (d *digester) sum() Digest { return Digest{d.high, d.low} }

// put is for a standard hash what digester.put is.
func put(h interface{ Write([]byte) (int, error) }, values ...uint64) {
	var b [8]byte
	for _, v := range values {
		binary.BigEndian.PutUint64(b[:], v)
		h.Write(b[:])
	}
}
