package store_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"balansd/balance"
	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/store"
)

// TestMakeLayout writes a data folder of the current layout for TestLayouts. Run it before
// the layout changes.
func TestMakeLayout(t *testing.T) {
	dir := os.Getenv("BALANSD_TEST_MAKE_LAYOUT")
	if dir == "" {
		t.Skip("it writes a new data folder: BALANSD_TEST_MAKE_LAYOUT=testdata/vX.Y.Z-COMMIT go test ./store -run TestMakeLayout")
	}
	must(t, os.MkdirAll(dir, 0o700))
	s, err := store.Open(store.Options{Path: filepath.Join(dir, "balansd.db"), KeyPath: filepath.Join(dir, "data.key"), Version: filepath.Base(dir),
		Backups: store.Backups{Folder: filepath.Join(dir, "backups")}, Now: func() time.Time { return noon }})
	must(t, err)
	makeLayout(t, s)
	golden, err := json.MarshalIndent(answers(t, s), "", " ")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "golden.json"), append(golden, '\n'), 0o600))
	_, err = s.Backup(t.Context())
	must(t, err)
	must(t, s.Close())
}

// makeLayout fills each table, with entries in each state.
func makeLayout(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := t.Context()
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	c1 := ledger.Connection{ID: "C1", Kind: ledger.Finbox, Name: "Kantoor Peeters", Language: "nl", Status: ledger.Active,
		StartDate: balance.Date{Year: 2026, Month: 1, Day: 1}, ActivatedAt: at(-600), Cursor: "cursor-1", ListedAt: at(1)}
	must(t, s.SaveConnection(ctx, c1))
	must(t, s.SaveConnection(ctx, ledger.Connection{ID: "map", Kind: ledger.Folder, Name: "map", Status: ledger.Paused, Problem: "the folder is not there"}))
	must(t, s.SaveConnection(ctx, ledger.Connection{ID: "C0", Kind: ledger.Finbox, Name: "Oud", Status: ledger.Removed}))
	must(t, s.SaveFirm(ctx, ledger.Firm{ID: 1, Name: "Fiduciaire Été", LinkedAt: at(-500), LinkedBy: "An", RenewedAt: at(-10)}))
	must(t, s.SaveFirm(ctx, ledger.Firm{ID: 2, Name: "Two", LinkedAt: at(-400), Relink: "access was withdrawn", RenewedAt: at(-400)}))
	must(t, s.Configure(ctx, nil, []ledger.DossierLink{{Connection: "C1", DossierID: "D2", EnterpriseNumber: "0402754886", FirmID: 1, CompanyID: 7, All: true}}))
	must(t, s.SaveLink(ctx, ledger.DossierLink{Connection: "C1", DossierID: "D3", FirmID: 1, From: balance.Date{Year: 2025, Month: 7, Day: 1}}))
	for name, text := range layoutSecrets {
		must(t, s.Secrets().Put(ctx, name, []byte(text)))
	}

	run, err := s.BeginRun(ctx, ledger.Run{Trigger: ledger.Nightly, Night: balance.Date{Year: 2026, Month: 3, Day: 1}, Start: at(0)})
	must(t, err)
	var list []ledger.Entry
	for i, id := range []string{"found", "waiting", "failed", "parked", "sending", "done", "differs", "superseded", "ignored", "pruned"} {
		e := found(id, "1", "D"+string(rune('0'+i)), id)
		e.Model, e.MediaTypes = balance.Abbreviated, []string{"application/xbrl+xml"}
		e.FoundAt, e.UpdatedAt = at(-60*24*402), at(-60*24*402)
		list = append(list, e)
	}
	old := found("newer", "1", "D7", "newer")
	old.CreatedAt = at(5)
	added, _, err := s.Record(ctx, c1, append(list, old))
	must(t, err)
	one := func(i int, step func(e ledger.Entry, p ledger.Target) (ledger.Entry, error), more ...func(*ledger.Move)) {
		t.Helper()
		e, err := s.Entry(ctx, added[i].Number)
		must(t, err)
		e, err = step(e, ledger.Target{FirmID: 1, CompanyID: int64(i), CompanyName: "Bakkerij", PeriodID: 31, PeriodEnd: e.FiscalYear.End, URL: "https://live.getsilverfin.com/f/1/2/ledgers/31"})
		must(t, err)
		st := ledger.Move{Entry: e, Event: ledger.Event{At: e.UpdatedAt, Run: run.Number, State: e.State, Reason: e.Reason, Text: "It became " + string(e.State) + "."}}
		for _, m := range more {
			m(&st)
		}
		_, err = s.Move(ctx, st)
		must(t, err)
	}
	send := func(e ledger.Entry, p ledger.Target) (ledger.Entry, error) { return e.Send(p, at(2)) }
	read := func(st *ledger.Move) {
		st.Values, st.Document, st.Entry.ValuesHash = values(3), []byte("<xbrl>een document</xbrl>"), values(3).Hash()
	}
	intend := func(st *ledger.Move) {
		st.Written = &ledger.Written{Intended: ledger.FiguresOf(values(3)), By: st.Entry.Number}
	}
	one(1, func(e ledger.Entry, _ ledger.Target) (ledger.Entry, error) {
		return e.Wait(ledger.NoCompany, "no company has number 0402.754.886", "Make it in Silverfin.", at(2))
	})
	one(2, func(e ledger.Entry, _ ledger.Target) (ledger.Entry, error) {
		return e.Fail(ledger.Refused, "Silverfin refused code 1003", "", run.Night, at(2))
	}, read)
	one(3, func(e ledger.Entry, _ ledger.Target) (ledger.Entry, error) {
		e.State, e.Nights = ledger.Failed, 4
		return e.Fail(ledger.Unreadable, "it is no social balance", "Hand it in again.", run.Night, at(2))
	})
	one(4, send, read, intend)
	one(5, send, read, intend)
	one(5, func(e ledger.Entry, p ledger.Target) (ledger.Entry, error) {
		e.Findings = []balance.Finding{{Rule: "sum", Codes: []string{"1003"}, Figures: map[string]string{"1003": "3"}, Message: "it does not add up"}}
		return e.Finish(p, at(3))
	}, func(st *ledger.Move) {
		st.Written = &ledger.Written{Confirmed: ledger.FiguresOf(values(3)), By: st.Entry.Number, Version: 1,
			KeepSilverfin: map[balance.Cell]ledger.Seen{cell("1003"): {Finbox: "3", Silverfin: "4"}}, UseFinbox: map[balance.Cell]ledger.Seen{cell("1013"): {Finbox: "1", Silverfin: "n/a"}}}
	})
	one(6, func(e ledger.Entry, p ledger.Target) (ledger.Entry, error) {
		return e.Differ(p, []ledger.Difference{{Cell: cell("1003"), Finbox: "3", Silverfin: "4", Ours: "2"}}, "1 figure differs", "Decide.", at(4))
	}, read)
	one(7, func(e ledger.Entry, _ ledger.Target) (ledger.Entry, error) {
		return e.Supersede(added[10].Number, at(4))
	})
	one(8, func(e ledger.Entry, _ ledger.Target) (ledger.Entry, error) {
		return e.Ignore(ledger.Dismissed, "dismissed by Els", "", at(4))
	})
	one(9, func(e ledger.Entry, _ ledger.Target) (ledger.Entry, error) {
		return e.Ignore(ledger.BeforeActivation, "made before", "", at(-60*24*400))
	}, read)
	_, err = s.Prune(ctx, ledger.Retention{Documents: time.Hour, Histories: 24 * time.Hour}, at(10))
	must(t, err)
	run.End, run.New, run.Outcome, run.Problems = at(6), 11, map[ledger.State]int{ledger.Done: 1}, []string{"firm 2 must be linked again"}
	must(t, s.EndRun(ctx, run))
	_, err = s.BeginRun(ctx, ledger.Run{Trigger: ledger.ByHand, By: "An", Start: at(7)}) // never ended
	must(t, err)
	must(t, s.RecordMissed(ctx, ledger.MissedNight{Night: balance.Date{Year: 2026, Month: 2, Day: 27}, Why: "balansd did not run", Cause: ledger.NotRunning}))
	must(t, s.SaveLastAlive(ctx, at(8)))
	must(t, s.KeyValue().Update(ctx, func(w keyvalue.Writer) error {
		for namespace, rows := range layoutKeyValue(t) {
			for key, text := range rows {
				w.Put(namespace, key, text)
			}
		}
		return nil
	}))
}

// layoutSecrets are the sealed secrets of a data folder in testdata.
var layoutSecrets = map[string]string{
	store.FirmSecret(1, "tokens"): `{"access_token":"a","refresh_token":"r"}`, store.FirmSecret(2, "tokens"): `{}`, "other": "é",
}

// layoutKeyValue is what the web pages store: people, invitations, sessions and the audit
// log, as commit 8e5b0fe wrote them.
func layoutKeyValue(t *testing.T) (rows map[string]map[string][]byte) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "shelf.json"))
	must(t, err)
	must(t, json.Unmarshal(text, &rows))
	return rows
}
