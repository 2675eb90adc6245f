package sandbox

import (
	"fmt"

	"balansd/sandbox/administration"
	"balansd/sandbox/silverfin"
)

// DemoAdministration lists the dossiers of the demo of which AdminPulse states something else
// than Silverfin has.
type DemoAdministration struct {
	Unnamed  DemoDossier // has no name in Silverfin
	Moved    DemoDossier // has its former address in Silverfin
	Director DemoDossier // has a former director in Silverfin
}

// AddAdministration gives AdminPulse three dossiers of the demo, as clients of which Silverfin
// lacks the name, or has the former address or director.
func (s *Sandbox) AddAdministration(d *Demo) (DemoAdministration, error) {
	ready := d.Find(SituationNew)
	if len(ready) < 3 {
		return DemoAdministration{}, fmt.Errorf("the demo has %d dossiers that are ready", len(ready))
	}
	a := DemoAdministration{Moved: ready[0], Director: ready[1], Unnamed: ready[2]}
	client := func(reference string, one DemoDossier, street, house, postalCode, city string) administration.Client {
		return administration.Client{Reference: reference, Number: one.EnterpriseNumber, Name: one.Name, Street: street, House: house, PostalCode: postalCode, City: city, LegalForm: "BV"}
	}
	moved := client("1001", a.Moved, "Verzonnen Nijverheidslaan", "201", "9320", "Erembodegem")
	director := client("1002", a.Director, "Rue Inventée", "8", "7800", "Ath")
	director.Directors = []administration.Director{{FirstName: "Camille", LastName: "Delcourtois", Function: "bestuurder"}}
	unnamed := client("1003", a.Unnamed, "Bedachte Dreef", "5", "1500", "Halle")
	s.Administration.SetClients(moved, director, unnamed)

	for id, fields := range map[int64]map[string]string{
		a.Moved.CompanyIDs[0]:    {"street": "Verzonnen Stationsstraat 14", "postalcode": "9300", "city": "Aalst"},
		a.Director.CompanyIDs[0]: {"street": "Rue Inventée 8", "postalcode": "7800", "city": "Ath"},
		a.Unnamed.CompanyIDs[0]:  {"name": "", "street": "Bedachte Dreef 5", "postalcode": "1500", "city": "Halle"},
	} {
		for field, value := range fields {
			if err := s.Silverfin.ChangeCompany(id, field, value); err != nil {
				return a, err
			}
		}
	}
	return a, s.Silverfin.SetPeople(a.Director.CompanyIDs[0], silverfin.CompanyPerson{Name: "Marcel Delcourtois"})
}
