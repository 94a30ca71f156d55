package stock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// Options say whose accounts are worked on, and how.
type Options struct {
	Target      probe.Target
	Accounts    []probe.Account
	Prefix      string // of the runs: corpus.RunPrefix
	Seed        uint64
	Secret      corpus.Secret
	Connections int             // at a time, at least 1
	Stop        <-chan struct{} // closed: what is under way is finished, nothing else begun
	Tally       *Tally          // counts while it runs; must be there
}

// Content says what accounts are filled with.
type Content struct {
	Messages int   // for each account, where Bytes is 0
	Bytes    int64 // for each account
	Folders  []string
	Sizes    corpus.Sizes
	// Until is when the youngest message may be of. Where it is zero, an account goes on with the corpus that it holds, and one
	// that holds none gets one up to Today.
	Until, Today time.Time
	Rate         float64              // messages a second, all connections together; 0: no limit
	Done         func(account string) // called when an account is complete, by one goroutine at a time; nil: not
}

// Tally counts what has been done so far; it may be read at any time.
type Tally struct {
	Accounts atomic.Int64 // complete, or cleaned
	Present  atomic.Int64 // messages that were there
	Added    atomic.Int64
	Removed  atomic.Int64
	Bytes    atomic.Int64 // of the messages added
	Unsigned atomic.Int64 // messages that bear the run's name without a right signature: left alone
	Astray   atomic.Int64 // messages of another account of pegel's, removed as well
}

// ErrStopped is the error of work that Stop ended.
var ErrStopped = errors.New("interrupted; what is there stays, and the same command goes on from here")

// most is how many connections work on one account: servers allow ten for each user and address, and people need some.
const most = 5

// Fill brings every account to its content. Accounts that failed are in the failures, in no order; the error is that of all of
// them together: ErrStopped, the end of ctx, or why it was given up early.
func Fill(ctx context.Context, o Options, content Content) ([]Failure, error) {
	shards := 1
	if n := len(o.Accounts); n > 0 && n < o.Connections {
		shards = min((o.Connections+n-1)/n, most)
	}
	f := &filler{Options: o, content: content, pace: newPace(content.Rate)}
	left := make([]atomic.Int32, len(o.Accounts)) // shards of each account that are not complete
	for i := range left {
		left[i].Store(int32(shards))
	}
	w := newWork(o)
	return w.each(ctx, len(o.Accounts)*shards, func(ctx context.Context, unit int) error {
		n := unit / shards
		if err := f.account(ctx, o.Accounts[n], unit%shards, shards); err != nil {
			return err
		}
		if left[n].Add(-1) == 0 {
			o.Tally.Accounts.Add(1)
			if content.Done != nil {
				w.mu.Lock()
				defer w.mu.Unlock()
				content.Done(o.Accounts[n].Address)
			}
		}
		return nil
	}, func(unit int) probe.Account { return o.Accounts[unit/shards] })
}

type filler struct {
	Options
	content Content
	pace    *pace
}

// account adds what is missing of one shard of an account.
func (f *filler) account(ctx context.Context, account probe.Account, shard, shards int) error {
	c, err := Dial(ctx, f.Target, account)
	if err != nil {
		return err
	}
	defer c.Close()
	there, err := c.survey(f.Prefix, f.Secret)
	if err != nil {
		return err
	}
	until := f.content.Until
	if until.IsZero() {
		until = f.content.Today
		if at, ok := corpus.UntilOf(f.Prefix, there.newest()); ok {
			until = at
		}
	}
	box := corpus.Mailbox{
		Run: corpus.RunUntil(f.Prefix, until), Seed: f.Seed, Owner: account.Address, Folders: f.content.Folders, Until: until,
		Sizes: f.content.Sizes, Secret: f.Secret,
	}
	count := f.content.Messages
	if f.content.Bytes > 0 {
		count = box.Count(f.content.Bytes)
	}
	if err := c.make(there.folders, f.content.Folders); err != nil {
		return err
	}
	present := there.keys[box.Run]
	for n := shard; n < count; n += shards {
		if _, ok := present[box.Key(n)]; ok {
			f.Tally.Present.Add(1)
			continue
		}
		if err := f.pace.wait(ctx, f.Stop); err != nil {
			return err
		}
		size, err := c.put(box.Item(n))
		if err != nil {
			return fmt.Errorf("message %d: %w", n+1, err)
		}
		f.Tally.Added.Add(1)
		f.Tally.Bytes.Add(size)
	}
	return nil
}

// make makes the folders that are not there.
func (c *Client) make(there, wanted []string) error {
	for _, name := range wanted {
		if strings.EqualFold(name, "INBOX") || slices.Contains(there, name) {
			continue
		}
		err := c.Create(name, nil).Wait()
		var refused *imap.Error
		if errors.As(err, &refused) && refused.Code == imap.ResponseCodeAlreadyExists {
			err = nil // another connection was faster
		}
		if err != nil {
			return c.fail("make the folder "+name, err)
		}
		_ = c.Subscribe(name).Wait() // mail programs show what is subscribed; a server without subscriptions shows all
	}
	return nil
}

// put appends a message with its date and flags, and returns its size.
func (c *Client) put(item corpus.Item) (int64, error) {
	options := &imap.AppendOptions{Time: item.Message.Date}
	for _, f := range []struct {
		on   bool
		flag imap.Flag
	}{{item.Seen, imap.FlagSeen}, {item.Answered, imap.FlagAnswered}, {item.Flagged, imap.FlagFlagged}} {
		if f.on {
			options.Flags = append(options.Flags, f.flag)
		}
	}
	message := corpus.Compose(item.Message)
	cmd := c.Append(item.Folder, message.Size(), options)
	// What fails here shows in the answer too, or in its absence, and there with the server's reason.
	_, _ = message.WriteTo(cmd)
	_ = cmd.Close()
	_, err := cmd.Wait()
	return message.Size(), c.fail("append to "+item.Folder, err)
}
