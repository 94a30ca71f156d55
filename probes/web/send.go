package web

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"time"

	"pegel/internal/corpus"
	"pegel/probes/probe"
)

// sendParams are the parameters of send.
type sendParams struct {
	Size probe.Text `yaml:"size"` // of the text: "mix" (default) or a size such as 4KiB
}

// send writes one mail to another account of the scenario. It is not repeated when the answer stays out: the mail may
// have been sent.
func send(decode func(any) error) (probe.Step, error) {
	var params sendParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	sizes, err := probe.Parsed(params.Size, corpus.ParseSizes)
	if err != nil {
		return nil, err
	}
	return func(t *probe.Turn) error {
		size, err := sizes(t)
		if err != nil {
			return err
		}
		return perform(t, "send", asked{size: size.Draw(t.Draw(drawSize))})
	}, nil
}

// letter is a subject and a plain text of about size bytes for a form that takes text only. Where one message of the
// corpus would carry an attachment, the texts of several are joined. Its first lines say whose it is.
func letter(run string, key uint64, size int) (subject, body string, err error) {
	const most = 16 << 10 // of one message: small enough to be text only
	text := new(bytes.Buffer)
	fmt.Fprintf(text, "%s: %s\nMessage: %s\n\n", corpus.RunField, run, corpus.MessageID(run, key))
	for part := uint64(0); part == 0 || text.Len() < size; part++ {
		raw := corpus.Message(corpus.MessageSpec{
			Run: run, Key: key + part, Date: time.Unix(0, 0).UTC(), Size: min(size-text.Len(), most),
		})
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
