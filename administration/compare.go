package administration

import (
	"slices"
	"strings"

	"balansd/balance"
)

// Values are texts by field, as people see them. A field that is not known is absent; one
// that is known to be empty has an empty text.
type Values map[Field]string

// Difference is a field of which a source states something else than Silverfin has. The
// texts are as each has them.
type Difference struct {
	Field     Field  `json:"field"`
	Source    string `json:"source"`
	Silverfin string `json:"silverfin"`
}

// Comparison is how two records are compared: on which day, for who is still a director,
// and in which language a text is shown that has several.
type Comparison struct {
	On       balance.Date
	Language string
}

// Differences lists the fields that both records state and of which they state different
// things, in the order of Fields. What is written in two ways is no difference: case,
// accents, punctuation, usual abbreviations, the languages of a place. A field that the
// source does not state is none either.
func (c Comparison) Differences(source, silverfin Record) (all []Difference) {
	for _, f := range Fields() {
		if !source.Knows(f) || !silverfin.Knows(f) || c.same(f, source, silverfin) {
			continue
		}
		all = append(all, Difference{f, c.Text(source, f), c.Text(silverfin, f)})
	}
	return all
}

// Values returns what a record states, field by field.
func (c Comparison) Values(r Record) Values {
	v := Values{}
	for _, f := range Fields() {
		if r.Knows(f) {
			v[f] = c.Text(r, f)
		}
	}
	return v
}

// Text returns a field of a record as people see it. Directors are separated by semicolons.
func (c Comparison) Text(r Record, f Field) string {
	switch f {
	case Name:
		return r.Names.In(c.Language)
	case Street:
		return r.Streets.In(c.Language)
	case Number:
		return r.Number
	case Box:
		return r.Box
	case PostalCode:
		return r.PostalCode
	case City:
		return r.Cities.In(c.Language)
	case Country:
		return r.Country
	case LegalForm:
		return r.LegalForms.In(c.Language)
	case GeneralMeeting:
		return r.GeneralMeeting
	case Directors:
		return strings.Join(c.directors(r), "; ")
	}
	return ""
}

// directors lists the names of who is a director on the day of the comparison, each once.
func (c Comparison) directors(r Record) (names []string) {
	for _, p := range r.Directors {
		ended := !p.Until.IsZero() && !c.On.IsZero() && p.Until.Before(c.On)
		later := !p.From.IsZero() && !c.On.IsZero() && c.On.Before(p.From)
		if name := p.FullName(); !ended && !later && name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// FullName returns the name of a person as people write it.
func (p Person) FullName() string {
	return strings.TrimSpace(p.FirstName + " " + p.Name)
}

// same reports whether both records state the same of a field.
func (c Comparison) same(f Field, a, b Record) bool {
	switch f {
	case Name:
		return anySame(a.Names, b.Names, sameName)
	case Street:
		return anySame(a.Streets, b.Streets, sameBy(foldStreet))
	case City:
		return anySame(a.Cities, b.Cities, sameBy(foldPlace))
	case LegalForm:
		return anySame(a.LegalForms, b.LegalForms, sameBy(foldLegalForm))
	case Directors:
		return sameNames(c.directors(a), c.directors(b))
	}
	return SameText(f, c.Text(a, f), c.Text(b, f))
}

// SameText reports whether two texts of a field say the same.
func SameText(f Field, a, b string) bool {
	if a == b {
		return true
	}
	switch f {
	case Name:
		return sameName(a, b)
	case Street:
		return foldStreet(a) == foldStreet(b)
	case Number:
		return foldHouseNumber(a) == foldHouseNumber(b)
	case Box:
		return foldBox(a) == foldBox(b)
	case PostalCode:
		return foldPostalCode(a) == foldPostalCode(b)
	case City:
		return foldPlace(a) == foldPlace(b)
	case Country:
		return foldCountry(a) == foldCountry(b)
	case LegalForm:
		return foldLegalForm(a) == foldLegalForm(b)
	case Directors:
		return sameNames(strings.Split(a, ";"), strings.Split(b, ";"))
	}
	return fold(a) == fold(b)
}

// anySame reports whether one of the texts says the same as one of the others. Two that are
// both empty do.
func anySame(a, b Text, same func(a, b string) bool) bool {
	left, right := a.All(), b.All()
	if len(left) == 0 || len(right) == 0 {
		return len(left) == len(right)
	}
	return slices.ContainsFunc(left, func(x string) bool {
		return slices.ContainsFunc(right, func(y string) bool { return same(x, y) })
	})
}

func sameBy(fold func(string) string) func(a, b string) bool {
	return func(a, b string) bool { return fold(a) == fold(b) }
}

// sameNames reports whether two lists name the same people, in any order, and whichever of
// the names of a person comes first.
func sameNames(a, b []string) bool {
	folded := func(list []string) (all []string) {
		for _, name := range list {
			words := strings.Fields(foldName(name))
			slices.Sort(words)
			if one := strings.Join(words, " "); one != "" && !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
		slices.Sort(all)
		return all
	}
	return slices.Equal(folded(a), folded(b))
}

// Unnamed reports whether a name is none of its own: it is empty, or only the enterprise
// number of the client.
func Unnamed(name string, number balance.EnterpriseNumber) bool {
	if fold(name) == "" {
		return true
	}
	n, err := balance.ParseEnterpriseNumber(name)
	return err == nil && (number == "" || n == number)
}
