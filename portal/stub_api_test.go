package portal

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/daemon/daemontest"
	"balansd/ledger"
	"balansd/problem"
)

// stubAPI is a daemon.API with the given data, over a fake one that records calls.
type stubAPI struct {
	*daemontest.API

	entries []ledger.Entry // newest first
	history daemon.History
	status  daemon.Status
	decided []daemon.Decision
	values  map[string]string // the figures of each entry
	since   *ledger.Event     // what another person did with each entry
}

func (d *stubAPI) Entries(_ context.Context, q ledger.Query) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range d.entries {
			if q.Matches(e.Head()) && (q.Below == 0 || e.Number < q.Below) && !yield(e, nil) {
				return
			}
		}
	}
}

func (d *stubAPI) Show(_ context.Context, r daemon.EntryRequest) (daemon.EntryDetail, error) {
	for _, e := range d.entries {
		if e.Number == r.Number {
			f := daemon.EntryDetail{Entry: e, Values: d.values}
			if d.since != nil {
				f.History = append(f.History, *d.since)
			}
			return f, nil
		}
	}
	return daemon.EntryDetail{}, problem.New(problem.NotFound, "there is no such entry", "")
}

func (d *stubAPI) Dossiers(_ context.Context, q daemon.DossierQuery) (daemon.DossierPage, error) {
	d.Record("Dossiers", q)
	var found []ledger.Entry
	for _, e := range d.entries {
		if (ledger.Query{States: q.States}).Matches(e.Head()) && (q.Cause == "" || q.Cause == e.Cause()) {
			found = append(found, e)
		}
	}
	end := len(found)
	if q.Limit > 0 {
		end = min(q.Offset+q.Limit, end)
	}
	return daemon.DossierPage{Entries: found[min(q.Offset, end):end], Total: len(found), Counts: map[ledger.State]int{}}, nil
}

// Decide refuses a decision about another version of the entry, as the daemon does.
func (d *stubAPI) Decide(ctx context.Context, r daemon.Decision) (ledger.Entry, error) {
	f, err := d.Show(ctx, daemon.EntryRequest{Number: r.Number})
	if err != nil {
		return ledger.Entry{}, err
	}
	if f.Entry.Version != r.Seen {
		return ledger.Entry{}, problem.New(problem.Conflict, "the entry changed", "")
	}
	d.decided = append(d.decided, r)
	return f.Entry, nil
}

// Bulk decides, or would, what did not change since it was seen.
func (d *stubAPI) Bulk(ctx context.Context, r daemon.BulkRequest) (daemon.BulkResult, error) {
	d.Record("Bulk", r)
	result := daemon.BulkResult{Applied: r.Apply}
	for _, item := range r.Items {
		f, err := d.Show(ctx, daemon.EntryRequest{Number: item.Number})
		o := daemon.BulkOutcome{Entry: f.Entry}
		switch {
		case err != nil:
			o.Entry.Number, o.Refused = item.Number, daemon.BulkGone
		case item.Seen != 0 && item.Seen != f.Entry.Version:
			o.Refused = daemon.BulkChanged
			if d.since != nil {
				o.Since = d.since
			}
		case r.Step == daemon.BulkLink:
			o.Company = &daemon.Client{FirmID: 1, CompanyID: 2, Name: "Dossier in Silverfin", Firm: "Kantoor"}
			o.Suggestion = &daemon.Suggestion{Why: daemon.SimilarName, Sure: 90}
		case r.Apply && (r.Step == daemon.BulkUseFinbox || r.Step == daemon.BulkKeepSilverfin):
			d.decided = append(d.decided, daemon.Decision{Number: item.Number, Choice: daemon.Choice(r.Step), Cells: item.Cells, Seen: item.Seen, By: r.By})
		}
		result.Outcomes = append(result.Outcomes, o)
	}
	return result, nil
}

func (d *stubAPI) Status(context.Context) (daemon.Status, error) { return d.status, nil }

func (d *stubAPI) History(context.Context, daemon.HistoryQuery) (daemon.History, error) {
	return d.history, nil
}

func (d *stubAPI) Connections(context.Context) ([]ledger.Connection, error) {
	return d.status.Connections, nil
}

// Catalogue is there whatever else fails.
func (d *stubAPI) Catalogue(context.Context) ([]ledger.CatalogueEntry, error) {
	folder := []ledger.SourceField{{Name: "path", Required: true}, {Name: "layout", Options: []string{"auto", "flat"}, Default: "auto", Rare: true}}
	return []ledger.CatalogueEntry{
		{ID: "finbox", Name: "SD Worx Finbox", Kind: ledger.Finbox, Group: ledger.OnlineSource,
			Fields: []ledger.SourceField{{Name: "id", Required: true}, {Name: "client_secret", Secret: true}}},
		{ID: "acerta", Name: "Acerta", Kind: ledger.Folder, Group: ledger.PayrollBureau, Fields: folder},
		{ID: "folder", Name: "Folder", Kind: ledger.Folder, Group: ledger.AnyFolder, Fields: folder},
		{ID: "new", Name: "A new source", Kind: "new", Group: "new", Fields: []ledger.SourceField{{Name: "colour"}}},
		{ID: "upload", Name: "Upload", Kind: ledger.Upload, Group: ledger.UploadedFiles},
	}, nil
}

func (d *stubAPI) Firms(context.Context) ([]ledger.Firm, error) { return d.status.Firms, nil }

// jobPath returns the path of the job to which a response redirects.
func jobPath(t *testing.T, got reply) string {
	t.Helper()
	to := got.header.Get("Location")
	if got.code != http.StatusSeeOther || !strings.HasPrefix(to, "/sync/") {
		t.Fatalf("gives %d to %s: %s", got.code, to, got.body)
	}
	return to
}

// newStubFixture is newFixture with a stubAPI.
func newStubFixture(t *testing.T, d *stubAPI, change ...func(*Config)) *fixture {
	t.Helper()
	d.API = &daemontest.API{}
	return newFixture(t, append(change, func(c *Config) { c.API = d })...)
}

// differing returns an entry with figures that differ.
func differing(number uint64, codes ...string) ledger.Entry {
	e := ledger.Entry{Number: number, Version: 7, State: ledger.Differs, Target: &ledger.Target{FirmID: 1, CompanyID: 2}}
	e.Dossier = ledger.Dossier{ID: fmt.Sprint("d", number), Name: fmt.Sprint("Dossier ", number)}
	for _, c := range codes {
		e.Differences = append(e.Differences, ledger.Difference{Cell: balance.Cell{Code: c}, Finbox: "3", Silverfin: "9"})
	}
	return e
}

// callsOf returns the calls of a method.
func (d *stubAPI) callsOf(method string) (list []string) {
	for _, h := range d.Calls() {
		if strings.HasPrefix(h, method+"[") {
			list = append(list, h)
		}
	}
	return list
}

// time0 is when the entries of entriesInEveryState were made.
var time0 = time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)

// entrySeq returns an iterator over a list.
func entrySeq(list []ledger.Entry) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}
