package daemon

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"balansd/ledger"
	"balansd/problem"
)

// LinkImport asks what a table of links would change, or to change it.
type LinkImport struct {
	Data  []byte `json:"data"` // CSV; see ledger.ReadLinks
	Apply bool   `json:"apply,omitempty"`
	// Seen identifies the effect that a person saw, from LinkImported; empty for
	// whatever it is now.
	Seen string `json:"seen,omitempty"`
	By   string `json:"by,omitempty"`
}

// LinkImported is what a table of links changes.
type LinkImported struct {
	Effects   []LinkEffect `json:"effects"`
	Unchanged int          `json:"unchanged"`
	// Wrong are the rows that are wrong: with any, nothing is changed.
	Wrong   []ledger.LinkMistake `json:"wrong"`
	Applied bool                 `json:"applied,omitempty"`
	Seen    string               `json:"seen,omitempty"`
}

// LinkEffect is what a row changes.
type LinkEffect struct {
	Line int            `json:"line"`
	Kind LinkEffectKind `json:"kind"`
	// Link is as it would be stored; the one that is removed for LinkRemoved.
	Link     ledger.DossierLink `json:"link"`
	Before   ledger.DossierLink `json:"before,omitzero"`
	Dossier  ledger.Dossier     `json:"dossier"`
	Company  ledger.Company     `json:"company,omitzero"`
	Balances []LinkedBalance    `json:"balances"`
	// Left counts balances of the dossier that were not compared with Silverfin.
	Left int `json:"left,omitempty"`
}

// LinkEffectKind names what a row does to the link of its dossier.
type LinkEffectKind string

// The kinds of effects.
const (
	LinkAdded   LinkEffectKind = "added"
	LinkMoved   LinkEffectKind = "moved" // to another company
	LinkChanged LinkEffectKind = "changed"
	LinkRemoved LinkEffectKind = "removed"
)

// LinkTable is a table of links, for people to edit.
type LinkTable struct {
	Data []byte `json:"data"` // CSV; see ledger.WriteLinks
	Rows int    `json:"rows"`
}

// maxImportPreviews bounds how many dossiers of a table are compared with Silverfin.
const maxImportPreviews = 100

// ExportLinks returns a table with a row for each dossier, with its link if it has one.
func (d *Daemon) ExportLinks(ctx context.Context) (LinkTable, error) {
	var rows []ledger.LinkRow
	stored, err := d.Links(ctx)
	if err != nil {
		return LinkTable{}, err
	}
	page, err := d.Dossiers(ctx, DossierQuery{})
	if err != nil {
		return LinkTable{}, err
	}
	for _, e := range page.Entries {
		r := ledger.LinkRow{Link: ledger.DossierLink{Connection: e.Connection, DossierID: e.Dossier.ID}, DossierName: e.Dossier.Name, DossierNumber: e.Dossier.EnterpriseNumber}
		if e.Target != nil {
			r.GoesTo = e.Target.CompanyName
		}
		i := slices.IndexFunc(stored, func(l ledger.DossierLink) bool { return l.Connection == e.Connection && e.Dossier.IsNamed(l.DossierID) })
		if i >= 0 {
			r.Link = stored[i]
			stored = slices.Delete(stored, i, i+1)
		}
		rows = append(rows, r)
	}
	for _, l := range stored { // of dossiers without a balance
		rows = append(rows, ledger.LinkRow{Link: l, DossierNumber: l.EnterpriseNumber})
	}
	slices.SortStableFunc(rows, func(a, b ledger.LinkRow) int {
		return cmp.Or(cmp.Compare(a.Link.Connection, b.Link.Connection), cmp.Compare(a.Link.DossierID, b.Link.DossierID))
	})
	var table tableBuffer
	err = ledger.WriteLinks(&table, rows)
	return LinkTable{Data: table, Rows: len(rows)}, err
}

// tableBuffer collects what is written.
type tableBuffer []byte

func (b *tableBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}

// ImportLinks says what a table of links changes, and changes it if Apply is set: all of
// it, or nothing where a row is wrong. A Conflict problem says that the effect is not
// the one that was seen.
func (d *Daemon) ImportLinks(ctx context.Context, in LinkImport) (LinkImported, error) {
	d.linking.Lock()
	defer d.linking.Unlock()
	out := LinkImported{Effects: []LinkEffect{}, Wrong: []ledger.LinkMistake{}}
	rows, mistakes := ledger.ReadLinks(in.Data)
	out.Wrong = append(out.Wrong, mistakes...)
	x, err := d.newLinkImport(ctx, in.By)
	if err != nil {
		return out, err
	}
	var set []linkCheck
	var removed []ledger.DossierLink
	for _, row := range rows {
		c, kind, err := x.check(ctx, row)
		switch {
		case ctx.Err() != nil:
			return out, ctx.Err()
		case err != nil && isState(err):
			return out, err
		case err != nil:
			out.Wrong = append(out.Wrong, mistakeOf(err, row.Line))
			continue
		case kind == "":
			out.Unchanged++
			continue
		case kind == LinkRemoved:
			removed = append(removed, c.before)
		default:
			set = append(set, c)
		}
		out.Effects = append(out.Effects, LinkEffect{Line: row.Line, Kind: kind, Link: c.link, Before: c.before, Dossier: c.dossier, Company: c.company, Balances: []LinkedBalance{}})
	}
	slices.SortStableFunc(out.Wrong, func(a, b ledger.LinkMistake) int { return cmp.Compare(a.Line, b.Line) })
	out.Seen = seenEffects(in.Data, set, removed)
	switch {
	case len(out.Wrong) > 0:
		return out, nil
	case !in.Apply:
		return out, x.preview(ctx, set, out.Effects)
	case in.Seen != "" && in.Seen != out.Seen:
		return out, problem.New(problem.Conflict, "links or companies changed since the effect of the table was shown", "Look at it again, and import it then.")
	}
	out.Applied = true
	return out, d.changeLinks(ctx, in.By, set, removed)
}

// mistakeOf says what is wrong with a row, by the error of its check.
func mistakeOf(err error, line int) ledger.LinkMistake {
	if m, ok := errors.AsType[*ledger.LinkMistake](err); ok {
		m.Line = line
		return *m
	}
	p := problem.Of(err)
	return ledger.LinkMistake{Line: line, What: p.What, Right: p.Next, Problem: string(p.Code)}
}

// seenEffects identifies the effect of a table, and both sides of its links.
func seenEffects(data []byte, set []linkCheck, removed []ledger.DossierLink) string {
	sum := sha256.New()
	sum.Write(data)
	for _, c := range set {
		sum.Write([]byte(c.seen()))
	}
	for _, l := range removed {
		sum.Write([]byte(linkCheck{before: l}.seen()))
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}

// linkImport checks the rows of a table: what all of them need is read once.
type linkImport struct {
	*Daemon

	by      string
	stored  []ledger.DossierLink
	entries map[string][]ledger.Entry // newest first, by linkKey of connection and each folded reference
	run     *run
}

func (d *Daemon) newLinkImport(ctx context.Context, by string) (*linkImport, error) {
	x := &linkImport{Daemon: d, by: by, entries: map[string][]ledger.Entry{}}
	var err error
	if x.stored, err = d.config().Store.Links(ctx); err != nil {
		return x, err
	}
	for e, err := range d.config().Store.Entries(ctx, ledger.Query{}) {
		if err != nil {
			return x, err
		}
		for _, ref := range e.Dossier.References() {
			key := linkKey(e.Connection, ledger.FoldName(ref))
			x.entries[key] = append(x.entries[key], e)
		}
	}
	if x.run, err = d.previewRun(ctx); err != nil {
		return x, err
	}
	_, err = x.run.companies(ctx) // anew: the table may be of companies that were just added
	return x, err
}

// of lists the entries of a link's dossier, newest first.
func (x *linkImport) of(l ledger.DossierLink) []ledger.Entry {
	return x.entries[linkKey(l.Connection, ledger.FoldName(l.DossierID))]
}

// check returns what a row changes; no kind for nothing.
func (x *linkImport) check(ctx context.Context, row ledger.LinkRow) (c linkCheck, kind LinkEffectKind, err error) {
	c.link = row.Link
	c.before = x.storedLink(ctx, x.stored, &c.link)
	c.keepMissing(row)
	known := x.of(c.link)
	if len(known) == 0 && c.before.DossierID == "" {
		return c, "", ledger.NewLinkMistake("unknown_dossier", fmt.Sprintf("connection %.60q has no dossier %.60q", c.link.Connection, c.link.DossierID),
			"Write it as the export does. A spreadsheet takes the zeros from the front of a number.", c.link.Connection, c.link.DossierID)
	}
	c.dossier = dossierAmong(known, c.link)
	unchanged := c.link
	unchanged.NumberDiffers, unchanged.Configured = c.before.NumberDiffers, c.before.Configured
	said := c.link.NumberDiffers.Company == "" || c.before.NumberDiffers.Names(c.link.NumberDiffers.Company)
	if said && unchanged.Same(c.before) || unchanged.SaysNothing() && c.before.DossierID == "" {
		return c, "", contradiction(row, c.dossier, ledger.Company{})
	}
	if err := x.checkLinkForm(ctx, c.link); err != nil {
		return c, "", err
	}
	in, found := x.run.index.byID[[2]int64{c.link.FirmID, c.link.CompanyID}]
	switch {
	case found:
		c.company = in.company
	case c.link.CompanyID != 0:
		return c, "", ledger.NewLinkMistake("unknown_company", fmt.Sprintf("Silverfin firm %d has no company %d", c.link.FirmID, c.link.CompanyID),
			"Take both numbers from Silverfin's address bar.", c.link.FirmID, c.link.CompanyID)
	}
	if err := contradiction(row, c.dossier, c.company); err != nil {
		return c, "", err
	}
	if c.link.SaysNothing() && c.before.Configured {
		p := problem.Of(configuredLink(c.before))
		return c, "", ledger.NewLinkMistake("configured", p.What, p.Next, c.before.DossierID, c.before.Connection)
	}
	if !c.link.SaysNothing() {
		err = x.checkSides(ctx, &c, LinkRequest{DossierLink: c.link, By: x.by})
	}
	return c, c.kind(), err
}

// dossierAmong returns the dossier of a link by its entries, newest first: of the newest
// that has an enterprise number.
func dossierAmong(entries []ledger.Entry, l ledger.DossierLink) ledger.Dossier {
	d := ledger.Dossier{ID: l.DossierID}
	for i, e := range entries {
		if i == 0 || d.EnterpriseNumber == "" && e.Dossier.EnterpriseNumber != "" {
			d = e.Dossier
		}
	}
	d.EnterpriseNumber = cmp.Or(d.EnterpriseNumber, l.EnterpriseNumber)
	return d
}

// kind names what a checked link does to the one before.
func (c linkCheck) kind() LinkEffectKind {
	switch {
	case c.link.SaysNothing():
		return LinkRemoved
	case c.before.DossierID == "":
		return LinkAdded
	case !c.before.SameCompany(c.link):
		return LinkMoved
	default:
		return LinkChanged
	}
}

// contradiction says what in a row is not so of its two sides.
func contradiction(row ledger.LinkRow, d ledger.Dossier, c ledger.Company) error {
	if wrong := row.Contradicts(d, c); wrong != nil {
		return wrong
	}
	return nil
}

// keepMissing keeps of the link that is replaced what the table has no column for.
func (c *linkCheck) keepMissing(row ledger.LinkRow) {
	c.link.EnterpriseNumber = c.before.EnterpriseNumber
	if !row.Given[ledger.ColumnCompany] {
		c.link.FirmID, c.link.CompanyID = c.before.FirmID, c.before.CompanyID
	}
	if !row.Given[ledger.ColumnFrom] {
		c.link.From, c.link.All = c.before.From, c.before.All
	}
	if !row.Given[ledger.ColumnPaused] {
		c.link.Paused = c.before.Paused
	}
	if !row.Given[ledger.ColumnNote] {
		c.link.Note = c.before.Note
	}
}

// preview says what would become of the balances of the links that are set.
func (x *linkImport) preview(ctx context.Context, set []linkCheck, effects []LinkEffect) error {
	for _, c := range set {
		x.run.links[linkKey(c.link.Connection, c.link.DossierID)], x.run.links[foldedLinkKey(c.link.Connection, c.link.DossierID)] = c.link, c.link
	}
	previewed := 0
	for i := range effects {
		e := &effects[i]
		if e.Kind == LinkRemoved {
			continue
		}
		entries := x.of(e.Link)
		if previewed == maxImportPreviews {
			e.Left = len(entries)
			continue
		}
		previewed++
		var err error
		if e.Balances, e.Left, err = x.run.previewBalances(ctx, entries); err != nil {
			return err
		}
	}
	return nil
}
