package ledger

import (
	"fmt"
	"slices"
	"time"

	"balansd/balance"
)

// ParkAfter is the number of failed nights after which an entry is parked.
const ParkAfter = 5

// moves are the states that may follow each state. Sending may follow sending:
// a write whose outcome is unknown is planned anew from what Silverfin holds.
var moves = map[State][]State{
	Found:      {Found, Waiting, Failed, Sending, Done, Differs, Superseded, Ignored},
	Waiting:    {Found, Waiting, Failed, Sending, Done, Differs, Superseded, Ignored},
	Failed:     {Found, Waiting, Failed, Sending, Done, Differs, Superseded, Ignored},
	Sending:    {Waiting, Failed, Sending, Done, Differs, Superseded},
	Done:       {Found, Differs, Superseded, Ignored},
	Differs:    {Found, Differs, Done, Superseded, Ignored},
	Superseded: {Found},
	Ignored:    {Found, Superseded},
}

// CanMove reports whether an entry may go from one state to another.
func CanMove(from, to State) bool { return slices.Contains(moves[from], to) }

// Move is one change of one entry, stored as a whole or not at all.
type Move struct {
	// Entry is the entry after the move; its Version is that of the entry
	// before, and the move is refused with a Conflict when the ledger holds
	// another.
	Entry Entry
	// Event goes into the entry's history.
	Event Event
	// Written, when not nil, becomes what is known of the target of the entry.
	// Its Version is that of the record as it was read, and the move is
	// refused with a Conflict when the ledger holds another.
	Written *Written
	// Values, when not nil, are the document's figures, kept with the entry.
	Values balance.Values
	// Document, when not nil, is kept with the entry.
	Document []byte
	// DropDocument takes away the document that is kept with the entry.
	DropDocument bool
}

// to returns the entry in state s, without the fields that belong to the old
// state alone.
func (e Entry) to(s State, now time.Time) (Entry, error) {
	if !CanMove(e.State, s) {
		return e, fmt.Errorf("entry %d is %s and cannot become %s", e.Number, e.State, s)
	}
	if s != e.State {
		e.Since = now
	}
	e.State, e.UpdatedAt = s, now
	e.Reason, e.FailClass, e.Detail, e.Next = "", "", "", ""
	e.NextTry, e.Parked = balance.Date{}, false
	e.Differences = nil
	e.SupersededBy, e.MovedTo, e.Successor = 0, 0, nil
	if s != Failed && s != Sending {
		e.Nights = 0
	}
	return e, nil
}

// since has the entry begin anew where its cause is another one than before: an entry that
// waits for the same reason every night waits since the first one.
func (e Entry) since(before Entry, now time.Time) Entry {
	if e.Cause() != before.Cause() {
		e.Since = now
	}
	return e
}

// Wait moves the entry to waiting.
func (e Entry) Wait(r Reason, detail, next string, now time.Time) (Entry, error) {
	n, err := e.to(Waiting, now)
	n.Reason, n.Detail, n.Next = r, detail, next
	return n.since(e, now), err
}

// Fail moves the entry to failed. tonight is the local date of the nightly
// run, zero when the attempt was asked for by hand: only nights count. After
// the n-th failed night the entry rests n nights; after ParkAfter it is parked.
// Unavailable failures do not count: they are tried at every run.
func (e Entry) Fail(c FailClass, detail, next string, tonight balance.Date, now time.Time) (Entry, error) {
	nights := e.Nights
	n, err := e.to(Failed, now)
	n.FailClass, n.Detail, n.Next, n.Nights = c, detail, next, nights
	n = n.since(e, now)
	if c == Unavailable || tonight.IsZero() {
		return n, err
	}
	n.Nights++
	if n.Nights >= ParkAfter {
		n.Parked = true
	} else {
		n.NextTry = tonight.AddDays(n.Nights)
	}
	return n, err
}

// Park has a failed entry rest until a person says so, or until its document is
// another: trying again leads to the same.
func (e Entry) Park() Entry {
	e.Parked, e.NextTry = true, balance.Date{}
	return e
}

// Send moves the entry to sending, just before figures go to target.
func (e Entry) Send(p Target, now time.Time) (Entry, error) {
	n, err := e.to(Sending, now)
	n.Target = &p
	return n, err
}

// Finish moves the entry to done, after everything was read back equal.
func (e Entry) Finish(p Target, now time.Time) (Entry, error) {
	n, err := e.to(Done, now)
	n.Target = &p
	n.WrittenBefore = slices.DeleteFunc(slices.Clone(e.WrittenBefore), func(t Target) bool { return t.Key() == p.Key() })
	return n, err
}

// FinishWithSum moves the entry to done with a sum that is done and has it among its
// Parts. changed reports whether it was not that yet.
func (e Entry) FinishWithSum(sum Entry, now time.Time) (next Entry, changed bool, err error) {
	switch {
	case sum.State != Done || sum.Target == nil || !slices.Contains(sum.Parts, e.Number):
		return e, false, fmt.Errorf("entry %d is not done, or no sum of entry %d", sum.Number, e.Number)
	case e.State != Done:
		next, err = e.Finish(*sum.Target, now)
	case e.Sum == sum.Number:
		return e, false, nil
	default:
		next = e
		next.Target, next.UpdatedAt = sum.Target, now
	}
	next.Sum = sum.Number
	return next, true, err
}

// Differ moves the entry to differs.
func (e Entry) Differ(p Target, d []Difference, detail, next string, now time.Time) (Entry, error) {
	n, err := e.to(Differs, now)
	n.Target, n.Differences, n.Detail, n.Next = &p, d, detail, next
	return n, err
}

// Supersede moves the entry to superseded by a newer one.
func (e Entry) Supersede(by uint64, now time.Time) (Entry, error) {
	n, err := e.to(Superseded, now)
	n.SupersededBy = by
	return n, err
}

// SupersedeByExact moves the entry to superseded by one that has its figures to the
// cent.
func (e Entry) SupersedeByExact(by uint64, now time.Time) (Entry, error) {
	n, err := e.Supersede(by, now)
	n.Reason = InWholeEuros
	return n, err
}

// Ignore moves the entry to ignored.
func (e Entry) Ignore(r Reason, detail, next string, now time.Time) (Entry, error) {
	n, err := e.to(Ignored, now)
	n.Reason, n.Detail, n.Next = r, detail, next
	return n.since(e, now), err
}

// Retry moves the entry back to found: a person asked to try it again, took a
// decision, or removed the reason it was ignored for. Its target is matched anew.
// An entry that waited because of its findings is released in spite of them, and so
// is one whose figures went to Silverfin already.
func (e Entry) Retry(now time.Time) (Entry, error) {
	n, err := e.to(Found, now)
	if err == nil {
		n = n.leaveTarget(e)
		n.Released = e.Released || e.Reason == HasFindings || e.State == Done || e.State == Differs
	}
	return n, err
}

// leaveTarget has the entry forget its target. What before, the entry as it was, may
// have written there stays: it is recorded where.
func (e Entry) leaveTarget(before Entry) Entry {
	if t := before.Target; t != nil && (before.State == Done || before.State == Differs) &&
		!slices.ContainsFunc(e.WrittenBefore, func(known Target) bool { return known.Key() == t.Key() }) {
		e.WrittenBefore = append(slices.Clone(e.WrittenBefore), *t)
	}
	e.Target = nil
	return e
}

// TieTo moves the entry back to found, to be delivered into the period of the tie, or
// with nil into the one of its own year.
func (e Entry) TieTo(tie *PeriodTie, now time.Time) (Entry, error) {
	n, err := e.to(Found, now)
	if err == nil {
		n = n.leaveTarget(e)
		n.Tie = tie
		n.Released = e.Released || e.State == Done || e.State == Differs
	}
	return n, err
}

// MarkArchived records in a done entry where its figures could go as well, since its
// company is archived or gone; with nil that it is there again.
func (e Entry) MarkArchived(successor *Target, detail, next string, now time.Time) (Entry, error) {
	if e.State != Done {
		return e, fmt.Errorf("entry %d is %s, and only what is done can be delivered to another company", e.Number, e.State)
	}
	before := e
	e.Successor, e.Detail, e.Next, e.UpdatedAt = successor, detail, next, now
	return e.since(before, now), nil
}

// MarkMoved records in a done entry that the entry numbered to corrects it for
// another year or another company. It stays done until a person has emptied what
// it wrote in Silverfin, and dismisses it.
func (e Entry) MarkMoved(to uint64, detail, next string, now time.Time) (Entry, error) {
	if e.State != Done {
		return e, fmt.Errorf("entry %d is %s, and only what is done can be left behind", e.Number, e.State)
	}
	before := e
	e.MovedTo, e.Detail, e.Next, e.UpdatedAt = to, detail, next, now
	return e.since(before, now), nil
}
