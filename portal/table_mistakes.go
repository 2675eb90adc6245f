package portal

import (
	"slices"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// linkMistakeView adds to a mistake in a table of links what the templates need.
type linkMistakeView struct{ ledger.LinkMistake }

// KnownCode returns the code of the mistake; empty for one of another version, or a problem.
func (m linkMistakeView) KnownCode() string {
	if slices.Contains(ledger.LinkMistakeCodes(), m.Code) {
		return m.Code
	}
	return ""
}

// KnownProblem returns the code of the problem, or that of a mistake in the input.
func (m linkMistakeView) KnownProblem() string {
	if slices.Contains(problem.Codes(), problem.Code(m.Problem)) {
		return m.Problem
	}
	return string(problem.Usage)
}

// Value returns a value that the message names; empty where there are fewer.
func (m linkMistakeView) Value(i int) string {
	if i < len(m.Values) {
		return m.Values[i]
	}
	return ""
}

// Mistakes returns what is wrong with the rows.
func (v linkImportView) Mistakes() []linkMistakeView {
	list := make([]linkMistakeView, len(v.Wrong))
	for i, m := range v.Wrong {
		list[i] = linkMistakeView{m}
	}
	return list
}

// knownMappingFinding returns the kind of a finding on a mapping, or unknown: a daemon of
// another version may have more.
func knownMappingFinding(kind string) string {
	if slices.Contains(daemon.MappingFindingKinds(), kind) {
		return kind
	}
	return unknown
}

// knownSkipReason returns why a file of an archive was not read, or unknown: a daemon of
// another version may have more.
func knownSkipReason(r balance.SkipReason) string {
	switch r {
	case balance.SkippedEncrypted, balance.SkippedOutside, balance.SkippedTwice, balance.SkippedNested, balance.SkippedTight, balance.SkippedLarge, balance.SkippedDamaged:
		return string(r)
	}
	return unknown
}
