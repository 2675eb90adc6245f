package ledger

import (
	"cmp"
	"strconv"
	"time"
)

// CompareRevisions reports which of two siblings counts, without their documents: by
// a person's decision, and by the source's revision numbers of one id. Of one file in
// a folder the last one listed counts, since a file's own time may go back. It is
// positive if a counts, negative if b does, and 0 if neither decides it.
func CompareRevisions(kind ConnectionKind, a, b Entry) int {
	if c := compareChosen(a, b); c != 0 {
		return c
	}
	if a.ID != b.ID {
		return 0
	}
	if kind == Folder {
		return cmp.Compare(a.Number, b.Number)
	}
	x, errX := strconv.ParseUint(a.Revision, 10, 64)
	y, errY := strconv.ParseUint(b.Revision, 10, 64)
	if errX != nil || errY != nil {
		return 0 // opaque
	}
	return cmp.Compare(x, y)
}

// CompareSiblings reports which of two siblings counts once their documents were
// read. It compares by CompareRevisions; then a correction counts before an initial
// filing; then the later one counts, where a creation time after the time the entry
// was found counts as the latter; then, with the same figures, the one that was found
// last. It is 0 if a person has to decide.
//
// oneFiling says that the figures of one are those of the other in whole euros: then
// the exact one counts, unless a person chose.
func CompareSiblings(kind ConnectionKind, a, b Entry, oneFiling bool) int {
	if oneFiling {
		return cmp.Or(compareChosen(a, b), boolCompare(b.Rounded, a.Rounded))
	}
	if c := cmp.Or(CompareRevisions(kind, a, b), boolCompare(a.Correction, b.Correction), a.madeAt().Compare(b.madeAt())); c != 0 {
		return c
	}
	if a.ValuesHash != b.ValuesHash || a.ValuesHash == "" || len(a.Doubts)+len(b.Doubts) > 0 {
		return 0
	}
	return cmp.Compare(a.Number, b.Number)
}

// compareChosen orders two siblings by a person's word alone.
func compareChosen(a, b Entry) int {
	return boolCompare(a.Chosen >= b.Number, b.Chosen >= a.Number)
}

// madeAt is when the revision was made, as far as the source can be believed.
func (e Entry) madeAt() time.Time {
	if !e.FoundAt.IsZero() && e.CreatedAt.After(e.FoundAt) {
		return e.FoundAt
	}
	return e.CreatedAt
}

// boolCompare orders true behind false.
func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	default:
		return -1
	}
}
