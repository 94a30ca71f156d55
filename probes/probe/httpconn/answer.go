package httpconn

import (
	"time"

	"pegel/probes/probe"
)

// offer gives the scenario an answer to save from. That of a login which an action needed first is not the action's.
func (c *Client) offer(t *probe.Turn, response *Response) {
	if !t.Wants() {
		return
	}
	url := response.URL
	t.Answer(probe.Answer{Header: response.Header.Map(), Body: response.Body, Cookie: func(name string) (string, bool) {
		if c.jar == nil {
			return "", false
		}
		return c.jar.value(url, name, time.Now())
	}})
}
