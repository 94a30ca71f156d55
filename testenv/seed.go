package testenv

import (
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"
)

const (
	seededContents = 96 // different messages on a platform; accounts hold samples of them
	seededEvents   = 24 // different events; an account holds half of them
)

// seedWords is what seeded texts are made of.
const seedWords = "the committee asks for a short report on the state of rooms and keys before Friday please send corrections to " +
	"the office and note that the building stays closed on Monday thank you for the figures we received two offers for new " +
	"shelves and will decide next week Grüße aus dem Büro the attached plan shows who takes which shift during the move"

// seedContents makes the messages that accounts are filled with, oldest first. Sizes are log-normal (median about
// 2.5 kB of text); a quarter has an HTML part as well, one in seven an attachment of 10 to 200 kB.
func seedContents(seed uint64, domain string, now time.Time) []*mailContent {
	rng := rand.New(rand.NewPCG(seed, 0x6d61696c))
	contents := make([]*mailContent, seededContents)
	for k := range contents {
		age := time.Duration(seededContents-k)*3*time.Hour + time.Duration(rng.IntN(3600))*time.Second
		contents[k] = newContent(seedMessage(rng, seed, k, domain, now.Add(-age)))
		contents[k].parse()
	}
	return contents
}

func seedMessage(rng *rand.Rand, seed uint64, k int, domain string, date time.Time) []byte {
	words := strings.Fields(seedWords)
	sender := fmt.Sprintf("%s %s", words[rng.IntN(len(words))], words[rng.IntN(len(words))])
	text := seedText(rng, words, int(2500*math.Exp(rng.NormFloat64()*0.8)))

	var b strings.Builder
	header := func(name, format string, args ...any) { fmt.Fprintf(&b, name+": "+format+"\r\n", args...) }
	header("From", "=?utf-8?b?%s?= <sender%02d@%s>", base64.StdEncoding.EncodeToString([]byte(sender)), k%17, domain)
	header("To", "staff@%s", domain)
	header("Subject", "=?utf-8?b?%s?=", base64.StdEncoding.EncodeToString([]byte("Notice "+fmt.Sprint(k+1)+": "+seedTitle(rng, words))))
	header("Date", "%s", date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	header("Message-ID", "<seeded.%x.%d@%s>", seed, k, domain)
	header("MIME-Version", "1.0")

	html, attachment := rng.IntN(4) == 0, rng.IntN(7) == 0
	if !html && !attachment {
		header("Content-Type", "text/plain; charset=utf-8")
		header("Content-Transfer-Encoding", "8bit")
		b.WriteString("\r\n" + text)
		return []byte(b.String())
	}

	kind := "mixed"
	if html && !attachment {
		kind = "alternative"
	}
	const boundary = "part-of-a-seeded-message"
	part := func(fields, body string) { fmt.Fprintf(&b, "--%s\r\n%s\r\n%s\r\n", boundary, fields, body) }
	header("Content-Type", "multipart/%s; boundary=%q", kind, boundary)
	b.WriteString("\r\n")
	part("Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", text)
	if html {
		body := "<html><body><p>" + strings.ReplaceAll(text, "\r\n\r\n", "</p>\r\n<p>") + "</p></body></html>\r\n"
		part("Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n", body)
	}
	if attachment {
		data := make([]byte, 10_000+rng.IntN(190_000))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		fields := fmt.Sprintf("Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=plan-%d.bin\r\n"+
			"Content-Transfer-Encoding: base64\r\n", k)
		part(fields, foldedBase64(data))
	}
	fmt.Fprintf(&b, "--%s--\r\n", boundary)
	return []byte(b.String())
}

// seedText writes about size bytes in lines and paragraphs.
func seedText(rng *rand.Rand, words []string, size int) string {
	size = min(max(size, 200), 40_000)
	var b strings.Builder
	line := 0
	for b.Len() < size {
		word := words[rng.IntN(len(words))]
		b.WriteString(word)
		line += len(word) + 1
		switch {
		case line < 72:
			b.WriteByte(' ')
		case rng.IntN(6) == 0:
			b.WriteString(".\r\n\r\n")
			line = 0
		default:
			b.WriteString("\r\n")
			line = 0
		}
	}
	b.WriteString("\r\n")
	return b.String()
}

func seedTitle(rng *rand.Rand, words []string) string {
	title := make([]string, 3+rng.IntN(4))
	for i := range title {
		title[i] = words[rng.IntN(len(words))]
	}
	return strings.Join(title, " ")
}

func foldedBase64(data []byte) string {
	text := base64.StdEncoding.EncodeToString(data)
	var b strings.Builder
	for line := range slices.Chunk([]byte(text), 76) {
		b.Write(line)
		b.WriteString("\r\n")
	}
	return b.String()
}

// seedItems samples the INBOX of one account, oldest first; the oldest four fifths are read. With more messages than
// contents, contents repeat.
func seedItems(pool []*mailContent, seed uint64, account, n int) []mailItem {
	rng := rand.New(rand.NewPCG(seed, uint64(account)))
	var chosen []int
	for len(chosen) < n {
		round := rng.Perm(len(pool))
		chosen = append(chosen, round[:min(len(round), n-len(chosen))]...)
	}
	slices.Sort(chosen)
	items := make([]mailItem, n)
	for i, k := range chosen {
		items[i] = mailItem{date: pool[k].envelope.Date, content: pool[k]}
		if i < n*4/5 {
			items[i].flags.bits = bitSeen
		}
	}
	return items
}

// seedCalendar makes the events that calendars are filled with: one on every second day from three weeks ago on.
func seedCalendar(seed uint64, domain string, now time.Time) []*ical.Calendar {
	rng := rand.New(rand.NewPCG(seed, 0x63616c))
	words := strings.Fields(seedWords)
	day := now.UTC().Truncate(24*time.Hour).AddDate(0, 0, -21)
	events := make([]*ical.Calendar, seededEvents)
	for k := range events {
		start := day.AddDate(0, 0, 2*k).Add(time.Duration(8+rng.IntN(9)) * time.Hour)
		event := ical.NewEvent()
		event.Props.SetText(ical.PropUID, fmt.Sprintf("seeded.%x.%d@%s", seed, k, domain))
		event.Props.SetDateTime(ical.PropDateTimeStamp, day)
		event.Props.SetDateTime(ical.PropDateTimeStart, start)
		event.Props.SetDateTime(ical.PropDateTimeEnd, start.Add(time.Hour))
		event.Props.SetText(ical.PropSummary, seedTitle(rng, words))
		events[k] = ical.NewCalendar()
		events[k].Props.SetText(ical.PropVersion, "2.0")
		events[k].Props.SetText(ical.PropProductID, "-//pegel//testenv//EN")
		events[k].Children = append(events[k].Children, event.Component)
	}
	return events
}
