package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// write writes a file of text into a folder.
func (fx *fixture) writeText(dir, name, text string) {
	fx.t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	fx.must(os.MkdirAll(filepath.Dir(file), 0o700))
	fx.must(os.WriteFile(file, []byte(text), 0o600))
}

// folderConnection returns the folder as it is stored.
func (fx *fixture) folderConnection() ledger.Connection {
	fx.t.Helper()
	all, err := fx.store.Connections(fx.t.Context())
	fx.must(err)
	for _, c := range all {
		if c.ID == "map" {
			return c
		}
	}
	fx.t.Fatal("the folder is no connection")
	return ledger.Connection{}
}

// TestOtherFilesAreNotEntries: 240 files beside one balance give one entry, and
// nothing that needs a person.
func TestOtherFilesAreNotEntries(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	fx.put(filepath.Join(dir, "Client 1", "export.csv"), fx.balance(c, 1), fx.clock().Add(-time.Hour))
	for i := range 240 {
		fx.writeText(dir, "Client 1/brief "+strings.Repeat("i", i%50)+string(rune('a'+i%26))+".docx", "PK\x03\x04")
	}
	run := fx.sync()
	if run.NeedsPerson() || run.New != 1 {
		t.Errorf("the run: %+v", run)
	}
	fx.wantState(fx.only(), ledger.Done, "")
	if r := fx.folderConnection().Folder; r == nil || r.Balances != 1 || r.Others["word"] != r.Files-1 {
		t.Errorf("the report: %+v", r)
	}
}

// TestEntriesOfOtherFilesAreSetAside: what an earlier version made of such files is
// ignored, without the copies of them.
func TestEntriesOfOtherFilesAreSetAside(t *testing.T) {
	fx, dir := withFolder(t)
	fx.writeText(dir, "Client 1/brief.docx", "PK\x03\x04 a private letter")
	fx.sync()
	conn := fx.folderConnection()
	old := ledger.Entry{Connection: "map", State: ledger.Found, FoundAt: fx.clock(), UpdatedAt: fx.clock(), Listing: ledger.Listing{
		ID: "Client 1/brief.docx", Revision: "1", SHA256: strings.Repeat("a", 64), CreatedAt: fx.clock(), Dossier: ledger.Dossier{ID: "Client 1", Name: "Client 1 (brief.docx)"}}}
	added, _, err := fx.store.Record(t.Context(), conn, []ledger.Entry{old})
	fx.must(err)
	failed, err := added[0].Fail(ledger.Unreadable, "it cannot be read", "", balance.Date{}, fx.clock())
	fx.must(err)
	_, err = fx.store.Move(t.Context(), ledger.Move{Entry: failed, Document: []byte("a private letter"), Event: ledger.Event{At: fx.clock(), State: ledger.Failed}})
	fx.must(err)

	if run := fx.sync(); run.NeedsPerson() {
		t.Errorf("the run: %+v", run)
	}
	e := fx.only()
	fx.wantState(e, ledger.Ignored, ledger.NotListed)
	doc, err := fx.store.Document(t.Context(), e.Number)
	if err != nil || doc != nil {
		t.Errorf("a copy is kept: %q, %v", doc, err)
	}
	events, err := fx.store.History(t.Context(), e.Number)
	if err != nil || !strings.Contains(events[len(events)-1].Text, "neither its name nor its content says") {
		t.Errorf("the history: %+v, %v", events, err)
	}
}

// TestUnusableFileIsToldOnce: it fails, is left alone until it changes, and leaves
// nothing behind when it is renamed to something else or can be read.
func TestUnusableFileIsToldOnce(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	fx.writeText(dir, "Client 1/sociale balans.csv", "half an upl")
	fx.sync()
	e := fx.only()
	fx.wantState(e, ledger.Failed, "")
	if !e.Parked || e.FailClass != ledger.Unreadable || e.Next == "" {
		t.Errorf("it is %+v", e)
	}
	if run := fx.sync(); run.Outcome[ledger.Failed] != 0 || run.NeedsPerson() {
		t.Errorf("it is told again: %+v", run)
	}
	fx.writeText(dir, "Client 1/sociale balans.csv", "half an upload")
	if run := fx.sync(); run.Outcome[ledger.Failed] != 1 {
		t.Errorf("it changed, and is not told: %+v", run)
	}
	fx.must(os.Rename(filepath.Join(dir, "Client 1", "sociale balans.csv"), filepath.Join(dir, "Client 1", "upload.bin")))
	fx.sync()
	for _, e := range fx.entries() {
		if e.State != ledger.Ignored && e.State != ledger.Superseded {
			t.Errorf("entry %d is left behind as %s", e.Number, e.State)
		}
	}
	fx.must(os.Rename(filepath.Join(dir, "Client 1", "upload.bin"), filepath.Join(dir, "Client 1", "sociale balans.csv")))
	if run := fx.sync(); run.New != 1 || run.Outcome[ledger.Failed] != 1 {
		t.Errorf("it is back, and not told: %+v", run)
	}
	fx.put(filepath.Join(dir, "Client 1", "sociale balans.csv"), fx.balance(c, 1), fx.clock())
	if run := fx.sync(); run.Outcome[ledger.Done] != 1 {
		t.Errorf("it can be read, and is not delivered: %+v", run)
	}
	for _, e := range fx.entries() {
		if e.Unsettled() {
			t.Errorf("entry %d is left behind as %s", e.Number, e.State)
		}
	}
}

// TestEmptyFolderConcludesNothing: a share that is not mounted is told so, and what
// is known of its files stays.
func TestEmptyFolderConcludesNothing(t *testing.T) {
	fx, dir := withFolder(t)
	fx.writeText(dir, "Client 1/sociale balans.csv", "bad")
	fx.sync()
	before := fx.only()
	away := dir + "-away"
	fx.must(os.Rename(dir, away))
	fx.must(os.Mkdir(dir, 0o700))
	run := fx.sync()
	if !run.NeedsPerson() || !strings.Contains(strings.Join(run.Problems, " "), "mounted") {
		t.Errorf("the run says nothing of it: %+v", run)
	}
	c := fx.folderConnection()
	if c.Problem == "" || c.ProblemReason != string(problem.NotMounted) || c.Folder == nil || c.Folder.Files != 1 {
		t.Errorf("the connection: %+v", c)
	}
	if after := fx.only(); after.State != before.State || after.Version != before.Version {
		t.Errorf("something was concluded: %+v", after)
	}
	fx.must(os.Remove(dir))
	fx.must(os.Rename(away, dir))
	if run := fx.sync(); run.NeedsPerson() || fx.folderConnection().ProblemReason != "" {
		t.Errorf("mounted again: %+v", run)
	}
}

// TestLinksOfNamesThatLookTheSame: capitals and the two forms of an accent do not
// matter for a folder's link, nor for finding its dossier.
func TestLinksOfNamesThatLookTheSame(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	b := fx.balance(c, 1)
	b.EnterpriseNumber = ""
	fx.put(filepath.Join(dir, "Cafe\u0301 De Zon", "export.csv"), b, fx.clock().Add(-time.Hour))
	for _, spelling := range []string{"café de zon", "CAFÉ DE ZON"} {
		l := ledger.DossierLink{Connection: "map", DossierID: spelling, FirmID: fx.firm, CompanyID: c.company}
		_, err := fx.d.Link(t.Context(), daemon.LinkRequest{DossierLink: l, By: "Els"})
		fx.must(err)
	}
	links, err := fx.d.Links(t.Context())
	if err != nil || len(links) != 1 {
		t.Errorf("links %+v, %v: two spellings are one folder", links, err)
	}
	fx.sync()
	e := fx.only()
	fx.wantState(e, ledger.Done, "")
	if !e.Dossier.Matches("Café de Zon") || !e.Dossier.IsNamed("CAFÉ DE ZON") || e.Dossier.Matches("Cafe de Zon BV") {
		t.Errorf("%q is not found", e.Dossier.ID)
	}
}
