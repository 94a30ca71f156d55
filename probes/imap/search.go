package imap

import (
	"fmt"

	"pegel/internal/corpus"
	"pegel/probes/imap/client"
	"pegel/probes/probe"
)

// search is the action SEARCH: in a header field, or in the whole text of all messages, which is the dear one. Without
// parameters it looks for a word that occurs in pegel's own messages.
func search(decode func(any) error) (probe.Step, error) {
	params := struct {
		Mailbox probe.Text `yaml:"mailbox"`
		Text    probe.Text `yaml:"text"`
		Header  string     `yaml:"header"` // name of the field
		Value   probe.Text `yaml:"value"`  // part of its content; any content if empty
	}{}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Header != "" && params.Text.String() != "" {
		return nil, fmt.Errorf("search takes text or header, not both")
	}
	if params.Value.String() != "" && params.Header == "" {
		return nil, fmt.Errorf("value needs a header to look in")
	}
	return step(func(t *probe.Turn, s *session) error {
		if err := s.use(t, params.Mailbox.In(t), false); err != nil {
			return err
		}
		var what client.Criteria
		switch {
		case params.Header != "":
			what.Header = [][2]string{{params.Header, params.Value.In(t)}}
		case params.Text.String() != "":
			what.Text = params.Text.In(t)
		default:
			what.Text = corpus.Word(t.Draw(0))
		}
		s.first()
		if _, err := s.conn.Search(what); err != nil {
			return s.fail("search "+s.mailbox, err)
		}
		t.Mark(probe.PhaseComplete)
		return nil
	}), nil
}
