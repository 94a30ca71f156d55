package corpus

import (
	"bytes"
	"math/rand/v2"
	"mime/quotedprintable"
)

// language is one set of building blocks. Every sentence stays short enough that its quoted-printable form fits one
// line of 76 characters, so that a body is a plain sequence of encoded lines.
type language struct {
	greetings, closings []string
	subjects            []string
	sentences           []string
	words               []string
	events              []string
	reply               string // what an answer puts before the subject
}

var german = language{
	greetings: []string{"Guten Tag,", "Sehr geehrte Damen und Herren,", "Liebe Kolleginnen und Kollegen,", "Moin,"},
	closings:  []string{"Mit freundlichen Grüßen", "Viele Grüße", "Beste Grüße", "Herzliche Grüße"},
	subjects: []string{
		"Rückfrage zum Bescheid", "Protokoll der Sitzung", "Terminabstimmung nächste Woche", "Änderung im Vergabeverfahren",
		"Zuständigkeit für das Aktenzeichen", "Urlaubsvertretung", "Prüfung der Unterlagen", "Entwurf zur Mitzeichnung",
	},
	sentences: []string{
		"anbei erhalten Sie die gewünschten Unterlagen.",
		"Bitte prüfen Sie den Entwurf bis Freitag.",
		"Die Frist läuft am Monatsende ab.",
		"Das Protokoll liegt im gemeinsamen Ordner.",
		"Für Rückfragen stehe ich gern zur Verfügung.",
		"Der Termin wird um eine Stunde verschoben.",
		"Die Zuständigkeit hat sich geändert.",
		"Wir bitten um Mitzeichnung bis morgen Mittag.",
		"Der Antrag ist vollständig eingegangen.",
		"Die Rechnung wurde sachlich richtig gezeichnet.",
		"Das Referat hat keine Bedenken.",
		"Ein Aktenvermerk ist beigefügt.",
		"Die Haushaltsmittel sind freigegeben.",
		"Über das Ergebnis werde ich berichten.",
		"Die Unterlagen sind noch nicht vollständig.",
		"Bitte leiten Sie dies an die Vertretung weiter.",
	},
	words:  []string{"Antrag", "Bescheid", "Entwurf", "Frist", "Protokoll", "Rechnung", "Sitzung", "Termin", "Unterlagen", "Vermerk"},
	events: []string{"Dienstbesprechung", "Jour fixe", "Rücksprache", "Abteilungsrunde", "Schulung", "Vorstellungsgespräch"},
	reply:  "AW: ",
}

var english = language{
	greetings: []string{"Hello,", "Dear all,", "Good morning,", "Hi,"},
	closings:  []string{"Kind regards", "Best wishes", "Thank you", "Yours sincerely"},
	subjects: []string{
		"Question about the notice", "Minutes of the meeting", "Scheduling next week", "Change to the tender",
		"Who is responsible for this file", "Cover during leave", "Review of the documents", "Draft for approval",
	},
	sentences: []string{
		"please find the documents attached.",
		"Could you look at the draft by Friday?",
		"The deadline is at the end of the month.",
		"The minutes are in the shared folder.",
		"I am happy to answer any questions.",
		"The meeting has moved by one hour.",
		"The responsibility has changed.",
		"We need your approval by noon tomorrow.",
		"The application has arrived and is complete.",
		"The invoice has been checked and signed.",
		"The department has no objections.",
		"A note for the file is enclosed.",
		"The budget has been released.",
		"I will report on the outcome.",
		"Some documents are still missing.",
		"Please forward this to the deputy.",
	},
	words:  []string{"approval", "budget", "deadline", "draft", "invoice", "meeting", "minutes", "notice", "report", "tender"},
	events: []string{"Team meeting", "Weekly review", "Consultation", "Department round", "Training", "Interview"},
	reply:  "Re: ",
}

// encoded is a language with its body lines in quoted-printable.
type encoded struct {
	language
	lines              [][]byte
	greeting, farewell [][]byte
}

// languages are weighted: three of four messages are German, as befits the platforms this program is made for.
var languages = [4]encoded{encode(german), encode(german), encode(german), encode(english)}

func encode(l language) encoded {
	return encoded{language: l, lines: quoted(l.sentences), greeting: quoted(l.greetings), farewell: quoted(l.closings)}
}

func quoted(texts []string) [][]byte {
	out := make([][]byte, len(texts))
	for i, text := range texts {
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		// Writing to and closing on a buffer cannot fail.
		w.Write([]byte(text))
		w.Close()
		b.WriteString("\r\n")
		out[i] = b.Bytes()
	}
	return out
}

// Word is a word that occurs in the texts of this corpus, chosen by u: something worth searching for.
func Word(u uint64) string {
	l := languages[u%4]
	return l.words[(u>>2)%uint64(len(l.words))]
}

// body appends a letter of about size bytes to b: a greeting, paragraphs, a closing.
func (l *encoded) body(b []byte, r *rand.Rand, size int) []byte {
	farewell := l.farewell[r.IntN(len(l.farewell))]
	end := len(b) + size - len(farewell) - 2
	b = append(b, l.greeting[r.IntN(len(l.greeting))]...)
	b = append(b, "\r\n"...)
	for paragraph := 0; len(b) < end; paragraph++ {
		b = append(b, l.lines[r.IntN(len(l.lines))]...)
		if paragraph%6 == 5 {
			b = append(b, "\r\n"...)
		}
	}
	b = append(b, "\r\n"...)
	return append(b, farewell...)
}
