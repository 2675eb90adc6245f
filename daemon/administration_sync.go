package daemon

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"balansd/administration"
	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// SyncAdministration lists the sources and compares what they state with Silverfin.
func (d *Daemon) SyncAdministration(ctx context.Context, r AdministrationSync) (AdministrationSynced, error) {
	if len(d.config().Administration.Sources) == 0 {
		return AdministrationSynced{}, noAdministration()
	}
	release, err := d.runs.admit(ctx, true, false)
	if err != nil {
		return AdministrationSynced{}, err
	}
	defer release()
	return d.syncAdministration(ctx, d.config(), r)
}

// noAdministration is the problem where no source is configured.
func noAdministration() error {
	return problem.New(problem.ConfigInvalid, "no source of administration data is configured", "Name one under administration in the configuration.")
}

// syncAdministration is SyncAdministration for a caller that holds a run.
func (d *Daemon) syncAdministration(ctx context.Context, cfg Config, r AdministrationSync) (AdministrationSynced, error) {
	d.administration.listing.Lock()
	defer d.administration.listing.Unlock()
	s := &administrationSync{daemon: d, cfg: cfg, req: r, out: AdministrationSynced{Problems: []string{}}}
	err := s.carryOut(ctx)
	for _, l := range s.listings {
		s.out.Sources = append(s.out.Sources, l.AdministrationSource)
	}
	return s.out, err
}

// administrationSync is one comparison under way.
type administrationSync struct {
	daemon   *Daemon
	cfg      Config
	req      AdministrationSync
	firms    []ledger.Firm
	listed   map[int64][]ledger.Company // by firm; without those that could not be read
	listings []*sourceListing
	noPeople map[int64]bool // firms that do not list the people of companies
	out      AdministrationSynced
}

// carryOut reads the companies, lists the sources, and compares. Only an error of the state
// or of ctx ends it early: what cannot be read is named in Problems.
func (s *administrationSync) carryOut(ctx context.Context) (err error) {
	if s.firms, err = s.cfg.Store.Firms(ctx); err != nil {
		return err
	}
	if err := s.readCompanies(ctx); err != nil {
		return err
	}
	if !s.req.Known {
		if err := s.listSources(ctx); err != nil {
			return err
		}
		if err := s.checkFiled(ctx); err != nil {
			return err
		}
	}
	if s.listings, err = s.daemon.listings(ctx); err != nil {
		return err
	}
	s.noPeople = map[int64]bool{}
	for _, f := range s.firms {
		for _, c := range s.listed[f.ID] {
			if err := s.compareOne(ctx, f, c); err != nil {
				return err
			}
		}
		if err := s.markGone(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// readCompanies reads the companies of the request from Silverfin.
func (s *administrationSync) readCompanies(ctx context.Context) error {
	s.listed = map[int64][]ledger.Company{}
	for _, f := range s.firms {
		if f.Relink != "" || s.req.FirmID != 0 && s.req.FirmID != f.ID {
			continue
		}
		dest := s.cfg.Destination(f.ID)
		if s.req.CompanyID != 0 {
			c, err := dest.Company(ctx, s.req.CompanyID)
			if err != nil {
				return err
			}
			s.listed[f.ID] = []ledger.Company{c}
			continue
		}
		list, _, err := dest.Companies(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && isState(err):
			return err
		case err != nil:
			s.addProblem(aboutFirm+f.Name, err)
		default:
			s.listed[f.ID] = list
		}
	}
	return nil
}

func (s *administrationSync) addProblem(about string, err error) {
	s.out.Problems = append(s.out.Problems, about+": "+sentence(problem.Of(err).What, problem.Of(err).Next))
}

// listSources asks each source for the clients of the firm, and saves what it lists.
func (s *administrationSync) listSources(ctx context.Context) error {
	q, err := s.query(ctx)
	if err != nil {
		return err
	}
	for _, src := range s.cfg.Administration.Sources {
		if err := s.listSource(ctx, src, q); err != nil {
			return err
		}
	}
	return nil
}

// query returns the numbers and names that sources are asked for: those of all companies and
// dossiers. With a single company, the others keep what was listed of them, so that they are
// asked for too.
func (s *administrationSync) query(ctx context.Context) (q administration.Query, err error) {
	numbers, names := map[balance.EnterpriseNumber]bool{}, map[string]bool{}
	add := func(n balance.EnterpriseNumber, name string) {
		if n != "" && !numbers[n] {
			numbers[n] = true
			q.Numbers = append(q.Numbers, n)
		}
		if name != "" && !names[name] && !administration.Unnamed(name, n) {
			names[name] = true
			q.Names = append(q.Names, name)
		}
	}
	for _, list := range s.listed {
		for _, c := range list {
			add(c.EnterpriseNumber, c.Name)
		}
	}
	known, err := s.daemon.allAdministration(ctx)
	if err != nil {
		return q, err
	}
	for _, a := range known {
		add(a.EnterpriseNumber, a.Company)
	}
	for e, err := range s.cfg.Store.Entries(ctx, ledger.Query{}) {
		if err != nil {
			return q, err
		}
		add(e.Dossier.EnterpriseNumber, e.Dossier.Name)
	}
	slices.Sort(q.Numbers)
	slices.Sort(q.Names)
	return q, nil
}

// listSource asks one source. If it fails, what it listed before stays.
func (s *administrationSync) listSource(ctx context.Context, src administration.Source, q administration.Query) error {
	info := src.Info()
	last, err := s.daemon.lastListing(ctx, s.cfg.Administration, info)
	if err != nil {
		return err
	}
	now := s.cfg.Now()
	var records []administration.Record
	report, err := src.List(ctx, q, func(r administration.Record) error {
		records = append(records, r)
		return nil
	})
	next := last.AdministrationSource
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && isState(err):
		return err
	case err != nil:
		p := problem.Of(err)
		next.Problem, next.ProblemCode, next.FailedAt = sentence(p.What, p.Next), string(p.Code), now
		s.addProblem(info.Name, err)
		s.daemon.log().Warn().Err(err).Str("source", info.Name).Str("code", next.ProblemCode).Msg("a source of administration data could not be listed")
		return s.daemon.saveListing(ctx, newSourceListing(next, last.records), false)
	}
	next.ListedAt, next.Report, next.Problem, next.ProblemCode = now, report, "", ""
	next.FailedAt = last.FailedAt
	s.daemon.log().Info().Str("source", info.Name).Int("listed", len(records)).Msg("a source of administration data was listed")
	if err := s.saveFiled(ctx, info, records); err != nil {
		return err
	}
	return s.daemon.saveListing(ctx, newSourceListing(next, records), true)
}

// markGone marks the rows of companies that a firm no longer lists.
func (s *administrationSync) markGone(ctx context.Context, f ledger.Firm) error {
	list, read := s.listed[f.ID]
	if !read || s.req.CompanyID != 0 {
		return nil
	}
	there := map[int64]bool{}
	for _, c := range list {
		there[c.ID] = true
	}
	rows, err := s.daemon.allAdministration(ctx)
	if err != nil {
		return err
	}
	for _, a := range rows {
		if a.FirmID != f.ID || there[a.CompanyID] {
			continue
		}
		a.Gone = true
		if _, err := s.daemon.saveAdministration(ctx, a); err != nil && !problem.Is(err, problem.Conflict) {
			return err
		}
	}
	return nil
}

// runAdministration is the part of a run about names and addresses. Whatever fails in it, but
// the state, holds up nothing.
func (r *run) runAdministration(ctx context.Context) error {
	if len(r.cfg.Administration.Sources) == 0 || r.req.DryRun || r.chosen() || r.req.FirmID != 0 {
		return nil
	}
	r.progress("comparing names and addresses")
	out, err := r.daemon.syncAdministration(ctx, r.cfg, AdministrationSync{By: r.req.By})
	if err != nil {
		return err
	}
	r.log.Info().Int("companies", out.Companies).Int("matched", out.Matched).Int("open", out.Open).Int("named", out.Named).
		Strs("problems", out.Problems).Msg("names and addresses were compared")
	return nil
}

// stated returns the record that counts for a company, with the source that states it: the
// one that a person picked, else that of the first source that has the company's number.
func (s *administrationSync) stated(a ledger.Administration, n balance.EnterpriseNumber) (*sourceListing, administration.Record, bool) {
	return statedOf(s.listings, a, n)
}

func statedOf(listings []*sourceListing, a ledger.Administration, n balance.EnterpriseNumber) (*sourceListing, administration.Record, bool) {
	if a.Pick != nil {
		for _, l := range listings {
			if l.Name == a.Pick.Source {
				r, ok := l.withReference(a.Pick.Reference)
				return l, r, ok
			}
		}
		return nil, administration.Record{}, false
	}
	for _, l := range listings {
		if r, ok := l.withNumber(n); ok {
			return l, r, true
		}
	}
	return nil, administration.Record{}, false
}

// companyText names a company of a problem.
func companyText(c ledger.Company) string {
	return cmp.Or(c.Name, c.EnterpriseNumber.Pretty(), fmt.Sprintf("company %d", c.ID))
}
