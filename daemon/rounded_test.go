package daemon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/folder"
	"balansd/internal/testenv"
	"balansd/ledger"
	fakesilverfin "balansd/sandbox/silverfin"

	"github.com/shopspring/decimal"
)

// euroReader reads a document that has a line "Rounded" as one in whole euros.
type euroReader struct{ *balance.Reader }

func (r euroReader) ReadDocument(ctx context.Context, doc []byte) (*balance.Balance, error) {
	b, err := r.Reader.ReadDocument(ctx, doc)
	if err == nil {
		b.Rounded = bytes.Contains(doc, []byte("\"Rounded\""))
	}
	return b, err
}

// filing is one document in a folder.
type filing struct {
	name       string
	amount     string // of rubric 1023
	rounded    bool
	correction bool
	made       time.Duration // before the first day
}

// leaveFiling puts a filing of a client into a folder.
func (fx *fixture) leaveFiling(dir string, c client, f filing, begin time.Time) {
	fx.t.Helper()
	b := fx.balance(c, 1)
	b.Values = balance.Values{cellOf(fx.t, "1003"): decimal.RequireFromString("4.3"), cellOf(fx.t, "1023"): decimal.RequireFromString(f.amount)}
	b.Correction = f.correction
	doc, err := balance.Write(balance.NBBCSV, b)
	fx.must(err)
	if f.rounded {
		doc = append(doc, "\"Rounded\",\"yes\"\n"...)
	}
	doc = append(doc, fmt.Sprintf("\"Remark\",%q\n", f.name)...)
	file := filepath.Join(dir, "k", f.name)
	fx.must(os.MkdirAll(filepath.Dir(file), 0o700))
	fx.must(os.WriteFile(file, doc, 0o600))
	at := begin.Add(-f.made)
	fx.must(os.Chtimes(file, at, at))
}

// withEuros is withFolder with a reader that knows documents in whole euros.
func withEuros(t *testing.T) (fx *fixture, dir string, c client) {
	fx, dir = withFolder(t)
	fx.reader = euroReader{balance.NewReader(balance.ReaderOptions{})}
	fx.reopenWith(nil)
	return fx, dir, fx.client(1)
}

func (fx *fixture) held(c client, code string) string {
	return fx.sf.Custom(c.company, c.period)[namespace+".code_"+code]
}

// In every order in which the documents of one year can come, one a night or all at
// once, the same one counts in the end.
func TestWhichCountsWhateverTheOrder(t *testing.T) {
	const day = 24 * time.Hour
	exact := filing{name: "exact.csv", amount: "71981.55", made: 30 * day}
	euros := filing{name: "euros.pdf.csv", amount: "71982", rounded: true, made: 10 * day}
	of := func(f filing, change func(*filing)) filing { change(&f); return f }
	for name, c := range map[string]struct {
		filings []filing
		counts  string
		told    string // in the history of exact.csv
	}{
		"exact and its rounding":            {[]filing{exact, euros}, "exact.csv", ""},
		"a rounding that is a correction":   {[]filing{exact, of(euros, func(f *filing) { f.correction = true })}, "exact.csv", ""},
		"a rounding that is older":          {[]filing{exact, of(euros, func(f *filing) { f.made = 50 * day })}, "exact.csv", ""},
		"a rounded correction":              {[]filing{exact, of(euros, func(f *filing) { f.amount, f.correction, f.made = "80000", true, 50*day })}, "euros.pdf.csv", "it is a correction, and this one an initial filing"},
		"a rounded one, later":              {[]filing{exact, of(euros, func(f *filing) { f.amount = "80000" })}, "euros.pdf.csv", "in whole euros"},
		"an exact correction":               {[]filing{exact, euros, {name: "corrected.csv", amount: "80000.49", correction: true, made: 40 * day}}, "corrected.csv", ""},
		"a correction and its rounding":     {[]filing{exact, {name: "corrected.csv", amount: "80000.49", correction: true, made: 5 * day}, of(euros, func(f *filing) { f.amount, f.correction, f.made = "80000", true, day })}, "corrected.csv", ""},
		"a rounding after a later exact":    {[]filing{exact, {name: "later.csv", amount: "80000.49", made: 20 * day}, euros}, "later.csv", ""},
		"two roundings":                     {[]filing{exact, euros, of(euros, func(f *filing) { f.name, f.made = "again.pdf.csv", day })}, "exact.csv", ""},
		"a rounded correction of a rounded": {[]filing{euros, of(euros, func(f *filing) { f.name, f.amount, f.correction, f.made = "corrected.csv", "5", true, 60*day })}, "corrected.csv", ""},
	} {
		for _, atOnce := range []bool{false, true} {
			for _, order := range permutations(c.filings) {
				fx, dir, cl := withEuros(t)
				if atOnce { // listed in one order, and worked on in each
					fx.workers = 1
					fx.reopenWith(func(s daemon.Store) daemon.Store { return turns{s, order} })
				}
				begin := fx.clock().Add(-day)
				for _, f := range order {
					fx.leaveFiling(dir, cl, f, begin)
					if !atOnce {
						fx.sync()
						fx.later(time.Hour)
					}
				}
				fx.sync()
				fx.sync()
				at := fmt.Sprintf("%s, at once %v, %v", name, atOnce, order)
				want := ""
				for _, f := range order {
					if f.name == c.counts {
						want = f.amount
					}
				}
				if got := fx.held(cl, "1023"); got != want {
					t.Errorf("%s: Silverfin holds %q, want %q", at, got, want)
				}
				for _, e := range fx.entries() {
					if counts := e.ID == "k/"+c.counts; counts != (e.State == ledger.Done) || !counts && e.State != ledger.Superseded {
						t.Errorf("%s: %s is %s %s", at, e.ID, e.State, e.Detail)
					}
					if e.ID == "k/exact.csv" && c.told != "" {
						fx.wantStory(e.Number, c.told)
					}
				}
				fx.wantNothingOverwritten()
			}
		}
	}
}

// turns has the open entries processed in the order of their filings.
type turns struct {
	daemon.Store
	order []filing
}

func (s turns) OpenEntries(ctx context.Context) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		open := map[string]ledger.Entry{}
		for e, err := range s.Store.OpenEntries(ctx) {
			if err != nil {
				yield(e, err)
				return
			}
			open[e.ID] = e
		}
		for _, f := range s.order {
			if e, there := open["k/"+f.name]; there && !yield(e, nil) {
				return
			}
		}
	}
}

// permutations lists all orders of a list.
func permutations(list []filing) (all [][]filing) {
	if len(list) <= 1 {
		return [][]filing{list}
	}
	for i := range list {
		rest := append(append([]filing{}, list[:i]...), list[i+1:]...)
		for _, p := range permutations(rest) {
			all = append(all, append([]filing{list[i]}, p...))
		}
	}
	return all
}

// A balance in whole euros whose figures came to the cent says why it gave way, and
// the exact one shows no change that is rounding alone.
func TestExactTakesThePlaceOfWholeEuros(t *testing.T) {
	fx, dir, c := withEuros(t)
	begin := fx.clock().Add(-time.Hour)
	fx.leaveFiling(dir, c, filing{name: "a.csv", amount: "71982", rounded: true, made: time.Hour}, begin)
	fx.sync()
	if got := fx.held(c, "1023"); got != "71982" {
		t.Fatalf("Silverfin holds %q", got)
	}
	fx.later(time.Hour)
	fx.leaveFiling(dir, c, filing{name: "b.csv", amount: "71981.55"}, begin)
	fx.sync()
	rounded, exact := fx.entries()[0], fx.entries()[1]
	fx.wantState(rounded, ledger.Superseded, ledger.InWholeEuros)
	fx.wantState(exact, ledger.Done, "")
	fx.wantStory(rounded.Number, "its amounts are in whole euros; entry 2 has the same figures to the cent, and counts")
	if !rounded.Rounded || exact.Rounded || len(exact.Changes) != 0 {
		t.Errorf("rounded %v, exact %v, changes %+v", rounded.Rounded, exact.Rounded, exact.Changes)
	}
	if got := fx.held(c, "1023"); got != "71981.55" {
		t.Errorf("Silverfin holds %q", got)
	}
	fx.wantNothingOverwritten()
}

// A figure that a person typed to the cent stands beside a balance in whole euros;
// whole euros that a person typed are a person's word against exact figures.
func TestRoundingOfWhatAPersonTyped(t *testing.T) {
	fx, dir, c := withEuros(t)
	begin := fx.clock().Add(-time.Hour)
	fx.must(fx.sf.Set(c.company, c.period, namespace, "code_1023", "71.981,55"))
	fx.leaveFiling(dir, c, filing{name: "a.csv", amount: "71982", rounded: true, made: time.Hour}, begin)
	fx.sync()
	fx.wantState(fx.only(), ledger.Done, "")
	fx.wantStory(1, "1 figure kept to the cent as Silverfin has it")
	fx.later(time.Hour)
	fx.leaveFiling(dir, c, filing{name: "b.csv", amount: "71981.55"}, begin)
	fx.sync()
	fx.wantState(fx.entries()[1], ledger.Done, "")
	if got := fx.held(c, "1023"); got != "71.981,55" {
		t.Errorf("what a person typed became %q", got)
	}

	fx, dir, c = withEuros(t)
	fx.must(fx.sf.Set(c.company, c.period, namespace, "code_1023", "71982"))
	fx.leaveFiling(dir, c, filing{name: "b.csv", amount: "71981.55"}, begin)
	fx.sync()
	fx.wantState(fx.only(), ledger.Differs, "")
	fx.wantNothingOverwritten()
}

// What another source wrote in whole euros is brought to the cent, and whole euros
// of another source leave exact figures as they are.
func TestWholeEurosOfAnotherSource(t *testing.T) {
	for _, exactFirst := range []bool{false, true} {
		fx, dir, c := withEuros(t)
		other := t.TempDir()
		src, err := folder.New(folder.Config{Name: "scan", Path: other})
		fx.must(err)
		fx.extraSources["scan"] = src
		fx.folders = append(fx.folders, ledger.Connection{ID: "scan", Kind: ledger.Folder, Name: "scan"})
		fx.reopenWith(nil)
		begin := fx.clock().Add(-time.Hour)
		put := []func(){
			func() { fx.leaveFiling(other, c, filing{name: "a.csv", amount: "71982", rounded: true}, begin) },
			func() { fx.leaveFiling(dir, c, filing{name: "b.csv", amount: "71981.55"}, begin) },
		}
		if exactFirst {
			put[0], put[1] = put[1], put[0]
		}
		for _, p := range put {
			p()
			fx.sync()
			fx.later(time.Hour)
		}
		fx.sync()
		for _, e := range fx.entries() {
			fx.wantState(e, ledger.Done, "")
		}
		if got := fx.held(c, "1023"); got != "71981.55" {
			t.Errorf("exact first %v: Silverfin holds %q", exactFirst, got)
		}
		fx.wantNothingOverwritten()
	}
}

// Documents in whole euros and to the cent come in any order, a person types now and
// then, and workflows close: nothing that a person typed is ever overwritten, and
// whole euros never stand where the exact figures of the same filing are known and
// were delivered.
func TestRoundedAndExactInAnyOrder(t *testing.T) {
	seeds := uint64(10)
	if testenv.Asked(t, testenv.Thorough) {
		seeds = 200
	}
	for seed := range seeds {
		chance := rand.New(rand.NewPCG(seed, 0))
		pick := func(list ...string) string { return list[chance.IntN(len(list))] }
		fx, dir, c := withEuros(t)
		begin := fx.clock()
		for n := range 3 + chance.IntN(5) {
			switch pick("exact", "exact", "rounded", "rounded", "type", "close", "open") {
			case "exact":
				fx.leaveFiling(dir, c, filing{name: fmt.Sprintf("%d.csv", n), amount: pick("100.4", "100.6", "2500.5"), correction: chance.IntN(2) == 0,
					made: time.Duration(1+chance.IntN(20)) * 24 * time.Hour}, begin)
			case "rounded":
				fx.leaveFiling(dir, c, filing{name: fmt.Sprintf("%d.csv", n), amount: pick("100", "101", "2501"), rounded: true, correction: chance.IntN(2) == 0,
					made: time.Duration(1+chance.IntN(20)) * 24 * time.Hour}, begin)
			case "type":
				fx.must(fx.sf.Set(c.company, c.period, namespace, "code_1023", pick("100.45", "100,55", "7")))
			case "close":
				_ = fx.sf.CloseWorkflow(c.company, c.period, workflowName) // it may be closed already
			case "open":
				fx.sf.OpenWorkflow(c.company, c.period, workflowName)
			}
			fx.sync()
			fx.later(time.Hour)
		}
		fx.sf.OpenWorkflow(c.company, c.period, workflowName)
		fx.sync()
		fx.sync()
		fx.wantNothingOverwritten()
		fx.wantNoEurosBesideCents(seed)
	}
}

// wantNoEurosBesideCents fails where an entry in whole euros is live although one
// with its figures to the cent is there.
func (fx *fixture) wantNoEurosBesideCents(seed uint64) {
	fx.t.Helper()
	entries := fx.entries()
	for _, e := range entries {
		if !e.Rounded || e.State == ledger.Superseded {
			continue
		}
		values, err := fx.store.Values(fx.t.Context(), e.Number)
		fx.must(err)
		for _, o := range entries {
			exact, err := fx.store.Values(fx.t.Context(), o.Number)
			fx.must(err)
			if !o.Rounded && o.ValuesHash != "" && balance.IsRounding(values, exact, nil) {
				fx.t.Errorf("seed %d: entry %d in whole euros is %s %s, entry %d to the cent is %s", seed, e.Number, e.State, e.Reason, o.Number, o.State)
			}
		}
	}
}

// The National Bank's own PDF of a filing gives way to its XBRL and its CSV.
func TestRealPDFGivesWayToItsFiling(t *testing.T) {
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join("../../shared/samples", name))
		if errors.Is(err, os.ErrNotExist) {
			t.Skip("the real documents are not on this machine")
		}
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	printed := read("nbb-pdf-m01f-abbr-2024-0443246943.pdf")
	for _, name := range []string{"nbb-csv-m01f-abbr-2024-0443246943.csv", "nbb-xbrl-fws25-m01f-2024-0443246943.xbrl"} {
		for _, pdfFirst := range []bool{true, false} {
			fx, dir := withFolder(t)
			company := fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Echt BV", VAT: "BE0443.246.943 (RPR)"})
			c := client{company: company}
			c.period = fx.period(c, 2024)
			files := []string{"sociale balans", "balans" + filepath.Ext(name)}
			docs := [][]byte{printed, read(name)}
			if !pdfFirst {
				files[0], files[1], docs[0], docs[1] = files[1], files[0], docs[1], docs[0]
			}
			for i := range files {
				fx.leave(filepath.Join(dir, "k", files[i]), docs[i])
				fx.sync()
				fx.later(time.Hour)
			}
			want, err := balance.NewReader(balance.ReaderOptions{}).Read(read(name))
			fx.must(err)
			if n := len(fx.entries()); n != 2 {
				t.Fatalf("%d entries, want 2", n)
			}
			for _, e := range fx.entries() {
				if strings.HasSuffix(e.ID, "sociale balans") {
					fx.wantState(e, ledger.Superseded, ledger.InWholeEuros)
				} else {
					fx.wantState(e, ledger.Done, "")
				}
			}
			for cell, v := range want.Values {
				if got := fx.held(c, cell.String()); got != balance.Canonical(v) {
					t.Errorf("%s, PDF first %v: %s is %q, want %s", name, pdfFirst, cell, got, v)
				}
			}
		}
	}
}

// Of the collected cases the correction counts, in either order.
func TestCollectedInitialAndCorrection(t *testing.T) {
	for _, correctionFirst := range []bool{true, false} {
		fx, dir := withFolder(t)
		company := fx.sf.AddCompany(fx.firm, fakesilverfin.Company{Name: "Bakkerij Voorbeeld BV", VAT: "BE0900102194 (RPR Gent)"})
		c := client{company: company}
		c.period = fx.period(c, 2024)
		names := []string{"initial.csv", "correction.csv"}
		if correctionFirst {
			names[0], names[1] = names[1], names[0]
		}
		for _, name := range names {
			doc, err := os.ReadFile(filepath.Join("../../shared/cases/which", name))
			if errors.Is(err, os.ErrNotExist) {
				t.Skip("the collected cases are not on this machine")
			}
			fx.must(err)
			fx.leave(filepath.Join(dir, "k", name), doc)
			fx.sync()
			fx.later(time.Hour)
		}
		if got := fx.held(c, "1003"); got != "9" {
			t.Errorf("correction first %v: Silverfin holds %q", correctionFirst, got)
		}
	}
}
