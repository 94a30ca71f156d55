package httpconn

import "pegel/probes/probe"

// offer gives the scenario an answer to save from. That of a login which an action needed first is not the action's.
func (c *Client) offer(t *probe.Turn, r Request, response *Response) {
	if !t.Wants() || r.Auth {
		return
	}
	t.Answer(probe.Answer{Header: response.Header, Body: response.Body, Cookie: func(name string) (string, bool) {
		if c.options.Jar == nil {
			return "", false
		}
		for _, cookie := range c.options.Jar.Cookies(response.URL) {
			if cookie.Name == name {
				return cookie.Value, true
			}
		}
		return "", false
	}})
}
