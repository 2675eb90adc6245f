package ledger

import (
	"cmp"
	"strconv"
	"time"
)

// CompareRevisions reports which of two siblings counts by what needs no reading
// of their documents: a person's word, and the source's own revision numbers of
// one id. Of one file in a folder it is what was listed last, since a file's own
// time may go back. It is positive when a counts, negative when b does, and 0
// when they do not say.
func CompareRevisions(kind ConnectionKind, a, b Entry) int {
	if c := boolCompare(a.Chosen >= b.Number, b.Chosen >= a.Number); c != 0 {
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
// read, as CompareRevisions does and then: a correction before an initial
// filing, whatever the times say; then the later one, where a time ahead of
// when the entry was found counts as that; then, with the same figures, the one
// that was found last. It is 0 when nothing tells them apart: a person must say.
func CompareSiblings(kind ConnectionKind, a, b Entry) int {
	if c := cmp.Or(CompareRevisions(kind, a, b), boolCompare(a.Correction, b.Correction), a.madeAt().Compare(b.madeAt())); c != 0 {
		return c
	}
	if a.ValuesHash != b.ValuesHash || a.ValuesHash == "" || len(a.Doubts)+len(b.Doubts) > 0 {
		return 0
	}
	return cmp.Compare(a.Number, b.Number)
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
