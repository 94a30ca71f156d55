package imap

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"pegel/probes/probe"
)

// transcript keeps the last lines of a connection. Texts of messages never come here: they are literals, and an observer is
// told lines only.
type transcript struct{ bytes []byte }

const (
	mostTranscript = 2 << 10 // bytes of one connection
	mostOfLine     = 160     // bytes of one line
)

// cutMark ends a line that was longer.
const cutMark = "…"

// add appends a line with its time since the connection began, in seconds.
func (r *transcript) add(at time.Duration, who string, line []byte) {
	if r.bytes == nil {
		r.bytes = make([]byte, 0, mostTranscript)
	}
	kept, mark := line, ""
	if len(kept) > mostOfLine {
		kept, mark = kept[:mostOfLine], cutMark
	}
	if need := len(kept) + len(who) + 32; len(r.bytes)+need > mostTranscript {
		// The older half goes, in whole lines.
		from := max(len(r.bytes)/2, len(r.bytes)+need-mostTranscript)
		if i := bytes.IndexByte(r.bytes[from:], '\n'); i >= 0 {
			from += i + 1
		} else {
			from = len(r.bytes)
		}
		r.bytes = r.bytes[:copy(r.bytes, r.bytes[from:])]
	}
	b := strconv.AppendFloat(r.bytes, at.Seconds(), 'f', 3, 64)
	b = append(b, ' ')
	b = append(b, who...)
	from := len(b)
	b = append(b, kept...)
	for i := from; i < len(b); i++ {
		if b[i] < ' ' && b[i] != '\t' || b[i] == 0x7f { // a server's own line breaks would forge lines of the transcript
			b[i] = '.'
		}
	}
	b = append(b, mark...)
	r.bytes = append(b, '\n')
}

// text is the transcript without the account's secrets.
func (r *transcript) text(account probe.Account) string {
	var out strings.Builder
	forms := secretForms(account)
	for line := range strings.Lines(strings.ToValidUTF8(string(r.bytes), "?")) {
		line = account.Redact(strings.TrimSuffix(line, "\n"))
		for _, form := range forms {
			line = strings.ReplaceAll(line, form, string(secretLine))
		}
		if text, cut := strings.CutSuffix(line, cutMark); cut {
			line = withoutBegun(strings.TrimSuffix(text, "?"), forms) + cutMark // the cut may have gone through a letter
		}
		out.WriteString(line)
		out.WriteByte('\n')
	}
	return out.String()
}

// secretForms are the ways in which a secret may stand in a line.
func secretForms(account probe.Account) (forms []string) {
	for _, secret := range []string{account.Password, account.AppPassword, account.Token} {
		if secret == "" {
			continue
		}
		quoted := strings.ReplaceAll(strings.ReplaceAll(secret, `\`, `\\`), `"`, `\"`)
		forms = append(forms, secret, quoted)
		for _, plain := range []string{
			"\x00" + account.Login + "\x00" + secret, account.Login + "\x00" + account.Login + "\x00" + secret, account.Login + ":" + secret, secret,
			"user=" + account.Login + "\x01auth=Bearer " + secret + "\x01\x01",
		} {
			forms = append(forms, strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(plain)), "="))
		}
	}
	// What is long goes first: a short one may be within it.
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) })
	return slices.Compact(forms)
}

// withoutBegun cuts a secret off the end of a text, of which only the beginning is there because the line was cut.
func withoutBegun(text string, forms []string) string {
	for n := min(len(text), mostOfLine); n > 2; n-- {
		end := text[len(text)-n:]
		if slices.ContainsFunc(forms, func(form string) bool { return len(form) > n && strings.HasPrefix(form, end) }) {
			return text[:len(text)-n] + string(secretLine)
		}
	}
	return text
}
