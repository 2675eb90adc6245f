package source

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"balansd/administration"
	"balansd/balance"
	"balansd/internal/clip"
	"balansd/internal/typo"
)

// fieldPaths says where in an item of a service each value is: paths with points, such as
// address.street or addresses.0.street, of which the first that is there counts.
type fieldPaths map[string][]string

// The values that a path can be given for, besides the columns of a list.
const (
	pathDirectors = "directors"
	pathFirstName = "director_first_name"
	pathLastName  = "director_name"
	pathFunction  = "director_function"
)

// usualPaths are the paths that are tried where none is configured. Those of reference,
// name and VAT number were seen; all others are guesses.
func usualPaths() fieldPaths {
	p := fieldPaths{
		"reference":         {"id", "uniqueIdentifier", "code"},
		"enterprise_number": {"vatNumber", "vat", "enterpriseNumber", "companyNumber"},
		"name":              {"name", "companyName"},
		"legal_form":        {"legalForm.name", "legalForm"},
		"general_meeting":   {"generalMeetingDate", "generalMeeting"},
		pathDirectors:       {"directors", "mandates"},
		pathFirstName:       {"person.firstName", "firstName"},
		pathLastName:        {"person.lastName", "lastName", "person.name", "name"},
		pathFunction:        {"function.name", "function", "mandate"},
	}
	for name, keys := range map[string][]string{"street": {"street"}, "number": {"houseNumber", "number", "streetNumber"}, "box": {"box", "boxNumber"},
		"postal_code": {"postalCode", "zipCode", "zip"}, "city": {"city", "municipality"}, "country": {"countryCode", "country"}} {
		for _, in := range []string{"address.", "addresses.0.", ""} {
			for _, k := range keys {
				if in == "" && k == "number" {
					continue // of the item itself
				}
				p[name] = append(p[name], in+k)
			}
		}
	}
	return p
}

// FieldMistakes returns what is wrong with configured paths.
func FieldMistakes(fields map[string]string) (all []Mistake) {
	known := slices.Sorted(maps.Keys(usualPaths()))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		switch path := fields[name]; {
		case !slices.Contains(known, name):
			right := "a path is that of one of " + strings.Join(known, ", ")
			if best := typo.Nearest(name, known); best != "" {
				right = "did you mean " + best + "?"
			}
			all = append(all, Mistake{"fields." + name, "is nothing that a path can be given for", right})
		case path == "" || slices.Contains(strings.Split(path, "."), ""):
			all = append(all, Mistake{"fields." + name, fmt.Sprintf("%q is no path", clip.Text(path)), "write it as address.street"})
		}
	}
	return all
}

// withFields returns the usual paths with those that are configured in their place.
func withFields(fields map[string]string) fieldPaths {
	p := usualPaths()
	for name, path := range fields {
		p[name] = []string{path}
	}
	return p
}

// find returns the value of the first path that an item has.
func (p fieldPaths) find(item any, name string) (value any, ok bool) {
	for _, path := range p[name] {
		if v, ok := valueAt(item, path); ok {
			return v, true
		}
	}
	return nil, false
}

// text returns a value as text, and whether the item states it: null is no statement.
func (p fieldPaths) text(item any, name string) (text string, stated bool) {
	v, ok := p.find(item, name)
	switch t := v.(type) {
	case string:
		return strings.Join(strings.Fields(t), " "), ok
	case float64:
		return strconv.FormatFloat(t, 'f', -1, 64), ok
	case json.Number:
		return t.String(), ok
	}
	return "", false
}

// valueAt follows a path in a tree of JSON.
func valueAt(tree any, path string) (any, bool) {
	for key := range strings.SplitSeq(path, ".") {
		switch t := tree.(type) {
		case map[string]any:
			v, ok := t[key]
			if !ok {
				return nil, false
			}
			tree = v
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(t) {
				return nil, false
			}
			tree = t[i]
		default:
			return nil, false
		}
	}
	return tree, tree != nil
}

// itemRecords makes records of the items of a list.
type itemRecords struct {
	paths      fieldPaths
	report     *administration.Report
	records    []administration.Record
	references map[string]int
}

// add adds an item. A list that grows while its pages are read may have one twice.
func (l *itemRecords) add(item any) {
	l.report.Read++
	leave := func(reason administration.Reason, value string) {
		l.report.Leave(administration.LeftAside{Reason: reason, Value: clip.Line(value)})
	}
	if _, ok := item.(map[string]any); !ok {
		leave(administration.NotReadable, "")
		return
	}
	r, written, err := l.paths.record(item)
	switch {
	case err != nil:
		leave(administration.DamagedNumber, written)
	case r.EnterpriseNumber == "" && len(r.Names) == 0 || r.Reference == "":
		leave(administration.Nameless, "")
	case tooLong(r):
		leave(administration.TooLong, r.Reference)
	default:
		if _, again := l.references[r.Reference]; again {
			leave(administration.Doubled, r.Reference)
			return
		}
		l.references[r.Reference] = len(l.records)
		l.records = append(l.records, r)
	}
}

func tooLong(r administration.Record) bool {
	return slices.ContainsFunc(slices.Concat(r.Names.All(), r.Streets.All(), r.Cities.All(), r.LegalForms.All(), []string{r.Reference, r.Number, r.Box, r.PostalCode, r.Country}),
		func(s string) bool { return utf8.RuneCountInString(s) > maxListValue })
}

// record makes a record of an item.
func (p fieldPaths) record(item any) (r administration.Record, written string, err error) {
	state := func(f administration.Field, text string, stated bool) string {
		if stated && (text != "" || f == administration.Box) {
			r.Known = append(r.Known, f)
		}
		return text
	}
	plain := func(f administration.Field) administration.Text {
		text, stated := p.text(item, string(f))
		if text = state(f, text, stated); text == "" {
			return nil
		}
		return administration.Text{"": text}
	}
	single := func(f administration.Field) string {
		text, stated := p.text(item, string(f))
		return state(f, text, stated)
	}
	if written, _ = p.text(item, "enterprise_number"); written != "" {
		if r.EnterpriseNumber, err = balance.ParseEnterpriseNumber(written); err != nil {
			return r, written, err
		}
	}
	reference, _ := p.text(item, "reference")
	r.Reference = cmp.Or(reference, string(r.EnterpriseNumber))
	r.Names, r.Streets = plain(administration.Name), plain(administration.Street)
	if _, stated := p.text(item, string(administration.Number)); !stated && r.Streets != nil {
		if street, number, box, ok := administration.SplitStreet(r.Streets[""]); ok {
			r.Streets[""], r.Number, r.Box = street, number, box
			r.Known = append(r.Known, administration.Number, administration.Box)
		}
	} else {
		r.Number, r.Box = single(administration.Number), single(administration.Box)
	}
	r.PostalCode, r.Cities, r.Country = single(administration.PostalCode), plain(administration.City), single(administration.Country)
	r.LegalForms = plain(administration.LegalForm)
	meeting, stated := p.text(item, string(administration.GeneralMeeting))
	day, _, _ := strings.Cut(meeting, "T") // some services add a time
	r.GeneralMeeting = state(administration.GeneralMeeting, monthAndDay(day), stated)
	r.Directors = p.directors(item, &r)
	return r, written, nil
}

// directors reads the people of an item.
func (p fieldPaths) directors(item any, r *administration.Record) (people []administration.Person) {
	v, ok := p.find(item, pathDirectors)
	list, isList := v.([]any)
	if !ok || !isList {
		return nil
	}
	people = []administration.Person{}
	for _, one := range list {
		person := administration.Person{}
		person.Name, _ = p.text(one, pathLastName)
		person.FirstName, _ = p.text(one, pathFirstName)
		person.Function, _ = p.text(one, pathFunction)
		if person.Name == "" {
			return nil // the paths are others, so that nothing is known of the people
		}
		people = append(people, person)
	}
	r.Known = append(r.Known, administration.Directors)
	return people
}
