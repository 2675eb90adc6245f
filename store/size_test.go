package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"balansd/balance"
	"balansd/ledger"
	"balansd/store"
)

// The limits of the file's size, for made-up entries that resemble real ones: an
// abbreviated social balance of some 25 figures, delivered.
const maxBytesPerEntry = 2100

// abbreviated are the rubrics that a small company fills in.
var abbreviated = []string{"1001", "1003", "1003P", "1011", "1013", "1013P", "1023", "1023P",
	"105", "1053", "110", "1103", "111", "113", "120", "1203", "121", "1213", "134", "1343", "205", "305"}

func values(n uint64) balance.Values {
	v := balance.Values{}
	for i, code := range abbreviated {
		c, err := balance.ParseCell(code)
		if err != nil {
			continue // not a rubric of each model
		}
		v[c] = decimal.New(int64((n*7919+uint64(i)*104729)%1_000_000), -int32(i%3))
	}
	return v
}

func hexHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// listed returns the n-th entry as a source would list it.
func listed(n int) ledger.Entry {
	at := time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC).Add(time.Duration(n) * 1234567891)
	dossier := n / 10
	year := balance.Date{Year: 2016 + n%10, Month: 12, Day: 31}
	return ledger.Entry{
		Connection: "7d1c1f6e-52a4-4b8e-9d10-3f3a7c2b9e55",
		Listing: ledger.Listing{
			ID: hexHash(fmt.Sprint("id", n))[:24], Revision: "1",
			Dossier: ledger.Dossier{
				ID: fmt.Sprintf("D%07d", dossier), AffiliationNumber: fmt.Sprintf("%08d", 30_000_000+dossier*17),
				EnterpriseNumber: "0402754886", Name: fmt.Sprintf("Bakkerij Peeters %d BV", dossier),
			},
			FiscalYear: balance.Period{Start: balance.Date{Year: year.Year, Month: 1, Day: 1}, End: year},
			Model:      balance.Abbreviated, CreatedAt: at.Truncate(time.Second),
			SHA256: hexHash(fmt.Sprint("content", n)), MediaTypes: []string{"application/xbrl+xml"},
		},
		FoundAt: at, UpdatedAt: at, State: ledger.Found,
	}
}

// deliver moves an entry to done, as a run does.
func deliver(ctx context.Context, s *store.Store, e ledger.Entry) error {
	now := e.FoundAt.Add(time.Second)
	p := ledger.Target{FirmID: 1234, CompanyID: int64(500_000 + e.Number/10), CompanyName: e.Dossier.Name,
		PeriodID: int64(9_000_000 + e.Number), PeriodEnd: e.FiscalYear.End,
		URL: fmt.Sprintf("https://live.getsilverfin.com/f/1234/%d/ledgers/%d", 500_000+e.Number/10, 9_000_000+e.Number)}
	v := values(e.Number)
	figures := ledger.FiguresOf(v)
	e, err := e.Send(p, now)
	if err != nil {
		return err
	}
	e.ValuesHash = v.Hash()
	known, err := s.Written(ctx, p) // an interrupted delivery may have left its record
	if err != nil {
		return err
	}
	sent, err := s.Move(ctx, ledger.Move{Entry: e, Values: v, Written: &ledger.Written{Intended: figures, By: e.Number, Version: known.Version},
		Event: ledger.Event{At: now, Run: 12, State: e.State, Text: "22 figures are being written to Silverfin."}})
	if err != nil {
		return err
	}
	done, err := sent[0].Finish(p, now.Add(time.Second))
	if err != nil {
		return err
	}
	_, err = s.Move(ctx, ledger.Move{Entry: done, Written: &ledger.Written{Confirmed: figures, By: e.Number, Version: known.Version + 1},
		Event: ledger.Event{At: done.UpdatedAt, Run: 12, State: done.State, Text: "22 figures were written and read back equal."}})
	return err
}

// storeOf returns a state with n delivered entries.
func storeOf(tb testing.TB, n int) *store.Store {
	tb.Helper()
	ctx := tb.Context()
	s := openAt(tb, filepath.Join(tb.TempDir(), "balansd.db"))
	for from := 0; from < n; from += 500 {
		var page []ledger.Entry
		for i := from; i < min(from+500, n); i++ {
			page = append(page, listed(i))
		}
		fresh, _, err := s.Record(ctx, ledger.Connection{ID: page[0].Connection, Status: ledger.Active}, page)
		if err != nil {
			tb.Fatal(err)
		}
		parallel(tb, 64, len(fresh), func(i int) error { return deliver(ctx, s, fresh[i]) })
	}
	return s
}

// TestBytesPerEntry limits the size of the file per entry. The file grows in chunks, so
// that few entries take more each than many.
func TestBytesPerEntry(t *testing.T) {
	t.Parallel()
	n := 3000
	s := storeOf(t, n)
	perEntry := s.Size() / int64(n)
	t.Logf("%d entries take %d bytes each", n, perEntry)
	if perEntry > maxBytesPerEntry+4<<20/int64(n) {
		t.Errorf("an entry takes %d bytes, want at most %d", perEntry, maxBytesPerEntry)
	}
}

// BenchmarkSize measures the bytes per entry, and the time to open the file and to list
// open entries, with 100,000 entries that are done.
func BenchmarkSize(b *testing.B) {
	ctx, n := b.Context(), 100_000
	s := storeOf(b, n)
	path, size := s.Path(), s.Size()
	for i := range 100 {
		e := listed(n + i)
		if _, _, err := s.Record(ctx, ledger.Connection{ID: e.Connection}, []ledger.Entry{e}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s, err := store.Open(store.Options{Path: path})
		if err != nil {
			b.Fatal(err)
		}
		open := 0
		for _, err := range s.OpenEntries(ctx) {
			if err != nil {
				b.Fatal(err)
			}
			open++
		}
		if open != 100 {
			b.Fatalf("%d entries are open, want 100", open)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/float64(n), "bytes/entry")

	s = openAt(b, path)
	for name, walk := range map[string]ledger.Query{
		"all": {}, "by_name": {Dossier: "peeters 9999 "}, "done_page": {States: []ledger.State{ledger.Done}, Limit: 50},
	} {
		began := time.Now()
		for _, err := range s.Entries(ctx, walk) {
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, name+"-ms")
	}
	began := time.Now()
	if err := s.Check(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "check-ms")
}

// BenchmarkMove measures deliveries by 16 concurrent workers: two durable moves each.
func BenchmarkMove(b *testing.B) {
	ctx := b.Context()
	s := openAt(b, filepath.Join(b.TempDir(), "balansd.db"))
	var page []ledger.Entry
	for i := range b.N {
		page = append(page, listed(i))
	}
	fresh, _, err := s.Record(ctx, ledger.Connection{ID: "7d1c1f6e"}, page)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	parallel(b, 16, len(fresh), func(i int) error { return deliver(ctx, s, fresh[i]) })
}
