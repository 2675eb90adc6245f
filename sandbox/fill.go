package sandbox

import (
	"cmp"
	"fmt"
	"time"

	"balansd/balance"
	"balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
	"balansd/sandbox/silverfin"
)

// FillOptions say what Fill adds.
type FillOptions struct {
	Companies int           // how many companies in Silverfin, with period and open workflow
	Dossiers  int           // how many dossiers in Finbox; they match the companies one by one
	Balances  int           // how many of these dossiers get a new social balance
	Model     balance.Model // empty means abbreviated
	Year      int           // 0 means the calendar year before now
	CreatedAt time.Time     // of the balances; zero means now
}

// Fill adds n dossiers with a new social balance to the first environment, and
// a company with an open workflow for each to the first firm.
func (s *Sandbox) Fill(n int) error {
	return s.FillWith(FillOptions{Companies: n, Dossiers: n, Balances: n})
}

// FillWith adds many made-up dossiers at once. What is added twice is
// different the second time, up to a million dossiers in all.
func (s *Sandbox) FillWith(o FillOptions) error {
	s.filling.Lock()
	defer s.filling.Unlock()
	o.Model = cmp.Or(o.Model, balance.Abbreviated)
	o.Year = cmp.Or(o.Year, s.opt.Now().Year()-1)
	environment, firm, err := s.first()
	if err != nil {
		return err
	}
	dossiers, err := s.Finbox.DossierCount(environment)
	if err != nil {
		return err
	}
	// The n-th dossier and the n-th company are of the same made-up company.
	next := int64(fillSeed + max(dossiers, len(s.Silverfin.Companies(firm))))
	for i := range o.Dossiers {
		if err := s.fillDossier(environment, next+int64(i), i < o.Balances, o); err != nil {
			return err
		}
	}
	for i := range o.Companies {
		s.addCompany(firm, madeup.CompanyOf(next+int64(i)), o.Year, true)
	}
	return nil
}

// fillSeed is the seed of the first company that Fill makes; the demo's seeds
// are below it.
const fillSeed = 10_000

func (s *Sandbox) fillDossier(environment string, seed int64, withBalance bool, o FillOptions) error {
	c := madeup.CompanyOf(seed)
	id, err := s.Finbox.AddDossier(environment, finbox.Dossier{Name: c.Name, EnterpriseNumber: c.Number})
	if err != nil || !withBalance {
		return err
	}
	_, _, err = s.Finbox.AddBalance(finbox.NewBalance{
		ConnectionID: environment, DossierID: id, CreatedAt: o.CreatedAt,
		Made:    &finbox.Recipe{Seed: seed, Model: o.Model, Year: o.Year},
		Layouts: []balance.Layout{balance.NBBCSV, balance.NBBJSON},
	})
	return err
}

// first returns the first environment and the first firm.
func (s *Sandbox) first() (connectionID string, firmID int64, err error) {
	environments, firms := s.Finbox.Environments(), s.Silverfin.Firms()
	if len(environments) == 0 || len(firms) == 0 {
		return "", 0, fmt.Errorf("the sandbox has no environment or no firm")
	}
	return environments[0].ConnectionID, firms[0].ID, nil
}

// addCompany adds a company with the period of one calendar year, and opens
// its annual-accounts workflow when asked.
func (s *Sandbox) addCompany(firm int64, c madeup.Company, year int, open bool) (companyID, periodID int64) {
	companyID = s.Silverfin.AddCompany(firm, silverfin.Company{
		Name: c.Name, VAT: "BE " + c.Number.Pretty(), Language: c.Language,
	})
	periodID = s.Silverfin.AddPeriod(companyID,
		balance.Date{Year: year, Month: time.January, Day: 1}, balance.Date{Year: year, Month: time.December, Day: 31})
	if open {
		s.Silverfin.OpenWorkflow(companyID, periodID, madeup.Workflow(c.Language))
	}
	return companyID, periodID
}
