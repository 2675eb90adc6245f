package sandbox

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"balansd/balance"
	"balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
	"balansd/sandbox/silverfin"

	"github.com/shopspring/decimal"
)

// Situation is what is particular about a dossier of the demo.
type Situation string

// The situations of the demo.
const (
	SituationNew            Situation = "new"             // a new balance, everything ready
	SituationWorkflowClosed Situation = "workflow_closed" // the company's workflow is not open yet
	SituationPeriodLocked   Situation = "period_locked"   // the company's period is locked
	SituationNoPeriod       Situation = "no_period"       // the company has no period for that year
	SituationNoCompany      Situation = "no_company"      // Silverfin has no such company
	SituationSeveral        Situation = "several"         // two companies have the same number
	SituationCorrected      Situation = "corrected"       // corrected in Finbox before the first night
	SituationChanged        Situation = "changed"         // a person typed other figures in Silverfin
	SituationTwice          Situation = "listed_twice"    // Finbox lists it twice
	SituationUnreadable     Situation = "unreadable"      // the document is no social balance
	SituationFolder         Situation = "folder"          // a file in a folder, not in Finbox
)

// demoKey starts the keys under which a person types figures in the demo.
const demoKey = "code_"

// A DemoDossier is one made-up dossier and what is where.
type DemoDossier struct {
	Situation        Situation                `json:"situation"`
	Name             string                   `json:"name"`
	Language         string                   `json:"language"` // nl or fr
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number"`
	Model            balance.Model            `json:"model"`
	DossierID        string                   `json:"dossier_id,omitempty"` // in Finbox
	BalanceID        string                   `json:"balance_id,omitempty"` // in Finbox
	Folder           string                   `json:"folder,omitempty"`     // name of the sub-folder, the sync reference
	File             string                   `json:"file,omitempty"`       // name of the file in it
	CompanyIDs       []int64                  `json:"company_ids,omitempty"`
	PeriodIDs        []int64                  `json:"period_ids,omitempty"` // of each company
	Workflow         string                   `json:"workflow,omitempty"`   // name of the annual-accounts workflow
}

// A Demo is the list of what (*Sandbox).Demo added.
type Demo struct {
	ConnectionID string        `json:"connection_id"`
	FirmID       int64         `json:"firm_id"`
	Year         int           `json:"year"`     // the financial year of every balance
	Dossiers     []DemoDossier `json:"dossiers"` // in Finbox
	Folder       []DemoDossier `json:"folder"`   // for WriteFolder
}

// Find lists the dossiers in a situation, those of the folder too.
func (d *Demo) Find(situation Situation) []DemoDossier {
	var found []DemoDossier
	for _, one := range append(append([]DemoDossier{}, d.Dossiers...), d.Folder...) {
		if one.Situation == situation {
			found = append(found, one)
		}
	}
	return found
}

// demoCast lists the dossiers of the demo. The names are made up; the numbers are in
// a range that was never handed out.
var demoCast = []struct {
	situation Situation
	name      string
	language  string
	model     balance.Model
	folder    string
	file      string // in the folder, with %d for the year
}{
	{SituationNew, "Bakkerij Van Hoolwegen BV", "nl", balance.Abbreviated, "", ""},
	{SituationNew, "Brasserie Delcourtois SA", "fr", balance.Full, "", ""},
	{SituationNew, "Optiek Klaasveldt BV", "nl", balance.Micro, "", ""},
	{SituationCorrected, "Imprimerie Rochefontaine SRL", "fr", balance.Abbreviated, "", ""},
	{SituationTwice, "Kwekerij Tienenberg CV", "nl", balance.Abbreviated, "", ""},
	{SituationWorkflowClosed, "Bouwbedrijf De Meersche NV", "nl", balance.Full, "", ""},
	{SituationPeriodLocked, "Menuiserie Grandsart SRL", "fr", balance.Micro, "", ""},
	{SituationNoPeriod, "Drukkerij Oosterzele BV", "nl", balance.Abbreviated, "", ""},
	{SituationNoCompany, "Pharmacie Beauvallon SRL", "fr", balance.Micro, "", ""},
	{SituationSeveral, "Garage Wouterloo BV", "nl", balance.Abbreviated, "", ""},
	{SituationChanged, "Transports Marchandelle SA", "fr", balance.Abbreviated, "", ""},
	{SituationUnreadable, "Slagerij Pauwelyck BV", "nl", balance.Micro, "", ""},
	{SituationFolder, "Dakwerken Verlindenhove BV", "nl", balance.Abbreviated, "DAKVER01", "sociale-balans-%d.csv"},
	{SituationFolder, "Plomberie Hautecour-Dulac SRL", "fr", balance.Micro, "PLOHAU02", "bilan-social-%d.pdf"},
	{SituationFolder, "Kapsalon Berkenrode BV", "nl", balance.Micro, "KAPBER03", "download-%d.zip"},
}

// Demo fills the first environment and the first firm with dossiers in every
// situation and lists them. The balances are of the calendar year
// before now.
func (s *Sandbox) Demo() (*Demo, error) {
	environment, firm, err := s.first()
	if err != nil {
		return nil, err
	}
	d := &Demo{ConnectionID: environment, FirmID: firm, Year: s.opt.Now().Year() - 1}
	for i, cast := range demoCast {
		one := DemoDossier{
			Situation: cast.situation, Name: cast.name, Language: cast.language, Model: cast.model,
			EnterpriseNumber: madeup.Number(int64(i)), Workflow: madeup.Workflow(cast.language), Folder: cast.folder,
		}
		if cast.folder != "" {
			one.File = fmt.Sprintf(cast.file, d.Year)
			s.demoCompanies(d, &one)
			d.Folder = append(d.Folder, one)
			continue
		}
		s.demoCompanies(d, &one)
		if err := s.demoBalance(d, &one, int64(i)); err != nil {
			return nil, fmt.Errorf("demo dossier %s: %w", one.Name, err)
		}
		d.Dossiers = append(d.Dossiers, one)
	}
	return d, nil
}

// demoCompanies adds what Silverfin has of a dossier.
func (s *Sandbox) demoCompanies(d *Demo, one *DemoDossier) {
	count := 1
	switch one.Situation {
	case SituationNoCompany:
		count = 0
	case SituationSeveral:
		count = 2
	}
	year := d.Year
	if one.Situation == SituationNoPeriod {
		year -= 3
	}
	for i := range count {
		c := madeup.Company{Name: one.Name, Number: one.EnterpriseNumber, Language: one.Language}
		if i > 0 {
			c.Name += " (oud dossier)"
		}
		companyID, periodID := s.addCompany(d.FirmID, c, year, one.Situation != SituationWorkflowClosed)
		one.CompanyIDs = append(one.CompanyIDs, companyID)
		one.PeriodIDs = append(one.PeriodIDs, periodID)
	}
}

// demoBalance adds what Finbox has of a dossier, and what happened to it.
func (s *Sandbox) demoBalance(d *Demo, one *DemoDossier, seed int64) (err error) {
	one.DossierID, err = s.Finbox.AddDossier(d.ConnectionID, finbox.Dossier{Name: one.Name, EnterpriseNumber: one.EnterpriseNumber})
	if err != nil {
		return err
	}
	now := s.opt.Now()
	made := finbox.Recipe{Seed: seed, Model: one.Model, Year: d.Year, Name: one.Name, EnterpriseNumber: one.EnterpriseNumber}
	one.BalanceID, _, err = s.Finbox.AddBalance(finbox.NewBalance{
		ConnectionID: d.ConnectionID, DossierID: one.DossierID, Made: &made, CreatedAt: now,
	})
	if err != nil {
		return err
	}
	switch one.Situation {
	case SituationCorrected:
		return s.CorrectCost(*one)
	case SituationTwice:
		return s.Finbox.ListTwice(one.BalanceID)
	case SituationPeriodLocked:
		return s.Silverfin.Lock(one.CompanyIDs[0], one.PeriodIDs[0])
	case SituationUnreadable:
		return s.Finbox.SetContent(one.BalanceID, []byte("Beste, de sociale balans volgt later. Met vriendelijke groeten.\n"))
	case SituationChanged:
		mine := made.Make().Values[balance.Cell{Code: "1023"}].Add(decimal.New(250, 0))
		return s.TypeByHand(*one, "1023", balance.Canonical(mine))
	}
	return nil
}

// OpenWorkflow opens the annual-accounts workflow of a dossier's companies, as
// the accountant does.
func (s *Sandbox) OpenWorkflow(one DemoDossier) {
	for i, id := range one.CompanyIDs {
		s.Silverfin.OpenWorkflow(id, one.PeriodIDs[i], one.Workflow)
	}
}

// TypeByHand types a figure into a dossier's period in Silverfin, as the
// accountant does.
func (s *Sandbox) TypeByHand(one DemoDossier, code, value string) error {
	if len(one.CompanyIDs) == 0 {
		return fmt.Errorf("%s has no company in Silverfin", one.Name)
	}
	return s.Silverfin.Set(one.CompanyIDs[0], one.PeriodIDs[0], silverfin.Namespace, demoKey+code, value)
}

// CorrectCost makes the payroll bureau correct a dossier's balance: the
// personnel cost of the full-time staff goes up by a hundred.
func (s *Sandbox) CorrectCost(one DemoDossier) error {
	hundred := decimal.New(100, 0)
	_, err := s.Finbox.CorrectFrom(one.BalanceID, func(b *balance.Balance) *balance.Balance {
		for _, code := range []string{"1021", "1023", "10211", "10231"} {
			cell := balance.Cell{Code: code}
			if v, ok := b.Values[cell]; ok {
				b.Values[cell] = v.Add(hundred)
			}
		}
		return b
	})
	return err
}

// WriteFolder writes the demo's folder source: a sub-folder a dossier, with one
// document each, as payroll bureaus hand them over: a CSV that Excel saved again, a
// PDF, and a ZIP with the XBRL. The folder is made when it is not there.
func (d *Demo) WriteFolder(dir string) error {
	for i, one := range d.Folder {
		made := finbox.Recipe{Seed: int64(500 + i), Model: one.Model, Year: d.Year, Name: one.Name, EnterpriseNumber: one.EnterpriseNumber}
		doc, err := folderDocument(filepath.Ext(one.File), made.Make())
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Join(dir, one.Folder), 0o750); err != nil {
			return err
		}
		name := filepath.Join(dir, one.Folder, one.File)
		if err := os.WriteFile(name, doc, 0o640); err != nil {
			return err
		}
		// The folder source leaves files alone that may still be growing.
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(name, old, old); err != nil {
			return err
		}
	}
	return nil
}

// folderDocument writes a balance as a file with an extension holds it.
func folderDocument(extension string, b *balance.Balance) ([]byte, error) {
	switch extension {
	case ".csv":
		return madeup.ExcelCSV(b)
	case ".pdf":
		return madeup.Document(balance.NBBPDF, b)
	}
	doc, err := madeup.Document(balance.CBSOXBRL, b)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range map[string][]byte{"lees mij.txt": []byte("Met vriendelijke groeten\r\n"), "2025-00000003.xbrl": doc} {
		to, err := w.Create(name)
		if err != nil {
			return nil, err
		}
		if _, err := to.Write(content); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return out.Bytes(), err
}
