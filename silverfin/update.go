package silverfin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
)

const (
	// maxProperties is the number of properties in one call. Silverfin documents no
	// limit; 100 is well within the usual ones.
	maxProperties = 100
	// maxAge is how old a reading may be when the write that it allowed goes
	// out.
	maxAge = time.Second
	// maxWait is the longest rest that an Update waits for. A longer one is
	// handed to the caller, who comes again at the next run.
	maxWait = time.Minute
	// maxRefusals is how often an Update starts again because Silverfin refused a
	// write unread, or because the reading was outdated.
	maxRefusals = 4
)

// Update reads the figures of the target, has decide say which to write, writes
// them, and reads again, until decide has nothing left to write: what decide
// was given last is what the target holds. decide must not make a call for the
// same company.
//
// All of it is one turn of the company. A write goes out right after a read of
// what decides about it: everything that makes a call wait, such as a rest that
// Silverfin asks for, was waited for before that read. Whatever delays or turns
// away a write has it begun again with reading.
//
// Figures go in the order of the form, 100 a call. After an error any part of
// them may have been stored. Nothing is ever deleted: Silverfin destroys a
// property whose value is null, so that an empty figure is sent as an empty text
// where that stands for zero, and is refused before anything is sent where not.
func (f *Firm) Update(ctx context.Context, p ledger.Target, to mapping.Target, decide ledger.Decide) error {
	write, err := f.customCall(p, http.MethodPost)
	if err != nil {
		return err
	}
	leave, err := f.enter(ctx, p.CompanyID)
	if err != nil {
		return err
	}
	defer leave()
	u := &update{writing: writing{Firm: f}, target: p, to: to.WithDefaults(), call: write, accepted: ledger.Figures{}}
	for {
		r, err := f.readProperties(ctx, p, u.to)
		if err != nil {
			return cmp.Or(u.failed, err)
		}
		want, err := decide(ledger.Reading{Have: maps.Clone(r.figures), Accepted: maps.Clone(u.accepted), Failed: u.failed})
		if err != nil {
			return err
		}
		want = u.remaining(want)
		if len(want) == 0 {
			return nil
		}
		if u.failed != nil {
			return u.failed
		}
		if err := u.write(ctx, r, want); err != nil {
			return err
		}
	}
}

// update is an Update under way.
type update struct {
	writing
	target   ledger.Target
	to       mapping.Target
	call     call
	accepted ledger.Figures // what Silverfin said to have stored
}

// remaining returns want without the figures that Silverfin accepted already, so that
// an Update ends even if Silverfin does not store what it accepts.
func (u *update) remaining(want ledger.Figures) ledger.Figures {
	want = maps.Clone(want)
	maps.DeleteFunc(want, func(c balance.Cell, text string) bool {
		stored, ok := u.accepted[c]
		return ok && stored == text
	})
	return want
}

// write sends the first figures that one page of the reading decides about, at
// most 100. A nil error means that what there is to do is to be read anew.
func (u *update) write(ctx context.Context, r *snapshot, want ledger.Figures) error {
	cells := slices.SortedFunc(maps.Keys(want), balance.CompareCells)
	properties := make(map[balance.Cell]propertyJSON, len(cells))
	for _, cell := range cells {
		to, ok := u.to.Property(cell)
		if !ok {
			return problem.New(problem.ConfigInvalid, fmt.Sprintf("the mapping to Silverfin has no place for rubric %s", cell),
				"Add the rubric to the mapping, or set a key pattern for all rubrics.")
		}
		if strings.TrimSpace(want[cell]) == "" && !u.to.Values.BlankZero() {
			return problem.New(problem.Unexpected, fmt.Sprintf("rubric %s would be emptied in Silverfin, which balansd never does", cell), "")
		}
		properties[cell] = propertyJSON{to.Namespace, to.Key, want[cell]}
	}
	decisive := r.pageOfCell(cells[0])
	cells = slices.DeleteFunc(cells, func(c balance.Cell) bool { return r.pageOfCell(c) != decisive })
	cells = cells[:min(len(cells), maxProperties)]
	chunk := make([]propertyJSON, 0, len(cells))
	for _, cell := range cells {
		chunk = append(chunk, properties[cell])
	}
	payload, err := u.payload(chunk)
	if err != nil {
		return err
	}
	unchanged, err := u.recheck(ctx, r, decisive)
	if err != nil || !unchanged {
		return err
	}
	ans, err := u.send(ctx, u.call, payload, r.token)
	if err == nil && ans.good() {
		for _, cell := range cells {
			u.accepted[cell] = want[cell]
		}
		u.refused = ""
		return nil
	}
	return u.handleRefusal(ctx, u.call, r.token, ans, err)
}

// payload writes properties down. A single one has a form of its own, which a
// period does not take.
func (u *update) payload(chunk []propertyJSON) ([]byte, error) {
	var body any = map[string][]propertyJSON{"properties": chunk}
	if len(chunk) == 1 && u.target.ReconciliationID != 0 {
		body = chunk[0]
	}
	u.call.figures = u.call.figures[:0]
	for _, one := range chunk {
		u.call.figures = append(u.call.figures, one.Value)
	}
	payload, err := json.Marshal(body)
	if err != nil {
		return nil, problem.New(problem.Unexpected, "a request to Silverfin could not be written down", "")
	}
	return payload, nil
}

// recheck waits until a write can be sent at once, and reads the page that the write
// depends on again. It reports whether that page is unchanged.
func (u *update) recheck(ctx context.Context, r *snapshot, decisive int) (unchanged bool, err error) {
	if r.lastRead == decisive && time.Since(r.at) <= maxAge && u.mayWriteNow() {
		return true, nil
	}
	for range maxRefusals {
		if err := u.pace(ctx); err != nil { // for the write, which waits for nothing any more
			return false, err
		}
		items, err := u.page(ctx, r.getter(u.Firm), r.call, decisive+1)
		if err != nil {
			return false, err
		}
		now, err := u.properties(r.call, items)
		if err != nil {
			return false, err
		}
		if !slices.Equal(now, r.pages[decisive]) {
			u.refusals++
			if u.refusals > maxRefusals {
				return false, u.unable(u.call, "what it holds changed each time it was read")
			}
			return false, nil
		}
		if !u.resting() && time.Since(r.at) <= maxAge {
			return true, nil
		}
	}
	return false, u.unable(u.call, "it kept asking for a rest")
}
