package corpus

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"time"
)

// Letter is a subject and a plain text of about size bytes for a form that takes text only. Where one message of the corpus
// would carry an attachment, the texts of several are joined. Its first lines say whose it is.
func Letter(run string, key uint64, size int) (subject, body string, err error) {
	const most = 16 << 10 // of one message: small enough to be text only
	text := new(bytes.Buffer)
	fmt.Fprintf(text, "%s: %s\nMessage: %s\n\n", RunField, run, MessageID(run, key))
	for part := uint64(0); part == 0 || text.Len() < size; part++ {
		raw := Message(MessageSpec{Run: run, Key: key + part, Date: time.Unix(0, 0).UTC(), Size: min(size-text.Len(), most)})
		message, err := mail.ReadMessage(bytes.NewReader(raw))
		if err != nil {
			return "", "", err
		}
		if part == 0 {
			if subject, err = new(mime.WordDecoder).DecodeHeader(message.Header.Get("Subject")); err != nil {
				return "", "", err
			}
		}
		before := text.Len()
		if _, err := io.Copy(text, quotedprintable.NewReader(message.Body)); err != nil {
			return "", "", err
		}
		if text.Len() == before {
			break // what is missing is less than the smallest text
		}
	}
	return subject, text.String(), nil
}
