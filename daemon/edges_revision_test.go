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

func TestPassOverADossierWithTwoRevisionsDeliversTheNewer(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	id := w.add(c, w.balance(c, 1))
	newer := w.balance(c, 2)
	w.correct(id, newer)
	_, err := w.d.Sync(t.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil)
	w.must(err)
	w.wantHeld(c, newer)
	wantWrittenOnce(w)
}

// A decision is for the figures that the person saw, not for those of a
// revision that came after it.
func TestUseFinboxDoesNotCoverTheNextRevision(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	id := w.add(c, w.balance(c, 1))
	w.sync()
	w.must(w.sf.Set(c.company, c.period, namespace, "code_1003", "999"))
	seen, unseen, cell := w.balance(c, 2), w.balance(c, 3), cellOf(t, "1003")
	if seen.Values[cell].Equal(unseen.Values[cell]) {
		t.Fatal("the two revisions say the same")
	}
	w.correct(id, seen)
	w.sync()
	e := w.entries()[1]
	w.wantState(e, ledger.Differs, "")
	_, err := w.d.Decide(t.Context(), daemon.Decision{Number: 2, Choice: daemon.UseFinbox, Seen: e.Version - 1, By: "Els"})
	if !problem.Is(err, problem.Conflict) {
		t.Errorf("a decision on what the entry was before gives %v", err)
	}
	_, err = w.d.Decide(t.Context(), daemon.Decision{Number: 2, Choice: daemon.UseFinbox, Seen: e.Version, By: "Els"})
	w.must(err)
	w.correct(id, unseen)
	w.sync()
	w.wantState(w.entries()[2], ledger.Differs, "")
	w.wantNothingOverwritten()
}

func TestOlderRevisionCanBeRetriedOnceTheNewerIsDismissed(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
	good := w.balance(c, 1)
	id := w.add(c, good)
	w.sync()
	w.correct(id, w.balance(c, 2))
	w.must(w.fb.SetContent(id, []byte("<html>nonsense</html>")))
	w.sync()
	w.wantState(w.entries()[0], ledger.Superseded, "")
	if _, err := w.d.Retry(t.Context(), 1, "Els"); err == nil {
		t.Error("retried while the newer one counts")
	}
	_, err := w.d.Dismiss(t.Context(), 2, "Els")
	w.must(err)
	w.sf.OpenWorkflow(c.company, c.period, workflowName)
	_, err = w.d.Retry(t.Context(), 1, "Els")
	w.must(err)
	w.sync()
	w.wantState(w.entries()[0], ledger.Done, "")
	w.wantHeld(c, good)
}

// The way from the first revision to the one that counts goes over the second.
func TestFirstOfThreeRevisionsCanBeRetriedOnceTheLastIsDismissed(t *testing.T) {
	w := newWorld(t)
	c := w.client(1)
	first := w.balance(c, 1)
	id := w.add(c, first)
	w.sync()
	w.correct(id, w.balance(c, 2))
	w.sync()
	w.must(w.sf.CloseWorkflow(c.company, c.period, workflowName))
	w.correct(id, w.balance(c, 3))
	w.sync()
	w.wantState(w.entries()[0], ledger.Superseded, "")
	w.wantState(w.entries()[1], ledger.Superseded, "")
	_, err := w.d.Retry(t.Context(), 1, "Els")
	if !problem.Is(err, problem.NotAllowed) || !strings.Contains(problem.Of(err).Next, "entry 3") {
		t.Errorf("retried while the third counts: %v; it does not name entry 3", err)
	}
	_, err = w.d.Dismiss(t.Context(), 3, "Els")
	w.must(err)
	_, err = w.d.Retry(t.Context(), 1, "Els")
	w.must(err)
	w.sf.OpenWorkflow(c.company, c.period, workflowName)
	w.sync()
	w.wantState(w.entries()[0], ledger.Done, "")
	w.wantHeld(c, first)
}

// The bureau corrects a balance and takes that back before the next listing,
// which then shows the first content under a new revision.
func TestCorrectionThatWasTakenBackChangesNothing(t *testing.T) {
	w := newWorld(t)
	c, d := w.client(1), w.client(2)
	right := w.balance(c, 1)
	id := w.add(c, right)
	w.sync()
	w.correct(id, w.balance(c, 2))
	w.correct(id, right)
	w.later(48 * time.Hour) // the cursor moves on by more than the overlap
	w.add(d, w.balance(d, 3))
	w.sync()
	w.sync()
	w.wantHeld(c, right)
}

// A file out of an archive keeps the time at which it was made.
func TestFileReplacedByOneWithAnOlderTimeIsACorrection(t *testing.T) {
	w, dir := withFolder(t)
	c := w.client(1)
	a, b := w.balance(c, 1), w.balance(c, 2)
	file := filepath.Join(dir, "Client 1", "sb.csv")
	w.put(file, a, w.clock().Add(-time.Hour))
	w.sync()
	w.wantHeld(c, a)
	w.put(file, b, w.clock().Add(-48*time.Hour))
	w.sync()
	w.sync()
	w.wantHeld(c, b)
}

// The folder's name is the dossier: under another name it is another one, and
// what the first wrote is not the second's to replace.
func TestCorrectionInARenamedFolderIsAPersonsChoice(t *testing.T) {
	w, dir := withFolder(t)
	c := w.client(1)
	a := w.balance(c, 1)
	w.put(filepath.Join(dir, "Client 1", "sb.csv"), a, w.clock().Add(-time.Hour))
	w.sync()
	w.must(os.Rename(filepath.Join(dir, "Client 1"), filepath.Join(dir, "Client Eén")))
	w.sync()
	w.put(filepath.Join(dir, "Client Eén", "sb.csv"), w.balance(c, 2), w.clock())
	w.later(time.Hour)
	w.sync()
	all := w.entries()
	last := all[len(all)-1]
	w.wantState(last, ledger.Differs, "")
	if !strings.Contains(last.Detail, "another dossier") {
		t.Errorf("detail %q does not say why", last.Detail)
	}
	w.wantHeld(c, a)
}

// Of what cannot be read no year is known, so that neither takes the place of
// the other.
func TestTwoUnreadableFilesOfOneDossierBothFail(t *testing.T) {
	w, dir := withFolder(t)
	w.must(os.MkdirAll(filepath.Join(dir, "X"), 0o700))
	for _, name := range []string{"sb2024.csv", "sb2025.csv"} {
		w.must(os.WriteFile(filepath.Join(dir, "X", name), []byte("broken "+name), 0o600))
	}
	w.sync()
	all := w.entries()
	if len(all) != 2 {
		t.Fatalf("%d entries, want 2", len(all))
	}
	for _, e := range all {
		if e.State != ledger.Failed || e.FailClass != ledger.Unreadable {
			t.Errorf("%s is %s %s: its failure is never told", e.ID, e.State, e.FailClass)
		}
	}
}
