package cli

import (
	"bytes"
	"context"
	"iter"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
)

// manyEntries is an API of entries, which says how much was printed before the last.
type manyEntries struct {
	daemon.API
	entries []ledger.Entry
	out     *bytes.Buffer
	printed int
}

func (m *manyEntries) Entries(context.Context, ledger.Query) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range m.entries {
			m.printed = m.out.Len()
			if !yield(e, nil) {
				return
			}
		}
	}
}

// TestLedgerListIsPrintedAsItComes prints entries as JSON: the same as the list of them
// would be, and not all of it at the end.
func TestLedgerListIsPrintedAsItComes(t *testing.T) {
	for _, n := range []int{0, 1, 100} {
		entries := make([]ledger.Entry, n)
		for i := range entries {
			entries[i] = ledger.Entry{Number: uint64(i), Detail: `<"Zon & Zee">` + strings.Repeat(" é", 500)}
		}
		var out, want bytes.Buffer
		app := &App{env: Env{Stdout: &out}}
		api := &manyEntries{entries: entries, out: &out}
		if err := app.listJSON(t.Context(), api, ledger.Query{}); err != nil {
			t.Fatal(err)
		}
		if err := printJSON(&want, entries); err != nil {
			t.Fatal(err)
		}
		if out.String() != want.String() {
			t.Errorf("%d entries are printed as %.300q, want %.300q", n, out.String(), want.String())
		}
		if missing := out.Len() - api.printed; n == 100 && missing > 10_000 {
			t.Errorf("%d of %d bytes were printed after the last entry came", missing, out.Len())
		}
	}
}
