package plan

import (
	"hash/fnv"

	"pegel/scenarios"
)

// authDigest covers how accounts log in, apart from the secrets; 0 where they do by their password.
func (p *Plan) authDigest() uint64 {
	a := p.Scenario.Accounts
	if a.Method() == scenarios.Password {
		return 0
	}
	h := fnv.New64a()
	for _, text := range []string{a.Method(), a.Auth.User, a.Auth.Joint} {
		h.Write([]byte(text))
		h.Write([]byte{0})
	}
	return h.Sum64()
}
