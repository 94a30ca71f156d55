package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pegel/scenarios"
)

// Shares together give the same users as the whole, each once, and their digests add up to that of the whole in any order.
func TestSharesAddUpToTheWhole(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	for range 8 {
		seed := rng.Uint64N(1 << 40)
		p := build(t, fmt.Sprintf(base, seed))
		whole := p.DigestOf(Share{1, 1})
		if whole.String() != p.Digest() {
			t.Fatalf("share 1/1 has digest %s, the plan %s", whole, p.Digest())
		}
		for _, n := range []int{2, 3, 4, 7, 1 + rng.IntN(500)} {
			var parts []Digest
			count := map[uint64]int{}
			for i := 1; i <= n; i++ {
				share := Share{i, n}
				parts = append(parts, p.DigestOf(share))
				for _, list := range p.lists() {
					for k := range list {
						if share.Has(&list[k]) {
							count[list[k].ID]++
						}
					}
				}
			}
			rng.Shuffle(n, func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			var sum Digest
			for _, part := range parts {
				sum = sum.Add(part)
			}
			if sum != whole {
				t.Errorf("seed %d: %d shares add up to %s, the whole is %s", seed, n, sum, whole)
			}
			users := 0
			for _, list := range p.lists() {
				users += len(list)
				for k := range list {
					if count[list[k].ID] != 1 {
						t.Fatalf("%d shares: user %d belongs to %d of them", n, list[k].ID, count[list[k].ID])
					}
				}
			}
			if users != len(count) {
				t.Errorf("%d users have %d different numbers", users, len(count))
			}
			if n > 1 && n < 100 && slices.Contains(parts, whole) {
				t.Errorf("one of %d shares has the digest of the whole", n)
			}
		}
	}
}

// Whatever decides what is sent changes the digest: the seed, and each of these.
func TestDigestCoversWhatIsSent(t *testing.T) {
	one := build(t, fmt.Sprintf(base, 1)).Digest()
	for _, c := range [][2]string{
		{"seed: 1\n", "seed: 2\n"},
		{"do: web.login, think: 1s", "do: web.login, think: 2s"},
		{"times: 3", "times: 4"},
		{"weight: 3", "weight: 30"},
		{"{do: imap.list, think: 1s}", "{do: imap.list, think: 1s, timeout: 9s}"},
		{"{do: imap.login}, {do: imap.sync}", "{do: imap.sync}"},
		{"count: 2}", "count: 3}"},
		{"concurrency: 3", "concurrency: 4"},
		{"stages: alternate", "stages: all"},
		{"users: [100, 200, 300, 400]", "users: [100, 200, 300, 401]"},
		{"hold: 5s", "hold: 6s"},
		{"browser: 30%", "browser: 31%"},
	} {
		src := fmt.Sprintf(base, 1)
		changed := strings.Replace(src, c[0], c[1], 1)
		if src == changed {
			t.Fatalf("%q is not in the scenario", c[0])
		}
		if build(t, changed).Digest() == one {
			t.Errorf("%s → %s leaves the digest as it is", c[0], c[1])
		}
	}
}

func TestDigestsAreWrittenAndSharesReadBack(t *testing.T) {
	if d := (Digest{1 << 63, 77}).String(); d != "8000000000000000000000000000004d" {
		t.Errorf("the digest is written %s", d)
	}
	if s, err := ParseShare("2/4"); err != nil || s != (Share{2, 4}) || s.String() != "2/4" {
		t.Errorf("2/4 is read as %v, %v", s, err)
	}
	for _, text := range []string{"", "1", "0/4", "5/4", "1/0", "-1/4", "1/4/2", "a/b", "1/99999999999"} {
		if _, err := ParseShare(text); err == nil {
			t.Errorf("share %q is accepted", text)
		}
	}
}

// sized is a scenario of so many accounts, an active user each, with a wave.
func sized(users int) string {
	src := fmt.Sprintf(base, 1)
	src = strings.Replace(src, "count: 2000", fmt.Sprintf("count: %d", users), 1)
	src = strings.Replace(src, "browser: 30%, desktop: [10%, 30%]", "browser: 60%, desktop: 40%", 1)
	src = strings.Replace(src, "live: 400", "live: 100", 1)
	return strings.Replace(src, "users: [100, 200, 300, 400]", fmt.Sprintf("users: [%d, %d]", users/2, users), 1)
}

// Loading, planning and the digest are linear in the number of users, in time and memory.
func BenchmarkPlanning(b *testing.B) {
	for _, users := range []int{1_000, 10_000, 100_000} {
		src := []byte(sized(users))
		b.Run(fmt.Sprintf("users=%d", users), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := scenarios.Parse("test.yaml", src, scenarios.Options{Getenv: func(string) (string, bool) { return "x", true }})
				if err != nil {
					b.Fatal(err)
				}
				p, err := Build(s, protocols())
				if err != nil {
					b.Fatal(err)
				}
				if p.Digest() == "" || len(p.Active) != users {
					b.Fatal("nothing planned")
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(users), "ns/user")
		})
	}
}
