package daemon

import (
	"context"

	"balansd/administration"
	"balansd/balance"
	"balansd/ledger"
)

// NumberQuery selects findings about enterprise numbers.
type NumberQuery struct {
	Limit int `json:"limit,omitempty"` // 0 for all
}

// NumberPage lists findings about enterprise numbers.
type NumberPage struct {
	Findings []NumberFinding `json:"findings"`
	Total    int             `json:"total"`
}

// NumberFindingKind says what is odd about an enterprise number.
type NumberFindingKind string

// The kinds.
const (
	NumberUnknown     NumberFindingKind = "unknown"      // a register of all active enterprises does not have it: perhaps it was stopped
	NumberOtherName   NumberFindingKind = "other_name"   // it is that of an enterprise with another name
	NumberOtherNumber NumberFindingKind = "other_number" // the enterprise of that name has another number
)

// NumberFindingKinds lists every kind, for the translations and their tests.
func NumberFindingKinds() []NumberFindingKind {
	return []NumberFindingKind{NumberUnknown, NumberOtherName, NumberOtherNumber}
}

// NumberFinding is what a source says of the enterprise number of a dossier.
type NumberFinding struct {
	Kind    NumberFindingKind `json:"kind"`
	Entry   uint64            `json:"entry"` // the balance that represents the dossier
	Dossier ledger.Dossier    `json:"dossier"`
	Source  string            `json:"source"`
	Name    string            `json:"name,omitempty"` // what the source calls the number, or the other number
	// Number is the other number, of an enterprise with the name of the dossier.
	Number balance.EnterpriseNumber `json:"number,omitempty"`
}

// RegisteredName is what a source calls an enterprise number.
type RegisteredName struct {
	Source string `json:"source"`
	Name   string `json:"name"`
	City   string `json:"city,omitempty"`
	// Unknown says that the source is a register of all active enterprises, and does not have
	// the number.
	Unknown bool `json:"unknown,omitempty"`
}

// NumberFindings lists the enterprise numbers of dossiers of which the sources say something
// else.
func (d *Daemon) NumberFindings(ctx context.Context, q NumberQuery) (NumberPage, error) {
	page := NumberPage{Findings: []NumberFinding{}}
	check, err := d.numberCheck(ctx)
	if err != nil || len(check.listings) == 0 {
		return page, err
	}
	dossiers, err := d.Dossiers(ctx, DossierQuery{})
	if err != nil {
		return page, err
	}
	for _, e := range dossiers.Entries {
		for _, f := range check.findings(e) {
			if page.Total++; q.Limit == 0 || len(page.Findings) < q.Limit {
				page.Findings = append(page.Findings, f)
			}
		}
	}
	return page, nil
}

// numberCheck compares enterprise numbers and names with what the sources listed last.
type numberCheck struct {
	listings []*sourceListing // those that were listed
	language string
	byName   map[string][]namedRecord
}

// namedRecord is a record of a source, found by its name.
type namedRecord struct {
	source string
	record administration.Record
}

func (d *Daemon) numberCheck(ctx context.Context) (*numberCheck, error) {
	c := &numberCheck{language: d.config().Administration.Language}
	all, err := d.listings(ctx)
	for _, l := range all {
		if !l.ListedAt.IsZero() {
			c.listings = append(c.listings, l)
		}
	}
	return c, err
}

// named returns the records with a name, whatever their number.
func (c *numberCheck) named(name string) []namedRecord {
	if c.byName == nil {
		c.byName = map[string][]namedRecord{}
		for _, l := range c.listings {
			for _, r := range l.records {
				for _, n := range r.Names.All() {
					key := administration.NameKey(n)
					c.byName[key] = append(c.byName[key], namedRecord{l.Name, r})
				}
			}
		}
	}
	return c.byName[administration.NameKey(name)]
}

// findings returns what the sources say of a dossier's number.
func (c *numberCheck) findings(e ledger.Entry) (all []NumberFinding) {
	n, name := e.Dossier.EnterpriseNumber, e.Dossier.Name
	if n == "" {
		return nil
	}
	add := func(f NumberFinding) {
		f.Entry, f.Dossier = e.Number, e.Dossier
		all = append(all, f)
	}
	known := false
	var other *NumberFinding
	for _, l := range c.listings {
		r, has := l.withNumber(n)
		switch {
		case !has && l.Register && e.FoundAt.Before(l.ListedAt):
			add(NumberFinding{Kind: NumberUnknown, Source: l.Name})
		case has && name != "" && len(r.Names.All()) > 0:
			if sameAsOneOf(name, r.Names) {
				known = true
			} else if other == nil {
				other = &NumberFinding{Kind: NumberOtherName, Source: l.Name, Name: r.Names.In(c.language)}
			}
		}
	}
	if other != nil && !known {
		add(*other)
	}
	if len(all) == 0 || known || name == "" {
		return all
	}
	if f, ok := c.otherNumber(name, n); ok {
		add(f)
	}
	return all
}

// otherNumber returns what the sources say where an enterprise of that name has another number.
func (c *numberCheck) otherNumber(name string, n balance.EnterpriseNumber) (NumberFinding, bool) {
	for _, x := range c.named(name) {
		if other := x.record.EnterpriseNumber; other != "" && other != n {
			return NumberFinding{Kind: NumberOtherNumber, Source: x.source, Name: x.record.Names.In(c.language), Number: other}, true
		}
	}
	return NumberFinding{}, false
}

// sameAsOneOf reports whether a name is one of the names of an enterprise.
func sameAsOneOf(name string, names administration.Text) bool {
	for _, n := range names.All() {
		if administration.SameText(administration.Name, name, n) {
			return true
		}
	}
	return false
}

// registered lists what the sources call an enterprise number.
func (c *numberCheck) registered(e ledger.Entry) (all []RegisteredName) {
	n := e.Dossier.EnterpriseNumber
	if n == "" {
		return nil
	}
	for _, l := range c.listings {
		r, has := l.withNumber(n)
		switch {
		case has:
			all = append(all, RegisteredName{Source: l.Name, Name: r.Names.In(c.language), City: r.Cities.In(c.language)})
		case l.Register && e.FoundAt.Before(l.ListedAt):
			all = append(all, RegisteredName{Source: l.Name, Unknown: true})
		}
	}
	return all
}

// addNumbers adds to what is known of an entry what the sources say of its enterprise number.
func (d *Daemon) addNumbers(ctx context.Context, f *EntryDetail) error {
	check, err := d.numberCheck(ctx)
	if err != nil || len(check.listings) == 0 {
		return err
	}
	f.Numbers, f.Registered = check.findings(f.Entry), check.registered(f.Entry)
	return nil
}
