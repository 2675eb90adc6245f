package administration

import (
	"maps"
	"slices"
	"time"

	"balansd/balance"
)

// Field names a value of a client that a source may know.
type Field string

// The fields, in the order in which people see them.
const (
	Name           Field = "name"
	Street         Field = "street"
	Number         Field = "number"
	Box            Field = "box"
	PostalCode     Field = "postal_code"
	City           Field = "city"
	Country        Field = "country"
	LegalForm      Field = "legal_form"
	Directors      Field = "directors"
	GeneralMeeting Field = "general_meeting"
)

// Fields lists every field.
func Fields() []Field {
	return []Field{Name, Street, Number, Box, PostalCode, City, Country, LegalForm, Directors, GeneralMeeting}
}

// AddressFields lists the fields of an address.
func AddressFields() []Field { return []Field{Street, Number, Box, PostalCode, City, Country} }

// Text is a text by its language: nl, fr, de or en, or empty where the source does not
// say in which language it is. A text that is not known is absent.
type Text map[string]string

// In returns the text in a language, else the one without a language, else one of the
// others, always the same.
func (t Text) In(language string) string {
	for _, l := range append([]string{language, ""}, "nl", "fr", "de", "en") {
		if s := t[l]; s != "" {
			return s
		}
	}
	return ""
}

// All lists the different texts, in the order of their languages.
func (t Text) All() []string {
	var all []string
	for _, l := range slices.Sorted(maps.Keys(t)) {
		if s := t[l]; s != "" && !slices.Contains(all, s) {
			all = append(all, s)
		}
	}
	return all
}

// Record is what one source states of one client.
type Record struct {
	Reference        string                   `json:"reference"`                   // the source's own id of the client; unique in it
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number,omitempty"` // empty where the source has none
	Names            Text                     `json:"names,omitempty"`             // official names
	Streets          Text                     `json:"streets,omitempty"`
	Number           string                   `json:"number,omitempty"` // of the house
	Box              string                   `json:"box,omitempty"`
	PostalCode       string                   `json:"postal_code,omitempty"`
	Cities           Text                     `json:"cities,omitempty"`
	Country          string                   `json:"country,omitempty"` // ISO 3166 as BE, or a name where the source has one
	LegalForms       Text                     `json:"legal_forms,omitempty"`
	Directors        []Person                 `json:"directors,omitempty"`
	GeneralMeeting   string                   `json:"general_meeting,omitempty"` // month and day, as 06-15

	// Known are the fields that the source states of this client, also where it states
	// that there is none, such as a seat without a box. Any other field is missing in the
	// source, which says nothing about the client.
	Known []Field `json:"known,omitempty"`

	// AsOf is the date of what the source states; zero if it is not known.
	AsOf time.Time `json:"as_of,omitzero"`

	// Filed is the social balance that was filed for the year before, with its figures;
	// nil unless the source has filings.
	Filed *balance.Balance `json:"-"`
}

// Knows reports whether the source states a field of this client.
func (r Record) Knows(f Field) bool { return slices.Contains(r.Known, f) }

// Person is a director, or whoever else has a mandate.
type Person struct {
	Name      string `json:"name"` // the family name; of an enterprise, its name
	FirstName string `json:"first_name,omitempty"`
	Function  string `json:"function,omitempty"` // as the source names it
	// EnterpriseNumber is that of an enterprise that has the mandate.
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number,omitempty"`
	Representative   string                   `json:"representative,omitempty"` // the person who acts for the enterprise
	From             balance.Date             `json:"from,omitzero"`            // the first day of the mandate; zero if it is not known
	Until            balance.Date             `json:"until,omitzero"`           // the last one; zero if it has none or is not known
}
