package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

func TestRunOverADossierWithTwoRevisionsDeliversTheNewer(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	id := fx.add(c, fx.balance(c, 1))
	newer := fx.balance(c, 2)
	fx.correct(id, newer)
	_, err := fx.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil)
	fx.must(err)
	fx.wantHeld(c, newer)
	wantWrittenOnce(fx)
}

// A decision is for the figures that the person saw, not for those of a
// revision that came after it.
func TestUseFinboxDoesNotCoverTheNextRevision(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	id := fx.add(c, fx.balance(c, 1))
	fx.sync()
	fx.must(fx.sf.Set(c.company, c.period, namespace, "code_1003", "999"))
	seen, unseen, cell := fx.balance(c, 2), fx.balance(c, 3), cellOf(t, "1003")
	if seen.Values[cell].Equal(unseen.Values[cell]) {
		t.Fatal("the two revisions say the same")
	}
	fx.correct(id, seen)
	fx.sync()
	e := fx.entries()[1]
	fx.wantState(e, ledger.Differs, "")
	_, err := fx.d.Decide(t.Context(), daemon.Decision{Number: 2, Choice: daemon.UseFinbox, Seen: e.Version - 1, By: "Els"})
	if !problem.Is(err, problem.Conflict) {
		t.Errorf("a decision on what the entry was before gives %v", err)
	}
	_, err = fx.d.Decide(t.Context(), daemon.Decision{Number: 2, Choice: daemon.UseFinbox, Seen: e.Version, By: "Els"})
	fx.must(err)
	fx.correct(id, unseen)
	fx.sync()
	fx.wantState(fx.entries()[2], ledger.Differs, "")
	fx.wantNothingOverwritten()
}

func TestOlderRevisionCanBeRetriedOnceTheNewerIsDismissed(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	good := fx.balance(c, 1)
	id := fx.add(c, good)
	fx.sync()
	fx.correct(id, fx.balance(c, 2))
	fx.must(fx.fb.SetContent(id, []byte("<html>nonsense</html>")))
	fx.sync()
	fx.wantState(fx.entries()[0], ledger.Superseded, "")
	if _, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: 1, By: "Els"}); err == nil {
		t.Error("retried while the newer one counts")
	}
	_, err := fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: 2, By: "Els"})
	fx.must(err)
	fx.sf.OpenWorkflow(c.company, c.period, workflowName)
	_, err = fx.d.Retry(t.Context(), daemon.EntryRequest{Number: 1, By: "Els"})
	fx.must(err)
	fx.sync()
	fx.wantState(fx.entries()[0], ledger.Done, "")
	fx.wantHeld(c, good)
}

// The way from the first revision to the one that counts goes over the second.
func TestFirstOfThreeRevisionsCanBeRetriedOnceTheLastIsDismissed(t *testing.T) {
	fx := newFixture(t)
	c := fx.client(1)
	first := fx.balance(c, 1)
	id := fx.add(c, first)
	fx.sync()
	fx.correct(id, fx.balance(c, 2))
	fx.sync()
	fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
	fx.correct(id, fx.balance(c, 3))
	fx.sync()
	fx.wantState(fx.entries()[0], ledger.Superseded, "")
	fx.wantState(fx.entries()[1], ledger.Superseded, "")
	_, err := fx.d.Retry(t.Context(), daemon.EntryRequest{Number: 1, By: "Els"})
	if !problem.Is(err, problem.NotAllowed) || !strings.Contains(problem.Of(err).Next, "entry 3") {
		t.Errorf("retried while the third counts: %v; it does not name entry 3", err)
	}
	_, err = fx.d.Dismiss(t.Context(), daemon.EntryRequest{Number: 3, By: "Els"})
	fx.must(err)
	_, err = fx.d.Retry(t.Context(), daemon.EntryRequest{Number: 1, By: "Els"})
	fx.must(err)
	fx.sf.OpenWorkflow(c.company, c.period, workflowName)
	fx.sync()
	fx.wantState(fx.entries()[0], ledger.Done, "")
	fx.wantHeld(c, first)
}

// The bureau corrects a balance and takes that back before the next listing,
// which then shows the first content under a new revision.
func TestCorrectionThatWasTakenBackChangesNothing(t *testing.T) {
	fx := newFixture(t)
	c, d := fx.client(1), fx.client(2)
	right := fx.balance(c, 1)
	id := fx.add(c, right)
	fx.sync()
	fx.correct(id, fx.balance(c, 2))
	fx.correct(id, right)
	fx.later(48 * time.Hour) // the cursor moves on by more than the overlap
	fx.add(d, fx.balance(d, 3))
	fx.sync()
	fx.sync()
	fx.wantHeld(c, right)
}

// A file out of an archive keeps the time at which it was made.
func TestFileReplacedByOneWithAnOlderTimeIsACorrection(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	a, b := fx.balance(c, 1), fx.balance(c, 2)
	file := filepath.Join(dir, "Client 1", "sb.csv")
	fx.put(file, a, fx.clock().Add(-time.Hour))
	fx.sync()
	fx.wantHeld(c, a)
	fx.put(file, b, fx.clock().Add(-48*time.Hour))
	fx.sync()
	fx.sync()
	fx.wantHeld(c, b)
}

// The folder's name is the dossier: under another name it is another one, and
// what the first wrote is not the second's to replace.
func TestCorrectionInARenamedFolderIsAPersonsChoice(t *testing.T) {
	fx, dir := withFolder(t)
	c := fx.client(1)
	a := fx.balance(c, 1)
	fx.put(filepath.Join(dir, "Client 1", "sb.csv"), a, fx.clock().Add(-time.Hour))
	fx.sync()
	fx.must(os.Rename(filepath.Join(dir, "Client 1"), filepath.Join(dir, "Client Eén")))
	fx.sync()
	fx.put(filepath.Join(dir, "Client Eén", "sb.csv"), fx.balance(c, 2), fx.clock())
	fx.later(time.Hour)
	fx.sync()
	all := fx.entries()
	last := all[len(all)-1]
	fx.wantState(last, ledger.Differs, "")
	if !strings.Contains(last.Detail, "another dossier") {
		t.Errorf("detail %q does not say why", last.Detail)
	}
	fx.wantHeld(c, a)
}

// Of what cannot be read no year is known, so that neither takes the place of
// the other.
func TestTwoUnreadableFilesOfOneDossierBothFail(t *testing.T) {
	fx, dir := withFolder(t)
	fx.must(os.MkdirAll(filepath.Join(dir, "X"), 0o700))
	for _, name := range []string{"sociale balans 2024.csv", "sociale balans 2025.csv"} {
		fx.must(os.WriteFile(filepath.Join(dir, "X", name), []byte("broken "+name), 0o600))
	}
	fx.sync()
	all := fx.entries()
	if len(all) != 2 {
		t.Fatalf("%d entries, want 2", len(all))
	}
	for _, e := range all {
		if e.State != ledger.Failed || e.FailClass != ledger.Unreadable {
			t.Errorf("%s is %s %s: its failure is never told", e.ID, e.State, e.FailClass)
		}
	}
}
