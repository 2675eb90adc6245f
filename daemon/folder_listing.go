package daemon

import (
	"context"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// folderListing is what one listing of a folder found, while its pages are
// recorded.
type folderListing struct {
	listed  map[string]string // by id of all that was listed: the hash of what could be read, else empty
	content *ledger.FolderContent
}

// add records a page.
func (f *folderListing) add(p ledger.Page) {
	if f.listed == nil {
		f.listed = map[string]string{}
	}
	for _, l := range p.Listings {
		f.listed[l.ID] = ""
		if !l.FiscalYear.End.IsZero() {
			f.listed[l.ID] = l.SHA256
		}
	}
	if p.Folder != nil {
		f.content = p.Folder
	}
}

// isUnsure reports whether nothing is known of a file that was not listed.
func (f *folderListing) isUnsure(id string) bool {
	return slices.ContainsFunc(f.content.Unsure, func(u string) bool {
		return id == u || strings.HasPrefix(id, u+balance.InArchive) || strings.HasSuffix(u, "/") && strings.HasPrefix(id, u)
	})
}

// What is said of an entry whose file is no longer a balance that counts.
const (
	detailNotListed = "its file is no longer in the folder as a social balance: it was removed, renamed or replaced, or neither its name nor its content says that it is one"
	textReadable    = "its file can be read now"
)

// settleFolder settles the entries of a folder whose files could not be read: one
// that is not listed any more is ignored, and no copy of it is kept; one that can
// be read now is tried again.
func (r *run) settleFolder(ctx context.Context, c ledger.Connection, f *folderListing) error {
	if f.content == nil {
		return nil
	}
	q := ledger.Query{Connection: c.ID, States: []ledger.State{ledger.Failed, ledger.Found}}
	for e, err := range r.cfg.Store.Entries(ctx, q) {
		if err != nil {
			return err
		}
		step, ok, err := r.settleFile(e, f)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if _, err := r.cfg.Store.Move(ctx, step); err != nil && !problem.Is(err, problem.Conflict) {
			return err
		}
	}
	return nil
}

// settleFile returns the step of one entry, if there is any.
func (r *run) settleFile(e ledger.Entry, f *folderListing) (step ledger.Move, ok bool, err error) {
	readable, listed := f.listed[e.ID]
	unread := e.ValuesHash == "" && (e.State == ledger.Found || e.FailClass == ledger.Unreadable || e.FailClass == ledger.Unavailable)
	var next ledger.Entry
	var text string
	switch {
	case !listed && unread && !f.isUnsure(e.ID):
		text = detailNotListed
		next, err = e.Ignore(ledger.NotListed, text, "", r.cfg.Now())
		step.DropDocument = true
	case readable != "" && readable == e.SHA256 && e.State == ledger.Failed && e.FailClass == ledger.Unreadable:
		text = textReadable
		next, err = e.Retry(r.cfg.Now())
	default:
		return step, false, nil
	}
	step.Entry = next
	step.Event = ledger.Event{At: r.cfg.Now(), Run: r.record.Number, State: next.State, Reason: next.Reason, Text: text}
	return step, err == nil, err
}
