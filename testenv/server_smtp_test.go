package testenv

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

func dialSMTP(t *testing.T, p *Platform) *smtp.Client {
	t.Helper()
	c, err := smtp.Dial(host(p.URLs.SMTP))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sendMail sends one mail; with a user the client logs in first.
func sendMail(p *Platform, user, to, subject string) error {
	c, err := smtp.Dial(host(p.URLs.SMTP))
	if err != nil {
		return err
	}
	defer c.Close()
	if user != "" {
		if err := c.Auth(sasl.NewPlainClient("", user, p.Password())); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("From: Outside <someone@elsewhere.test>\r\nTo: %s\r\nSubject: %s\r\n\r\nText of %s\r\n", to, subject, subject)
	return c.SendMail("someone@elsewhere.test", []string{to}, strings.NewReader(text))
}

func smtpCode(err error) string {
	var answer *smtp.SMTPError
	if !errors.As(err, &answer) {
		return fmt.Sprintf("no answer: %v", err)
	}
	return fmt.Sprintf("%d %d.%d.%d", answer.Code, answer.EnhancedCode[0], answer.EnhancedCode[1], answer.EnhancedCode[2])
}

func TestSMTPDeliversToIMAPAndPage(t *testing.T) {
	p := start(t, Options{})
	if err := sendMail(p, p.Login(3), p.Login(5), "Hello there"); err != nil {
		t.Fatal(err)
	}
	c := selected(t, p, 5)
	found, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "Hello there"}}}, nil).Wait()
	if err != nil || len(found.AllUIDs()) != 1 {
		t.Fatalf("IMAP finds %v (%v)", found, err)
	}

	w := newWebClient(t, p)
	w.login(5)
	list := w.list()
	if list.Total != 21 || list.Messages[0].Subject != "Hello there" || list.Messages[0].From != "Outside <someone@elsewhere.test>" || list.Messages[0].Seen {
		t.Errorf("the page shows %d messages, the newest %+v", list.Total, list.Messages[0])
	}
	if got := w.read(list.Messages[0].ID); got.Body != "Text of Hello there\n" {
		t.Errorf("text %q", got.Body)
	}
	if got := charged(p)["smtp.send"]; got != 1 {
		t.Errorf("charged %d", got)
	}
}

func TestSMTPRefusesStrangers(t *testing.T) {
	p := start(t, Options{})
	if got := smtpCode(sendMail(p, "", "u99999@example.test", "x")); got != "550 5.1.1" {
		t.Errorf("unknown user answers %s", got)
	}
	if got := smtpCode(sendMail(p, "", "a@elsewhere.test", "x")); got != "550 5.7.1" {
		t.Errorf("relaying answers %s", got)
	}
	if err := sendMail(p, p.Login(1), "a@elsewhere.test", "x"); err != nil {
		t.Errorf("mail to the outside: %v", err)
	}
	c := dialSMTP(t, p)
	defer c.Close()
	if got := smtpCode(c.Auth(sasl.NewPlainClient("", p.Login(1), "wrong"))); got != "535 5.7.8" {
		t.Errorf("wrong password answers %s", got)
	}
}

func TestSMTPRefusal(t *testing.T) {
	p := refusing(t, "smtp.send")
	if got := smtpCode(sendMail(p, "", p.Login(1), "x")); got != "451 4.3.2" {
		t.Errorf("refused mail answers %s", got)
	}
}

func TestSMTPStartTLS(t *testing.T) {
	p := start(t, Options{TLS: true, CADir: t.TempDir()})
	c, err := smtp.DialStartTLS(host(p.URLs.SMTP), clientTLS(t, p))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Auth(sasl.NewPlainClient("", "u00002", p.Password())); err != nil {
		t.Error(err)
	}
	if err := c.SendMail(p.Login(2), []string{p.Login(1), p.Login(3)}, strings.NewReader("Subject: x\r\n\r\nx\r\n")); err != nil {
		t.Error(err)
	}
	if got := charged(p)["smtp.send"]; got != 1 {
		t.Errorf("one mail to two recipients is charged %d times", got)
	}
}
