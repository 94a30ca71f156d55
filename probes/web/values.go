package web

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pegel/internal/corpus"
	"pegel/internal/site"
)

// The random numbers of an action that sends.
const (
	drawPeer = iota
	drawSize
	drawText
	drawRandom
)

// Value implements site.Values.
func (w *walk) Value(number int) string {
	kind, variable := w.s.shared.site.Kind(number)
	switch kind {
	case site.Variable:
		return w.s.value(variable)
	case site.AccountLogin:
		return w.t.Account().Login
	case site.AccountLocal:
		local, _, _ := strings.Cut(w.t.Account().Login, "@")
		return local
	case site.AccountAddress:
		return w.t.Account().Address
	case site.AccountPassword:
		return w.t.Account().Password // none with a token
	case site.PeerAddress:
		return w.t.Peer(drawPeer).Address
	case site.MailSubject:
		return w.mail().subject
	case site.MailText:
		return w.mail().body
	case site.MailID:
		return corpus.MessageID(w.t.RunID(), w.t.Draw(drawText))
	case site.Run:
		return w.t.RunID()
	case site.Now:
		return strconv.FormatInt(time.Now().UnixMilli(), 10)
	case site.Day:
		return time.Now().UTC().Format("20060102")
	case site.WeekBegin, site.WeekEnd:
		now := time.Now().UTC()
		monday := now.AddDate(0, 0, -int(now.Weekday()+6)%7)
		if kind == site.WeekEnd {
			monday = monday.AddDate(0, 0, 7)
		}
		return monday.Format("20060102") + "T000000Z"
	case site.Limit:
		return strconv.Itoa(w.limit())
	case site.Search:
		return w.asked.text.In(w.t)
	case site.Random:
		w.randoms++
		return fmt.Sprintf("%08x", uint32(w.t.Draw(drawRandom+w.randoms)))
	}
	return ""
}

func (w *walk) limit() int {
	if w.asked.limit == 0 {
		return 50
	}
	return w.asked.limit
}

// letterText is the mail that is sent, written when it is first needed.
type letterText struct{ subject, body string }

func (w *walk) mail() *letterText {
	if w.letter == nil {
		w.letter = new(letterText)
		size := w.asked.size
		if size == 0 {
			size = 2 << 10
		}
		subject, body, err := corpus.Letter(w.t.RunID(), w.t.Draw(drawText), size)
		if err == nil { // the corpus reads what it wrote
			*w.letter = letterText{subject, body}
		}
	}
	return w.letter
}

func (s *Session) value(variable int) string {
	if variable < 0 || variable >= len(s.values) {
		return ""
	}
	return s.values[variable]
}

func (s *Session) save(variable int, value string) {
	if s.values == nil {
		s.values = make([]string, s.shared.site.Variables())
	}
	s.values[variable] = strings.Clone(value)
	s.set |= 1 << variable
}

// choose takes one of the values that stand in one text.
func choose(joined string, key uint64, first bool) (string, bool) {
	if joined == "" {
		return "", false
	}
	n := strings.Count(joined, apart) + 1
	at := int(key % uint64(n))
	if first {
		at = 0
	}
	for range at {
		_, joined, _ = strings.Cut(joined, apart)
	}
	one, _, _ := strings.Cut(joined, apart)
	return one, true
}

const apart = "\x00"

// Values take different forms where they stand.

func inPath(b []byte, value string) []byte {
	before := string(b)
	switch {
	case before == "":
		return append(b, value...) // a link that was saved
	case strings.Contains(before, "?"):
		return append(b, url.QueryEscape(value)...)
	}
	return append(b, url.PathEscape(value)...)
}

func inJSON(b []byte, value string) []byte {
	const digits = "0123456789abcdef"
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c == '\n':
			b = append(b, '\\', 'n')
		case c == '\r':
			b = append(b, '\\', 'r')
		case c == '\t':
			b = append(b, '\\', 't')
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		default:
			b = append(b, c)
		}
	}
	return b
}
