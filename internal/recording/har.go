package recording

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"
)

// HAR is what was read of a HAR file (version 1.2, http://www.softwareishard.com/blog/har-12-spec/): its exchanges in the order
// of their beginnings.
type HAR struct {
	Name    string
	Creator string // the program that wrote it
	Entries []HAREntry
	Notes   []string // what was cut or left out
}

// HAREntry is one exchange and the page that it belongs to, "" where the file does not say.
type HAREntry struct {
	Exchange *Exchange
	Page     string
}

// ErrHAR is the cause of a failure that lies in the HAR file.
var ErrHAR = errors.New("no usable HAR file")

// ReadHAR reads a HAR file as Chromium, Firefox and Safari write them, without ever having more of it in memory than is kept:
// at most MostBody bytes of each body, MostBodies of all, and MostExchanges entries.
func ReadHAR(r io.Reader, name string) (*HAR, error) {
	h := &harReader{scanner: newScanner(r), har: &HAR{Name: name}}
	err := h.file()
	switch {
	case errors.Is(err, errTruncated) && h.at == 0:
		return nil, fmt.Errorf("%w: %s is empty", ErrHAR, name)
	case errors.Is(err, errTruncated) && h.inEntries:
		return nil, fmt.Errorf("%w: %s is truncated: it ends after %d bytes, in entry %d", ErrHAR, name, h.at, h.seen)
	case errors.Is(err, errTruncated):
		return nil, fmt.Errorf("%w: %s is truncated: it ends after %d bytes", ErrHAR, name, h.at)
	case err != nil:
		return nil, fmt.Errorf("%w: %s: %w", ErrHAR, name, err)
	}
	return h.har, h.check()
}

type harReader struct {
	*scanner
	har       *HAR
	hasLog    bool
	inEntries bool
	seen      int // entries so far, the present one included
	kept      int // bytes of bodies
	cut, more int // bodies cut, entries beyond the bounds
	odd       int // entries without a request
	noText    int // answers whose text the file leaves out
	noTime    int // number of the first entry whose beginning cannot be read; 0: none
}

func (h *harReader) file() error {
	c, err := h.peek()
	if err != nil {
		return err
	}
	if c == 0xEF { // a byte order mark
		for range 3 {
			if _, err := h.next(); err != nil {
				return err
			}
		}
		if c, err = h.peek(); err != nil {
			return err
		}
	}
	if c != '{' {
		return fmt.Errorf("byte %d is %q: this is no JSON object", h.at, c)
	}
	return h.object(func(key string) error {
		if key != "log" {
			return h.skip()
		}
		h.hasLog = true
		return h.object(func(key string) error {
			switch key {
			case "creator", "browser":
				return h.object(func(key string) error {
					text, _, err := h.text(100)
					if key == "name" && text != "" {
						h.har.Creator = text
					}
					return err
				})
			case "entries":
				h.inEntries = true
				err := h.list(h.entry)
				if err == nil {
					h.inEntries = false
				}
				return err
			}
			return h.skip()
		})
	})
}

func (h *harReader) check() error {
	if !h.hasLog {
		return fmt.Errorf("%w: %s is JSON, but has no log: export it from the network panel as HAR", ErrHAR, h.har.Name)
	}
	if len(h.har.Entries) == 0 {
		return fmt.Errorf("%w: %s has no entries", ErrHAR, h.har.Name)
	}
	if h.noText == len(h.har.Entries) {
		return fmt.Errorf("%w: %s has no answer's text, without which nothing can be found in it: export it with content", ErrHAR, h.har.Name)
	}
	if h.noTime > 0 {
		return fmt.Errorf("%w: %s: entry %d has no startedDateTime that can be read, so that nothing says to which action it belongs", ErrHAR, h.har.Name, h.noTime)
	}
	for _, n := range []struct {
		count int
		text  string
	}{
		{h.cut, fmt.Sprintf("%%d bodies were cut: of each %d MiB are kept, of all %d MiB", MostBody>>20, MostBodies>>20)},
		{h.more, fmt.Sprintf("%%d entries beyond the first %d were left out", MostExchanges)},
		{h.odd, "%d entries without a request that could be repeated were left out"},
	} {
		if n.count > 0 {
			h.har.Notes = append(h.har.Notes, fmt.Sprintf(h.har.Name+": "+n.text, n.count))
		}
	}
	slices.SortStableFunc(h.har.Entries, func(a, b HAREntry) int { return a.Exchange.Began.Compare(b.Exchange.Began) })
	return nil
}

func (h *harReader) entry() error {
	h.seen++
	if len(h.har.Entries) >= MostExchanges {
		h.more++
		return h.skip()
	}
	x, e, took, address := new(Exchange), HAREntry{}, 0.0, ""
	hadText := false
	err := h.object(func(key string) (err error) {
		switch key {
		case "pageref":
			e.Page, _, err = h.text(200)
		case "startedDateTime":
			var text string
			if text, _, err = h.text(64); err == nil {
				x.Began = moment(text)
			}
		case "time":
			took, err = h.number()
		case "_resourceType":
			x.Kind, _, err = h.text(32)
			x.Kind = strings.ToLower(x.Kind)
		case "request":
			address, err = h.request(x)
		case "response":
			hadText, err = h.response(x)
		default:
			err = h.skip()
		}
		return err
	})
	if err != nil {
		return err
	}
	if x.URL, err = url.Parse(address); err != nil || x.Method == "" || x.URL.Host == "" || x.URL.Scheme != "http" && x.URL.Scheme != "https" || x.Status < 100 {
		h.odd++ // data:, blob:, websockets, and what was blocked
		return nil
	}
	x.Ended = x.Began.Add(time.Duration(min(max(took, 0), 3.6e6) * float64(time.Millisecond)))
	if !hadText {
		h.noText++
	}
	if x.Began.IsZero() && h.noTime == 0 {
		h.noTime = h.seen
	}
	e.Exchange = x
	h.har.Entries = append(h.har.Entries, e)
	return nil
}

func (h *harReader) request(x *Exchange) (address string, err error) {
	err = h.object(func(key string) (err error) {
		switch key {
		case "method":
			x.Method, _, err = h.text(16)
		case "url":
			var cut bool
			if address, cut, err = h.text(mostHeader); cut {
				address = ""
			}
		case "headers":
			x.Header, err = h.fields()
		case "postData":
			var text string
			err = h.object(func(key string) (err error) {
				switch key {
				case "mimeType":
					x.Type, _, err = h.text(256)
				case "text":
					text, err = h.body(x)
				case "params":
					x.Parts, err = h.fields()
				default:
					err = h.skip()
				}
				return err
			})
			x.Body = []byte(text)
		default:
			err = h.skip()
		}
		return err
	})
	return address, err
}

func (h *harReader) response(x *Exchange) (hadText bool, err error) {
	text, encoding := "", ""
	err = h.object(func(key string) (err error) {
		switch key {
		case "status":
			var status float64
			status, err = h.number()
			if status >= 100 && status <= 599 {
				x.Status = int(status)
			}
		case "headers":
			x.Answer, err = h.fields()
		case "redirectURL":
			var to string
			if to, _, err = h.text(mostHeader); to != "" && x.Got("Location") == "" {
				x.Answer = append(x.Answer, Field{"Location", to})
			}
		case "content":
			err = h.object(func(key string) (err error) {
				switch key {
				case "mimeType":
					x.AnswerType, _, err = h.text(256)
				case "encoding":
					encoding, _, err = h.text(32)
				case "text":
					text, err = h.body(x)
					hadText = text != ""
				default:
					err = h.skip()
				}
				return err
			})
		default:
			err = h.skip()
		}
		return err
	})
	x.Text = []byte(text)
	if encoding == "base64" {
		if x.Cut {
			x.Text = x.Text[:len(x.Text)/4*4]
		}
		decoded := make([]byte, base64.StdEncoding.DecodedLen(len(x.Text)))
		n, wrong := base64.StdEncoding.Decode(decoded, x.Text)
		x.Text = decoded[:n]
		x.Cut = x.Cut || wrong != nil
	}
	return hadText, err
}

// body reads the text of a body within the bounds.
func (h *harReader) body(x *Exchange) (string, error) {
	text, cut, err := h.text(min(MostBody, MostBodies-h.kept))
	h.kept += len(text)
	if cut {
		x.Cut = true
		h.cut++
	}
	return text, err
}

// fields reads a list of names with values.
func (h *harReader) fields() (list []Field, err error) {
	err = h.list(func() error {
		var f Field
		file := false
		err := h.object(func(key string) (err error) {
			switch key {
			case "name":
				f.Name, _, err = h.text(256)
			case "value":
				f.Value, _, err = h.text(mostHeader)
			case "fileName":
				file = true
				err = h.skip()
			default:
				err = h.skip()
			}
			return err
		})
		if err == nil && f.Name != "" && !strings.HasPrefix(f.Name, ":") && !file && len(list) < mostFields {
			for line := range strings.SplitSeq(f.Value, "\n") { // Chromium joins several of a name
				list = append(list, Field{f.Name, line})
			}
		}
		return err
	})
	return list, err
}

// moment reads a time as browsers write it, with or without a colon in the zone; zero where it cannot be read.
func moment(text string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}
