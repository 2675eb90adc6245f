package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// ConnectFinbox validates a connection id and links it.
func (d *Daemon) ConnectFinbox(ctx context.Context, r ConnectionRequest) (LinkedConnection, error) {
	return d.linkFinbox(ctx, ledger.Connection{ID: strings.TrimSpace(r.ID), Kind: ledger.Finbox}, r.By)
}

// linkFinbox validates a Finbox connection, and saves it. Settings and secrets that
// it has replace those that are kept.
func (d *Daemon) linkFinbox(ctx context.Context, asked ledger.Connection, by string) (LinkedConnection, error) {
	id := asked.ID
	known, err := d.config().Store.Connections(ctx)
	if err != nil {
		return LinkedConnection{}, err
	}
	c := asked
	for _, k := range known {
		if k.ID == id {
			c = k // its cursor stays: nothing is listed twice, nothing is left out
		}
	}
	if c.Kind != ledger.Finbox {
		return LinkedConnection{}, problem.New(problem.Conflict, fmt.Sprintf("%s is the name of a folder", id), "Compare the connection id with the one in Finbox.")
	}
	if asked.Settings != nil {
		c.Source, c.Settings, c.Secrets = asked.Source, asked.Settings, asked.Secrets
	}
	c.Name = id
	src, err := d.config().Source(c)
	if err != nil {
		return LinkedConnection{}, err
	}
	st, err := src.Status(ctx)
	if err != nil {
		return LinkedConnection{}, byHand(err)
	}
	if !st.Active {
		closed := notActive(id)
		if err := d.deactivated(ctx, id, problem.Of(closed).What); err != nil {
			return LinkedConnection{}, err
		}
		return LinkedConnection{}, closed
	}
	c.Name, c.Language, c.Status, c.StartDate, c.Problem = st.Environment, st.Language, ledger.Active, st.StartDate, ""
	if c.Name == "" {
		c.Name = id
	}
	before := c.ActivatedAt
	notes := d.activate(&c, st.StartDate)
	if !c.ActivatedAt.Before(before) {
		err = d.config().Store.SaveConnection(ctx, c)
	} else {
		err = d.reachBack(ctx, &c)
	}
	if err != nil {
		return LinkedConnection{c, notes}, err
	}
	d.log().Info().Str("connection", c.ID).Str("by", by).Msg("connection linked")
	if len(known) == 0 {
		d.backUpFirst(ctx, by)
	}
	return LinkedConnection{c, notes}, nil
}

// deactivated records that a connection is not active in Finbox. Only an active one
// changes, so that a paused one stays paused.
func (d *Daemon) deactivated(ctx context.Context, id, why string) error {
	return d.config().Store.UpdateConnection(ctx, id, func(c *ledger.Connection) {
		if c.Status == ledger.Active {
			c.Status, c.Problem = ledger.Deactivated, why
		}
	})
}

// activate sets the day from which balances count, by the start date that
// Finbox returns, and says what a person should know about it.
func (d *Daemon) activate(c *ledger.Connection, start balance.Date) (notes []string) {
	now := d.config().Now()
	if start.IsZero() {
		if c.ActivatedAt.IsZero() {
			c.ActivatedAt = d.serviceTime()
		}
		return []string{"Finbox gives no start date; balances made from now on count."}
	}
	c.ActivatedAt = start.In(d.config().Schedule.zone())
	if today := balance.DateOf(now.In(d.config().Schedule.zone())); start != today {
		return []string{fmt.Sprintf("The start date in Finbox is %s and not today, %s. Balances made before the start date do not count. "+
			"Change it in Finbox if that is not what you want, and connect again.", start, today)}
	}
	return nil
}

// reachBack saves a connection whose activation moved to an earlier day: everything
// is listed again, and entries that were ignored as too old are retried. It returns
// a Busy problem during a run, which would overwrite the cursor.
func (d *Daemon) reachBack(ctx context.Context, c *ledger.Connection) error {
	release, err := d.runs.tryExclude()
	if err != nil {
		return err
	}
	defer release()
	c.ResetCursor()
	if err := d.config().Store.SaveConnection(ctx, *c); err != nil {
		return err
	}
	return d.recall(ctx, *c)
}

// byHand corrects what to do next for a person who is linking: a service in
// trouble is tried again by the nightly runs, but a link only by that person.
// Where it is known what is in the way, the remedy stays.
func byHand(err error) error {
	if !problem.Is(err, problem.FinboxDown) && !problem.Is(err, problem.SilverfinDown) || problem.Of(err).Reason != "" {
		return err
	}
	p := *problem.Of(err)
	return p.Because(problem.NotLinked, "Try again in a while; nothing was linked.")
}

// Connections lists the connections.
func (d *Daemon) Connections(ctx context.Context) ([]ledger.Connection, error) {
	return sources(ctx, d.config().Store)
}

// sources lists the connections but the groups of dossiers, whose balances come from
// others.
func sources(ctx context.Context, store Store) ([]ledger.Connection, error) {
	all, err := store.Connections(ctx)
	return slices.DeleteFunc(all, func(c ledger.Connection) bool { return c.Kind == ledger.Sum }), err
}

// SetConnection pauses, resumes or removes a connection.
func (d *Daemon) SetConnection(ctx context.Context, r ConnectionRequest) (ledger.Connection, error) {
	c, err := d.requireConnection(ctx, r.ID)
	if err != nil {
		return c, err
	}
	switch {
	case c.Kind == ledger.Sum:
		return c, problem.New(problem.NotAllowed, fmt.Sprintf("%s is a group of dossiers", r.ID), "Dissolve it instead: balansd links group --remove.")
	case r.Status == ledger.Deactivated:
		return c, problem.New(problem.NotAllowed, "a connection is deactivated in Finbox, not here", "Pause it instead.")
	case r.Status == ledger.Removed && c.Configured():
		return c, problem.New(problem.NotAllowed, fmt.Sprintf("folder source %s comes from the configuration", r.ID),
			"Take it out of folders in the configuration, or pause it.")
	case r.Status == ledger.Removed && c.Kind == ledger.Upload:
		return c, problem.New(problem.NotAllowed, "uploads are always there", "Pause them, so that nothing that was uploaded is delivered.")
	case c.Status == ledger.Removed && r.Status != ledger.Removed && c.Kind == ledger.Folder:
		return c, problem.New(problem.NotAllowed, fmt.Sprintf("connection %s was removed", r.ID), "Add it again: balansd syncs add.")
	case c.Status == ledger.Removed && r.Status == ledger.Paused:
		return c, problem.New(problem.NotAllowed, fmt.Sprintf("connection %s was removed", r.ID), "Link it again: balansd connect finbox "+r.ID+".")
	}
	c.Status = r.Status
	d.log().Info().Str("connection", r.ID).Str("status", string(r.Status)).Str("by", r.By).Msg("connection set")
	return c, d.config().Store.SaveConnection(ctx, c)
}

// Firms lists the linked Silverfin firms.
func (d *Daemon) Firms(ctx context.Context) ([]ledger.Firm, error) {
	return d.config().Store.Firms(ctx)
}

// RemoveFirm forgets a firm and its tokens.
func (d *Daemon) RemoveFirm(ctx context.Context, r FirmRequest) error {
	f, err := firmOf(ctx, d.config().Store, r.FirmID)
	if err != nil {
		return err
	}
	if err := d.config().Linker.Forget(ctx, f.ID); err != nil {
		return err
	}
	d.log().Info().Int64("firm", f.ID).Str("by", r.By).Msg("firm removed")
	return d.config().Store.RemoveFirm(ctx, f.ID)
}

// TakeOver allows renewing tokens that came with a copy of the state.
func (d *Daemon) TakeOver(ctx context.Context, r FirmRequest) error {
	if err := d.requireFirm(ctx, r.FirmID); err != nil {
		return err
	}
	firms, err := d.config().Store.Firms(ctx)
	if err != nil {
		return err
	}
	for _, f := range firms {
		if r.FirmID != 0 && f.ID != r.FirmID || f.Relink != "" {
			continue
		}
		if err := d.config().Linker.TakeOver(ctx, f.ID); err != nil {
			return err
		}
		d.log().Info().Int64("firm", f.ID).Str("by", r.By).Msg("tokens taken over")
	}
	return nil
}

// BeginSilverfin starts the sign-in to Silverfin.
func (d *Daemon) BeginSilverfin(ctx context.Context, r SignInRequest) (SignIn, error) {
	targets, err := d.targetsOf(ctx, r.FirmID)
	if err != nil {
		return SignIn{}, err
	}
	url, state, err := d.config().Linker.Begin(ctx, r.FirmID, r.Redirect, targets...)
	return SignIn{URL: url, State: state}, err
}

// EndSilverfin links the firm that was granted.
func (d *Daemon) EndSilverfin(ctx context.Context, r GrantRequest) (LinkedFirm, error) {
	f, notes, err := d.config().Linker.End(ctx, r.State, r.Code, r.FirmID)
	if err != nil {
		return LinkedFirm{f, notes}, byHand(err)
	}
	now := d.config().Now()
	f.LinkedAt, f.RenewedAt, f.Relink = now, now, ""
	if f.LinkedBy == "" {
		f.LinkedBy = r.By
	}
	firms, err := d.config().Store.Firms(ctx)
	if err != nil {
		return LinkedFirm{f, notes}, err
	}
	for _, before := range firms {
		if before.ID == f.ID {
			f.AppLink, f.Learnt, f.Use, f.Trial = before.AppLink, before.Learnt, before.Use, before.Trial
		}
	}
	if err := d.config().Store.SaveFirm(ctx, f); err != nil {
		return LinkedFirm{f, notes}, err
	}
	d.log().Info().Int64("firm", f.ID).Str("by", r.By).Msg("firm linked")
	if len(firms) == 0 {
		d.backUpFirst(ctx, r.By)
	}
	return LinkedFirm{f, notes}, nil
}
