package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/madeup"
	fakesilverfin "balansd/sandbox/silverfin"
)

// document writes a balance as a file of a layout.
func (fx *fixture) document(l balance.Layout, b *balance.Balance) []byte {
	fx.t.Helper()
	doc, err := madeup.Document(l, b)
	fx.must(err)
	return doc
}

// upload hands in files, and has them checked.
func (fx *fixture) upload(files map[string][]byte) daemon.Upload {
	fx.t.Helper()
	var u daemon.Upload
	for name, content := range files {
		var err error
		u, err = fx.d.UploadFile(fx.t.Context(), daemon.UploadFileRequest{Upload: u.ID, Name: name, By: "Els"}, bytes.NewReader(content))
		fx.must(err)
	}
	return fx.check(u.ID)
}

func (fx *fixture) check(id string) daemon.Upload {
	fx.t.Helper()
	u, err := fx.d.CheckUpload(fx.t.Context(), daemon.UploadRequest{ID: id, By: "Els"})
	fx.must(err)
	return u
}

// confirm confirms one item of an upload as it stands.
func (fx *fixture) confirm(u daemon.Upload, it daemon.UploadItem) (daemon.UploadItem, error) {
	fx.t.Helper()
	return fx.d.ConfirmUpload(fx.t.Context(), daemon.UploadConfirmation{ID: u.ID, Item: it.ID, Seen: it.Version, By: "Els"})
}

// deliver runs a run over entries alone.
func (fx *fixture) deliver(numbers ...uint64) ledger.Run {
	fx.t.Helper()
	r, err := fx.d.Sync(fx.t.Context(), daemon.SyncRequest{Entries: numbers, By: "Els"}, nil)
	fx.must(err)
	return r
}

// item returns the one item of an upload.
func item(t testing.TB, u daemon.Upload) daemon.UploadItem {
	t.Helper()
	if len(u.Items) != 1 {
		t.Fatalf("the upload has %d items, want one: %+v", len(u.Items), u)
	}
	return u.Items[0]
}

func (fx *fixture) wantOutlook(it daemon.UploadItem, k daemon.OutlookKind, r ledger.Reason) {
	fx.t.Helper()
	if it.Outlook == nil || it.Outlook.Kind != k || it.Outlook.Reason != r {
		fx.t.Fatalf("%s (%s %s) would become %+v, want %s %s", it.Name, it.State, it.Problem, it.Outlook, k, r)
	}
}

func TestUploadIsDelivered(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	u := fx.upload(map[string][]byte{"sociale balans.csv": fx.document(balance.NBBCSV, b)})
	it := item(t, u)
	fx.wantOutlook(it, daemon.OutlookEmpty, "")
	if it.Balance.EnterpriseNumber != c.number || it.Outlook.Company.CompanyID != c.company || it.Outlook.Writes != len(b.Values) || it.Undecided() {
		t.Fatalf("the item is %+v", it)
	}
	if n := len(fx.entries()) + len(fx.sf.Writes()); n > 0 {
		t.Fatalf("%d entries and writes before anybody confirmed", n)
	}
	it, err := fx.confirm(u, it)
	fx.must(err)
	if doc, err := fx.d.Document(t.Context(), daemon.EntryRequest{Number: it.Entry}); err != nil || !bytes.Equal(doc.Data, fx.document(balance.NBBCSV, b)) {
		t.Fatalf("the document is not kept: %v", err)
	}
	run := fx.deliver(it.Entry)
	if run.Outcome[ledger.Done] != 1 {
		t.Errorf("the run ended %v", run.Outcome)
	}
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(c, b)
	story, err := fx.store.History(t.Context(), it.Entry)
	fx.must(err)
	if e := story[0]; e.By != "Els" || e.Act != ledger.ActUpload || !strings.Contains(e.Text, it.SHA256) || !strings.Contains(e.Text, "sociale balans.csv") {
		t.Errorf("the history begins with %+v", e)
	}
	fx.wantOutlook(item(t, fx.upload(map[string][]byte{"again.csv": fx.document(balance.NBBCSV, b)})), daemon.OutlookKnown, "")
	fx.nights(2)
	if n := len(fx.entries()); n != 1 {
		t.Errorf("%d entries", n)
	}
}

func TestUploadOutlooks(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	other := fx.balance(c, 2)
	held := func(b *balance.Balance) {
		for cell, v := range b.Values {
			fx.must(fx.sf.Set(c.company, c.period, namespace, "code_"+cell.String(), balance.Canonical(v)))
		}
	}
	look := func(b *balance.Balance) daemon.UploadItem {
		return item(t, fx.upload(map[string][]byte{"x.csv": fx.document(balance.NBBCSV, b)}))
	}
	held(b)
	fx.wantOutlook(look(b), daemon.OutlookEqual, "")
	it := look(other)
	fx.wantOutlook(it, daemon.OutlookDiffers, "")
	if !it.Undecided() || len(it.Outlook.Differences) == 0 {
		t.Errorf("what differs is %+v", it.Outlook)
	}
	closed := fx.client(3)
	fx.must(fx.sf.Lock(closed.company, closed.period))
	fx.wantOutlook(look(fx.balance(closed, 3)), daemon.OutlookWaits, ledger.PeriodLocked)
	unknown := client{number: numberOf(9)}
	fx.wantOutlook(look(fx.balance(unknown, 4)), daemon.OutlookWaits, ledger.NoCompany)
	fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Client 1 double", VAT: "BE" + c.number.Pretty()})
	it = look(b)
	fx.wantOutlook(it, daemon.OutlookWaits, ledger.SeveralCompanies)
	if len(it.Outlook.Candidates) != 2 {
		t.Errorf("%d companies to choose among", len(it.Outlook.Candidates))
	}
}

func TestUploadedCorrection(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	first, second := fx.balance(c, 1), fx.balance(c, 2)
	for _, b := range []*balance.Balance{first, second} {
		fx.later(time.Hour)
		u := fx.upload(map[string][]byte{"x.csv": fx.document(balance.NBBCSV, b)})
		it, err := fx.confirm(u, item(t, u))
		fx.must(err)
		fx.deliver(it.Entry)
		fx.wantHeld(c, b)
	}
	fx.wantState(fx.entries()[0], ledger.Superseded, "")
	fx.wantState(fx.entries()[1], ledger.Done, "")
	fx.wantNothingOverwritten()
	// The first one comes once more: it is known, and stays behind.
	u := fx.upload(map[string][]byte{"y.csv": fx.document(balance.NBBCSV, first)})
	fx.wantOutlook(item(t, u), daemon.OutlookKnown, "")
	it, err := fx.confirm(u, item(t, u))
	fx.must(err)
	fx.deliver(it.Entry)
	fx.wantHeld(c, second)
}

func TestUploadOfADismissedBalanceIsTriedAgain(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	u := fx.upload(map[string][]byte{"x.csv": fx.document(balance.NBBCSV, b)})
	it, err := fx.confirm(u, item(t, u))
	fx.must(err)
	_, err = fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: it.Entry, By: "Els"})
	fx.must(err)
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Ignored, ledger.Dismissed)
	u = fx.upload(map[string][]byte{"y.csv": fx.document(balance.NBBCSV, b)})
	_, err = fx.confirm(u, item(t, u))
	fx.must(err)
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Done, "")
}

// The same content confirmed by many at once is one entry.
func TestUploadOfOneFileAtOnce(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	doc := fx.document(balance.NBBCSV, fx.balance(c, 1))
	uploads := make([]daemon.Upload, 8)
	for i := range uploads {
		uploads[i] = fx.upload(map[string][]byte{fmt.Sprintf("%d.csv", i): doc})
	}
	var wg sync.WaitGroup
	for _, u := range uploads {
		for range 2 { // a double click
			wg.Go(func() {
				if _, err := fx.confirm(u, u.Items[0]); err != nil {
					t.Error(err)
				}
			})
		}
	}
	wg.Wait()
	fx.deliver(fx.only().Number)
	fx.wantState(fx.only(), ledger.Done, "")
}

func TestStaleConfirmation(t *testing.T) {
	fx := newFixture(t)
	c, other := fx.client(1), fx.client(2)
	b := fx.balance(c, 1)
	b.EnterpriseNumber = ""
	u := fx.upload(map[string][]byte{"x.csv": fx.document(balance.NBBCSV, b)})
	seen := item(t, u)
	if _, err := fx.confirm(u, seen); !problem.Is(err, problem.NeedsPerson) {
		t.Errorf("without a client: %v", err)
	}
	choose := func(c client) daemon.UploadItem {
		now, err := fx.d.ChooseClient(t.Context(), daemon.UploadChoice{ID: u.ID, Items: []string{seen.ID}, FirmID: fx.firm, CompanyID: c.company, By: "Els"})
		fx.must(err)
		return item(t, now)
	}
	first := choose(c)
	second := choose(other)
	if _, err := fx.confirm(u, first); !problem.Is(err, problem.Conflict) {
		t.Errorf("what was seen is no longer so: %v", err)
	}
	if len(fx.entries()) != 0 {
		t.Fatal("it was confirmed all the same")
	}
	it, err := fx.confirm(u, second)
	fx.must(err)
	fx.deliver(it.Entry)
	fx.wantHeld(other, b)
	fx.nothingIn(c)
	fx.must(fx.d.DiscardUpload(t.Context(), daemon.UploadRequest{ID: u.ID}))
	if _, err := fx.confirm(u, second); !problem.Is(err, problem.NotFound) {
		t.Errorf("after it was discarded: %v", err)
	}
}

// Figures of one enterprise number go into a company with another by no way but an
// administrator's word.
func TestUploadToAnotherNumber(t *testing.T) {
	newUpload := func(t *testing.T, own bool) (fx *fixture, c, other client, u daemon.Upload) {
		fx = newFixture(t)
		c, other = client{number: numberOf(7)}, fx.client(2)
		if own {
			c = fx.client(1)
		}
		return fx, c, other, fx.upload(map[string][]byte{"x.csv": fx.document(balance.NBBCSV, fx.balance(c, 1))})
	}
	choice := func(fx *fixture, u daemon.Upload, r daemon.UploadChoice) daemon.Upload {
		r.ID, r.Items, r.By = u.ID, []string{u.Items[0].ID}, "Els"
		u, err := fx.d.ChooseClient(fx.t.Context(), r)
		fx.must(err)
		return u
	}
	ways := map[string]func(fx *fixture, other client, u daemon.Upload) daemon.Upload{
		"by its id": func(fx *fixture, other client, u daemon.Upload) daemon.Upload {
			return choice(fx, u, daemon.UploadChoice{FirmID: fx.firm, CompanyID: other.company})
		},
		"by its number": func(fx *fixture, other client, u daemon.Upload) daemon.Upload {
			return choice(fx, u, daemon.UploadChoice{Ref: other.number.Pretty()})
		},
		"by its name": func(fx *fixture, other client, u daemon.Upload) daemon.Upload {
			return choice(fx, u, daemon.UploadChoice{Ref: "client 2"})
		},
		"with a wrong word": func(fx *fixture, other client, u daemon.Upload) daemon.Upload {
			return choice(fx, u, daemon.UploadChoice{FirmID: fx.firm, CompanyID: other.company, NumberDiffers: "Somebody Else"})
		},
	}
	for way, choose := range ways {
		for _, own := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/own company %v", way, own), func(t *testing.T) {
				fx, _, other, u := newUpload(t, own)
				u = choose(fx, other, u)
				fx.wantOutlook(item(t, u), daemon.OutlookWaits, ledger.NumbersDiffer)
				if _, err := fx.confirm(u, item(t, u)); !problem.Is(err, problem.NumberDiffers) {
					t.Errorf("confirmed: %v", err)
				}
				fx.nights(1)
				fx.nothingIn(other)
				if len(fx.entries()) != 0 {
					t.Error("it is in the ledger")
				}
			})
		}
	}
	t.Run("a link that was set before", func(t *testing.T) {
		fx, c, other, u := newUpload(t, false)
		fx.links = []ledger.DossierLink{{Connection: ledger.UploadsID, DossierID: c.number.String(), FirmID: fx.firm, CompanyID: other.company}}
		fx.reopenWith(nil)
		u = fx.check(u.ID)
		fx.wantOutlook(item(t, u), daemon.OutlookWaits, ledger.NumbersDiffer)
		fx.nights(1)
		fx.nothingIn(other)
	})
	t.Run("with the word of an administrator", func(t *testing.T) {
		fx, c, other, u := newUpload(t, false)
		u = choice(fx, u, daemon.UploadChoice{FirmID: fx.firm, CompanyID: other.company, NumberDiffers: " client 2 BV"})
		fx.wantOutlook(item(t, u), daemon.OutlookEmpty, "")
		it, err := fx.confirm(u, item(t, u))
		fx.must(err)
		if it.NumberDiffers == nil || !it.NumberDiffers.Covers(c.number, other.number) {
			t.Errorf("the word is %+v", it.NumberDiffers)
		}
		fx.deliver(it.Entry)
		fx.wantState(fx.only(), ledger.Done, "")
		story, err := fx.store.History(t.Context(), it.Entry)
		fx.must(err)
		if len(story) < 2 || story[1].Act != ledger.ActLink || !strings.Contains(story[1].Text, other.number.Pretty()) {
			t.Errorf("the history is %+v", story)
		}
	})
	t.Run("the word does not take a company's own balance away", func(t *testing.T) {
		fx, _, other, u := newUpload(t, true)
		u = choice(fx, u, daemon.UploadChoice{FirmID: fx.firm, CompanyID: other.company, NumberDiffers: "Client 2 BV"})
		fx.wantOutlook(item(t, u), daemon.OutlookWaits, ledger.NumbersDiffer)
	})
}

// A fault at any change of the state, before or after it is on disk, loses nothing and
// delivers nothing twice.
func TestUploadFaultAtEveryCommit(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := int64(1); ; n++ {
			fx := newFixture(t)
			c := fx.client(1)
			b := fx.balance(c, 1)
			b.EnterpriseNumber = ""
			var calls atomic.Int64
			fx.reopenWith(func(k daemon.Store) daemon.Store { return faultyStore{k, &calls, n, after} })
			u := fx.upload(map[string][]byte{"x.csv": fx.document(balance.NBBCSV, b)})
			u, err := fx.d.ChooseClient(t.Context(), daemon.UploadChoice{ID: u.ID, Items: []string{u.Items[0].ID}, FirmID: fx.firm, CompanyID: c.company})
			fx.must(err)
			it, err := fx.confirm(u, item(t, u))
			if err == nil {
				_, err = fx.d.Sync(t.Context(), daemon.SyncRequest{Entries: []uint64{it.Entry}}, nil)
			}
			hit := calls.Load() >= n
			if hit && !problem.Is(err, problem.StateUnwritable) {
				t.Fatalf("commit %d: %v", n, err)
			}
			fx.reopenWith(nil)
			it, err = fx.confirm(u, it)
			fx.must(err)
			fx.deliver(it.Entry)
			fx.nights(1)
			fx.wantState(fx.only(), ledger.Done, "")
			fx.wantHeld(c, b)
			if !hit {
				break
			}
		}
	}
}

// A stop between the confirmation and the run loses nothing: the next run of any
// kind delivers it.
func TestStopBetweenConfirmationAndRun(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	u := fx.upload(map[string][]byte{"x.csv": fx.document(balance.NBBCSV, b)})
	_, err := fx.confirm(u, item(t, u))
	fx.must(err)
	fx.must(os.RemoveAll(filepath.Join(fx.dir, "uploads"))) // it is in the state, and nowhere else
	fx.reopenWith(nil)
	fx.nights(1)
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantHeld(c, b)
}

func TestRunWaitsForTheOtherRun(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.add(c, fx.balance(c, 1))
	began, goOn := make(chan struct{}), make(chan struct{})
	var held atomic.Bool
	fx.hook(hooked{update: func(context.Context) {
		if held.CompareAndSwap(false, true) {
			close(began)
			<-goOn
		}
	}})
	fx.reopenWith(nil)
	first := make(chan error)
	go func() {
		_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{}, nil)
		first <- err
	}()
	<-began
	u := fx.upload(map[string][]byte{"x.csv": fx.document(balance.NBBCSV, fx.balance(fx.client(2), 2))})
	it, err := fx.confirm(u, item(t, u))
	fx.must(err)
	// What was uploaded is delivered beside it; another run over everything waits.
	_, err = fx.d.Sync(t.Context(), daemon.SyncRequest{Entries: []uint64{it.Entry}}, nil)
	fx.must(err)
	if e, err := fx.store.Entry(t.Context(), it.Entry); err != nil || e.State != ledger.Done {
		t.Errorf("what was uploaded is %s, %v", e.State, err)
	}
	if _, err := fx.d.Sync(t.Context(), daemon.SyncRequest{}, nil); !problem.Is(err, problem.Busy) {
		t.Errorf("a second run: %v", err)
	}
	second := make(chan error)
	go func() {
		_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Wait: true}, nil)
		second <- err
	}()
	close(goOn)
	fx.must(errors.Join(<-first, <-second))
	for _, e := range fx.entries() {
		fx.wantState(e, ledger.Done, "")
	}
}
