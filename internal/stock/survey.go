package stock

import (
	"fmt"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"pegel/internal/corpus"
)

// chunk is how many messages are asked for, or removed, by one command.
const chunk = 500

// found is a message with a right signature.
type found struct {
	uid  imap.UID
	mark corpus.Mark
}

// folders are the account's own folders that can be selected. What others share is left out: it has owners of its own.
func (c *Client) folders() ([]string, error) {
	var foreign []string
	if c.Caps().Has(imap.CapNamespace) {
		spaces, err := c.Namespace().Wait()
		if err != nil {
			return nil, c.fail("ask for namespaces", err)
		}
		for _, s := range append(spaces.Other, spaces.Shared...) {
			if s.Prefix != "" {
				foreign = append(foreign, s.Prefix)
			}
		}
	}
	list, err := c.List("", "*", nil).Collect()
	if err != nil {
		return nil, c.fail("list folders", err)
	}
	var names []string
	for _, box := range list {
		skip := func(a imap.MailboxAttr) bool {
			return a == imap.MailboxAttrNoSelect || a == imap.MailboxAttrNonExistent || a == imap.MailboxAttrAll || a == imap.MailboxAttrFlagged
		}
		shared := slices.ContainsFunc(foreign, func(prefix string) bool { return strings.HasPrefix(box.Mailbox, prefix) })
		if !shared && !slices.ContainsFunc(box.Attrs, skip) {
			names = append(names, box.Mailbox)
		}
	}
	return names, nil
}

// marked lists the messages of the selected folder whose run begins with prefix and whose signature is right, chunk by chunk.
// unsigned counts those that say so of themselves but are not signed with this secret.
func (c *Client) marked(prefix string, secret corpus.Secret, visit func([]found)) (unsigned int, err error) {
	var options *imap.SearchOptions
	if c.Caps().Has(imap.CapESearch) {
		options = &imap.SearchOptions{ReturnAll: true} // ranges instead of single numbers
	}
	data, err := c.UIDSearch(&imap.SearchCriteria{
		Header: []imap.SearchCriteriaHeaderField{{Key: corpus.RunField, Value: prefix}},
	}, options).Wait()
	if err != nil {
		return 0, c.fail("search for messages of pegel", err)
	}
	section := &imap.FetchItemBodySection{Specifier: imap.PartSpecifierHeader, HeaderFields: corpus.MarkFields(), Peek: true}
	for part := range slices.Chunk(data.AllUIDs(), chunk) {
		list, err := c.Fetch(imap.UIDSetNum(part...), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{section}}).Collect()
		if err != nil {
			return unsigned, c.fail("fetch marks", err)
		}
		var good []found
		for _, m := range list {
			mark, err := corpus.ParseMark(m.FindBodySection(section))
			switch {
			case err != nil || !strings.HasPrefix(mark.Run, prefix): // the search finds parts of words too
			case secret.Verify(mark):
				good = append(good, found{m.UID, mark})
			default:
				unsigned++
			}
		}
		visit(good)
	}
	return unsigned, nil
}

// survey is what an account holds of a corpus already.
type survey struct {
	folders []string
	keys    map[string]map[uint64]struct{} // by run: the messages that are there
}

// survey reads all folders of the account, changing nothing.
func (c *Client) survey(prefix string, secret corpus.Secret) (*survey, error) {
	names, err := c.folders()
	if err != nil {
		return nil, err
	}
	s := &survey{folders: names, keys: map[string]map[uint64]struct{}{}}
	for _, name := range names {
		box, err := c.Select(name, &imap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil {
			return nil, c.fail(fmt.Sprintf("select %s", name), err)
		}
		if box.NumMessages == 0 {
			continue
		}
		_, err = c.marked(prefix, secret, func(list []found) {
			for _, f := range list {
				if key, ok := corpus.KeyOf(f.mark.Run, f.mark.ID); ok && strings.EqualFold(f.mark.Owner, c.account.Address) {
					if s.keys[f.mark.Run] == nil {
						s.keys[f.mark.Run] = map[uint64]struct{}{}
					}
					s.keys[f.mark.Run][key] = struct{}{}
				}
			}
		})
		if err != nil {
			return nil, fmt.Errorf("folder %s: %w", name, err)
		}
	}
	return s, nil
}

// newest is the name of the youngest corpus that the account holds, "" if none: names end in their date.
func (s *survey) newest() string {
	var name string
	for run := range s.keys {
		name = max(name, run)
	}
	return name
}
