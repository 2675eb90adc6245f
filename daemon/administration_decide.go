package daemon

import (
	"context"
	"fmt"
	"slices"

	"balansd/administration"
	"balansd/ledger"
	"balansd/problem"
)

// maxDecided bounds how many companies are decided about at once.
const maxDecided = 500

// DecideAdministration settles differences of companies, one after the other. What is in the
// way of one of them is returned with the others' outcome; where only one is named, it is the
// error.
func (d *Daemon) DecideAdministration(ctx context.Context, r AdministrationDecision) (AdministrationDecided, error) {
	out := AdministrationDecided{Done: []ledger.Administration{}, Problems: []AdministrationProblem{}}
	switch {
	case r.Choice != UseSource && r.Choice != KeepCompanies:
		return out, problem.New(problem.Usage, fmt.Sprintf("%.30q is no choice", r.Choice), "Choose use or keep.")
	case len(r.Companies) == 0 || len(r.Companies) > maxDecided:
		return out, problem.New(problem.Usage, fmt.Sprintf("%d companies are named", len(r.Companies)), fmt.Sprintf("Name 1 to %d of them.", maxDecided))
	case len(d.config().Administration.Sources) == 0:
		return out, noAdministration()
	}
	release, err := d.runs.admit(ctx, true, false)
	if err != nil {
		return out, err
	}
	defer release()
	for _, c := range r.Companies {
		a, err := d.decideOne(ctx, c, r)
		switch {
		case err == nil:
			out.Done = append(out.Done, a)
			continue
		case len(r.Companies) == 1 || ctx.Err() != nil || isState(err):
			return out, err
		}
		p := problem.Of(err)
		out.Problems = append(out.Problems, AdministrationProblem{FirmID: c.FirmID, CompanyID: c.CompanyID, Company: a.Company,
			Code: string(p.Code), What: p.What, Next: p.Next})
	}
	return out, nil
}

// decideOne carries out a decision about one company.
func (d *Daemon) decideOne(ctx context.Context, c SeenAdministration, r AdministrationDecision) (ledger.Administration, error) {
	unlock, err := d.runs.targets.Acquire(ctx, administrationLock(c.FirmID, c.CompanyID))
	if err != nil {
		return ledger.Administration{}, err
	}
	defer unlock()
	a, err := d.loadAdministration(ctx, c.FirmID, c.CompanyID)
	if err != nil {
		return a, err
	}
	if c.Version != 0 && a.Version != c.Version {
		return a, administrationChanged(a)
	}
	if a.Writing != nil {
		return a, problem.New(problem.Busy, "a change of "+companyLabel(a)+" was recorded and its outcome is not known yet",
			"Compare its administration data first: balansd administration compare. That goes on with the change.")
	}
	chosen, err := chosenDifferences(a, r)
	if err != nil {
		return a, err
	}
	now := d.config().Now()
	if r.Choice == KeepCompanies {
		return d.saveAdministration(ctx, a.Keep(chosen, r.By, now))
	}
	a.Writing = &ledger.AdministrationWrite{Seen: chosen, By: r.By, At: now}
	if a, err = d.saveAdministration(ctx, a); err != nil {
		return a, err
	}
	return d.writeAdministration(ctx, d.config(), a)
}

// chosenDifferences returns the differences that a decision is about: those of the fields it
// names, else all that are open; of those that are used only what can be written.
func chosenDifferences(a ledger.Administration, r AdministrationDecision) (chosen []administration.Difference, err error) {
	among := a.Open()
	if len(r.Fields) > 0 {
		among = slices.DeleteFunc(slices.Clone(a.Differences), func(x administration.Difference) bool { return !slices.Contains(r.Fields, x.Field) })
	}
	for _, f := range r.Fields {
		if _, differs := a.Difference(f); !differs {
			return nil, problem.New(problem.NotAllowed, fmt.Sprintf("the %s of %s does not differ", fieldWords(f), companyLabel(a)), "Only what differs needs a decision.")
		}
	}
	for _, x := range among {
		if r.Choice == KeepCompanies || CanUse(x) {
			chosen = append(chosen, x)
		} else if len(r.Fields) > 0 {
			return nil, problem.New(problem.NotAllowed, fmt.Sprintf("the %s of %s cannot be written into Silverfin from outside without doubt", fieldWords(x.Field), companyLabel(a)),
				"Copy the value into Silverfin by hand; the next comparison sees it.")
		}
	}
	if len(chosen) == 0 {
		return nil, problem.New(problem.NotAllowed, "nothing of "+companyLabel(a)+" differs that could be decided like this", "Only what differs needs a decision; what cannot be written is copied by hand.")
	}
	return chosen, nil
}

// CanUse reports whether the source's value of a difference can be written into Silverfin:
// the field can be written without doubt, and would not be emptied.
func CanUse(x administration.Difference) bool {
	return ledger.Writable(x.Field) && (x.Source != "" || x.Field == administration.Box)
}

// fieldWords names a field in a sentence.
func fieldWords(f administration.Field) string {
	switch f {
	case administration.PostalCode:
		return "postal code"
	case administration.LegalForm:
		return "legal form"
	case administration.GeneralMeeting:
		return "date of the general meeting"
	case administration.Number:
		return "house number"
	}
	return string(f)
}

// PickReference picks the reference of a company, and compares the company again.
func (d *Daemon) PickReference(ctx context.Context, r PickRequest) (ledger.Administration, error) {
	if len(d.config().Administration.Sources) == 0 {
		return ledger.Administration{}, noAdministration()
	}
	release, err := d.runs.admit(ctx, true, false)
	if err != nil {
		return ledger.Administration{}, err
	}
	defer release()
	if r.Reference != "" {
		if err := d.checkReference(ctx, r); err != nil {
			return ledger.Administration{}, err
		}
	}
	if err := d.savePick(ctx, r); err != nil {
		return ledger.Administration{}, err
	}
	_, err = d.syncAdministration(ctx, d.config(), AdministrationSync{Known: true, FirmID: r.FirmID, CompanyID: r.CompanyID, By: r.By})
	if err != nil {
		return ledger.Administration{}, err
	}
	return d.loadAdministration(ctx, r.FirmID, r.CompanyID)
}

// savePick saves the reference of a company, or that none is picked.
func (d *Daemon) savePick(ctx context.Context, r PickRequest) error {
	if err := d.requireFirm(ctx, r.FirmID); err != nil {
		return err
	}
	if _, err := d.config().Destination(r.FirmID).Company(ctx, r.CompanyID); err != nil {
		return err
	}
	unlock, err := d.runs.targets.Acquire(ctx, administrationLock(r.FirmID, r.CompanyID))
	if err != nil {
		return err
	}
	defer unlock()
	a, err := d.loadAdministration(ctx, r.FirmID, r.CompanyID)
	if err != nil {
		return err
	}
	now := d.config().Now()
	e := ledger.AdministrationEvent{At: now, Act: ledger.AdministrationUnpicked, By: r.By}
	if a.Pick = nil; r.Reference != "" {
		a.Pick = &ledger.AdministrationPick{Source: r.Source, Reference: r.Reference, By: r.By, At: now}
		e.Act, e.Source = ledger.AdministrationPicked, r.Source+" "+r.Reference
	}
	_, err = d.saveAdministration(ctx, a.With(e))
	return err
}

// checkReference refuses a reference that its source did not list.
func (d *Daemon) checkReference(ctx context.Context, r PickRequest) error {
	listings, err := d.listings(ctx)
	if err != nil {
		return err
	}
	for _, l := range listings {
		if l.Name != r.Source {
			continue
		}
		if _, ok := l.withReference(r.Reference); !ok {
			return problem.New(problem.NotFound, fmt.Sprintf("%s has no reference %.60q", r.Source, r.Reference), "Search its references; a sync lists new ones.")
		}
		return nil
	}
	return problem.New(problem.NotFound, fmt.Sprintf("there is no source %.60q of administration data", r.Source), "balansd administration list names the sources.")
}
