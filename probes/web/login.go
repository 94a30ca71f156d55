package web

import (
	"net/http"

	"pegel/probes/probe"
)

// login signs the user in, also where the session is signed in already.
func login(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*Session](t)
		if err != nil {
			return err
		}
		return s.login(t, false)
	}, nil
}

// session is the user's session, signed in.
func session(t *probe.Turn) (*Session, error) {
	s, err := probe.SessionAs[*Session](t)
	if err != nil {
		return nil, err
	}
	if !s.loggedIn {
		if err := s.login(t, true); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Session) login(t *probe.Turn, auth bool) error {
	account := t.Account()
	in := struct {
		User     string `json:"user"`
		Password string `json:"password,omitempty"` // none with a token
	}{account.Login, account.Password}
	var out struct {
		User string `json:"user"`
		XSRF string `json:"xsrf"`
	}
	s.loggedIn, s.xsrf, s.listed = false, "", nil
	if err := s.call(t, "log in", http.MethodPost, "/api/login", in, &out, auth, http.StatusOK); err != nil {
		return err
	}
	if out.User == "" || out.XSRF == "" {
		return probe.Failf(probe.Content, "log in", "the answer lacks user or xsrf")
	}
	s.loggedIn, s.xsrf = true, out.XSRF
	return nil
}

// logout signs the user out; the session's connections stay.
func logout(decode func(any) error) (probe.Step, error) {
	if err := probe.NoParams(decode); err != nil {
		return nil, err
	}
	return func(t *probe.Turn) error {
		s, err := probe.SessionAs[*Session](t)
		if err != nil {
			return err
		}
		err = s.call(t, "log out", http.MethodPost, "/api/logout", nil, nil, false, http.StatusNoContent)
		if err == nil {
			s.loggedIn, s.xsrf, s.listed = false, "", nil
		}
		return err
	}, nil
}
