package corpus

import "strings"

// Value is a value of a kind, chosen by u: a subject, a sentence or a word as they occur in the messages, an invented
// person's name, or that person's address at a domain that no mail can reach. Of any other kind it is empty.
func Value(kind string, u uint64) string {
	l := &languages[u%4]
	rest := u >> 2
	switch kind {
	case "subject":
		return pick(l.subjects, rest)
	case "sentence":
		return pick(l.sentences, rest)
	case "word":
		return Word(u)
	case "name":
		return pick(firstNames, rest) + " " + pick(lastNames, rest>>8)
	case "address":
		return strings.ToLower(plainLetters.Replace(pick(firstNames, rest)+"."+pick(lastNames, rest>>8))) + "@example.invalid"
	}
	return ""
}

func pick(from []string, u uint64) string { return from[u%uint64(len(from))] }

var firstNames = []string{"Anke", "Birgit", "Dörte", "Emre", "Frauke", "Gerd", "Heike", "Ingo", "Jürgen", "Katrin", "Lars", "Maren",
	"Nele", "Ole", "Petra", "Rüdiger", "Silke", "Thies", "Uwe", "Wiebke"}

var lastNames = []string{"Andresen", "Behrens", "Claußen", "Demir", "Ehlers", "Friedrichs", "Groß", "Hansen", "Iversen", "Jensen",
	"Köhler", "Lorenzen", "Müller", "Nissen", "Petersen", "Rohde", "Schröder", "Thomsen", "Voß", "Wulff"}

var plainLetters = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss")
