package daemon

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"

	"balansd/ledger"
	"balansd/problem"
)

// documentTitle is what a stored document is called, by the language of its connection.
func documentTitle(language string) string {
	switch language {
	case "fr":
		return "Bilan social"
	case "de":
		return "Sozialbilanz"
	case "en":
		return "Social balance"
	default:
		return "Sociale balans"
	}
}

// toStore returns the document that is to be stored in Silverfin for an entry that is
// done there; nil for none.
func (d *delivery) toStore(ctx context.Context, done ledger.Entry) (*ledger.StoredDocument, error) {
	if !d.cfg.StoreDocuments || d.req.DryRun {
		return done.Stored, nil
	}
	if s := done.Stored; s != nil && s.FirmID == done.Target.FirmID && s.CompanyID == done.Target.CompanyID {
		return s, nil
	}
	doc := d.doc
	if doc == nil {
		var err error
		if doc, err = d.cfg.Store.Document(ctx, done.Number); doc == nil || err != nil {
			return done.Stored, err
		}
	}
	revision := sha256.Sum256([]byte(strings.Join([]string{done.Connection, done.ID, done.Revision, done.SHA256}, "\x00")))
	return &ledger.StoredDocument{FirmID: done.Target.FirmID, CompanyID: done.Target.CompanyID,
		Name: fmt.Sprintf("%s %s (%s)%s", documentTitle(d.connection(done.Connection).Language), done.FiscalYear.End,
			hex.EncodeToString(revision[:6]), extensionOf(doc))}, nil
}

// extensionOf returns the extension of a document by its content.
func extensionOf(doc []byte) string {
	start := bytes.TrimSpace(doc[:min(len(doc), 64)])
	switch {
	case bytes.HasPrefix(start, []byte("%PDF")):
		return ".pdf"
	case bytes.HasPrefix(start, []byte("PK")):
		return ".xlsx"
	case bytes.HasPrefix(start, []byte("{")):
		return ".json"
	case bytes.HasPrefix(bytes.TrimPrefix(start, []byte("\xef\xbb\xbf")), []byte("<")):
		return ".xbrl"
	default:
		return ".csv"
	}
}

// storeDocument stores the document of an entry that is done, as it was recorded then. A
// failure is reported with the run and leaves the entry done: the next run looks whether
// the document is there, and stores it if not. The error is of the state, or of ctx.
func (d *delivery) storeDocument(ctx context.Context) error {
	s := d.entry.Stored
	if !d.cfg.StoreDocuments || d.req.DryRun || d.entry.State != ledger.Done || s == nil || s.ID != 0 || d.refusesDocuments(s.FirmID) {
		return nil
	}
	doc, err := d.cfg.Store.Document(ctx, d.entry.Number)
	if err != nil {
		return err
	}
	next, text := d.entry, "its document is not kept any more, and was not stored in Silverfin"
	next.Stored = nil
	if doc != nil {
		id, err := d.cfg.Destination(s.FirmID).StoreDocument(ctx, s.CompanyID, s.Name, doc)
		if err == nil && id == 0 {
			err = problem.New(problem.SilverfinDown, "Silverfin took a document and does not list it", "It is looked for at every run.")
		}
		d.countDocument(s.FirmID, err)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			d.reportProblem(err, aboutFirm+cmp.Or(d.in.firm.Name, fmt.Sprint(s.FirmID)))
			return nil
		}
		stored := *s
		stored.ID, next.Stored = id, &stored
		text = "its document was stored in Silverfin's permanent documents as " + s.Name
	}
	err = d.save(context.WithoutCancel(ctx), next, text, nil)
	if problem.Is(err, problem.Conflict) {
		return nil // it was moved meanwhile; the document is found by its name
	}
	return err
}

// countDocument counts the failures in a row to store a document in a firm.
func (r *run) countDocument(firmID int64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.documentFailures == nil {
		r.documentFailures = map[int64]int{}
	}
	if err == nil {
		r.documentFailures[firmID] = 0
	} else {
		r.documentFailures[firmID]++
	}
}

// refusesDocuments reports whether a firm failed to take documents too often in this run.
func (r *run) refusesDocuments(firmID int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.documentFailures[firmID] >= outageAfter
}

// storePending stores the documents that earlier runs recorded and could not store, in
// any order, so that some that are refused do not hold up the others for ever.
func (r *run) storePending(ctx context.Context) error {
	if !r.cfg.StoreDocuments || r.req.DryRun || r.chosen() {
		return nil
	}
	var pending []ledger.Entry
	for e, err := range r.cfg.Store.Entries(ctx, ledger.Query{States: []ledger.State{ledger.Done}}) {
		if err != nil {
			return err
		}
		if e.Stored != nil && e.Stored.ID == 0 && !r.refusesDocuments(e.Stored.FirmID) {
			pending = append(pending, e)
		}
	}
	rand.Shuffle(len(pending), func(i, j int) { pending[i], pending[j] = pending[j], pending[i] })
	for _, e := range pending {
		if err := r.storeOne(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// storeOne stores the document of an entry while no other run works on its dossier.
func (r *run) storeOne(ctx context.Context, e ledger.Entry) error {
	unlock, err := r.daemon.runs.dossiers.Acquire(ctx, e.Connection+"\x00"+e.Dossier.ID)
	if err != nil {
		return err
	}
	defer unlock()
	if e, err = r.cfg.Store.Entry(ctx, e.Number); err != nil {
		return err
	}
	return (&delivery{run: r, before: e, entry: e}).storeDocument(ctx)
}
