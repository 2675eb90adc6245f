package daemon

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// discover asks every active connection what is new, and records it together
// with the cursor that covers it.
func (p *pass) discover(ctx context.Context) error {
	if err := p.load(ctx); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(p.connections)) {
		c := p.connections[id]
		if c.Status != ledger.Active && c.Status != ledger.Deactivated {
			continue
		}
		p.progress("asking " + c.Name + " what is new")
		c, err := p.discoverOne(ctx, c)
		p.connections[id] = c
		if err != nil {
			return err
		}
	}
	return p.recall(ctx)
}

// load reads the connections and links.
func (p *pass) load(ctx context.Context) error {
	all, err := p.cfg.Store.Connections(ctx)
	if err != nil {
		return err
	}
	p.connections = make(map[string]ledger.Connection, len(all))
	for _, c := range all {
		p.connections[c.ID] = c
	}
	return p.loadLinks(ctx)
}

// linkKey is what a link is found by. People write enterprise numbers in many
// ways.
func linkKey(connection, dossier string) string {
	if n, err := balance.ParseEnterpriseNumber(dossier); err == nil {
		dossier = n.String()
	}
	return connection + "\x00" + dossier
}

// discoverOne lists one connection. Trouble of the source is noted and never
// ends the pass; the error is of the state, or of ctx.
func (p *pass) discoverOne(ctx context.Context, c ledger.Connection) (ledger.Connection, error) {
	src, err := p.cfg.Source(c)
	if err != nil {
		p.outOfReach(err, c.Name)
		return p.listed(ctx, c, err)
	}
	if c.Status == ledger.Deactivated {
		// Asked about each night, so that an activation in Finbox is enough.
		st, err := src.Status(ctx)
		switch {
		case ctx.Err() != nil:
			return c, ctx.Err()
		case errors.Is(err, ledger.ErrClosed) || problem.Is(err, problem.ConnectionClosed):
			return c, nil
		case err != nil:
			p.outOfReach(err, c.Name)
			return c, nil
		case !st.Active:
			return c, nil
		}
		c.Status, c.Problem = ledger.Active, ""
		p.log.Info().Str("connection", c.ID).Msg("the connection is active again")
		if err := p.mark(ctx, c); err != nil {
			return c, err
		}
	}
	whole := c.Cursor == ""
	c, through, err := p.list(ctx, c, src, false)
	if through && !whole && p.wholeDue(c) {
		p.progress("asking " + c.Name + " for everything")
		c, through, err = p.list(ctx, c, src, true)
		whole = true
	}
	if !through || !whole || err != nil {
		return c, err
	}
	c.WholeAt = p.cfg.Now()
	return c, p.cfg.Store.UpdateConnection(ctx, c.ID, func(stored *ledger.Connection) { stored.WholeAt = c.WholeAt })
}

// list walks the listing of a connection, from its cursor on or from the
// beginning, and records what is new. What is new is told by the ids alone, so a
// walk from the beginning leaves the cursor where it is. It tells whether the
// walk went through; the error is of the state, or of ctx.
func (p *pass) list(ctx context.Context, c ledger.Connection, src Source, whole bool) (_ ledger.Connection, through bool, err error) {
	from := c.Cursor
	if whole {
		from = ""
	}
	for page, err := range src.List(ctx, from) {
		if err != nil {
			if ctx.Err() != nil {
				return c, false, ctx.Err()
			}
			c, err = p.listed(ctx, c, err)
			return c, false, err
		}
		for _, text := range page.Problems {
			p.note(c.Name + ": " + text)
		}
		next := c
		if page.Cursor != "" && !whole {
			next.Cursor = page.Cursor
		}
		next.ListedAt, next.Problem = p.cfg.Now(), ""
		added, err := p.cfg.Store.Record(ctx, next, p.entries(next, page.Listings))
		if err != nil {
			return c, false, err
		}
		c = next
		p.rec.New += len(added)
		p.outages.saw(sourceService(c.ID), false)
	}
	return c, ctx.Err() == nil, ctx.Err()
}

// wholeDue tells whether everything is to be listed: when a person asks for it,
// and in the first night of each week. A balance that the source shows later than
// the overlap reaches back, with an older time of making, is found by that alone.
// A time ahead of now comes from a clock that was wrong, and puts nothing off.
func (p *pass) wholeDue(c ledger.Connection) bool {
	if c.Kind == ledger.Folder {
		return false // which is listed whole each time
	}
	night := p.rec.Night
	if night.IsZero() {
		night = p.rec.For
	}
	if night.IsZero() {
		return p.req.Full
	}
	year, week := night.In(time.UTC).ISOWeek()
	lastYear, lastWeek := c.WholeAt.In(p.cfg.Night.zone()).ISOWeek()
	return year != lastYear || week != lastWeek || c.WholeAt.After(p.cfg.Now())
}

// listed keeps with the connection why its listing failed.
func (p *pass) listed(ctx context.Context, c ledger.Connection, err error) (ledger.Connection, error) {
	if errors.Is(err, ledger.ErrClosed) || problem.Is(err, problem.ConnectionClosed) {
		c.Status = ledger.Deactivated
		c.Problem = "deactivated in Finbox; everything that was recorded stays"
		p.note(c.Name+": the connection is deactivated in Finbox. Activate it there when it should go on.",
			ledger.Trouble{About: c.Name, Code: string(problem.ConnectionClosed)})
		p.log.Warn().Str("connection", c.ID).Msg("the connection is deactivated in the source")
	} else {
		c.Problem = problem.Of(err).What
		p.outOfReach(err, c.Name)
	}
	return c, p.mark(ctx, c)
}

// mark keeps what the source said of a connection. What a person set meanwhile,
// such as a pause, stays.
func (p *pass) mark(ctx context.Context, c ledger.Connection) error {
	return p.cfg.Store.UpdateConnection(ctx, c.ID, func(stored *ledger.Connection) {
		stored.Problem = c.Problem
		if stored.Status == ledger.Active || stored.Status == ledger.Deactivated {
			stored.Status = c.Status
		}
	})
}

// entries makes ledger entries of listings.
func (p *pass) entries(c ledger.Connection, listings []ledger.Listing) []ledger.Entry {
	now := p.cfg.Now()
	found := make([]ledger.Entry, 0, len(listings))
	for _, l := range listings {
		e := ledger.Entry{Connection: c.ID, Listing: l, FoundAt: now, UpdatedAt: now, State: ledger.Found}
		if !p.counts(c, l) {
			e.State, e.Reason = ledger.Ignored, ledger.BeforeActivation
			e.Detail = "made before the connection was activated on " + c.ActivatedAt.In(p.cfg.Night.zone()).Format(time.DateOnly)
			e.Next = "To deliver it all the same, retry it, or give its dossier a link with from."
		}
		found = append(found, e)
	}
	return found
}

// counts tells whether a listing is to be delivered: it was made after the
// activation, or its dossier's link reaches back that far.
func (p *pass) counts(c ledger.Connection, l ledger.Listing) bool {
	if !l.CreatedAt.Before(c.ActivatedAt) {
		return true
	}
	link, ok := p.link(c.ID, l.Dossier)
	return ok && (link.All || !link.From.IsZero() && !l.CreatedAt.Before(link.From.In(p.cfg.Night.zone())))
}

// recall brings back what was ignored as too old, where a link was set since
// that reaches back to it.
func (p *pass) recall(ctx context.Context) error {
	for _, link := range p.links {
		if link.All || !link.From.IsZero() {
			return recall(ctx, p.cfg, p.rec.Number, "its dossier's link reaches back to it", func(e ledger.Entry) bool {
				return p.counts(p.connections[e.Connection], e.Listing)
			})
		}
	}
	return nil
}

// recall brings back what was ignored as too old for a connection whose
// activation moved to an earlier day.
func (d *Daemon) recall(ctx context.Context, c ledger.Connection) error {
	return recall(ctx, d.config(), 0, "the connection counts from an earlier day now", func(e ledger.Entry) bool {
		return e.Connection == c.ID && !e.CreatedAt.Before(c.ActivatedAt)
	})
}

// recall brings back the entries that were ignored as too old and count now.
func recall(ctx context.Context, cfg Config, pass uint64, why string, counts func(ledger.Entry) bool) error {
	q := ledger.Query{States: []ledger.State{ledger.Ignored}, Reason: ledger.BeforeActivation}
	for e, err := range cfg.Store.Entries(ctx, q) {
		if err != nil {
			return err
		}
		if !counts(e) {
			continue
		}
		next, err := e.Retry(cfg.Now())
		if err != nil {
			return err
		}
		_, err = cfg.Store.Move(ctx, ledger.Step{Entry: next,
			Event: ledger.Event{At: cfg.Now(), Run: pass, State: next.State, Text: why, Act: ledger.ActRecall}})
		if err != nil && !problem.Is(err, problem.Conflict) {
			return err
		}
	}
	return nil
}

// zone is the zone that dates are meant in.
func (n Schedule) zone() *time.Location {
	if n.Location == nil {
		return time.UTC
	}
	return n.Location
}
