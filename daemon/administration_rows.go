package daemon

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	"balansd/administration"
	"balansd/balance"
	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/problem"
)

// Where the rows are: one a company, two a source, and one an enterprise.
const (
	administrationRows = "administration"         // by firm and company
	sourceRows         = "administration-source"  // what is known of a source, by its name
	listingRows        = "administration-listing" // what it listed last: JSON, gzip
	filedRows          = "administration-filed"   // the figures that an enterprise filed, by its number
)

// administrationData keeps in memory what the sources listed last. Its zero value is ready
// to use, and it is safe for concurrent use.
type administrationData struct {
	mu       sync.Mutex
	listings map[string]*sourceListing

	listing sync.Mutex // held while the sources are listed
}

// sourceListing is what a source listed last. It is never changed.
type sourceListing struct {
	AdministrationSource

	records     []administration.Record
	byNumber    map[balance.EnterpriseNumber][]int
	byReference map[string]int
}

// newSourceListing indexes the records of a source.
func newSourceListing(s AdministrationSource, records []administration.Record) *sourceListing {
	l := &sourceListing{AdministrationSource: s, records: records, byNumber: map[balance.EnterpriseNumber][]int{}, byReference: map[string]int{}}
	for i, r := range records {
		l.byReference[r.Reference] = i
		if r.EnterpriseNumber != "" {
			l.byNumber[r.EnterpriseNumber] = append(l.byNumber[r.EnterpriseNumber], i)
		}
	}
	return l
}

// withNumber returns the one record with an enterprise number.
func (l *sourceListing) withNumber(n balance.EnterpriseNumber) (administration.Record, bool) {
	if hits := l.byNumber[n]; n != "" && len(hits) == 1 {
		return l.records[hits[0]], true
	}
	return administration.Record{}, false
}

// withReference returns the record with a reference.
func (l *sourceListing) withReference(reference string) (administration.Record, bool) {
	i, ok := l.byReference[reference]
	if !ok {
		return administration.Record{}, false
	}
	return l.records[i], true
}

// listings returns what each source of the configuration listed last, in its order.
func (d *Daemon) listings(ctx context.Context) ([]*sourceListing, error) {
	cfg := d.config().Administration
	var all []*sourceListing
	for _, s := range cfg.Sources {
		l, err := d.lastListing(ctx, cfg, s.Info())
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// lastListing returns what a source listed last, an empty listing if it never was.
func (d *Daemon) lastListing(ctx context.Context, cfg AdministrationConfig, info administration.Info) (*sourceListing, error) {
	d.administration.mu.Lock()
	defer d.administration.mu.Unlock()
	if l := d.administration.listings[info.Name]; l != nil && l.Kind == info.Kind {
		return l, nil
	}
	var s AdministrationSource
	var records []administration.Record
	err := cfg.Rows.View(ctx, func(r keyvalue.Reader) (err error) {
		if s, _, err = keyvalue.Get[AdministrationSource](r, sourceRows, info.Name); err != nil || s.Kind != info.Kind {
			s = AdministrationSource{}
			return err
		}
		records, err = unpackRecords(r.Get(listingRows, info.Name))
		return err
	})
	if err != nil {
		return nil, err
	}
	s.Name, s.Kind, s.Fields, s.Register = info.Name, info.Kind, info.Fields, info.Register
	l := newSourceListing(s, records)
	d.rememberListing(l)
	return l, nil
}

// rememberListing keeps a listing in memory. The caller holds administration.mu.
func (d *Daemon) rememberListing(l *sourceListing) {
	if d.administration.listings == nil {
		d.administration.listings = map[string]*sourceListing{}
	}
	d.administration.listings[l.Name] = l
}

// saveListing saves what a source listed; only the source itself where records is nil.
func (d *Daemon) saveListing(ctx context.Context, l *sourceListing, changed bool) error {
	packed, err := packRecords(l.records)
	if err != nil {
		return err
	}
	err = d.config().Administration.Rows.Update(ctx, func(w keyvalue.Writer) error {
		if changed {
			w.Put(listingRows, l.Name, packed)
		}
		return keyvalue.Put(w, sourceRows, l.Name, l.AdministrationSource)
	})
	if err != nil {
		return err
	}
	d.administration.mu.Lock()
	defer d.administration.mu.Unlock()
	d.rememberListing(l)
	return nil
}

func packRecords(records []administration.Record) ([]byte, error) {
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if err := json.NewEncoder(zw).Encode(records); err != nil {
		return nil, err
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func unpackRecords(packed []byte) (records []administration.Record, err error) {
	if packed == nil {
		return nil, nil
	}
	zr, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return records, json.NewDecoder(zr).Decode(&records)
}

// loadAdministration returns the row of a company; one without anything where there is none.
func (d *Daemon) loadAdministration(ctx context.Context, firmID, companyID int64) (a ledger.Administration, err error) {
	err = d.config().Administration.Rows.View(ctx, func(r keyvalue.Reader) (err error) {
		a, _, err = keyvalue.Get[ledger.Administration](r, administrationRows, ledger.AdministrationKey(firmID, companyID))
		return err
	})
	a.FirmID, a.CompanyID = firmID, companyID
	return a, err
}

// saveAdministration saves the row of a company, and returns it with its new version. It
// returns a Conflict problem if the row was changed since it was loaded.
func (d *Daemon) saveAdministration(ctx context.Context, a ledger.Administration) (ledger.Administration, error) {
	err := d.config().Administration.Rows.Update(ctx, func(w keyvalue.Writer) error {
		stored, _, err := keyvalue.Get[ledger.Administration](w, administrationRows, a.Key())
		if err != nil {
			return err
		}
		if stored.Version != a.Version {
			return administrationChanged(a)
		}
		next := a
		next.Version++
		return keyvalue.Put(w, administrationRows, a.Key(), next)
	})
	if err == nil {
		a.Version++
	}
	return a, err
}

// administrationChanged is the problem for a decision about a company that changed since.
func administrationChanged(a ledger.Administration) error {
	return problem.New(problem.Conflict, "the administration data of "+companyLabel(a)+" changed since you saw it", "Look at it again, and decide then.")
}

// companyLabel names a company for people.
func companyLabel(a ledger.Administration) string {
	return cmp.Or(a.Company, a.EnterpriseNumber.Pretty(), "company "+a.Key())
}

// allAdministration lists the rows of the linked firms, those with open differences first,
// then by name.
func (d *Daemon) allAdministration(ctx context.Context) (all []ledger.Administration, err error) {
	cfg := d.config()
	firms, err := cfg.Store.Firms(ctx)
	if err != nil || cfg.Administration.Rows == nil {
		return nil, err
	}
	err = cfg.Administration.Rows.View(ctx, func(r keyvalue.Reader) (err error) {
		all, err = keyvalue.All[ledger.Administration](r, administrationRows)
		return err
	})
	all = slices.DeleteFunc(all, func(a ledger.Administration) bool {
		return a.Gone || !slices.ContainsFunc(firms, func(f ledger.Firm) bool { return f.ID == a.FirmID })
	})
	open := func(a ledger.Administration) int { return min(len(a.Open()), 1) }
	slices.SortStableFunc(all, func(a, b ledger.Administration) int {
		return cmp.Or(cmp.Compare(open(b), open(a)), strings.Compare(fold(a.Company), fold(b.Company)), cmp.Compare(a.CompanyID, b.CompanyID))
	})
	return all, err
}
