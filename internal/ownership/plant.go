package ownership

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/emersion/go-imap/v2"
)

// Work is what Plant, Fingerprint and Verify have in common.
type Work struct {
	Key   Key
	Moves []Move
	// Run names the batch in its canaries; planting and verifying must have the same.
	Run string
	// Limit is the age of mail at which the passes part.
	Limit time.Duration
	// Connections is how many accounts are worked on at once; 32 where it is 0.
	Connections int
}

// Outcome is what became of one account.
type Outcome struct {
	Account string `json:"account"`
	Made    int    `json:"made"`  // canaries planted, or messages put into the sketch
	Found   int    `json:"found"` // canaries that were there already, or messages seen
	Error   string `json:"error,omitempty"`

	Err error `json:"-"`
}

// inbox is where canaries are planted.
const inbox = "INBOX"

// Plant puts the canaries of each account that are not there yet into its INBOX, read and with their original dates, and where the
// platform has them into a calendar and an address book. Outcomes come in the order of the moves; done, if not nil, is called after each account, one
// call at a time.
func Plant(ctx context.Context, source Platform, work Work, now time.Time, done func(Outcome)) []Outcome {
	return work.each(ctx, func(ctx context.Context, m Move) (o Outcome) {
		for _, kind := range Kinds() {
			side, ok := source[kind]
			if !ok || o.Err != nil {
				continue
			}
			var made, found int
			if kind == Mail {
				made, found, o.Err = plant(ctx, side, work, m.Source, now)
			} else {
				made, found, o.Err = plantObjects(ctx, side, kind, work, m.Source, now)
			}
			o.Made, o.Found = o.Made+made, o.Found+found
		}
		return o
	}, done)
}

// plantObjects puts events or contacts into the account's first calendar or address book; one is made where there is none.
func plantObjects(ctx context.Context, source Side, kind Kind, work Work, owner string, now time.Time) (made, found int, err error) {
	d, err := source.openDAV(ctx, kind, owner)
	if err != nil {
		return 0, 0, err
	}
	defer d.close()
	wanted, batch, there := objectsOf(kind, work.Run, owner), map[string]object{}, map[string]bool{}
	for _, o := range wanted {
		batch[o.id(work.Key)] = o
	}
	list, err := d.collections(ctx)
	for i := 0; err == nil && i < len(list); i++ {
		err = d.titled(ctx, list[i], func(_ *url.URL, _, data string) {
			if o, _, ok := readObject(work.Key, kind, data, batch); ok {
				there[o.id(work.Key)] = true
			}
		})
	}
	for _, o := range wanted {
		id := o.id(work.Key)
		if there[id] {
			found++
			continue
		}
		if err == nil && len(list) == 0 {
			list = make([]collection, 1)
			list[0], err = d.create(ctx)
		}
		if err == nil {
			err = d.put(ctx, list[0], id, o.data(work.Key, now, work.Limit))
		}
		if err != nil {
			return made, found, d.fail(ctx, err)
		}
		made++
	}
	return made, found, err
}

func plant(ctx context.Context, source Side, work Work, owner string, now time.Time) (made, found int, err error) {
	r, err := source.open(ctx, owner)
	if err != nil {
		return 0, 0, err
	}
	defer r.close()
	fail := func(err error) (int, int, error) {
		return made, found, fmt.Errorf("%s on %s: %w", owner, source.Target.Name, interrupted(ctx, err, err))
	}
	there, err := r.canaries(work.Key)
	if err != nil {
		return fail(err)
	}
	for _, c := range canariesOf(work.Run, owner, work.Limit) {
		if there[c.messageID(work.Key)] {
			found++
			continue
		}
		raw := c.message(work.Key, now)
		cmd := r.client.Append(inbox, int64(len(raw)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}, Time: now.Add(-c.age)})
		_, _ = cmd.Write(raw) // what fails here shows in the answer
		_ = cmd.Close()
		if _, err := cmd.Wait(); err != nil {
			return fail(fmt.Errorf("append a canary: %w", err))
		}
		made++
	}
	return made, found, nil
}

// canaries are the Message-IDs of the canaries in all the account's own mailboxes: somebody may have moved one.
func (r *reader) canaries(key Key) (map[string]bool, error) {
	folders, err := r.folders(false)
	if err != nil {
		return nil, err
	}
	there := map[string]bool{}
	for _, f := range folders {
		if _, err := r.examine(f.name); err != nil {
			return nil, err
		}
		uids, err := r.ours(1)
		if err == nil && len(uids) > 0 {
			err = r.fetch(uids, canaryFields, false, func(m message) {
				if c, ok := readCanary(key, m.header); ok {
					there[c.messageID(key)] = true
				}
			})
		}
		if err != nil {
			return nil, err
		}
	}
	return there, nil
}
