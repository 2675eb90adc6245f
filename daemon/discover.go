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
func (r *run) discover(ctx context.Context) error {
	if err := r.load(ctx); err != nil || len(r.req.Entries) > 0 {
		return err
	}
	if r.chosen() && r.daemon.runs.listed() {
		r.progress("the run that is under way asks what is new")
		return nil
	}
	r.listing.Store(true)
	defer r.listing.Store(false)
	for _, id := range slices.Sorted(maps.Keys(r.allConnections())) {
		if err := r.discoverConnection(ctx, id); err != nil {
			return err
		}
	}
	return r.recall(ctx)
}

// discoverConnection lists a connection while no other run does.
func (r *run) discoverConnection(ctx context.Context, id string) error {
	unlock, err := r.daemon.runs.listings.Acquire(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.loadConnections(ctx); err != nil { // another run may have moved the cursor
		return err
	}
	c := r.connection(id)
	if !c.Kind.HasSource() || c.Status != ledger.Active && c.Status != ledger.Deactivated {
		return nil
	}
	r.progress("asking " + c.Name + " what is new")
	_, err = r.discoverOne(ctx, c)
	return err
}

// load reads the connections and links.
func (r *run) load(ctx context.Context) error {
	if err := r.loadConnections(ctx); err != nil {
		return err
	}
	return r.loadLinks(ctx)
}

// loadConnections reads the connections.
func (r *run) loadConnections(ctx context.Context) error {
	all, err := r.cfg.Store.Connections(ctx)
	if err != nil {
		return err
	}
	byID := make(map[string]ledger.Connection, len(all))
	for _, c := range all {
		byID[c.ID] = c
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.connections = byID
	return nil
}

// allConnections returns the connections as they were last loaded, by id. The caller
// does not change the map.
func (r *run) allConnections() map[string]ledger.Connection {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.connections
}

// connection returns a connection as it was last loaded; a zero one if there is none.
func (r *run) connection(id string) ledger.Connection { return r.allConnections()[id] }

// linkKey is what a link is found by. People write enterprise numbers in many
// ways.
func linkKey(connection, dossier string) string {
	if n, err := balance.ParseEnterpriseNumber(dossier); err == nil {
		dossier = n.String()
	}
	return connection + "\x00" + dossier
}

// foldedLinkKey is what a link is found by where none has the very name.
func foldedLinkKey(connection, dossier string) string {
	return linkKey(connection, "\x00"+ledger.FoldName(dossier))
}

// discoverOne lists one connection. An error of the source is reported and never
// ends the run; the error is of the state, or of ctx.
func (r *run) discoverOne(ctx context.Context, c ledger.Connection) (ledger.Connection, error) {
	src, err := r.cfg.Source(c)
	if err != nil {
		r.reportUnreachable(err, c.Name)
		return r.recordFailure(ctx, c, err)
	}
	if c.Status == ledger.Deactivated {
		// Asked about each night, so that an activation in Finbox is enough.
		st, err := src.Status(ctx)
		switch {
		case ctx.Err() != nil:
			return c, ctx.Err()
		case errors.Is(err, ledger.ErrDeactivated) || problem.Is(err, problem.ConnectionClosed):
			return c, nil
		case err != nil:
			r.reportUnreachable(err, c.Name)
			return c, nil
		case !st.Active:
			return c, nil
		}
		c.Status, c.Problem = ledger.Active, ""
		r.log.Info().Str("connection", c.ID).Msg("the connection is active again")
		if err := r.saveStatus(ctx, c); err != nil {
			return c, err
		}
	}
	whole := c.Cursor == ""
	c, through, err := r.list(ctx, c, src, false)
	if through && !whole && r.wholeDue(c) {
		r.progress("asking " + c.Name + " for everything")
		c, through, err = r.list(ctx, c, src, true)
		whole = true
	}
	if !through || !whole || err != nil {
		return c, err
	}
	c.FullyListedAt = r.cfg.Now()
	return c, r.cfg.Store.UpdateConnection(ctx, c.ID, func(stored *ledger.Connection) { stored.FullyListedAt = c.FullyListedAt })
}

// list reads the listing of a connection, from its cursor or, if whole, from the
// beginning, and records the new entries. The ledger recognises known ones, so a
// whole listing does not move the cursor. through reports whether the listing was
// read to its end; the error is of the state, or of ctx.
func (r *run) list(ctx context.Context, c ledger.Connection, src Source, whole bool) (_ ledger.Connection, through bool, err error) {
	from := c.Cursor
	if whole {
		from = ""
	}
	var folder folderListing
	for page, err := range src.List(ctx, from) {
		if err != nil {
			if ctx.Err() != nil {
				return c, false, ctx.Err()
			}
			c, err = r.recordFailure(ctx, c, err)
			return c, false, err
		}
		for _, text := range page.Problems {
			r.addProblem(c.Name + ": " + text)
		}
		next := c
		if page.Cursor != "" && !whole {
			next.Cursor = page.Cursor
		}
		next.ListedAt, next.Problem, next.ProblemReason = r.cfg.Now(), "", ""
		if page.Folder != nil {
			next.Folder = &page.Folder.Report
		}
		folder.add(page)
		added, _, err := r.cfg.Store.Record(ctx, next, r.entries(next, page.Listings))
		if err != nil {
			return c, false, err
		}
		c = next
		r.record.New += len(added)
		r.outages.observe(sourceService(c.ID), false)
	}
	if ctx.Err() != nil {
		return c, false, ctx.Err()
	}
	return c, true, r.settleFolder(ctx, c, &folder)
}

// wholeDue reports whether everything is to be listed: when a person asks for it,
// and in the first night of each week. A balance that the source shows later than
// the overlap reaches back, with an older time of making, is found by that alone.
// A time ahead of now comes from a clock that was wrong, and puts nothing off.
func (r *run) wholeDue(c ledger.Connection) bool {
	if c.Kind == ledger.Folder {
		return false // which is listed whole each time
	}
	night := r.record.Night
	if night.IsZero() {
		night = r.record.RetryOf
	}
	if night.IsZero() {
		return r.req.Full
	}
	year, week := night.In(time.UTC).ISOWeek()
	lastYear, lastWeek := c.FullyListedAt.In(r.cfg.Schedule.zone()).ISOWeek()
	return year != lastYear || week != lastWeek || c.FullyListedAt.After(r.cfg.Now())
}

// recordFailure saves with the connection why its listing failed.
func (r *run) recordFailure(ctx context.Context, c ledger.Connection, err error) (ledger.Connection, error) {
	if errors.Is(err, ledger.ErrDeactivated) || problem.Is(err, problem.ConnectionClosed) {
		c.Status = ledger.Deactivated
		c.Problem = "deactivated in Finbox; everything that was recorded stays"
		r.addProblem(c.Name+": the connection is deactivated in Finbox. Activate it there when it should go on.",
			ledger.ProblemCode{About: c.Name, Code: string(problem.ConnectionClosed)})
		r.log.Warn().Str("connection", c.ID).Msg("the connection is deactivated in the source")
	} else {
		c.Problem, c.ProblemReason = problem.Of(err).What, string(problem.Of(err).Reason)
		r.reportUnreachable(err, c.Name)
	}
	return c, r.saveStatus(ctx, c)
}

// saveStatus saves what the source said of a connection. What a person set meanwhile,
// such as a pause, stays.
func (r *run) saveStatus(ctx context.Context, c ledger.Connection) error {
	return r.cfg.Store.UpdateConnection(ctx, c.ID, func(stored *ledger.Connection) {
		stored.Problem, stored.ProblemReason = c.Problem, c.ProblemReason
		if stored.Status == ledger.Active || stored.Status == ledger.Deactivated {
			stored.Status = c.Status
		}
	})
}

// entries makes ledger entries of listings.
func (r *run) entries(c ledger.Connection, listings []ledger.Listing) []ledger.Entry {
	now := r.cfg.Now()
	found := make([]ledger.Entry, 0, len(listings))
	for _, l := range listings {
		e := ledger.Entry{Connection: c.ID, Listing: l, FoundAt: now, UpdatedAt: now, State: ledger.Found}
		if !r.counts(c, l) {
			e.State, e.Reason = ledger.Ignored, ledger.BeforeActivation
			e.Detail = "made before the connection was activated on " + c.ActivatedAt.In(r.cfg.Schedule.zone()).Format(time.DateOnly)
			e.Next = "To deliver it all the same, retry it, or give its dossier a link with from."
		}
		found = append(found, e)
	}
	return found
}

// counts reports whether a listing is to be delivered: it was made after the
// activation, or its dossier's link reaches back that far.
func (r *run) counts(c ledger.Connection, l ledger.Listing) bool {
	if !l.CreatedAt.Before(c.ActivatedAt) {
		return true
	}
	link, ok := r.link(c.ID, l.Dossier)
	return ok && link.Counts(l.CreatedAt, r.cfg.Schedule.zone())
}

// recall retries entries that were ignored as too old, if a link was set since then
// that includes them.
func (r *run) recall(ctx context.Context) error {
	for _, link := range r.links {
		if link.All || !link.From.IsZero() {
			return recall(ctx, r.cfg, r.record.Number, "its dossier's link reaches back to it", func(e ledger.Entry) bool {
				return r.counts(r.connection(e.Connection), e.Listing)
			})
		}
	}
	return nil
}

// recall retries entries that were ignored as too old for a connection whose
// activation moved to an earlier day.
func (d *Daemon) recall(ctx context.Context, c ledger.Connection) error {
	return recall(ctx, d.config(), 0, "the connection counts from an earlier day now", func(e ledger.Entry) bool {
		return e.Connection == c.ID && !e.CreatedAt.Before(c.ActivatedAt)
	})
}

// recall retries the entries that were ignored as too old and count now.
func recall(ctx context.Context, cfg Config, run uint64, why string, counts func(ledger.Entry) bool) error {
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
		_, err = cfg.Store.Move(ctx, ledger.Move{Entry: next,
			Event: ledger.Event{At: cfg.Now(), Run: run, State: next.State, Text: why, Act: ledger.ActRecall}})
		if err != nil && !problem.Is(err, problem.Conflict) {
			return err
		}
	}
	return nil
}

// zone is the zone that dates are meant in.
func (s Schedule) zone() *time.Location {
	if s.Location == nil {
		return time.UTC
	}
	return s.Location
}
