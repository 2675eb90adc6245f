package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

// mappingOf returns the mapping that is in force for a firm now.
func (r *run) mappingOf(ctx context.Context, firmID int64) (mapping.Target, error) {
	f, err := firmOf(ctx, r.cfg.Store, firmID)
	if err != nil && !problem.Is(err, problem.NotFound) { // it was removed meanwhile
		return mapping.Target{}, err
	}
	f.ID = firmID
	to, _ := f.Mapping(r.cfg.Mappings)
	return to, nil
}

// useMappingOf has the delivery use the mapping of a firm. One that it uses already is
// not read again: a person may have saved another one since the first reading.
func (d *delivery) useMappingOf(ctx context.Context, firmID int64) (err error) {
	if d.mappedFor == firmID {
		return nil
	}
	d.mapping, err = d.mappingOf(ctx, firmID)
	d.mappedFor = firmID
	return err
}

// property names the property that a cell is written to, empty if it is not mapped.
func (d *delivery) property(c balance.Cell) string {
	p, ok := d.mapping.Property(c)
	if !ok {
		return ""
	}
	return p.String()
}

// targetsOf lists the mappings that a sign-in is for: that of a firm, or with 0, where the
// person chooses one in Silverfin, those of all firms and of the next one.
func (d *Daemon) targetsOf(ctx context.Context, firmID int64) ([]mapping.Target, error) {
	cfg := d.config()
	firms, err := cfg.Store.Firms(ctx)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(firms, func(f ledger.Firm) bool { return f.ID == firmID }); i >= 0 {
		firms = firms[i : i+1]
	} else if firms = append(firms, ledger.Firm{ID: firmID}); firmID != 0 {
		firms = firms[len(firms)-1:]
	}
	var targets []mapping.Target
	add := func(f ledger.Firm) {
		to, _ := f.Mapping(cfg.Mappings)
		targets = append(targets, to)
	}
	for _, f := range firms {
		add(f)
	}
	if firmID == 0 {
		for id := range cfg.Mappings.Firms {
			add(ledger.Firm{ID: id})
		}
	}
	return targets, nil
}

// firmOf returns a linked firm; a NotFound problem where it is not linked.
func firmOf(ctx context.Context, s Store, id int64) (ledger.Firm, error) {
	firms, err := s.Firms(ctx)
	if err != nil {
		return ledger.Firm{}, err
	}
	names := make([]string, 0, len(firms))
	for _, f := range firms {
		if f.ID == id {
			return f, nil
		}
		names = append(names, fmt.Sprintf("%d (%s)", f.ID, f.Name))
	}
	next := "Link it first: balansd connect silverfin."
	if len(names) > 0 {
		next = "Linked are: " + strings.Join(names, ", ") + "."
	}
	return ledger.Firm{}, problem.New(problem.NotFound, fmt.Sprintf("Silverfin firm %d is not linked", id), next)
}
