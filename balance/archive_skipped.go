package balance

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// SkipReason names why a file of an archive is not read.
type SkipReason string

// The reasons. All but SkippedOther want a person to do something.
const (
	SkippedOther     SkipReason = "other"     // it is no social balance, by its kind
	SkippedEncrypted SkipReason = "encrypted" // protected with a password
	SkippedOutside   SkipReason = "outside"   // its name leads out of the folder, or is too long
	SkippedTwice     SkipReason = "twice"     // two files of one name that are not the same
	SkippedNested    SkipReason = "nested"    // an archive too deep in archives
	SkippedTight     SkipReason = "ratio"     // it unpacks to a multiple of its size
	SkippedLarge     SkipReason = "too_large" // it exceeds the limits
	SkippedDamaged   SkipReason = "damaged"   // it cannot be unpacked
)

// Skipped is a file of an archive that is not read as a social balance.
type Skipped struct {
	Path   string // as Path of Document
	Reason SkipReason
	What   string // why, in one clause without a full stop; of SkippedOther what it is
}

func (w *archiveWalk) skip(at string, reason SkipReason, what string) {
	w.skipped = append(w.skipped, Skipped{Path: at, Reason: reason, What: what})
}

// Limits of DescribeSkipped.
const (
	maxSkippedLines = 20
	maxSkippedNames = 5
)

// DescribeSkipped says in clauses which files of an archive were skipped: one for
// each that wants a person to do something, and one for all others, by name when
// they are few and else counted by kind, such as "not social balances: 12 .jpg
// and 3 .docx". It returns the two apart.
func DescribeSkipped(skipped []Skipped) (wrong []string, others string) {
	var rest []string
	for _, s := range skipped {
		switch {
		case s.Reason == SkippedOther:
			rest = append(rest, s.Path)
		case len(wrong) < maxSkippedLines:
			wrong = append(wrong, fmt.Sprintf("%s is not read: %s", clip(s.Path), s.What))
		}
	}
	if more := len(skipped) - len(rest) - len(wrong); more > 0 {
		wrong = append(wrong, fmt.Sprintf("%d more files are not read", more))
	}
	if len(rest) == 0 {
		return wrong, ""
	}
	return wrong, "not social balances: " + strings.Join(countedByKind(rest), ", ")
}

// countedByKind names files when they are few, else how many there are of each
// kind, the most frequent first.
func countedByKind(names []string) []string {
	out := make([]string, 0, len(names))
	if len(names) <= maxSkippedNames {
		for _, name := range names {
			out = append(out, clip(name))
		}
		return out
	}
	counts := map[string]int{}
	for _, name := range names {
		kind := strings.ToLower(path.Ext(name))
		if kind == "" || len(kind) > 8 {
			kind = "without extension"
		}
		counts[kind]++
	}
	kinds := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for i, kind := range kinds {
		if i == maxSkippedLines {
			return append(out, fmt.Sprintf("%d other kinds", len(kinds)-i))
		}
		out = append(out, fmt.Sprintf("%d %s", counts[kind], kind))
	}
	return out
}
