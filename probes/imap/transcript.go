package imap

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"pegel/probes/probe"
)

// transcript keeps the last lines of a connection. Texts of messages never come here: they are literals, and an observer is
// told lines only. Lines lie one after the other, each with a head, in two halves of which the older is overwritten; they are
// made readable when somebody wants to read them, which is seldom.
type transcript struct{ older, newer []byte }

const (
	mostTranscript = 2 << 10 // bytes of one connection
	mostOfLine     = 160     // bytes of one line

	// A head has the time in milliseconds in four bytes, who spoke, whether the line was cut, and its length.
	headWho, headCut, headLength, headSize = 4, 5, 6, 7
)

// cutMark ends a line that was longer.
const cutMark = "…"

// add appends a line with its time since the connection began. who is C or S.
func (r *transcript) add(at time.Duration, who byte, line []byte) {
	cut := byte(0)
	if len(line) > mostOfLine {
		line, cut = line[:mostOfLine], 1
	}
	if r.newer == nil {
		both := make([]byte, mostTranscript)
		r.older, r.newer = both[:0:mostTranscript/2], both[mostTranscript/2:mostTranscript/2:mostTranscript]
	}
	if len(r.newer)+headSize+len(line) > cap(r.newer) {
		r.older, r.newer = r.newer, r.older[:0]
	}
	r.newer = binary.LittleEndian.AppendUint32(r.newer, uint32(at.Milliseconds()))
	r.newer = append(r.newer, who, cut, byte(len(line)))
	r.newer = append(r.newer, line...)
}

// text is the transcript without the account's secrets.
func (r *transcript) text(account probe.Account) string {
	var out strings.Builder
	forms := secretForms(account)
	for _, rest := range [...][]byte{r.older, r.newer} {
		for len(rest) > 0 {
			head, raw := rest[:headSize], rest[headSize:headSize+int(rest[headLength])]
			rest = rest[headSize+len(raw):]
			line := strings.Map(func(c rune) rune {
				if c < ' ' && c != '\t' || c == 0x7f { // a server's own line breaks would forge lines of the transcript
					return '.'
				}
				return c
			}, strings.ToValidUTF8(string(raw), "?"))
			line = account.Redact(line)
			for _, form := range forms {
				line = strings.ReplaceAll(line, form, string(secretLine))
			}
			if head[headCut] == 1 {
				line = withoutBegun(strings.TrimSuffix(line, "?"), forms) + cutMark // the cut may have gone through a letter
			}
			fmt.Fprintf(&out, "%.3f %c: %s\n", float64(binary.LittleEndian.Uint32(head))/1e3, head[headWho], line)
		}
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
