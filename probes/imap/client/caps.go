package client

import (
	"bytes"
	"strings"
)

// Caps are capabilities of a server, of those that matter to a generator.
type Caps uint32

// The capabilities.
const (
	Idle Caps = 1 << iota
	Namespace
	UIDPlus
	Move
	CondStore
	ACL
	SpecialUse
	LiteralPlus
	LiteralMinus
	SASLIR
	LoginDisabled
	AuthPlain
	AuthLogin
	AuthXOAuth2
	ID
	Enable
	Deflate
	Rev2
)

// capNames are the names on the wire.
var capNames = map[string]Caps{
	"IDLE": Idle, "NAMESPACE": Namespace, "UIDPLUS": UIDPlus, "MOVE": Move, "CONDSTORE": CondStore, "QRESYNC": CondStore,
	"ACL": ACL, "SPECIAL-USE": SpecialUse, "LITERAL+": LiteralPlus, "LITERAL-": LiteralMinus, "SASL-IR": SASLIR,
	"LOGINDISABLED": LoginDisabled, "AUTH=PLAIN": AuthPlain, "AUTH=LOGIN": AuthLogin, "AUTH=XOAUTH2": AuthXOAuth2, "ID": ID,
	"ENABLE": Enable, "COMPRESS=DEFLATE": Deflate,
	"IMAP4REV2": Rev2 | Namespace | UIDPlus | Enable | Idle | SASLIR | Move | LiteralMinus, // RFC 9051, section 1.3
}

// Has tells whether all of them are offered.
func (c Caps) Has(what Caps) bool { return c&what == what }

// capsOf reads a list of capabilities.
func capsOf(list []byte) (caps Caps) {
	for word := range bytes.FieldsSeq(list) {
		if len(word) <= 20 {
			caps |= capNames[strings.ToUpper(string(word))]
		}
	}
	return caps
}
