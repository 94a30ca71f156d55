package testenv

import (
	"slices"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
)

// syncBatch is the number of messages of a bulk download that are charged as one visit of imap.sync.
const syncBatch = 10

// wantsBody tells whether a FETCH reads message texts. Header fields alone do not count: that is how clients fill a list.
func wantsBody(options *imap.FetchOptions) bool {
	text := func(item *imap.FetchItemBodySection) bool {
		return item.Specifier != imap.PartSpecifierHeader && item.Specifier != imap.PartSpecifierMIME
	}
	return len(options.BinarySection) > 0 || slices.ContainsFunc(options.BodySection, text)
}

func (s *imapSession) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	items := s.view.pick(set)
	op, batch := "imap.fetch_headers", max(len(items), 1)
	if wantsBody(options) {
		op = "imap.fetch"
		if len(items) > 1 {
			op, batch = "imap.sync", syncBatch
		}
	}
	if len(items) == 0 {
		return s.visit(op)
	}
	for part := range slices.Chunk(items, batch) {
		if err := s.visit(op); err != nil {
			return err
		}
		for _, item := range part {
			if err := writeItem(w.CreateMessage(item.seq), item, options); err != nil {
				return err
			}
		}
		s.markSeen(part, options)
	}
	return nil
}

// markSeen sets \Seen on messages whose text was read without PEEK.
func (s *imapSession) markSeen(items []seqItem, options *imap.FetchOptions) {
	reads := slices.ContainsFunc(options.BodySection, func(item *imap.FetchItemBodySection) bool { return !item.Peek }) ||
		slices.ContainsFunc(options.BinarySection, func(item *imap.FetchItemBinarySection) bool { return !item.Peek })
	if !reads || s.view.readOnly {
		return
	}
	unseen := make(map[imap.UID]bool)
	for _, item := range items {
		if item.flags.bits&bitSeen == 0 {
			unseen[item.uid] = true
		}
	}
	s.view.box.change(unseen, nil, func(f *mailFlags) { f.set(imap.FlagSeen, true) })
}

func writeItem(w *imapserver.FetchResponseWriter, item seqItem, options *imap.FetchOptions) error {
	if options.UID {
		w.WriteUID(item.uid)
	}
	if options.Flags {
		w.WriteFlags(item.flags.list())
	}
	if options.InternalDate {
		w.WriteInternalDate(item.date)
	}
	if options.RFC822Size {
		w.WriteRFC822Size(int64(len(item.content.raw)))
	}
	if options.Envelope || options.BodyStructure != nil {
		item.content.parse()
	}
	if options.Envelope {
		w.WriteEnvelope(item.content.envelope)
	}
	if options.BodyStructure != nil {
		w.WriteBodyStructure(item.content.structure)
	}
	// The response must be ended even if a part of it could not be written: it holds the connection's lock.
	err := writeSections(w, item.content, options)
	if closeErr := w.Close(); err == nil {
		err = closeErr
	}
	return err
}

func writeSections(w *imapserver.FetchResponseWriter, c *mailContent, options *imap.FetchOptions) error {
	for _, section := range options.BodySection {
		data := c.section(section)
		out := w.WriteBodySection(section, int64(len(data)))
		if _, err := out.Write(data); err != nil {
			return err
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	for _, section := range options.BinarySection {
		data := c.binary(section)
		out := w.WriteBinarySection(section, int64(len(data)))
		if _, err := out.Write(data); err != nil {
			return err
		}
		if err := out.Close(); err != nil {
			return err
		}
	}
	for _, size := range options.BinarySectionSize {
		w.WriteBinarySectionSize(size, uint32(len(c.binary(&imap.FetchItemBinarySection{Part: size.Part}))))
	}
	return nil
}

// needWrite refuses changes to a mailbox opened with EXAMINE.
func (s *imapSession) needWrite() error {
	if s.view.readOnly {
		return imapNo("READ-ONLY", "mailbox was opened read-only")
	}
	return nil
}

func (s *imapSession) Store(w *imapserver.FetchWriter, set imap.NumSet, flags *imap.StoreFlags, _ *imap.StoreOptions) error {
	if err := s.needWrite(); err != nil {
		return err
	}
	if err := s.visit("imap.store"); err != nil {
		return err
	}
	items := s.view.pick(set)
	now := s.view.box.change(uids(items), s.view.tracker, func(f *mailFlags) {
		if flags.Op == imap.StoreFlagsSet {
			*f = mailFlags{}
		}
		for _, flag := range flags.Flags {
			f.set(flag, flags.Op != imap.StoreFlagsDel)
		}
	})
	if flags.Silent {
		return nil
	}
	_, byUID := set.(imap.UIDSet)
	for _, item := range items {
		changed, ok := now[item.uid]
		if !ok {
			continue // another session has removed it meanwhile
		}
		item.flags = changed
		if err := writeItem(w.CreateMessage(item.seq), item, &imap.FetchOptions{UID: byUID, Flags: true}); err != nil {
			return err
		}
	}
	return nil
}

func uids(items []seqItem) map[imap.UID]bool {
	set := make(map[imap.UID]bool, len(items))
	for _, item := range items {
		set[item.uid] = true
	}
	return set
}

func (s *imapSession) Search(kind imapserver.NumKind, criteria *imap.SearchCriteria, options *imap.SearchOptions) (*imap.SearchData, error) {
	if err := s.visit("imap.search"); err != nil {
		return nil, err
	}
	var (
		seqs  imap.SeqSet
		found imap.UIDSet
		data  imap.SearchData
	)
	for _, item := range s.view.search(criteria) {
		found.AddNum(item.uid)
		seqs.AddNum(item.seq)
		number := item.seq
		if kind == imapserver.NumKindUID {
			number = uint32(item.uid)
		}
		if data.Min == 0 {
			data.Min = number
		}
		data.Max = number
		data.Count++
	}
	data.All = seqs
	if kind == imapserver.NumKindUID {
		data.All = found
	}
	if options.ReturnSave {
		s.view.saved = found
	}
	return &data, nil
}

// Expunge removes what is marked \Deleted. The client is told by the poll that follows every command. CLOSE comes here as
// well; on a mailbox opened with EXAMINE it must remove nothing.
func (s *imapSession) Expunge(_ *imapserver.ExpungeWriter, only *imap.UIDSet) error {
	if s.view.readOnly {
		return nil
	}
	in := func(mailItem) bool { return true }
	if only != nil {
		chosen := uids(s.view.pick(*only))
		in = func(item mailItem) bool { return chosen[item.uid] }
	}
	s.view.box.take(func(item mailItem) bool { return item.flags.bits&bitDeleted != 0 && in(item) })
	return nil
}

// destination finds the mailbox that messages are copied or moved to.
func (s *imapSession) destination(name string) (*mailbox, error) {
	box, err := s.into(name)
	if err != nil {
		return nil, err
	}
	if box == s.view.box {
		return nil, imapNo(imap.ResponseCodeCannot, "source and destination are the same mailbox")
	}
	return box, nil
}

// put adds messages to another mailbox and tells under which UIDs.
func put(dest *mailbox, items []mailItem) *imap.CopyData {
	data := &imap.CopyData{UIDValidity: dest.validity}
	for _, item := range items {
		data.SourceUIDs.AddNum(item.uid)
		data.DestUIDs.AddNum(dest.add(item))
	}
	return data
}

func (s *imapSession) Copy(set imap.NumSet, name string) (*imap.CopyData, error) {
	dest, err := s.destination(name)
	if err != nil {
		return nil, err
	}
	var items []mailItem
	for _, item := range s.view.pick(set) {
		items = append(items, item.mailItem)
	}
	if len(items) == 0 {
		return nil, nil // no COPYUID for nothing
	}
	return put(dest, items), nil
}

func (s *imapSession) Move(w *imapserver.MoveWriter, set imap.NumSet, name string) error {
	if err := s.needWrite(); err != nil {
		return err
	}
	if err := s.visit("imap.store"); err != nil {
		return err
	}
	dest, err := s.destination(name)
	if err != nil {
		return err
	}
	// Taken first, then added: of two sessions that move the same message only one has it.
	chosen := uids(s.view.pick(set))
	items := s.view.box.take(func(item mailItem) bool { return chosen[item.uid] })
	if len(items) == 0 {
		return nil
	}
	return w.WriteCopyData(put(dest, items))
}
