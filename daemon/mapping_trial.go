package daemon

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"balansd/balance"
	"balansd/internal/sleep"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

// TrialRequest asks for a trial write into one dossier.
type TrialRequest struct {
	Connection string `json:"connection,omitempty"` // of the dossier, where its id alone is not enough
	Dossier    string `json:"dossier"`
	// CompanyID and PeriodID are the place that the person confirmed, as a request without
	// them returned it: such a request changes nothing.
	CompanyID int64  `json:"company_id,omitempty"`
	PeriodID  int64  `json:"period_id,omitempty"`
	By        string `json:"by,omitempty"`
}

// Confirmed reports whether a person confirmed what is changed.
func (r TrialRequest) Confirmed() bool { return r.CompanyID != 0 }

// Confirm returns the request that confirms a place.
func (r TrialRequest) Confirm(p TrialPlace) TrialRequest {
	r.CompanyID, r.PeriodID = p.Target.CompanyID, p.Target.PeriodID
	return r
}

// TrialPlace is what a trial write changes.
type TrialPlace struct {
	Firm    string         `json:"firm"`
	Dossier string         `json:"dossier"` // as the source has it
	Target  ledger.Target  `json:"target"`
	Handle  string         `json:"handle,omitempty"` // of the template, where figures go into one
	Cells   []balance.Cell `json:"cells"`            // that hold a figure
	Empty   int            `json:"empty"`            // other rubrics of the mapping: they are left alone
}

// Trial is the outcome of a trial write.
type Trial struct {
	Place TrialPlace `json:"place"`
	Done  bool       `json:"done"` // figures were written, read back, and put back
	// Watched are the templates whose results were read, and Changed those whose results
	// changed with the figures.
	Watched []TrialTemplate `json:"watched,omitempty"`
	Changed []TrialTemplate `json:"changed,omitempty"`
	// Kept are the cells that a person changed meanwhile: they have that person's figures.
	Kept []balance.Cell `json:"kept,omitempty"`
}

// TrialTemplate is a template with the results that a trial write changed.
type TrialTemplate struct {
	Handle  string   `json:"handle"`
	Name    string   `json:"name,omitempty"`
	Starred bool     `json:"starred"` // an unstarred one is left out of the annual accounts
	Results []string `json:"results,omitempty"`
	// Cells are the rubrics of which one of these results has the figure, as it was and as
	// it became.
	Cells []balance.Cell `json:"cells,omitempty"`
}

const (
	maxTrialReadings = 8               // of the results, until they change
	maxTrialDelay    = 8 * time.Second // between them
	maxTrialWatched  = 40              // templates whose results are read
	maxPutBacks      = 4               // tries to put the old figures back before that is left to the next run
	maxPutBackTime   = 20 * time.Second
)

// TryMapping writes other figures into a dossier that a person filled in, waits for the
// results of its templates to change, and puts the old figures back. Only cells that hold
// a figure are changed. Without a confirmation it changes nothing and returns what it would
// change.
func (d *Daemon) TryMapping(ctx context.Context, r TrialRequest) (Trial, error) {
	release, err := d.runs.admit(ctx, true, false)
	if err != nil {
		return Trial{}, err
	}
	defer release()
	t, err := d.prepareTrial(ctx, r)
	if err != nil {
		return Trial{}, err
	}
	if err := d.putBackTrials(ctx, d.config()); err != nil {
		return Trial{}, err
	}
	unlock, err := d.runs.targets.Acquire(ctx, t.place.Target.Key())
	if err != nil {
		return Trial{}, err
	}
	defer unlock()
	if err := t.readPlace(ctx); err != nil || !r.Confirmed() {
		return Trial{Place: t.place}, err
	}
	if to := t.place.Target; r.CompanyID != to.CompanyID || r.PeriodID != to.PeriodID {
		return Trial{}, problem.New(problem.Conflict, fmt.Sprintf("dossier %q goes to another period of Silverfin than you saw", t.place.Dossier), "Start again, and look at the names.")
	}
	if len(t.place.Cells) == 0 {
		return Trial{}, problem.New(problem.NeedsPerson, fmt.Sprintf("%s holds no figure where the mapping writes, so that there is none to try it with", t.place.Target.CompanyName),
			"Choose a dossier that was delivered, or one that somebody filled in and that fits the mapping: balansd mapping check --dossier REF.")
	}
	return t.carryOut(ctx, r.By)
}

// trial is a trial write under way.
type trial struct {
	daemon  *Daemon
	cfg     Config
	dest    Destination
	mapping mapping.Target
	place   TrialPlace
}

// prepareTrial finds the place of a dossier.
func (d *Daemon) prepareTrial(ctx context.Context, r TrialRequest) (*trial, error) {
	if r.Dossier == "" {
		return nil, problem.New(problem.Usage, "no dossier is named", "Name one: balansd mapping check --write --dossier REF.")
	}
	run, err := d.previewRun(ctx)
	if err != nil {
		return nil, err
	}
	run.req = SyncRequest{Connection: r.Connection, Dossier: r.Dossier}
	entries, err := run.choose(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(entries, func(e ledger.Entry) bool { return !e.FiscalYear.End.IsZero() })
	if i < 0 {
		return nil, problem.New(problem.NotFound, fmt.Sprintf("no social balance of dossier %.60q is known", r.Dossier), "balansd ledger list shows the dossiers.")
	}
	e := entries[i]
	in, err := d.companyOf(ctx, e)
	if err != nil {
		return nil, asTrialProblem(err, e)
	}
	t := &trial{daemon: d, cfg: d.config(), dest: d.config().Destination(in.firm.ID)}
	if t.mapping, err = run.mappingOf(ctx, in.firm.ID); err != nil {
		return nil, err
	}
	target, err := run.locateYear(ctx, in, &e, t.mapping)
	if err != nil {
		return nil, asTrialProblem(err, e)
	}
	t.place = TrialPlace{Firm: in.firm.Name, Dossier: dossierName(e.Listing), Target: target, Handle: t.mapping.Handle}
	return t, nil
}

// asTrialProblem says why a dossier cannot be tried now.
func asTrialProblem(err error, e ledger.Entry) error {
	if !waits(err) {
		return err
	}
	return problem.New(problem.NeedsPerson, fmt.Sprintf("dossier %q cannot be written to now: %v", dossierName(e.Listing), err), "Choose another dossier, or open its annual accounts in Silverfin first.")
}

// readPlace reads which cells of the target hold a figure.
func (t *trial) readPlace(ctx context.Context) error {
	return t.dest.Update(ctx, t.place.Target, t.mapping, func(r ledger.Reading) (ledger.Figures, error) {
		before, _ := ledger.TrialOf(r.Have)
		t.place.Cells, t.place.Empty = slices.SortedFunc(maps.Keys(before), balance.CompareCells), 0
		for _, c := range formCells() {
			if _, mapped := t.mapping.Property(c); mapped && before[c] == "" {
				t.place.Empty++
			}
		}
		return nil, nil
	})
}

// formCells lists the cells of the form.
func formCells() (all []balance.Cell) {
	for _, r := range balance.Rubrics() {
		all = append(all, balance.Cell{Code: r.Code})
		if r.HasPrevious() {
			all = append(all, balance.Cell{Code: r.Code, Previous: true})
		}
	}
	return all
}

// carryOut writes, watches the results, and puts the old figures back, also where ctx
// ends meanwhile. The caller holds the target.
func (t *trial) carryOut(ctx context.Context, by string) (out Trial, err error) {
	out.Place = t.place
	watched, err := t.watched(ctx)
	if err != nil {
		return out, err
	}
	before, err := t.results(ctx, watched)
	if err != nil {
		return out, err
	}
	record, err := t.write(ctx, by)
	if err == nil {
		out.Changed, err = t.watch(ctx, watched, before, record)
	}
	for _, one := range watched {
		out.Watched = append(out.Watched, trialTemplate(one))
	}
	kept, backErr := t.putBack(ctx)
	if backErr != nil {
		return out, backErr
	}
	if out.Done = err == nil; out.Done {
		out.Kept = kept
		err = t.saveEvidence(ctx, out.Changed)
	}
	return out, err
}

// write records the trial figures, writes them and reads them back.
func (t *trial) write(ctx context.Context, by string) (record ledger.TrialWrite, err error) {
	err = t.dest.Update(ctx, t.place.Target, t.mapping, func(r ledger.Reading) (ledger.Figures, error) {
		if record.Trial == nil {
			record = ledger.TrialWrite{Target: t.place.Target, Mapping: t.mapping, At: t.cfg.Now(), By: by}
			record.Before, record.Trial = ledger.TrialOf(r.Have)
			if err := t.record(ctx, record); err != nil {
				return nil, err
			}
		}
		return record.Next(r.Have), ctx.Err()
	})
	return record, err
}

// record saves a trial write with its firm, before anything is sent.
func (t *trial) record(ctx context.Context, w ledger.TrialWrite) error {
	saved := false
	err := t.cfg.Store.UpdateFirm(ctx, w.Target.FirmID, func(f *ledger.Firm) {
		if saved = f.Trial == nil; saved {
			f.Trial = &w
		}
	})
	if err == nil && !saved {
		err = problem.New(problem.Busy, fmt.Sprintf("another dossier of %s is being tried", t.place.Firm), "Wait until that is over.")
	}
	return err
}

// saveEvidence records with the firm which template a trial was seen in: of several, the one
// that shows most of its figures, since somebody may work in another one meanwhile.
func (t *trial) saveEvidence(ctx context.Context, changed []TrialTemplate) error {
	if len(changed) == 0 {
		return nil
	}
	seen := slices.MaxFunc(changed, func(a, b TrialTemplate) int { return cmp.Compare(len(a.Cells), len(b.Cells)) })
	return t.cfg.Store.UpdateFirm(context.WithoutCancel(ctx), t.place.Target.FirmID, func(f *ledger.Firm) {
		use := ledger.MappingUse{Mapping: t.mapping.Fingerprint()}
		if known := f.UseOf(t.mapping); known != nil {
			use = *known
		}
		if use.Handle != seen.Handle {
			use.Handle, use.Name, use.Cells = seen.Handle, seen.Name, nil
		}
		use.Evidence, use.SeenAt = ledger.InResults, t.cfg.Now()
		use.Cells = ledger.UnionOfCells(use.Cells, seen.Cells)
		f.Use = &use
	})
}

// watched lists the templates whose results are read: those that are called a social
// balance or take the figures, else all that are starred.
func (t *trial) watched(ctx context.Context) ([]mapping.Reconciliation, error) {
	all, err := t.dest.Reconciliations(ctx, t.place.Target)
	if err != nil {
		return nil, err
	}
	likely := slices.DeleteFunc(slices.Clone(all), func(one mapping.Reconciliation) bool {
		return one.ID != t.place.Target.ReconciliationID && !one.IsSocialBalance()
	})
	if len(likely) == 0 {
		likely = slices.DeleteFunc(all, func(one mapping.Reconciliation) bool { return !one.Starred })
	}
	return likely[:min(len(likely), maxTrialWatched)], nil
}

func trialTemplate(r mapping.Reconciliation) TrialTemplate {
	t := TrialTemplate{Handle: r.Handle, Starred: r.Starred}
	if len(r.Names) > 0 {
		t.Name = r.Names[0]
	}
	return t
}

// results reads the results of templates, in their order.
func (t *trial) results(ctx context.Context, templates []mapping.Reconciliation) ([]map[string]string, error) {
	var all []map[string]string
	for _, one := range templates {
		r, err := t.dest.Results(ctx, t.place.Target, one.ID)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, nil
}

// watch reads the results until some changed and stay as they are, or until it was
// enough, and returns the templates whose results changed.
func (t *trial) watch(ctx context.Context, templates []mapping.Reconciliation, before []map[string]string, w ledger.TrialWrite) ([]TrialTemplate, error) {
	var changed []TrialTemplate
	delay := time.Second
	for range maxTrialReadings {
		now, err := t.results(ctx, templates)
		if err != nil {
			return nil, err
		}
		last := len(changed)
		changed = changedTemplates(templates, before, now, w)
		if last > 0 && last == len(changed) {
			break
		}
		if err := sleep.For(ctx, delay); err != nil {
			return nil, problem.Wrap(err, problem.Stopped, "the trial was stopped", "The old figures were put back.")
		}
		delay = min(2*delay, maxTrialDelay)
	}
	return changed, nil
}

// changedTemplates compares the results of templates before and after a trial write.
func changedTemplates(templates []mapping.Reconciliation, before, after []map[string]string, w ledger.TrialWrite) []TrialTemplate {
	var changed []TrialTemplate
	for i, one := range templates {
		t := trialTemplate(one)
		for _, name := range slices.Sorted(maps.Keys(after[i])) {
			if was, is := before[i][name], after[i][name]; was != is {
				t.Results = append(t.Results, name)
				if c, ok := w.CellOf(was, is); ok && !slices.Contains(t.Cells, c) {
					t.Cells = append(t.Cells, c)
				}
			}
		}
		if len(t.Results) > 0 {
			slices.SortFunc(t.Cells, balance.CompareCells)
			changed = append(changed, t)
		}
	}
	return changed
}

// putBack puts the old figures back, also when ctx has ended: then for a while only.
func (t *trial) putBack(ctx context.Context) (kept []balance.Cell, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxPutBackTime)
	defer cancel()
	for try := range maxPutBacks {
		if kept, err = putBack(ctx, t.cfg, t.place.Target); err == nil {
			return kept, nil
		}
		if sleep.For(ctx, time.Duration(try+1)*time.Second) != nil {
			break
		}
	}
	return nil, problem.Wrap(err, problem.Of(err).Code, fmt.Sprintf(
		"%s still holds the figures of the trial, because the old ones could not be put back", t.place.Target.CompanyName),
		"balansd puts them back at its next start and at every run; balansd mapping check --write for this dossier tries it at once.")
}

// putBackTrials puts the old figures of trial writes back that were cut off.
func (d *Daemon) putBackTrials(ctx context.Context, cfg Config) error {
	firms, err := cfg.Store.Firms(ctx)
	if err != nil {
		return err
	}
	for _, f := range firms {
		if f.Trial == nil {
			continue
		}
		unlock, err := d.runs.targets.Acquire(ctx, f.Trial.Target.Key())
		if err != nil {
			return err
		}
		_, err = putBack(ctx, cfg, f.Trial.Target)
		unlock()
		if err != nil {
			return problem.Wrap(err, problem.Of(err).Code, fmt.Sprintf("%s in %s still holds the figures of a trial of the mapping", f.Trial.Target.CompanyName, f.Name),
				"balansd puts the old ones back as soon as Silverfin lets it.")
		}
	}
	return nil
}

// putBack puts the old figures of a target back, where a trial write left others there,
// and removes the record of it. It returns the cells that a person changed meanwhile: they
// stay. The caller holds the target.
func putBack(ctx context.Context, cfg Config, target ledger.Target) (kept []balance.Cell, err error) {
	firms, err := cfg.Store.Firms(ctx)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(firms, func(f ledger.Firm) bool { return f.Trial != nil && f.Trial.Target.Key() == target.Key() })
	if i < 0 {
		return nil, nil
	}
	w := *firms[i].Trial
	err = cfg.Destination(target.FirmID).Update(ctx, w.Target, w.Mapping, func(r ledger.Reading) (ledger.Figures, error) {
		kept = w.Changed(r.Have)
		return w.Back(r.Have), nil
	})
	if err != nil {
		return nil, err
	}
	return kept, cfg.Store.UpdateFirm(ctx, target.FirmID, func(f *ledger.Firm) {
		if f.Trial != nil && f.Trial.At.Equal(w.At) {
			f.Trial = nil
		}
	})
}
