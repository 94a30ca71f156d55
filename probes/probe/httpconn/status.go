package httpconn

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"pegel/probes/probe"
)

// ClassOfStatus is the class of an answer by its status alone; 1xx, 2xx and 3xx are OK. What the server understood and
// answered wrongly is content; a status that says that the two sides do not speak the same protocol is protocol.
func ClassOfStatus(status int) probe.Class {
	switch status {
	case http.StatusUnauthorized:
		return probe.Auth
	case http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusUnavailableForLegalReasons:
		return probe.Denied
	case http.StatusTooManyRequests, http.StatusInsufficientStorage:
		return probe.Limited
	case http.StatusRequestTimeout, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return probe.Overload
	case http.StatusNotFound, http.StatusConflict, http.StatusGone, http.StatusPreconditionFailed,
		http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusLocked, http.StatusInternalServerError:
		return probe.Content
	}
	if status < 400 {
		return probe.OK
	}
	return probe.BadProtocol
}

// Check is nil for the wanted statuses, else the classified failure. Without any wanted status every 2xx will do. An
// answer below 400 that was not wanted is content.
func (r *Response) Check(doing string, wanted ...int) error {
	for _, w := range wanted {
		if r.Status == w {
			return nil
		}
	}
	if len(wanted) == 0 && r.Status >= 200 && r.Status < 300 {
		return nil
	}
	class := ClassOfStatus(r.Status)
	if class == probe.OK {
		class = probe.Content
	}
	return probe.Failf(class, doing, "status %d %s%s", r.Status, http.StatusText(r.Status), excerpt(r))
}

// excerpt is the beginning of a short textual answer, for the error text.
func excerpt(r *Response) string {
	const most = 120
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/plain") {
		return ""
	}
	text := strings.Join(strings.Fields(string(r.Body[:min(len(r.Body), 4*most)])), " ")
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	if text == "" {
		return ""
	}
	return ": " + text
}

// Classify gives an error its class: the one it has, else that of the action's own end (the transport hides it behind
// errors of its own), else what the error of the network or of TLS says.
func Classify(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	var own *probe.Error
	if !errors.As(err, &own) && ctx.Err() != nil {
		return probe.Fail(probe.ClassOf(ctx.Err()), doing, err)
	}
	return probe.Fail(probe.ClassOf(err), doing, err)
}
