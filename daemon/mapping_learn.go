package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

// LearnRequest names dossiers that a person filled in by hand, and whose balances are
// known.
type LearnRequest struct {
	// Dossiers are named as CONNECTION/DOSSIER, or by what names one alone; Entries by the
	// number of a balance of theirs.
	Dossiers []string `json:"dossiers,omitempty"`
	Entries  []uint64 `json:"entries,omitempty"`
	FirmID   int64    `json:"firm_id,omitempty"` // 0 for the firm that they are in
}

// maxLearn bounds how many dossiers a mapping is learnt from.
const maxLearn = 10

// LearntMapping is what was learnt of a firm's templates.
type LearntMapping struct {
	FirmID   int64  `json:"firm_id"`
	FirmName string `json:"firm_name"`
	mapping.Learnt
	// Similar are the firm's templates that are called a social balance and were not
	// found to hold the figures.
	Similar []NamedTemplate `json:"similar,omitempty"`
	// Own counts the properties that balansd wrote itself; they are no evidence.
	Own int `json:"own,omitempty"`
}

// NamedTemplate is a template by its handle and its name.
type NamedTemplate struct {
	Handle string `json:"handle"`
	Name   string `json:"name,omitempty"`
}

// LearnMapping proposes where the figures of a firm land, from dossiers that a person
// filled in there and whose balances are known. It changes nothing.
func (d *Daemon) LearnMapping(ctx context.Context, r LearnRequest) (LearntMapping, error) {
	entries, err := d.learnFrom(ctx, r)
	if err != nil {
		return LearntMapping{}, err
	}
	out := LearntMapping{FirmID: r.FirmID}
	var filled []mapping.Filled
	for _, e := range entries {
		in, err := d.companyOf(ctx, e)
		if err != nil {
			return LearntMapping{}, err
		}
		if out.FirmID == 0 {
			out.FirmID = in.firm.ID
		}
		if in.firm.ID != out.FirmID {
			return LearntMapping{}, problem.New(problem.Usage, fmt.Sprintf("%s is in Silverfin firm %d (%s), not in firm %d", dossierName(e.Listing), in.firm.ID, in.firm.Name, out.FirmID),
				"Learn each firm from its own dossiers.")
		}
		out.FirmName = in.firm.Name
		f, own, err := d.filledIn(ctx, in, e)
		if err != nil {
			return LearntMapping{}, err
		}
		filled, out.Own = append(filled, f), out.Own+own
	}
	templates, err := d.config().Destination(out.FirmID).Templates(ctx)
	if err != nil {
		return LearntMapping{}, err
	}
	out.Learnt = mapping.Learn(filled, templates)
	for _, t := range mapping.SocialBalances(filled, templates) {
		name := NamedTemplate{Handle: t.Handle}
		if len(t.Names) > 0 {
			name.Name = t.Names[0]
		}
		held := slices.ContainsFunc(out.Candidates, func(c mapping.Candidate) bool {
			return c.Target.Handle == t.Handle || slices.Contains(c.ReadBy, t.Handle) || slices.Contains(c.ShownBy, t.Handle)
		})
		if !held && !slices.ContainsFunc(out.Similar, func(s NamedTemplate) bool { return s.Handle == t.Handle }) {
			out.Similar = append(out.Similar, name)
		}
	}
	return out, nil
}

// learnFrom returns the entries that a request names, one for each dossier.
func (d *Daemon) learnFrom(ctx context.Context, r LearnRequest) ([]ledger.Entry, error) {
	switch n := len(r.Dossiers) + len(r.Entries); {
	case n == 0:
		return nil, problem.New(problem.Usage, "no dossier is named",
			"Name one to three dossiers that someone filled in by hand in Silverfin: balansd mapping learn --dossier REF.")
	case n > maxLearn:
		return nil, problem.New(problem.Usage, fmt.Sprintf("%d dossiers are too many to learn from", n), fmt.Sprintf("Name at most %d; three are enough as a rule.", maxLearn))
	}
	var all []ledger.Entry
	add := func(e ledger.Entry) {
		if !slices.ContainsFunc(all, func(o ledger.Entry) bool { return o.Number == e.Number }) {
			all = append(all, e)
		}
	}
	for _, ref := range r.Dossiers {
		e, err := d.findDossier(ctx, ref)
		if err != nil {
			return nil, err
		}
		add(e)
	}
	for _, number := range r.Entries {
		e, err := d.config().Store.Entry(ctx, number)
		if err != nil {
			return nil, err
		}
		add(e)
	}
	return all, nil
}

// filledIn reads what a dossier's period holds in Silverfin, beside the figures of its
// balance. What balansd wrote there and nobody changed since is left out, and counted.
func (d *Daemon) filledIn(ctx context.Context, in inFirm, e ledger.Entry) (f mapping.Filled, own int, err error) {
	r, err := d.previewRun(ctx)
	if err != nil {
		return f, 0, err
	}
	read := &delivery{run: r, before: e, entry: e}
	if err := read.read(ctx); err != nil {
		return f, 0, learnProblem(e, err)
	}
	if len(read.entry.Doubts) > 0 || len(read.values) == 0 {
		return f, 0, problem.New(problem.NotAllowed, fmt.Sprintf("the figures of %s (balance %d) are not all known", dossierName(e.Listing), e.Number),
			"Settle what its document leaves open first, or name another dossier.")
	}
	f, at, err := d.config().Destination(in.firm.ID).Filled(ctx, in.company, read.entry.FiscalYear, e.Tie)
	if err != nil {
		return f, 0, learnProblem(e, err)
	}
	f.Name, f.Figures = dossierName(e.Listing), read.values
	if f.Period, own, err = d.withoutOwn(ctx, at, f.Period); err != nil {
		return f, 0, err
	}
	for i := range f.Reconciliations {
		at.ReconciliationID = f.Reconciliations[i].ID
		custom, n, err := d.withoutOwn(ctx, at, f.Reconciliations[i].Custom)
		if err != nil {
			return f, 0, err
		}
		f.Reconciliations[i].Custom, own = custom, own+n
	}
	return f, own, nil
}

// learnProblem says why nothing can be learnt from a dossier.
func learnProblem(e ledger.Entry, err error) error {
	if waiting, ok := errors.AsType[*ledger.WaitingError](err); ok {
		return problem.New(problem.NotAllowed, fmt.Sprintf("nothing can be learnt from %s: %s", dossierName(e.Listing), waiting.Detail),
			"Name a dossier whose annual accounts are there for the year of its balance, with the social balance filled in by hand.")
	}
	return err
}

// withoutOwn leaves out the values that balansd wrote to a target and that are unchanged.
func (d *Daemon) withoutOwn(ctx context.Context, at ledger.Target, values []mapping.Value) (others []mapping.Value, own int, err error) {
	written, err := d.config().Store.Written(ctx, at)
	if err != nil {
		return nil, 0, err
	}
	wrote := map[string]string{}
	for c, text := range written.Confirmed {
		wrote[written.Properties[c]] = text
	}
	for _, v := range values {
		if text, ok := wrote[v.String()]; ok && text == v.Text {
			own++
			continue
		}
		others = append(others, v)
	}
	return others, own, nil
}

// Change returns the request that saves a candidate for the firm, with the template that
// was seen to use it.
func (l LearntMapping) Change(candidate int, by string) MappingChange {
	c := l.Candidates[candidate]
	r := MappingChange{FirmID: l.FirmID, Target: c.Target, By: by}
	switch {
	case c.Target.Level == mapping.LevelReconciliation && c.Telling:
		r.Use = ledger.MappingUse{Handle: c.Target.Handle, Name: c.Name, Evidence: ledger.InCustom}
	case len(c.ReadBy) > 0:
		r.Use = ledger.MappingUse{Handle: c.ReadBy[0], Evidence: ledger.InText}
	case len(c.ShownBy) > 0:
		r.Use = ledger.MappingUse{Handle: c.ShownBy[0], Evidence: ledger.InResults}
	}
	for _, rubric := range c.Rubrics {
		if r.Use.Handle != "" && rubric.Confidence == mapping.Certain {
			r.Use.Cells = append(r.Use.Cells, rubric.Cell)
		}
	}
	return r
}
