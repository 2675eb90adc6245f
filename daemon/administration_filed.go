package daemon

import (
	"context"
	"maps"
	"slices"
	"time"

	"balansd/administration"
	"balansd/balance"
	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/problem"
)

// maxFiledYears is how many financial years are kept of what an enterprise filed.
const maxFiledYears = 3

// filedFigures are the figures that an enterprise filed for a financial year.
type filedFigures struct {
	FiscalYear balance.Period `json:"fiscal_year"`
	Source     string         `json:"source"`
	FiledAt    time.Time      `json:"filed_at,omitzero"`
	Values     balance.Values `json:"values"` // those that balance.CheckFiled compares
}

// saveFiled saves the figures that were filed, as a source lists them.
func (s *administrationSync) saveFiled(ctx context.Context, info administration.Info, records []administration.Record) error {
	return s.cfg.Administration.Rows.Update(ctx, func(w keyvalue.Writer) error {
		for _, r := range records {
			f := r.Filed
			if f == nil || r.EnterpriseNumber == "" || f.FiscalYear.End.IsZero() || len(f.Doubts) > 0 {
				continue
			}
			years, _, err := keyvalue.Get[[]filedFigures](w, filedRows, r.EnterpriseNumber.String())
			if err != nil {
				return err
			}
			next, changed := withFiledYear(years, filedFigures{f.FiscalYear, info.Name, r.AsOf, balance.FiledFigures(f)})
			if !changed {
				continue
			}
			if err := keyvalue.Put(w, filedRows, r.EnterpriseNumber.String(), next); err != nil {
				return err
			}
		}
		return nil
	})
}

// withFiledYear puts the figures of a year among those of others, newest first. A later
// deposit for a year takes the place of an earlier one; one without figures says nothing.
func withFiledYear(years []filedFigures, f filedFigures) (next []filedFigures, changed bool) {
	if len(f.Values) == 0 {
		return years, false
	}
	same := func(y filedFigures) bool { return y.FiscalYear.End == f.FiscalYear.End }
	if i := slices.IndexFunc(years, same); i >= 0 {
		if y := years[i]; f.FiledAt.Before(y.FiledAt) || f.FiledAt.Equal(y.FiledAt) && f.Values.Hash() == y.Values.Hash() {
			return years, false
		}
	}
	next = append(slices.DeleteFunc(slices.Clone(years), same), f)
	slices.SortFunc(next, func(a, b filedFigures) int { return b.FiscalYear.End.Compare(a.FiscalYear.End) })
	return next[:min(len(next), maxFiledYears)], true
}

// filedBefore returns what was filed for the financial year before another one: the year
// that ended the day before, or where the first day is not known, a calendar year earlier.
func filedBefore(years []filedFigures, year balance.Period) (filedFigures, bool) {
	for _, f := range years {
		end := f.FiscalYear.End
		if year.Start.IsZero() && end.Year == year.End.Year-1 || !year.Start.IsZero() && end.AddDays(1) == year.Start {
			return f, true
		}
	}
	return filedFigures{}, false
}

// withFiledFindings returns the findings of an entry with those about what was filed for the
// year before, in the place of earlier ones. The entry is not part of a sum.
func withFiledFindings(e ledger.Entry, v balance.Values, years []filedFigures) []balance.Finding {
	findings := slices.DeleteFunc(slices.Clone(e.Findings), balance.Finding.OfFiled)
	f, known := filedBefore(years, e.FiscalYear)
	if !known || len(e.Doubts) > 0 {
		return findings
	}
	return append(findings, balance.CheckFiled(v, f.Values)...)
}

// checkFiled compares the figures that were read with what was filed for the year before. The
// balance of a dossier that is added up with others is compared as their sum.
func (d *delivery) checkFiled(ctx context.Context) error {
	rows, n := d.cfg.Administration.Rows, d.entry.Dossier.EnterpriseNumber
	if rows == nil || n == "" {
		return nil
	}
	var years []filedFigures
	if _, part := d.group(d.entry); !part {
		err := rows.View(ctx, func(r keyvalue.Reader) (err error) {
			years, _, err = keyvalue.Get[[]filedFigures](r, filedRows, n.String())
			return err
		})
		if err != nil {
			return err
		}
	}
	d.entry.Findings = withFiledFindings(d.entry, d.values, years)
	return nil
}

// checkFiled compares the balances that were read before a deposit arrived with what was
// filed for their year before.
func (s *administrationSync) checkFiled(ctx context.Context) error {
	filed := map[balance.EnterpriseNumber][]filedFigures{}
	err := s.cfg.Administration.Rows.View(ctx, func(r keyvalue.Reader) error {
		for number := range r.Walk(filedRows, "") {
			years, _, err := keyvalue.Get[[]filedFigures](r, filedRows, number)
			if err != nil {
				return err
			}
			filed[balance.EnterpriseNumber(number)] = years
		}
		return nil
	})
	if err != nil || len(filed) == 0 {
		return err
	}
	var affected []ledger.Entry
	for e, err := range s.cfg.Store.Entries(ctx, ledger.Query{}) {
		if err != nil {
			return err
		}
		if _, known := filedBefore(filed[e.Dossier.EnterpriseNumber], e.FiscalYear); known {
			affected = append(affected, e)
		}
	}
	for _, e := range affected {
		if err := s.checkEntry(ctx, e, filed[e.Dossier.EnterpriseNumber]); err != nil && !problem.Is(err, problem.Conflict) {
			return err
		}
	}
	return nil
}

// checkEntry sets the findings of an entry about what was filed. A balance that is being
// delivered, or does not count, is left alone.
func (s *administrationSync) checkEntry(ctx context.Context, e ledger.Entry, years []filedFigures) error {
	unlock, err := s.daemon.runs.dossiers.Acquire(ctx, e.Connection+"\x00"+e.Dossier.ID)
	if err != nil {
		return err
	}
	defer unlock()
	if e, err = s.cfg.Store.Entry(ctx, e.Number); err != nil {
		return err
	}
	if e.ValuesHash == "" || e.State == ledger.Sending || e.State == ledger.Superseded || e.State == ledger.Ignored {
		return nil
	}
	v, err := s.cfg.Store.Values(ctx, e.Number)
	if err != nil || v.Hash() != e.ValuesHash {
		return err
	}
	if part, err := s.isPart(ctx, e); err != nil {
		return err
	} else if part {
		years = nil
	}
	next := e
	next.Findings = withFiledFindings(e, v, years)
	if sameFindings(e.Findings, next.Findings) {
		return nil
	}
	if _, err := s.cfg.Store.Move(ctx, ledger.Move{Entry: next}); err != nil {
		return err
	}
	s.daemon.log().Info().Uint64("entry", e.Number).Msg("the previous year was compared anew with what was filed for it")
	return nil
}

// sameFindings reports whether two lists of findings say the same.
func sameFindings(a, b []balance.Finding) bool {
	return slices.EqualFunc(a, b, func(x, y balance.Finding) bool {
		return x.Rule == y.Rule && slices.Equal(x.Codes, y.Codes) && maps.Equal(x.Args, y.Args)
	})
}

// isPart reports whether the dossier of an entry is added up with others.
func (s *administrationSync) isPart(ctx context.Context, e ledger.Entry) (bool, error) {
	all, err := s.cfg.Store.Connections(ctx)
	return slices.ContainsFunc(all, func(c ledger.Connection) bool { return c.Status != ledger.Removed && c.HasPart(e) }), err
}
