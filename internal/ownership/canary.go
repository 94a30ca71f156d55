package ownership

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/textproto"
	"strings"
	"time"

	"pegel/internal/corpus"
)

// domainEnd is how the Message-ID of everything ends that pegel made.
const domainEnd = "@pegel.invalid"

// Pass is a copy pass of the migration.
type Pass string

// The passes: the newest mail by day, then all that is older.
const (
	Core     Pass = "core"
	Deferred Pass = "deferred"
)

// canarySize is bytes of a canary, about.
const canarySize = 1500

// canary is one item that belongs into the source account of its owner.
type canary struct {
	run, owner string
	pass       Pass // that carries it over
	number     int
	age        time.Duration // at planting
}

// canariesOf are the items of one owner: two that the core pass carries over and two that are left to the deferred one,
// limit being the age at which the passes part. The younger ones stay young for most of the limit, so that planting and
// pass may lie a day or more apart.
func canariesOf(run, owner string, limit time.Duration) []canary {
	const hour, day = time.Hour, 24 * time.Hour
	owner = canonical(owner)
	return []canary{
		{run, owner, Core, 1, hour},
		{run, owner, Core, 2, max(hour, min(day, limit/4))},
		// Servers search by whole days, in the zone of the date or in theirs: three days are beyond any doubt, on either side of the earth.
		{run, owner, Deferred, 1, limit + 3*day},
		{run, owner, Deferred, 2, limit + 400*day},
	}
}

// messageID is with angle brackets.
func (c canary) messageID(key Key) string {
	sum := key.sum("canary-id", c.run, c.owner, string(c.pass), fmt.Sprint(c.number))
	return corpus.MessageID(c.run, binary.BigEndian.Uint64(sum))
}

func (c canary) signature(key Key) string {
	return hex.EncodeToString(key.sum("canary", c.run, c.owner, string(c.pass), fmt.Sprint(c.number), c.messageID(key))[:16])
}

// message is the canary as it is planted. Only its signature says whose it is: it is addressed to nobody.
func (c canary) message(key Key, now time.Time) []byte {
	sum := key.sum("canary-id", c.run, c.owner, string(c.pass), fmt.Sprint(c.number))
	body := corpus.Message(corpus.MessageSpec{
		Run: c.run, Key: binary.BigEndian.Uint64(sum), From: "canary" + domainEnd, To: []string{"canary" + domainEnd},
		Owner: c.owner, Date: now.Add(-c.age), Size: canarySize,
	})
	return append(fmt.Appendf(nil, "%s: %s %d %s\r\n", corpus.CanaryField, c.pass, c.number, c.signature(key)), body...)
}

// canaryFields are fetched of messages that may be canaries.
var canaryFields = []string{corpus.CanaryField, corpus.RunField, corpus.OwnerField, messageIDField}

const messageIDField = "Message-Id"

// readCanary reads the header fields of a message; ok is false for what is no canary or was not signed with the key.
func readCanary(key Key, header []byte) (c canary, ok bool) {
	fields, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(header))).ReadMIMEHeader()
	if err != nil && len(fields) == 0 {
		return c, false
	}
	words := strings.Fields(fields.Get(corpus.CanaryField))
	if len(words) != 3 {
		return c, false
	}
	c = canary{run: fields.Get(corpus.RunField), owner: fields.Get(corpus.OwnerField), pass: Pass(words[0])}
	if _, err := fmt.Sscan(words[1], &c.number); err != nil {
		return c, false
	}
	return c, hmac.Equal([]byte(words[2]), []byte(c.signature(key))) && fields.Get(messageIDField) == c.messageID(key)
}

// messageIDOf is the Message-ID in a header, without its brackets; "" where there is none.
func messageIDOf(header []byte) string {
	_, value, _ := bytes.Cut(header, []byte(":"))
	id := string(bytes.TrimSpace(value))
	if from := strings.IndexByte(id, '<'); from >= 0 {
		if to := strings.IndexByte(id[from:], '>'); to > 0 {
			return id[from+1 : from+to]
		}
	}
	return id
}

// claimsRun tells whether a header says that it is of a run.
func claimsRun(header []byte, run string) bool {
	fields, _ := textproto.NewReader(bufio.NewReader(bytes.NewReader(header))).ReadMIMEHeader()
	return fields.Get(corpus.RunField) == run
}
