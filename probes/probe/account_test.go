package probe

import (
	"encoding/base64"
	"strings"
	"testing"
)

func TestRedactTakesSecretsOut(t *testing.T) {
	a := Account{Login: "ann@example.test", Password: "pass word==", AppPassword: "app-7", Token: "ya29.token"}
	var said []string
	for _, s := range []string{a.Password, a.AppPassword, a.Token} {
		said = append(said, s)
		for _, wire := range []string{s, "\x00" + a.Login + "\x00" + s, a.Login + ":" + s, "user=" + a.Login + "\x01auth=Bearer " + s + "\x01\x01"} {
			said = append(said, base64.StdEncoding.EncodeToString([]byte(wire)), base64.RawStdEncoding.EncodeToString([]byte(wire)))
		}
	}
	got := a.Redact("refused: " + strings.Join(said, ", ") + " for ann@example.test")
	for _, s := range said {
		if strings.Contains(got, s) {
			t.Errorf("%q is still in %q", s, got)
		}
	}
	if !strings.HasPrefix(got, "refused: (secret), ") || !strings.HasSuffix(got, " for ann@example.test") {
		t.Errorf("got %q", got)
	}
	if text := "nothing to hide"; (Account{Login: "x"}).Redact(text) != text {
		t.Error("an account without secrets changes a text")
	}
}

func TestXOAuth2(t *testing.T) {
	mechanism, first, err := XOAuth2{Login: "ann@example.test", Token: "ya29"}.Start()
	if mechanism != "XOAUTH2" || string(first) != "user=ann@example.test\x01auth=Bearer ya29\x01\x01" || err != nil {
		t.Errorf("%s %q %v", mechanism, first, err)
	}
	if answer, err := (XOAuth2{}).Next([]byte(`{"status":"401"}`)); len(answer) == 0 || err != nil {
		t.Errorf("a refusal is answered with %q, %v: an empty line is no answer for every server", answer, err)
	}
}
