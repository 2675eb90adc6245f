package finbox

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	"balansd/balance"
	"balansd/sandbox/madeup"
)

// AddBalance adds a social balance to a dossier and returns its id and its first
// revision.
func (f *Finbox) AddBalance(n NewBalance) (id, rev string, err error) {
	err = f.change(func() error {
		c, ok := f.connections[n.ConnectionID]
		if !ok {
			return ErrNoSuchConnection
		}
		if _, ok := c.dossier(n.DossierID); !ok {
			return ErrNoSuchDossier
		}
		f.lastNumber++
		b := &storedBalance{
			ID:           fmt.Sprintf("sb-%07d", f.lastNumber),
			ConnectionID: n.ConnectionID,
			DossierID:    n.DossierID,
		}
		f.balances[b.ID] = b
		id, rev = b.ID, f.revise(c, b, n)
		return nil
	})
	return id, rev, err
}

// Correct adds a revision with other figures and returns its name. The older
// revisions stay listed and readable.
func (f *Finbox) Correct(id string, to *balance.Balance) (rev string, err error) {
	return f.CorrectFrom(id, func(*balance.Balance) *balance.Balance { return to })
}

// CorrectFrom is as Correct, and lets change start from the newest figures. It
// gets its own copy.
func (f *Finbox) CorrectFrom(id string, change func(*balance.Balance) *balance.Balance) (rev string, err error) {
	err = f.change(func() error {
		b, ok := f.balances[id]
		if !ok {
			return ErrNoSuchBalance
		}
		last := b.Revisions[len(b.Revisions)-1]
		rev = f.revise(f.connections[b.ConnectionID], b, NewBalance{
			Balance: change(last.figures()), Layouts: last.Layouts,
		})
		return nil
	})
	return rev, err
}

// ListTwice makes the newest revision of a balance appear twice in the
// listing, one after the other.
func (f *Finbox) ListTwice(id string) error {
	return f.change(func() error {
		b, ok := f.balances[id]
		if !ok {
			return ErrNoSuchBalance
		}
		f.lastNumber++
		r := b.Revisions[len(b.Revisions)-1]
		r.Twice = f.lastNumber
		c := f.connections[b.ConnectionID]
		c.list(b, len(b.Revisions)-1, r.Twice)
		c.changed()
		return nil
	})
}

// SetContent makes raw bytes the newest revision's document, for every layout: a
// malformed document. The listing has their checksum.
func (f *Finbox) SetContent(id string, raw []byte) error {
	return f.change(func() error {
		b, ok := f.balances[id]
		if !ok {
			return ErrNoSuchBalance
		}
		last := b.Revisions[len(b.Revisions)-1]
		b.Revisions[len(b.Revisions)-1] = &revision{
			Revision: last.Revision, CreatedAt: last.CreatedAt, Layouts: last.Layouts, Made: last.Made,
			Balance: last.Balance, Raw: slices.Clone(raw), Number: last.Number, Twice: last.Twice,
		}
		f.connections[b.ConnectionID].changed()
		return nil
	})
}

// Figures returns what the newest revision of a balance says.
func (f *Finbox) Figures(id string) (*balance.Balance, error) {
	f.mu.RLock()
	defer f.mu.RUnlock()
	b, ok := f.balances[id]
	if !ok {
		return nil, ErrNoSuchBalance
	}
	return b.Revisions[len(b.Revisions)-1].figures(), nil
}

// revise adds a revision and lists it. The lock is held.
func (f *Finbox) revise(c *connection, b *storedBalance, n NewBalance) string {
	f.lastNumber++
	r := &revision{
		Revision:  strconv.Itoa(len(b.Revisions) + 1),
		CreatedAt: n.CreatedAt,
		Layouts:   slices.Clone(n.Layouts),
		Number:    f.lastNumber,
	}
	if r.CreatedAt.IsZero() {
		r.CreatedAt = f.opt.Now()
	}
	r.CreatedAt = r.CreatedAt.UTC()
	if n.Made != nil {
		recipe := *n.Made
		r.Made = &recipe
	} else {
		r.Balance = (*savedBalance)(clone(n.Balance))
	}
	if len(r.Layouts) == 0 {
		r.Layouts = layoutsFor(r.figuresModel())
	}
	b.Revisions = append(b.Revisions, r)
	c.list(b, len(b.Revisions)-1, r.Number)
	c.changed()
	return r.Revision
}

// mediaTypes names each layout in HTTP. The National Bank's web service uses
// the two "x." names; both XBRL taxonomies travel under the same one.
var mediaTypes = map[balance.Layout]string{
	balance.PFSXBRL:  "application/x.xbrl",
	balance.CBSOXBRL: "application/x.xbrl",
	balance.NBBCSV:   "text/csv",
	balance.NBBJSON:  "application/x.jsonxbrl",
	madeup.PDF:       "application/pdf",
}

// MediaType returns the media type under which Finbox offers a layout; empty for
// an unknown one.
func MediaType(l balance.Layout) string { return mediaTypes[l] }

// layoutsFor lists the layouts that carry every figure of a model.
func layoutsFor(m balance.Model) []balance.Layout {
	if m == balance.Full {
		return []balance.Layout{balance.PFSXBRL, balance.NBBCSV, balance.NBBJSON}
	}
	return []balance.Layout{balance.CBSOXBRL, balance.NBBCSV, balance.NBBJSON}
}

// list puts a revision in its place in the listing, which is mostly the end.
func (c *connection) list(b *storedBalance, rev, number int) {
	l := listed{position: position{At: b.Revisions[rev].CreatedAt, ID: b.ID, Revision: rev, Number: number}, balance: b}
	at, _ := slices.BinarySearchFunc(c.listing, l, compareListed)
	c.listing = slices.Insert(c.listing, at, l)
}

// compareListed orders the listing: by creation, then by id and revision.
func compareListed(a, b listed) int { return comparePositions(a.position, b.position) }

func comparePositions(a, b position) int {
	return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Revision, b.Revision),
		cmp.Compare(a.Number, b.Number))
}

func (r *revision) figuresModel() balance.Model {
	if r.Made != nil {
		return r.Made.Model
	}
	return r.Balance.Model
}

// figures returns a copy of what the revision says.
func (r *revision) figures() *balance.Balance {
	if r.Made != nil {
		return r.Made.Make()
	}
	return clone((*balance.Balance)(r.Balance))
}

// document returns the bytes in one of the layouts.
func (r *revision) document(l balance.Layout) ([]byte, error) {
	if r.Raw != nil {
		return r.Raw, nil
	}
	return madeup.Document(l, r.figures())
}

// summary computes, once, what the listing shows of the document.
func (r *revision) summary() (sum string, head summary) {
	r.once.Do(func() {
		b := r.figures()
		r.head = summary{year: b.FiscalYear, model: b.Model}
		if doc, err := r.document(r.Layouts[0]); err == nil {
			r.sum = sha256Hex(doc)
		}
	})
	return r.sum, r.head
}

// after returns the part of the listing that was created after t and that
// follows last.
func (c *connection) after(t time.Time, last position) []listed {
	later := func(is func(l listed) bool) func(listed, struct{}) int {
		return func(l listed, _ struct{}) int {
			if is(l) {
				return 1
			}
			return -1
		}
	}
	from, _ := slices.BinarySearchFunc(c.listing, struct{}{}, later(func(l listed) bool {
		return l.At.After(t) && comparePositions(l.position, last) > 0
	}))
	return c.listing[from:]
}

func clone(b *balance.Balance) *balance.Balance {
	if b == nil {
		return &balance.Balance{}
	}
	c := *b
	c.JointCommittees = slices.Clone(b.JointCommittees)
	c.Findings = slices.Clone(b.Findings)
	c.Values = make(balance.Values, len(b.Values))
	for cell, d := range b.Values {
		c.Values[cell] = d
	}
	return &c
}
