package eas

import (
	"net/http"
	"slices"
	"strings"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// versions are those of the protocol that pegel speaks, the best first.
var versions = []string{"14.1", "14.0"}

// options asks what the server speaks, as a phone does that is set up (MS-ASHTTP, section 2.2.3). No login is needed for it by the
// specification, but most servers want one.
func options(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *Session) error {
		const doing = "OPTIONS"
		response, err := s.client.Do(t, httpconn.Request{Method: http.MethodOptions, URL: s.address(t, ""), KeepMethod: true})
		if err != nil {
			return err
		}
		if err := response.Check(doing); err != nil {
			return err
		}
		offered := strings.FieldsFunc(response.Header.Get("MS-ASProtocolVersions"), func(r rune) bool { return r == ',' || r == ' ' })
		if len(offered) == 0 {
			return probe.Failf(probe.BadProtocol, doing, "the answer has no MS-ASProtocolVersions: this is no ActiveSync")
		}
		for _, v := range versions {
			if slices.Contains(offered, v) {
				s.device.mu.Lock()
				s.device.version = v
				s.device.mu.Unlock()
				return nil
			}
		}
		return probe.Failf(probe.Content, doing, "the server speaks %s, and none of %s", clip(strings.Join(offered, ",")), strings.Join(versions, ", "))
	}), nil
}
