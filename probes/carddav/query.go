package carddav

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"pegel/internal/corpus"
	"pegel/probes/probe"
	"pegel/probes/probe/dav"
)

// queryParams are the parameters of query.
type queryParams struct {
	Collection probe.Text `yaml:"collection"` // by name, or by path from the server's root on, such as that of the global address book
	Text       probe.Text `yaml:"text"`       // what was typed so far; default: the first letters of a family name, drawn
	Letters    int        `yaml:"letters"`    // how many of them, 1 to 20; default 3. What is typed without text.
	Limit      int        `yaml:"limit"`      // most answers that are asked for, 0 to 10000; default 100, 0: as many as there are
}

// query asks for the contacts with a text in their name or at the beginning of their address: what completes a recipient while somebody types.
func query(decode func(any) error) (probe.Step, error) {
	params := queryParams{Letters: 3, Limit: 100}
	if err := decode(&params); err != nil {
		return nil, err
	}
	if params.Letters < 1 || params.Letters > 20 {
		return nil, fmt.Errorf("letters %d: must lie between 1 and 20", params.Letters)
	}
	if params.Limit < 0 || params.Limit > 10_000 {
		return nil, fmt.Errorf("limit %d: must lie between 0 and 10000", params.Limit)
	}
	return dav.Step(func(t *probe.Turn, s *dav.Session) error {
		u, err := s.Find(t, params.Collection.In(t))
		if err != nil {
			return err
		}
		text := params.Text.In(t)
		if text == "" {
			_, family := corpus.PersonName(t.Draw(drawKey))
			letters := []rune(family)
			text = string(letters[:min(params.Letters, len(letters))])
		}
		var match strings.Builder
		// The family name is found in FN: Radicale 3.1 fails with 500 where N is asked for.
		for _, by := range []struct{ name, match string }{{"FN", "contains"}, {"EMAIL", "starts-with"}} {
			match.WriteString(`<c:prop-filter name="` + by.name + `"><c:text-match collation="i;unicode-casemap" match-type="` + by.match + `">`)
			xml.EscapeText(&match, []byte(text)) // a Builder takes everything
			match.WriteString(`</c:text-match></c:prop-filter>`)
		}
		const some = `<c:address-data><c:prop name="VERSION"/><c:prop name="UID"/><c:prop name="FN"/><c:prop name="N"/><c:prop name="EMAIL"/></c:address-data>`
		return s.QueryText(t, u, "complete a name", contactsWhere(match.String(), some, params.Limit), text)
	}), nil
}

// contactsWhere is a query for the contacts that pass one of some filters.
func contactsWhere(filters, data string, limit int) string {
	most := ""
	if limit > 0 {
		most = "<c:limit><c:nresults>" + strconv.Itoa(limit) + "</c:nresults></c:limit>"
	}
	return `<c:addressbook-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:carddav"><prop><getetag/>` + data + `</prop>` +
		`<c:filter test="anyof">` + filters + `</c:filter>` + most + `</c:addressbook-query>`
}
