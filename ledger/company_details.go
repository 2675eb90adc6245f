package ledger

import (
	"maps"
	"strings"

	"balansd/administration"
)

// CompanyField names a field of a company in Silverfin, as its API does.
type CompanyField string

// The fields. Silverfin has a street with its number and box in one.
const (
	CompanyName       CompanyField = "name"
	CompanyStreet     CompanyField = "street"
	CompanyPostalCode CompanyField = "postalcode"
	CompanyCity       CompanyField = "city"
	CompanyCountry    CompanyField = "country"
	CompanyLegalForm  CompanyField = "organisation_form"
)

// CompanyFields lists the fields that are read.
func CompanyFields() []CompanyField {
	return []CompanyField{CompanyName, CompanyStreet, CompanyPostalCode, CompanyCity, CompanyCountry, CompanyLegalForm}
}

// CompanyDetails are texts by field.
type CompanyDetails map[CompanyField]string

// Holds reports whether d has these texts, white space at the ends apart.
func (d CompanyDetails) Holds(texts CompanyDetails) bool {
	for f, text := range texts {
		if held, ok := d[f]; !ok || strings.TrimSpace(held) != strings.TrimSpace(text) {
			return false
		}
	}
	return true
}

// CompanyReading is what a company holds while it is changed. Accepted are the texts that
// Silverfin said to have stored; Failed is the error of a write whose outcome is not known.
type CompanyReading struct {
	Company  Company
	Accepted CompanyDetails
	Failed   error
}

// Writable reports whether the public API of Silverfin can write a field of a company
// without doubt: the name and the address. Which legal forms and countries it takes is not
// published, and a change of its people may replace all of them.
func Writable(f administration.Field) bool {
	switch f {
	case administration.Name, administration.Street, administration.Number, administration.Box, administration.PostalCode, administration.City:
		return true
	}
	return false
}

// Record returns what Silverfin has of a company, to be compared with what a source
// states. A street whose number cannot be told apart is one text, and its number and box
// are not known.
func (c Company) Record() administration.Record {
	r := administration.Record{EnterpriseNumber: c.EnterpriseNumber, Names: plainText(c.Details[CompanyName]), PostalCode: c.Details[CompanyPostalCode],
		Cities: plainText(c.Details[CompanyCity]), Country: c.Details[CompanyCountry], LegalForms: plainText(c.Details[CompanyLegalForm])}
	know := func(f CompanyField, fields ...administration.Field) {
		if _, has := c.Details[f]; has {
			r.Known = append(r.Known, fields...)
		}
	}
	street, number, box, split := administration.SplitStreet(c.Details[CompanyStreet])
	r.Streets, r.Number, r.Box = plainText(street), number, box
	know(CompanyName, administration.Name)
	if know(CompanyStreet, administration.Street); split || street == "" {
		know(CompanyStreet, administration.Number, administration.Box)
	}
	know(CompanyPostalCode, administration.PostalCode)
	know(CompanyCity, administration.City)
	know(CompanyCountry, administration.Country)
	know(CompanyLegalForm, administration.LegalForm)
	return r
}

func plainText(s string) administration.Text {
	if s == "" {
		return nil
	}
	return administration.Text{"": s}
}

// Change returns the texts that give a company these values, without those that it has
// already. Parts of a street that are not among the values stay as they are. Values that
// cannot be written are left out.
func (c Company) Change(values administration.Values, language string) CompanyDetails {
	change := CompanyDetails{}
	for field, f := range map[administration.Field]CompanyField{administration.Name: CompanyName, administration.PostalCode: CompanyPostalCode, administration.City: CompanyCity} {
		if text, has := values[field]; has {
			change[f] = text
		}
	}
	street, number, box, _ := administration.SplitStreet(c.Details[CompanyStreet])
	touched := false
	for field, part := range map[administration.Field]*string{administration.Street: &street, administration.Number: &number, administration.Box: &box} {
		if text, has := values[field]; has {
			*part, touched = text, true
		}
	}
	if touched {
		change[CompanyStreet] = administration.JoinStreet(street, number, box, language)
	}
	maps.DeleteFunc(change, func(f CompanyField, text string) bool { return c.Details.Holds(CompanyDetails{f: text}) })
	return change
}
