package site

import "strings"

// Text is a text that may hold templates: {{account.login}}, {{xsrf}}. Its zero value is empty.
type Text struct {
	source string
	texts  []string // around the values, one more than these; nil: no templates
	values []int    // numbers of names
}

// Literal is a Text without templates.
func Literal(text string) Text { return Text{source: text} }

// SetTemplate makes x the texts with the values between them; the decoder of scenarios calls it.
func (x *Text) SetTemplate(source string, texts []string, values []int) {
	*x = Text{source: source, texts: texts, values: values}
	if len(values) == 0 {
		*x = Text{source: strings.Join(texts, "")}
	}
}

// Empty says whether nothing was written.
func (x Text) Empty() bool { return x.source == "" }

// Fixed says whether there are no templates in it, so that String is the whole text.
func (x Text) Fixed() bool { return x.texts == nil }

// String is the text as it was written, templates and all: fit for error texts, because values may be secret.
func (x Text) String() string { return x.source }

// Fill appends the text with its values to b. escape, where it is not nil, appends a value in the form that it needs after
// what is in b already.
func (x Text) Fill(b []byte, values Values, escape func(b []byte, value string) []byte) []byte {
	if x.texts == nil {
		return append(b, x.source...)
	}
	for i, v := range x.values {
		b = append(b, x.texts[i]...)
		if value := values.Value(v); escape != nil {
			b = escape(b, value)
		} else {
			b = append(b, value...)
		}
	}
	return append(b, x.texts[len(x.values)]...)
}

// In is the text with its values.
func (x Text) In(values Values) string {
	if x.texts == nil {
		return x.source
	}
	return string(x.Fill(nil, values, nil))
}

// Values gives the value of a name by its number.
type Values interface{ Value(number int) string }

// Names numbers the names of a site's templates while it is read. Its Resolve fits the decoder of scenarios.
type Names struct{ list []string }

// Resolve is the number of a name. Whether there is such a value is for Check to say.
func (n *Names) Resolve(name string) (value int, hint, problem string) {
	for i, known := range n.list {
		if known == name {
			return i, "", ""
		}
	}
	n.list = append(n.list, name)
	return len(n.list) - 1, "", ""
}

// Adopt gives a site the names that were met while it was read.
func (s *Site) Adopt(n *Names) { s.names = n.list }

// kind is where a value comes from.
type kind uint8

// The values that templates may name, beside variables.
const (
	Variable kind = iota
	AccountLogin
	AccountLocal // the login up to its @
	AccountAddress
	AccountPassword
	PeerAddress // of another account, the recipient of a mail
	MailSubject
	MailText
	MailID
	Run
	Now       // milliseconds since 1970
	WeekBegin // this week's Monday as 20260302T000000Z
	WeekEnd
	Day // today as 20260302
	Limit
	Search
	Random // eight hexadecimal digits
)

var builtins = map[string]kind{
	"account.login": AccountLogin, "account.local": AccountLocal, "account.address": AccountAddress, "account.password": AccountPassword,
	"peer.address": PeerAddress, "mail.subject": MailSubject, "mail.text": MailText, "mail.id": MailID, "run": Run, "now": Now,
	"week.begin": WeekBegin, "week.end": WeekEnd, "day": Day, "limit": Limit, "text": Search, "random": Random,
}

// Kind is where the value with this number comes from, and the number of the variable where it is one.
func (s *Site) Kind(number int) (k kind, variable int) { return s.kinds[number], s.at[number] }

// NameOf is the name with this number, as templates write it.
func (s *Site) NameOf(number int) string { return s.names[number] }
