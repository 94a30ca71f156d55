package browser

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"pegel/internal/corpus"
	"pegel/internal/site"
)

// Value implements site.Values.
func (w *walk) Value(number int) string {
	if value, ok := w.guided(number); ok {
		return value
	}
	kind, variable := w.s.site.Kind(number)
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
		return w.t.Account().Password
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
		return "50"
	case site.Search:
		return w.asked.text.In(w.t)
	case site.Random:
		w.randoms++
		return fmt.Sprintf("%08x", uint32(w.t.Draw(drawRandom+w.randoms)))
	}
	return ""
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

func (s *tab) value(variable int) string {
	if variable < 0 || variable >= len(s.values) {
		return ""
	}
	return s.values[variable]
}

func (s *tab) save(variable int, value string) {
	if s.values == nil {
		s.values = make([]string, s.site.Variables())
	}
	s.values[variable] = value
}
