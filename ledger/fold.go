package ledger

import (
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// FoldName makes names alike that look the same: in capitals or not, and with an
// accent as one character, as people type it, or as two, as a Mac names files.
func FoldName(name string) string {
	return norm.NFC.String(cases.Fold().String(norm.NFC.String(name)))
}
