package eas

import (
	"bytes"

	"pegel/probes/probe"
	"pegel/probes/probe/httpconn"
)

// provisioning gets the policy and acknowledges it, as a phone does that is set up (MS-ASPROV, section 3.1.5). A server that has
// no policies needs none.
func provisioning(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return step(func(t *probe.Turn, s *Session) error { return s.provision(t, false) }), nil
}

// provision does both halves; auth books them as that phase.
func (s *Session) provision(t *probe.Turn, auth bool) error {
	s.device.mu.Lock()
	s.device.policy = ""
	s.device.mu.Unlock()
	ask := newDocument().open(provision)
	ask.open(settingsDeviceInformation).open(settingsSet)
	ask.text(settingsModel, "pegel").text(settingsFriendlyName, "pegel "+s.device.id).text(settingsOS, "pegel")
	ask.end().end()
	ask.open(provisionPolicies).open(provisionPolicy).text(provisionPolicyType, policyTypeWBXML).end().end().end()
	key, err := s.policy(t, ask, auth)
	if err != nil || key == "" {
		return err
	}
	// Nothing of the policy is obeyed: pegel has no screen to lock.
	accept := newDocument().open(provision).open(provisionPolicies).open(provisionPolicy)
	accept.text(provisionPolicyType, policyTypeWBXML).text(provisionPolicyKey, key).text(provisionStatus, "1").end().end().end()
	if key, err = s.policy(t, accept, auth); err != nil {
		return err
	}
	s.device.mu.Lock()
	s.device.policy = key
	s.device.mu.Unlock()
	return nil
}

// policy sends one half and returns the key that comes back; "" where the server has no policy for the account.
func (s *Session) policy(t *probe.Turn, d *document, auth bool) (key string, err error) {
	const name = "Provision"
	response, err := s.post(t, name, d, httpconn.Request{Auth: auth})
	if err != nil {
		return "", err
	}
	status, policy, wiped := 0, 1, false
	err = read(name, response, func(e *element) error {
		switch {
		case e.is(provisionStatus) && len(e.path) == 2:
			status = e.number()
		case e.is(provisionStatus) && e.in(provisionPolicy):
			policy = e.number()
		case e.is(provisionPolicyKey):
			key = string(bytes.TrimSpace(e.text))
		case e.is(provisionRemoteWipe):
			wiped = true
		}
		return nil
	})
	switch {
	case err != nil:
		return "", err
	case wiped:
		return "", probe.Failf(probe.Denied, name, "the server wants the phone to be wiped")
	case status != 1:
		return "", judge(ofProvision, name, status)
	case policy == 2: // no policy for this account
		return "", nil
	case policy != 1:
		return "", refusal(probe.Content, name, policy, "the policy is refused")
	case key == "" || key == "0":
		return "", nil
	}
	return key, nil
}
