package daemon

import (
	"context"
	"fmt"

	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

// FirmMapping is where the figures of a firm land.
type FirmMapping struct {
	FirmID   int64          `json:"firm_id"` // 0 for the mapping of a firm that is not linked yet
	FirmName string         `json:"firm_name,omitempty"`
	Target   mapping.Target `json:"target"`
	Origin   mapping.Origin `json:"origin"`
	Where    string         `json:"where,omitempty"` // it was written, in the configuration
	// Learnt is the mapping that a person saved for the firm, also where the configuration
	// decides; nil for none.
	Learnt *ledger.LearntMapping `json:"learnt,omitempty"`
	// Use is what is known of the use of the mapping in force by a template; nil for nothing.
	Use *ledger.MappingUse `json:"use,omitempty"`
	// Lacks are the scopes that the mapping needs and the firm was not granted: it must be
	// linked again.
	Lacks []string `json:"lacks,omitempty"`
}

// Seen reports whether a template was seen to use the mapping.
func (m FirmMapping) Seen() bool { return m.Use != nil && m.Use.Handle != "" }

// MappingChange saves a mapping for a firm, or forgets the one that was saved.
type MappingChange struct {
	FirmID int64          `json:"firm_id"`
	Target mapping.Target `json:"target,omitzero"`
	Forget bool           `json:"forget,omitempty"`
	// Use is the template that the mapping was learnt from, if its use of it was seen.
	Use ledger.MappingUse `json:"use,omitzero"`
	By  string            `json:"by,omitempty"`
}

// Mappings lists the mapping of a firm, or of each linked firm with 0; where none is
// linked, that of the next one.
func (d *Daemon) Mappings(ctx context.Context, r FirmRequest) ([]FirmMapping, error) {
	cfg := d.config()
	firms, err := cfg.Store.Firms(ctx)
	if err != nil {
		return nil, err
	}
	if r.FirmID != 0 {
		f, err := firmOf(ctx, cfg.Store, r.FirmID)
		if err != nil {
			return nil, err
		}
		firms = []ledger.Firm{f}
	}
	if len(firms) == 0 {
		firms = []ledger.Firm{{}}
	}
	all := make([]FirmMapping, len(firms))
	for i, f := range firms {
		all[i] = cfg.firmMapping(f)
	}
	return all, nil
}

// firmMapping returns where the figures of a firm land.
func (cfg Config) firmMapping(f ledger.Firm) FirmMapping {
	m := FirmMapping{FirmID: f.ID, FirmName: f.Name, Learnt: f.Learnt}
	m.Target, m.Origin = f.Mapping(cfg.Mappings)
	m.Use = f.UseOf(m.Target)
	if w := cfg.Mappings.Of(f.ID); w != nil {
		m.Where = w.Where
	}
	m.Lacks = f.Lacks(cfg.Linker.Scopes(m.Target))
	return m
}

// SetMapping saves a mapping for a firm, or forgets the one that was saved. It holds from
// the next delivery on.
func (d *Daemon) SetMapping(ctx context.Context, r MappingChange) (FirmMapping, error) {
	cfg := d.config()
	if _, err := firmOf(ctx, cfg.Store, r.FirmID); err != nil {
		return FirmMapping{}, err
	}
	var learnt *ledger.LearntMapping
	if !r.Forget {
		if w := cfg.Mappings.Of(r.FirmID); w != nil {
			return FirmMapping{}, problem.New(problem.NotAllowed,
				fmt.Sprintf("the configuration says where the figures of firm %d go (%s), and goes before what is saved here", r.FirmID, w.Where),
				"Write the mapping there, at silverfin.firms or silverfin.target; or take it out there, read it again with balansd config reload, and save this one.")
		}
		to := r.Target.WithDefaults()
		if err := to.Validate(); err != nil {
			return FirmMapping{}, problem.New(problem.Usage, problem.Of(err).What, "Correct the mapping, or have it found again: balansd mapping learn.")
		}
		learnt = &ledger.LearntMapping{Target: to, At: cfg.Now(), By: r.By}
	}
	err := cfg.Store.UpdateFirm(ctx, r.FirmID, func(f *ledger.Firm) {
		f.Learnt = learnt
		if learnt != nil && r.Use.Handle != "" && f.UseOf(learnt.Target) == nil {
			use := r.Use
			use.Mapping, use.SeenAt = learnt.Target.Fingerprint(), cfg.Now()
			f.Use = &use
		}
	})
	if err != nil {
		return FirmMapping{}, err
	}
	d.log().Info().Int64("firm", r.FirmID).Str("by", r.By).Bool("learnt", learnt != nil).Msg("the mapping of a firm was changed")
	f, err := firmOf(ctx, cfg.Store, r.FirmID)
	return cfg.firmMapping(f), err
}

// sees records that a template was seen to use a firm's mapping, or that none was found.
// A mapping that was changed meanwhile is left alone.
func (cfg Config) sees(ctx context.Context, firmID int64, to mapping.Target, use ledger.MappingUse) error {
	use.Mapping = to.Fingerprint()
	return cfg.Store.UpdateFirm(ctx, firmID, func(f *ledger.Firm) {
		now, _ := f.Mapping(cfg.Mappings)
		if now.Fingerprint() != use.Mapping {
			return
		}
		if known := f.UseOf(now); known != nil && use.Handle == "" {
			known.LookedAt = use.LookedAt // what was seen once was seen
			return
		} else if known != nil {
			use.Cells = ledger.UnionOfCells(known.Cells, use.Cells)
		}
		f.Use = &use
	})
}

// addUse completes an entry with the template that was seen to use its mapping.
func (d *Daemon) addUse(ctx context.Context, f *EntryDetail) error {
	if f.Entry.Target == nil {
		return nil
	}
	cfg := d.config()
	firm, err := firmOf(ctx, cfg.Store, f.Entry.Target.FirmID)
	if problem.Is(err, problem.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	f.Shown, f.Unseen = cfg.shownBy(firm, f.Entry)
	return nil
}

// shownBy returns the template that was seen to use the mapping that an entry of a firm was
// delivered by, or goes by; unseen while none was.
func (cfg Config) shownBy(firm ledger.Firm, e ledger.Entry) (use *ledger.MappingUse, unseen bool) {
	to, _ := firm.Mapping(cfg.Mappings)
	if e.State == ledger.Done && e.Mapping != "" && e.Mapping != to.Fingerprint() {
		return nil, true
	}
	if use = firm.UseOf(to); use == nil || use.Handle == "" {
		return nil, true
	}
	return use, false
}

// unseen lists the firms of whose mapping no template was seen to use it.
func (cfg Config) unseen(firms []ledger.Firm) (ids []int64) {
	for _, f := range firms {
		if !cfg.firmMapping(f).Seen() {
			ids = append(ids, f.ID)
		}
	}
	return ids
}
