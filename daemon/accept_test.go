package daemon_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// doubtful leaves a document of a client that states two amounts for 1003, and two
// for 1013, and has it read.
func doubtful(t *testing.T) (fx *fixture, c client, file string, doc []byte) {
	fx, dir := withFolder(t)
	c = fx.client(1)
	b := fx.balance(c, 1)
	delete(b.Values, cellOf(t, "1003"))
	delete(b.Values, cellOf(t, "1013"))
	doc, err := balance.Write(balance.NBBCSV, b)
	fx.must(err)
	file = filepath.Join(dir, "d", "balans.csv")
	fx.leave(file, append(doc, "\"1003\",\"4.5\"\n\"1003\",\"5\"\n\"1013\",\"800\"\n\"1013\",\"900\"\n"...))
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.TwoAmounts)
	return fx, c, file, doc
}

func (fx *fixture) accept(number uint64, answers ...string) (ledger.Entry, error) {
	r := daemon.AcceptRequest{Number: number, By: "Els"}
	for _, a := range answers {
		code, reading, _ := strings.Cut(a, "=")
		r.Readings = append(r.Readings, daemon.Answer{Code: code, Reading: reading})
	}
	return fx.d.Accept(fx.t.Context(), r)
}

// A person says which reading is right: one of them, or another amount. The word is
// kept with who, when and for which document, and the balance is delivered.
func TestAcceptedReadingsAreDelivered(t *testing.T) {
	fx, c, _, _ := doubtful(t)
	e, err := fx.accept(1, "1003=4,5", "1013=850")
	fx.must(err)
	fx.wantState(e, ledger.Found, "")
	document, err := fx.d.Document(t.Context(), daemon.EntryRequest{Number: 1})
	fx.must(err)
	hash := e.Accepted[0].Document
	want := []ledger.AcceptedReading{
		{Code: "1003", Reading: "4.5", Readings: []string{"4.5", "5"}, By: "Els", Document: hash},
		{Code: "1013", Reading: "850", Typed: true, Readings: []string{"800", "900"}, By: "Els", Document: hash},
	}
	if d := cmp.Diff(want, e.Accepted, cmpopts.IgnoreFields(ledger.AcceptedReading{}, "At", "Where")); d != "" || len(hash) != 64 || len(document.Data) == 0 {
		t.Errorf("hash %q (-want +got)\n%s", hash, d)
	}
	if !e.Accepted[0].At.Equal(fx.clock()) || !strings.Contains(e.Accepted[0].Where, "lines") || len(e.Doubts) != 0 {
		t.Errorf("%+v, doubts %+v", e.Accepted[0], e.Doubts)
	}
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	if fx.held(c, "1003") != "4.5" || fx.held(c, "1013") != "850" {
		t.Errorf("Silverfin holds %q and %q", fx.held(c, "1003"), fx.held(c, "1013"))
	}
	fx.wantStory(1, "Els said that 1003 is 4.5 (the document has 4.5 or 5 on lines")
	fx.wantStory(1, "said that 1013 is 850, which is typed (the document has 800 or 900")
	if len(fx.only().Accepted) != 2 {
		t.Error("the word is not kept with what was delivered")
	}
}

// What a person does not answer stays open.
func TestAcceptedInParts(t *testing.T) {
	fx, c, _, _ := doubtful(t)
	e, err := fx.accept(1, "1003=5")
	fx.must(err)
	fx.wantState(e, ledger.Waiting, ledger.TwoAmounts)
	if len(e.Doubts) != 1 || e.Doubts[0].Code != "1013" || strings.Contains(e.Detail, "1003") || !strings.Contains(e.Detail, "1013") {
		t.Errorf("%s: %+v", e.Detail, e.Doubts)
	}
	fx.sync()
	fx.wantState(fx.only(), ledger.Waiting, ledger.TwoAmounts)
	e, err = fx.accept(1, "1013=900")
	fx.must(err)
	if len(e.Accepted) != 2 {
		t.Errorf("%d words are kept, want 2", len(e.Accepted))
	}
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	if fx.held(c, "1003") != "5" || fx.held(c, "1013") != "900" {
		t.Errorf("Silverfin holds %q and %q", fx.held(c, "1003"), fx.held(c, "1013"))
	}
}

// An answer that cannot be is refused with what is possible, and nothing is kept.
func TestImpossibleAnswersAreRefused(t *testing.T) {
	fx, c, _, _ := doubtful(t)
	for _, x := range []struct {
		answers []string
		code    problem.Code
		next    string
	}{
		{nil, problem.Usage, "1003 is 4.5 or 5"},
		{[]string{"1003=veel"}, problem.Usage, "Possible: 1003 is 4.5 or 5"},
		{[]string{"1003=4.55"}, problem.Usage, "Another amount may be given"},
		{[]string{"1003=1.234"}, problem.Usage, "4.5 or 5"},
		{[]string{"1003=-4"}, problem.Usage, "4.5 or 5"},
		{[]string{"1003="}, problem.Usage, "4.5 or 5"},
		{[]string{"1003=4.5", "1003=5"}, problem.Usage, "1013 is 800 or 900"},
		{[]string{"1003=4.5", "1021=5"}, problem.Usage, "1013 is 800 or 900"},
		{[]string{"year=2025-12-31"}, problem.Usage, "1013 is 800 or 900"},
		{[]string{"=5"}, problem.Usage, "1013 is 800 or 900"},
	} {
		_, err := fx.accept(1, x.answers...)
		if p := problem.Of(err); err == nil || p.Code != x.code || !strings.Contains(p.Next, x.next) || !strings.Contains(p.Next, "ledger accept 1") {
			t.Errorf("%v: %v %v", x.answers, err, problem.Of(err).Next)
		}
	}
	if e := fx.only(); len(e.Accepted) != 0 || len(e.Doubts) != 2 || len(fx.sf.Custom(c.company, c.period)) != 0 {
		t.Errorf("something was kept: %+v", e)
	}
	e := fx.only()
	_, err := fx.d.Accept(t.Context(), daemon.AcceptRequest{Number: 1, Seen: e.Version - 1, Readings: []daemon.Answer{{Code: "1003", Reading: "5"}}})
	if !problem.Is(err, problem.Conflict) {
		t.Errorf("a word on what the entry was before: %v", err)
	}
	_, err = fx.accept(1, "1003=5", "1013=900")
	fx.must(err)
	fx.sync()
	if _, err := fx.accept(1, "1003=4.5"); !problem.Is(err, problem.NotAllowed) {
		t.Errorf("accepted what is done: %v", err)
	}
	if _, err := fx.accept(99); !problem.Is(err, problem.NotFound) {
		t.Errorf("accepted what is not there: %v", err)
	}
}

// A new revision asks anew, whatever was said of the one before.
func TestWordsHoldForOneDocument(t *testing.T) {
	fx, _, file, doc := doubtful(t)
	_, err := fx.accept(1, "1003=5", "1013=900")
	fx.must(err)
	fx.sync()
	fx.later(time.Hour)
	fx.leave(file, append(doc, "\"1003\",\"4.5\"\n\"1003\",\"5\"\n\"1013\",\"800\"\n"...))
	fx.sync()
	newest := fx.entries()[1]
	fx.wantState(newest, ledger.Waiting, ledger.TwoAmounts)
	if len(newest.Accepted) != 0 || len(newest.Doubts) != 1 {
		t.Errorf("%+v", newest)
	}
}

// A document that is read once more has a person's word applied again; another
// document has not.
func TestWordsAreAppliedWhenReadAgain(t *testing.T) {
	for _, other := range []bool{false, true} {
		fx, c, _, doc := doubtful(t)
		_, err := fx.accept(1, "1003=5", "1013=900")
		fx.must(err)
		fx.must(fx.sf.CloseWorkflow(c.company, c.period, workflowName))
		fx.sync()
		e := fx.only()
		e.ValuesHash = "" // as where the source gave another enterprise number
		_, err = fx.store.Move(t.Context(), ledger.Move{Entry: e, Event: ledger.Event{State: e.State}})
		fx.must(err)
		fx.sf.OpenWorkflow(c.company, c.period, workflowName)
		if other {
			fx.wrapSource = func(s daemon.Source) daemon.Source {
				return otherContent{s, append(doc, "\"1003\",\"6\"\n\"1003\",\"7\"\n"...)}
			}
			fx.reopenWith(nil)
		}
		fx.sync()
		if other {
			fx.wantState(fx.only(), ledger.Waiting, ledger.TwoAmounts)
			continue
		}
		fx.wantState(fx.only(), ledger.Done, "")
		if fx.held(c, "1003") != "5" {
			t.Errorf("Silverfin holds %q", fx.held(c, "1003"))
		}
	}
}

// A person says which of the readings the financial year is: the figures are read by
// it, and the balance goes into that year.
func TestAcceptedYear(t *testing.T) {
	for _, year := range []string{"2025-01-01/2025-12-31", "2026-01-01/2026-12-31"} {
		fx, dir := withFolder(t)
		c := fx.client(1)
		periods := map[string]int64{"2025": c.period, "2026": fx.period(c, 2026)}
		fx.leave(filepath.Join(dir, "d", "2026.xbrl"), []byte(strings.NewReplacer("Current", "A", "Preceding", "B").Replace(lastYearAlone(fx, c))))
		fx.sync()
		fx.wantState(fx.only(), ledger.Waiting, ledger.DoubtfulFigures)
		if _, err := fx.accept(1, "year=2024-12-31"); !problem.Is(err, problem.Usage) {
			t.Errorf("a year that is not possible: %v", err)
		}
		e, err := fx.accept(1, "year="+year)
		fx.must(err)
		if e.FiscalYear.String() != year {
			t.Errorf("it is of %s", e.FiscalYear)
		}
		fx.sync()
		fx.wantState(fx.only(), ledger.Done, "")
		code := map[string]string{"2025": "code_1003", "2026": "code_1003P"}[year[:4]]
		if got := fx.sf.Custom(c.company, periods[year[:4]])[namespace+"."+code]; got != "77.7" {
			t.Errorf("%s: %s holds %q", year, code, got)
		}
	}
}

// Accepting one of several balances chooses it; the others are superseded at once.
func TestAcceptChoosesWhichCounts(t *testing.T) {
	fx, c, one, _ := twoAlike(t, false)
	number := fx.entries()[0].Number
	if fx.entries()[1].ID == "k/a.csv" {
		number = 2
	}
	_, err := fx.accept(number)
	fx.must(err)
	other := fx.entries()[2-number]
	fx.wantState(other, ledger.Superseded, "")
	fx.wantStory(other.Number, "Els chose entry")
	fx.wantStory(number, "Els chose this balance before the others of its year")
	fx.sync()
	fx.wantHeld(c, one)
}

// otherContent gives another document than was listed.
type otherContent struct {
	daemon.Source
	doc []byte
}

func (o otherContent) Content(context.Context, ledger.Listing) ([]byte, error) { return o.doc, nil }
