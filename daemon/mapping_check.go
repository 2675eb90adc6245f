package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"balansd/balance"
	"balansd/internal/typo"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

// MappingCheckRequest selects what CheckMapping looks at: a firm, or each with 0, in the
// dossier that is named, or in one that was delivered.
type MappingCheckRequest struct {
	FirmID  int64  `json:"firm_id,omitempty"`
	Dossier string `json:"dossier,omitempty"`
	By      string `json:"by,omitempty"`
}

// MappingCheck is what the templates of a firm say of its mapping.
type MappingCheck struct {
	Mapping FirmMapping `json:"mapping"`
	// Dossier is the company that was looked at, with its period; empty for none.
	Dossier   string       `json:"dossier,omitempty"`
	PeriodEnd balance.Date `json:"period_end,omitzero"`
	// Found is what is wrong, or should be known, the most important first.
	Found []MappingFinding `json:"found"`
}

// Wrong reports whether somebody must correct something.
func (c MappingCheck) Wrong() bool {
	return slices.ContainsFunc(c.Found, func(f MappingFinding) bool { return f.Wrong })
}

// MappingFinding is one thing that a check found.
type MappingFinding struct {
	Kind  string `json:"kind"`
	Wrong bool   `json:"wrong"`
	Text  string `json:"text"`
	Next  string `json:"next,omitempty"`
	// Templates are the handles that are there, the nearest to the mapping's first.
	Templates []ledger.TemplateName `json:"templates,omitempty"`
	Keys      []string              `json:"keys,omitempty"`
	Cells     []balance.Cell        `json:"cells,omitempty"`
}

// The kinds of findings.
const (
	HandleNowhere     = "handle_nowhere"     // no template of the firm has the mapping's handle
	HandleNotInside   = "handle_not_inside"  // the firm has it, the dossier's workflow does not
	HandleNotStarred  = "handle_not_starred" // it is there, and left out of the annual accounts
	HandleTwice       = "handle_twice"       // several templates of the firm have it
	HandleUnstarred   = "handle_unstarred"   // of several in the dossier, figures go into one without a star
	NotSeenInUse      = "not_seen"           // no template was seen to use the mapping
	LacksScopes       = "lacks_scopes"       // the firm must be linked again
	KeyWithoutRubric  = "key_without_rubric" // in use, and no rubric goes there
	RubricWithoutKey  = "rubric_without_key" // no key takes it
	DossierNotLooked  = "dossier_not_looked" // no dossier could be looked at, and why
	TemplatesUnlisted = "templates_unlisted" // the firm's templates could not be listed
)

// MappingFindingKinds lists them.
func MappingFindingKinds() []string {
	return []string{HandleNowhere, HandleNotInside, HandleNotStarred, HandleTwice, HandleUnstarred, NotSeenInUse, LacksScopes, KeyWithoutRubric, RubricWithoutKey,
		DossierNotLooked, TemplatesUnlisted}
}

const (
	// checkTime bounds the calls of a check of one firm.
	checkTime = 2 * time.Minute
	// shownNearest and shownKeys bound what a finding lists.
	shownNearest, shownKeys = 10, 30
	// sampledEntries bounds how many entries are read to find one that was delivered.
	sampledEntries = 2000
)

// CheckMapping compares the mapping of a firm, or of each, with its templates. It writes
// nothing in Silverfin; that a template was seen to use the mapping is recorded.
func (d *Daemon) CheckMapping(ctx context.Context, r MappingCheckRequest) ([]MappingCheck, error) {
	all, err := d.Mappings(ctx, FirmRequest{FirmID: r.FirmID})
	if err != nil {
		return nil, err
	}
	if all[0].FirmID == 0 {
		return nil, problem.New(problem.NotFound, "no Silverfin firm is linked", "Link it first: balansd connect silverfin.")
	}
	cfg := d.config()
	var named *ledger.Entry
	if r.Dossier != "" {
		if named, err = cfg.dossierToCheck(ctx, r.Dossier); err != nil {
			return nil, err
		}
		all = slices.DeleteFunc(all, func(m FirmMapping) bool { return m.FirmID != named.Target.FirmID })
		if len(all) == 0 {
			return nil, problem.New(problem.NotFound, fmt.Sprintf("dossier %s is in Silverfin firm %d", dossierName(named.Listing), named.Target.FirmID),
				fmt.Sprintf("Name that one, or no firm: --firm %d.", named.Target.FirmID))
		}
	}
	checks := make([]MappingCheck, len(all))
	for i, m := range all {
		if checks[i], err = cfg.checkMapping(ctx, m, named); err != nil {
			return nil, err
		}
	}
	return checks, nil
}

// dossierToCheck returns the newest entry of a dossier whose company is known.
func (cfg Config) dossierToCheck(ctx context.Context, ref string) (*ledger.Entry, error) {
	r := &run{cfg: cfg, req: SyncRequest{Dossier: ref}}
	chosen, err := r.choose(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range chosen {
		if e.Target != nil && !e.FiscalYear.End.IsZero() {
			return &e, nil
		}
	}
	return nil, problem.New(problem.NotFound, fmt.Sprintf("no dossier %.60q has a company in Silverfin yet", ref),
		"Name one whose balance was delivered, or waits in Silverfin: balansd ledger list.")
}

// sample returns the newest entry that was delivered to a firm, nil for none.
func (cfg Config) sample(ctx context.Context, firmID int64) (*ledger.Entry, error) {
	read := 0
	for e, err := range cfg.Store.Entries(ctx, ledger.Query{}) {
		if err != nil {
			return nil, err
		}
		if e.State == ledger.Done && e.Target != nil && e.Target.FirmID == firmID && e.Target.PeriodID != 0 && !e.FiscalYear.End.IsZero() {
			return &e, nil
		}
		if read++; read >= sampledEntries {
			break
		}
	}
	return nil, nil
}

// checkMapping checks the mapping of one firm in the dossier of an entry, or in one that was
// delivered.
func (cfg Config) checkMapping(ctx context.Context, m FirmMapping, e *ledger.Entry) (MappingCheck, error) {
	outer := ctx
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	out := MappingCheck{Mapping: m, Found: []MappingFinding{}}
	add := func(f MappingFinding) { out.Found = append(out.Found, f) }
	if len(m.Lacks) > 0 {
		add(MappingFinding{Kind: LacksScopes, Wrong: true, Text: "the firm was not granted what the mapping needs: " + strings.Join(m.Lacks, ", "),
			Next: fmt.Sprintf("Link it again: balansd connect silverfin --firm %d.", m.FirmID)})
	}
	s, err := cfg.look(ctx, m, e)
	if outer.Err() != nil {
		return out, outer.Err()
	}
	if err != nil {
		return out, err
	}
	if s.unlisted != "" {
		add(MappingFinding{Kind: TemplatesUnlisted, Text: "the firm's templates could not be listed: " + s.unlisted})
	}
	if s.unlooked != "" {
		add(MappingFinding{Kind: DossierNotLooked, Text: s.unlooked})
	} else {
		out.Dossier, out.PeriodEnd = s.filled.Name, s.at.PeriodEnd
	}
	out.Found = append(out.Found, s.handleFindings()...)
	if use, ok := s.use(); ok {
		use.SeenAt = cfg.Now()
		if err := cfg.sees(ctx, m.FirmID, m.Target, use); err != nil {
			return out, err
		}
		use.Mapping = m.Target.Fingerprint()
		out.Mapping.Use = &use
	}
	if !out.Mapping.Seen() {
		add(MappingFinding{Kind: NotSeenInUse, Wrong: true, Text: "no template was seen to use this mapping",
			Next: "Find the right one in a dossier that was filled in by hand: balansd mapping learn --dossier REF. A template that hides its text shows its use in a test: balansd mapping check --write --dossier REF."})
	}
	out.Found = append(out.Found, s.keyFindings()...)
	slices.SortStableFunc(out.Found, func(a, b MappingFinding) int {
		switch {
		case a.Wrong == b.Wrong:
			return 0
		case a.Wrong:
			return -1
		}
		return 1
	})
	return out, nil
}

// looked is what was read of a firm to check its mapping.
type looked struct {
	to        mapping.Target
	templates []mapping.Template
	unlisted  string // why not
	filled    mapping.Filled
	at        ledger.Target
	unlooked  string // why no dossier was looked at
	ours      map[mapping.Property]bool
}

// look reads the templates of a firm, and what is in the dossier of an entry. The error is
// of the state, or of ctx.
func (cfg Config) look(ctx context.Context, m FirmMapping, e *ledger.Entry) (s looked, err error) {
	s.to, s.ours = m.Target, map[mapping.Property]bool{}
	dest := cfg.Destination(m.FirmID)
	if s.templates, err = dest.Templates(ctx); err != nil {
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		s.unlisted = problem.Of(err).What
	}
	if e == nil {
		if e, err = cfg.sample(ctx, m.FirmID); err != nil {
			return s, err
		}
	}
	if e == nil {
		s.unlooked = "nothing was delivered to this firm yet, so that no dossier was looked at; name one with --dossier"
		return s, nil
	}
	company := ledger.Company{ID: e.Target.CompanyID, Name: e.Target.CompanyName}
	s.filled, s.at, err = dest.Filled(ctx, company, e.FiscalYear, e.Tie)
	if err != nil {
		if ctx.Err() != nil {
			return s, ctx.Err()
		}
		s.unlooked = fmt.Sprintf("dossier %s could not be looked at: %s", dossierName(e.Listing), explain(err))
		return s, nil
	}
	if s.filled.Figures, err = cfg.Store.Values(ctx, e.Number); err != nil {
		return s, err
	}
	return s, s.readOurs(ctx, cfg, *e)
}

// readOurs reads which properties balansd may have written itself.
func (s *looked) readOurs(ctx context.Context, cfg Config, e ledger.Entry) error {
	targets := []ledger.Target{*e.Target, s.at}
	for _, r := range s.filled.Reconciliations {
		at := s.at
		at.ReconciliationID = r.ID
		targets = append(targets, at)
	}
	for _, t := range targets {
		known, err := cfg.Store.Written(ctx, t)
		if err != nil {
			return err
		}
		for _, name := range known.Properties {
			namespace, key, _ := strings.Cut(name, ".")
			s.ours[mapping.Property{Namespace: namespace, Key: key}] = true
		}
	}
	return nil
}

// use returns the template that uses the mapping, by the best evidence.
func (s looked) use() (ledger.MappingUse, bool) {
	made := func(u mapping.Use, e ledger.Evidence) (ledger.MappingUse, bool) {
		return ledger.MappingUse{Handle: u.Handle, Name: u.Name, Evidence: e, Cells: u.Cells}, true
	}
	if u, ok := s.to.InTexts(s.templates); ok {
		return made(u, ledger.InText)
	}
	if u, ok := s.to.InResults(s.filled); ok {
		return made(u, ledger.InResults)
	}
	if u, ok := s.to.InCustom(s.filled, func(p mapping.Property) bool { return s.ours[p] }); ok {
		return made(u, ledger.InCustom)
	}
	return ledger.MappingUse{}, false
}

// handleFindings says whether the mapping's handle is where it must be.
func (s looked) handleFindings() (found []MappingFinding) {
	if s.to.Level != mapping.LevelReconciliation {
		return nil
	}
	handle := s.to.Handle
	firm := templateNames(s.templates)
	inFirm := len(slices.DeleteFunc(slices.Clone(firm), func(t ledger.TemplateName) bool { return t.Handle != handle }))
	var inside []ledger.TemplateName
	there, starred, first := false, false, false
	for _, r := range s.filled.Reconciliations {
		inside = append(inside, ledger.TemplateName{Handle: r.Handle, Name: mapping.NameOf(r.Handle, r.Names)})
		if r.Handle == handle {
			first = first || !there && r.Starred
			there, starred = true, starred || r.Starred
		}
	}
	switch {
	case starred && !first && !s.to.RequireStarred:
		found = append(found, MappingFinding{Kind: HandleUnstarred, Wrong: true,
			Text: fmt.Sprintf("several templates in %s have the handle %q, and figures go into the first, which is not starred", s.filled.Name, handle),
			Next: "Find the mapping again, or set require_starred: true in it: the starred one is in the annual accounts."})
	case there && !starred:
		found = append(found, MappingFinding{Kind: HandleNotStarred, Wrong: s.to.RequireStarred,
			Text: fmt.Sprintf("the template %q is not starred in %s, so that Silverfin leaves it out of the annual accounts", handle, s.filled.Name),
			Next: "Star it in Silverfin."})
	case there:
	case inFirm == 0 && s.unlisted == "":
		found = append(found, MappingFinding{Kind: HandleNowhere, Wrong: true,
			Text:      fmt.Sprintf("no template of the firm has the handle %q", handle),
			Next:      "Correct the handle in the mapping.",
			Templates: nearestTemplates(handle, slices.Concat(inside, firm))})
	case s.unlooked == "":
		found = append(found, MappingFinding{Kind: HandleNotInside, Wrong: true,
			Text:      fmt.Sprintf("the template %q is not in the annual-accounts workflow of %s", handle, s.filled.Name),
			Next:      "Add it to the workflow in Silverfin, or correct the handle in the mapping.",
			Templates: nearestTemplates(handle, inside)})
	}
	if inFirm > 1 {
		found = append(found, MappingFinding{Kind: HandleTwice, Text: fmt.Sprintf("%d templates of the firm have the handle %q; the one in the dossier's workflow counts", inFirm, handle)})
	}
	return found
}

// keyFindings says which keys and rubrics miss each other.
func (s looked) keyFindings() (found []MappingFinding) {
	if _, missing := s.to.MappedCells(); len(missing) > 0 {
		found = append(found, MappingFinding{Kind: RubricWithoutKey, Wrong: true, Cells: missing,
			Text: fmt.Sprintf("%d rubrics have no key: a balance that states one of them cannot be delivered", len(missing)),
			Next: "Add them to the map, or set a key for all; or leave one out with \"-\"."})
	}
	if keys := s.to.UnknownKeys(s.templates, s.filled, shownKeys); len(keys) > 0 {
		number := fmt.Sprint(len(keys))
		if len(keys) == shownKeys {
			number += " or more"
		}
		f := MappingFinding{Kind: KeyWithoutRubric, Text: number + " keys are in use there that no rubric goes to"}
		for _, p := range keys {
			f.Keys = append(f.Keys, p.String())
		}
		found = append(found, f)
	}
	return found
}

// templateNames lists templates by handle and name.
func templateNames(all []mapping.Template) []ledger.TemplateName {
	names := make([]ledger.TemplateName, 0, len(all))
	for _, t := range all {
		names = append(names, ledger.TemplateName{Handle: t.Handle, Name: mapping.NameOf(t.Handle, t.Names)})
	}
	return names
}

// nearestTemplates lists templates once each, those with the handle nearest to one first;
// of those that are far from it, what is called a social balance.
func nearestTemplates(handle string, all []ledger.TemplateName) []ledger.TemplateName {
	var once []ledger.TemplateName
	for _, t := range all {
		if t.Handle != "" && !slices.ContainsFunc(once, func(o ledger.TemplateName) bool { return o.Handle == t.Handle }) {
			once = append(once, t)
		}
	}
	slices.SortStableFunc(once, func(a, b ledger.TemplateName) int {
		return typo.Distance(handle, a.Handle) - typo.Distance(handle, b.Handle)
	})
	return once[:min(len(once), shownNearest)]
}
