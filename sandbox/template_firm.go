package sandbox

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"

	"balansd/balance"
	"balansd/sandbox/control"
	"balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
	"balansd/sandbox/silverfin"

	"github.com/shopspring/decimal"
)

// A TemplateFirm is a made-up firm with a social balance template as a firm could have
// one, and with dossiers in which a person filled it in. All names in it are invented:
// Silverfin publishes none of its own.
type TemplateFirm struct {
	Template TemplateKind      `json:"template"`
	FirmID   int64             `json:"firm_id"`
	Firm     string            `json:"firm"`
	Handle   string            `json:"handle"` // of the social balance template
	Workflow string            `json:"workflow"`
	Year     int               `json:"year"` // the financial year of every balance
	Dossiers []TemplateDossier `json:"dossiers"`

	// Where the figures of the social balance belong: what there is to find.
	Level      string                  `json:"level"` // period or reconciliation
	Properties map[balance.Cell]string `json:"properties"`
	NumberText                         // how they are written
}

// A TemplateDossier is a dossier of a TemplateFirm. Finbox has its social balance.
type TemplateDossier struct {
	Name             string                   `json:"name"`
	EnterpriseNumber balance.EnterpriseNumber `json:"enterprise_number"`
	DossierID        string                   `json:"dossier_id"` // in Finbox
	BalanceID        string                   `json:"balance_id"` // in Finbox
	CompanyID        int64                    `json:"company_id"`
	PeriodID         int64                    `json:"period_id"`
	ReconciliationID int64                    `json:"reconciliation_id"` // the social balance template that counts
	Filled           bool                     `json:"filled"`            // a person filled it in
	Slips            []balance.Cell           `json:"slips,omitempty"`   // which figures that person mistyped
}

const (
	templateSeed = 2_000 // of the first dossier; see fillSeed
	filledByHand = 3     // how many dossiers of a firm are filled in; one more is not
)

// AddTemplateFirm adds a firm with a template of that kind, and its dossiers.
func (s *Sandbox) AddTemplateFirm(kind TemplateKind) (*TemplateFirm, error) {
	s.filling.Lock()
	defer s.filling.Unlock()
	design, known := templateDesigns()[kind]
	if !known {
		return nil, control.BadOrder("the sandbox has no template %.30q, only %v", kind, TemplateKinds())
	}
	environment, _, err := s.first()
	if err != nil {
		return nil, err
	}
	count := len(s.Silverfin.Firms())
	f := &TemplateFirm{
		Template: kind, Firm: design.firm, Handle: design.handle, Workflow: madeup.Workflow(design.language),
		Year: s.opt.Now().Year() - 1, Level: "reconciliation", Properties: map[balance.Cell]string{}, NumberText: design.text,
	}
	if design.period {
		f.Level = "period"
	}
	properties := design.properties()
	for cell, p := range properties {
		f.Properties[cell] = p.String()
	}
	f.FirmID = s.Silverfin.AddFirm(f.Firm)
	templates := design.addTemplates(s.Silverfin, f.FirmID)
	for i := range filledByHand + 1 {
		seed := int64(templateSeed + count*10 + i)
		d, reconciliations, err := s.addTemplateDossier(f, environment, seed, design.language, templates)
		if err == nil {
			err = s.fillOthers(&d, reconciliations, seed, f.Year)
		}
		if d.Filled = i < filledByHand; err == nil && d.Filled {
			err = s.fillByHand(f, &d, properties, seed, i == 1)
		}
		if err != nil {
			return nil, fmt.Errorf("dossier %s: %w", d.Name, err)
		}
		f.Dossiers = append(f.Dossiers, d)
	}
	return f, nil
}

// addTemplateDossier adds a dossier with its balance to Finbox, and its company with
// the firm's templates to Silverfin. It returns the company's reconciliations by handle;
// of a handle that occurs twice, the one that counts.
func (s *Sandbox) addTemplateDossier(f *TemplateFirm, environment string, seed int64, language string, templates []addedTemplate) (
	d TemplateDossier, reconciliations map[string]int64, err error,
) {
	c := madeup.CompanyOf(seed)
	c.Language = language
	d = TemplateDossier{Name: c.Name, EnterpriseNumber: c.Number}
	d.DossierID, err = s.Finbox.AddDossier(environment, finbox.Dossier{Name: c.Name, EnterpriseNumber: c.Number})
	if err != nil {
		return d, nil, err
	}
	d.BalanceID, _, err = s.Finbox.AddBalance(finbox.NewBalance{
		ConnectionID: environment, DossierID: d.DossierID, Made: templateBalance(seed, f.Year),
	})
	if err != nil {
		return d, nil, err
	}
	d.CompanyID, d.PeriodID = s.addCompany(f.FirmID, c, f.Year, true)
	reconciliations = map[string]int64{}
	for _, t := range templates {
		id, err := s.Silverfin.AddReconciliationOf(d.CompanyID, t.id, f.Workflow, t.starred)
		if err != nil {
			return d, nil, err
		}
		reconciliations[t.handle] = id
	}
	d.ReconciliationID = reconciliations[f.Handle]
	return d, reconciliations, nil
}

// templateBalance returns what the balance of a dossier is made from. The third one of
// a firm is of the full model, which has figures that the other models lack.
func templateBalance(seed int64, year int) *finbox.Recipe {
	made := finbox.Recipe{Seed: seed, Model: balance.Abbreviated, Year: year}
	if seed%10 == filledByHand-1 {
		made.Model = balance.Full
	}
	return &made
}

// fillByHand types the figures of a dossier into Silverfin as a person does: some
// figures that the balance leaves empty as zero or as an empty text, and with a slip
// in one of them where asked.
func (s *Sandbox) fillByHand(f *TemplateFirm, d *TemplateDossier, properties map[balance.Cell]silverfin.Property, seed int64, slip bool) error {
	rng := rand.New(rand.NewPCG(uint64(seed), 0x7e57))
	b := templateBalance(seed, f.Year).Make()
	slipped := balance.Cell{}
	if slip {
		slipped.Code = "1021"
		d.Slips = append(d.Slips, slipped)
	}
	reconciliation := d.ReconciliationID
	if f.Level == "period" {
		reconciliation = 0
	}
	for _, cell := range slices.SortedFunc(maps.Keys(properties), balance.CompareCells) {
		v, stated := b.Values[cell]
		text := f.Write(cell, v)
		switch r, _ := balance.RubricOf(cell.Code); {
		case stated && cell == slipped:
			text = f.Write(cell, v.Add(decimal.New(900, 0)))
		case stated:
		case r.FullOnly && b.Model != balance.Full, rng.IntN(3) == 0:
			continue // left untouched
		case rng.IntN(2) == 0:
			text = ""
		}
		if err := s.Silverfin.SetIn(d.CompanyID, d.PeriodID, reconciliation, properties[cell].Namespace, properties[cell].Key, text); err != nil {
			return err
		}
	}
	return nil
}

// fillOthers types figures into the other templates of a dossier, among them its
// personnel cost and its staff once more, and into its period.
func (s *Sandbox) fillOthers(d *TemplateDossier, reconciliations map[string]int64, seed int64, year int) error {
	rng := rand.New(rand.NewPCG(uint64(seed), 0x07e4))
	b := templateBalance(seed, year).Make()
	euro := func() string { return decimal.New(int64(rng.IntN(90_000_000)+100_000), -2).StringFixed(2) }
	for _, o := range []struct{ handle, namespace, key, value string }{
		{"resultatenrekening", "resultaten", "r62", balance.Canonical(b.Values[balance.Cell{Code: "1023"}])},
		{"resultatenrekening", "resultaten", "r61", euro()},
		{"resultatenrekening", "resultaten", "r70", euro()},
		{"identificatiegegevens", "criteria", "personeel", balance.Canonical(b.Values[balance.Cell{Code: "1003"}])},
		{"identificatiegegevens", "criteria", "omzet", euro()},
		{"identificatiegegevens", "criteria", "toelichting", "nagekeken met het jaarverslag"},
		{"", "pit_integration", "code_1002", "yes"},
		{"", "pit_integration", "code_1003", strconv.Itoa(rng.IntN(12))},
	} {
		if err := s.Silverfin.SetIn(d.CompanyID, d.PeriodID, reconciliations[o.handle], o.namespace, o.key, o.value); err != nil {
			return err
		}
	}
	return nil
}

// orderTemplate takes {"template": KIND, "lag": N}.
func (s *Sandbox) orderTemplate(r *http.Request) (any, error) {
	var order struct {
		Template TemplateKind `json:"template"`
		Lag      int          `json:"lag"` // how many calls still see the old results after a change
	}
	if err := control.Read(r, &order); err != nil {
		return nil, err
	}
	if order.Lag < 0 {
		return nil, control.BadOrder("lag is a number of calls, 0 or more")
	}
	f, err := s.AddTemplateFirm(order.Template)
	if err != nil {
		return nil, err
	}
	return f, s.Silverfin.SetResultLag(f.FirmID, order.Lag)
}
