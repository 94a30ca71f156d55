package web

import (
	"fmt"
	"net/http"
	"net/url"

	"pegel/probes/probe"
)

// listParams are the parameters of list.
type listParams struct {
	Limit int `yaml:"limit"` // messages asked for, 1 to 500; default 50
}

// list shows the inbox: the newest messages.
func list(decode func(any) error) (probe.Step, error) {
	params := listParams{Limit: 50}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Limit < 1 || params.Limit > 500 {
		return nil, fmt.Errorf("limit %d: must lie between 1 and 500", params.Limit)
	}
	return func(t *probe.Turn) error {
		s, err := session(t)
		if err != nil {
			return err
		}
		return s.list(t, params.Limit)
	}, nil
}

func (s *Session) list(t *probe.Turn, limit int) error {
	// Pointers tell a missing field from a zero.
	var out struct {
		Total    *int `json:"total"`
		Unread   *int `json:"unread"`
		Messages *[]struct {
			ID      string `json:"id"`
			Subject string `json:"subject"`
		} `json:"messages"`
	}
	const doing = "list messages"
	if err := s.call(t, doing, http.MethodGet, fmt.Sprintf("/api/messages?limit=%d", limit), nil, &out, false, http.StatusOK); err != nil {
		return err
	}
	switch {
	case out.Total == nil || out.Unread == nil || out.Messages == nil:
		return probe.Failf(probe.Content, doing, "the answer lacks total, unread or messages")
	case len(*out.Messages) > limit:
		return probe.Failf(probe.Content, doing, "%d messages, although at most %d were asked for", len(*out.Messages), limit)
	case len(*out.Messages) == 0 && *out.Total > 0:
		return probe.Failf(probe.Content, doing, "no messages, although there are %d", *out.Total)
	}
	s.listed = s.listed[:0]
	for _, m := range *out.Messages {
		if m.ID == "" {
			return probe.Failf(probe.Content, doing, "a message without id")
		}
		s.listed = append(s.listed, m.ID)
	}
	return nil
}

// readParams are the parameters of read.
type readParams struct {
	Newest bool `yaml:"newest"` // the newest message instead of one drawn from the last list
}

// read opens one message of the last list, which it asks for where there is none.
func read(decode func(any) error) (probe.Step, error) {
	var params readParams
	if err := decode(&params); err != nil {
		return nil, err
	}
	return func(t *probe.Turn) error {
		s, err := session(t)
		if err != nil {
			return err
		}
		if len(s.listed) == 0 {
			if err := s.list(t, 50); err != nil {
				return err
			}
		}
		const doing = "read a message"
		if len(s.listed) == 0 {
			return probe.Failf(probe.Content, doing, "the inbox is empty")
		}
		id := s.listed[0]
		if !params.Newest {
			id = s.listed[t.Draw(0)%uint64(len(s.listed))]
		}
		var out struct {
			ID   string  `json:"id"`
			From string  `json:"from"`
			Body *string `json:"body"`
		}
		if err := s.call(t, doing, http.MethodGet, "/api/messages/"+url.PathEscape(id), nil, &out, false, http.StatusOK); err != nil {
			return err
		}
		if out.ID != id {
			return probe.Failf(probe.Content, doing, "asked for %q, got %q", clip(id), clip(out.ID))
		}
		if out.Body == nil || out.From == "" {
			return probe.Failf(probe.Content, doing, "the answer lacks from or body")
		}
		return nil
	}, nil
}
