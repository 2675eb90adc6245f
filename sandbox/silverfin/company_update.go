package silverfin

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
)

// A CompanyPerson is one of the people of a company. Silverfin names the call that lists them and
// publishes no shape of it: the fields here are made up.
type CompanyPerson struct {
	Name     string `json:"name"`
	Function string `json:"function,omitempty"` // such as director, shareholder
}

// A CompanyWrite is one change of one field of a company, or one attempt that left it as it
// was.
type CompanyWrite struct {
	Company int64  `json:"company"`
	Field   string `json:"field"`
	Old     string `json:"old"`
	New     string `json:"new"`
	By      string `json:"by"` // Person, or "app CLIENT_ID token N"
}

// field returns a field of a company that can be changed, by its name in the API; nil for
// any other.
func (c *company) field(name string) *string {
	switch name {
	case "name":
		return &c.Name
	case "street":
		return &c.Street
	case "postalcode":
		return &c.PostalCode
	case "city":
		return &c.City
	}
	return nil
}

// updateCompany changes the fields that the body names. What it does not know it ignores, as
// Silverfin does.
func (s *Silverfin) updateCompany(c *call) response {
	company := s.company(c)
	if company == nil {
		return notFound("Company")
	}
	for name := range c.body {
		if company.field(name) != nil && len(c.body.text(name)) > 255 {
			return errorsResponse(fmt.Sprintf("%s is too long", name))
		}
	}
	for name := range c.body {
		s.changeCompany(company, name, c.body.text(name), c.by(s.options.ClientID))
	}
	return response{http.StatusOK, company.show()}
}

func (s *Silverfin) changeCompany(c *company, name, value, by string) {
	field := c.field(name)
	if field == nil {
		return
	}
	s.state.CompanyWrites = append(s.state.CompanyWrites, CompanyWrite{Company: c.ID, Field: name, Old: *field, New: value, By: by})
	*field = value
}

// ChangeCompany types a field of a company by hand, as a person does: name, street,
// postalcode or city.
func (s *Silverfin) ChangeCompany(companyID int64, field, value string) error {
	return s.withCompany(companyID, func(c *company) error {
		if c.field(field) == nil {
			return noSuch("field", field)
		}
		s.changeCompany(c, field, value, Person)
		return nil
	})
}

// CompanyWrites lists every change of a company itself since the start, oldest first.
func (s *Silverfin) CompanyWrites() []CompanyWrite {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.state.CompanyWrites)
}

// SetPeople replaces the people of a company by hand.
func (s *Silverfin) SetPeople(companyID int64, people ...CompanyPerson) error {
	return s.withCompany(companyID, func(c *company) error {
		c.People = slices.Clone(people)
		return nil
	})
}

// listPeople lists the people of a company. It is made up: see CompanyPerson.
func (s *Silverfin) listPeople(c *call) response {
	company := s.company(c)
	if company == nil {
		return notFound("Company")
	}
	out := []map[string]any{}
	for i, p := range company.People {
		out = append(out, map[string]any{"id": i + 1, "name": p.Name, "function": cmp.Or(p.Function, "director")})
	}
	return response{http.StatusOK, out}
}
