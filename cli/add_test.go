package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox"
	"balansd/sandbox/madeup"
)

// addFixture is a firm that linked Silverfin and not Finbox, with the demo's dossiers.
type addFixture struct {
	*fixture
	demo  *sandbox.Demo
	typed int // the number of writes before the test
}

// writes returns how often something was written to Silverfin since the fixture was made.
func (f *addFixture) writes() int { return len(f.sandbox.Silverfin.Writes()) - f.typed }

func newAddFixture(t *testing.T) *addFixture {
	t.Helper()
	f := newFixture(t, fixtureOptions{})
	f.linkSilverfin()
	demo := f.addDemo()
	return &addFixture{f, demo, len(f.sandbox.Silverfin.Writes())}
}

// document writes the balance of a demo dossier to a file in a layout, and returns its
// path.
func (f *addFixture) document(name string, l balance.Layout, one sandbox.DemoDossier, change ...func(*balance.Balance)) string {
	f.t.Helper()
	b, err := f.sandbox.Finbox.Figures(one.BalanceID)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, c := range change {
		c(b)
	}
	doc, err := madeup.Document(l, b)
	if err == nil {
		err = os.WriteFile(filepath.Join(f.dir, name), doc, 0o600)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return filepath.Join(f.dir, name)
}

// TestAdd delivers files with and without a daemon, and leaves decisions to a person.
func TestAdd(t *testing.T) {
	for name, running := range map[string]bool{"without a daemon": false, "with a daemon": true} {
		t.Run(name, func(t *testing.T) {
			f := newAddFixture(t)
			if running {
				f.daemon()
			}
			ready := f.demo.Find(sandbox.SituationNew)
			file := f.document("balans.csv", balance.NBBCSV, ready[0])

			r := f.want(3, "balans.csv is not confirmed", "add", file)
			if all := r.stdout + r.stderr; !strings.Contains(all, ready[0].Name) || !strings.Contains(all, "figures to write") || !strings.Contains(all, "--yes") {
				t.Errorf("add says %s", all)
			}
			if n := f.writes(); n != 0 || len(f.entries()) != 0 {
				t.Fatalf("%d writes before anything is confirmed", n)
			}

			f.want(0, ready[0].Name, "add", file, "--yes")
			if e := f.entries()[ready[0].Name]; e.State != ledger.Done || e.Connection != ledger.UploadsID {
				t.Errorf("the entry is %s: %s", e.State, e.Detail)
			}
			if f.writes() == 0 {
				t.Error("nothing was written")
			}

			several := f.document("garage.csv", balance.NBBCSV, f.demo.Find(sandbox.SituationSeveral)[0])
			other := f.document("ander.xbrl", balance.CBSOXBRL, ready[1])
			r = f.want(3, "garage.csv: ", "add", several, other, "--yes")
			if strings.Contains(r.stderr, "ander.xbrl") || f.entries()[ready[1].Name].State != ledger.Done {
				t.Errorf("what needs no decision is not delivered: %s%s", r.stdout, r.stderr)
			}
			if _, there := f.entries()[f.demo.Find(sandbox.SituationSeveral)[0].Name]; there {
				t.Error("what is to be decided is in the ledger")
			}
		})
	}
}

// TestAddForADossier names the company with --dossier. Figures go into a company with
// another enterprise number only if its name is given.
func TestAddForADossier(t *testing.T) {
	f := newAddFixture(t)
	ready := f.demo.Find(sandbox.SituationNew)
	f.want(3, "it belongs to "+ready[0].Name, "add", f.document("balans.csv", balance.NBBCSV, ready[0]), "--yes", "--dossier", ready[1].EnterpriseNumber.Pretty())
	if n := f.writes(); n != 0 || len(f.entries()) != 0 {
		t.Fatalf("%d writes into another company", n)
	}
	without := f.document("zonder nummer.csv", balance.NBBCSV, ready[2], func(b *balance.Balance) { b.EnterpriseNumber = "" })
	f.want(3, "gives no enterprise number", "add", without, "--yes")
	f.want(0, "in Silverfin", "add", without, "--yes", "--dossier", string(ready[2].EnterpriseNumber))

	unknown := f.document("apotheek.xbrl", balance.CBSOXBRL, f.demo.Find(sandbox.SituationNoCompany)[0])
	before := f.writes()
	f.want(3, "--number-differs", "add", unknown, "--yes", "--dossier", ready[1].Name)
	f.want(3, "--number-differs", "add", unknown, "--yes", "--dossier", ready[1].Name, "--number-differs", ready[0].Name)
	if n := f.writes(); n != before {
		t.Errorf("%d writes into a company with another number", n-before)
	}
	f.want(0, "in Silverfin", "add", unknown, "--yes", "--dossier", ready[1].Name, "--number-differs", ready[1].Name)
}

// TestAddAsJSON prints the upload if nothing is confirmed, else the run.
func TestAddAsJSON(t *testing.T) {
	f := newAddFixture(t)
	one := f.demo.Find(sandbox.SituationNew)[0]
	file := f.document("balans.csv", balance.NBBCSV, one)
	u := read[daemon.Upload](t, f.fixture, 3, "add", file)
	if len(u.Items) != 1 || u.Items[0].Outlook == nil || u.Items[0].Outlook.Kind != daemon.OutlookEmpty || u.Items[0].SHA256 == "" {
		t.Errorf("the upload is %+v", u)
	}
	run := read[struct {
		Entries []outcome `json:"entries"`
	}](t, f.fixture, 0, "add", file, "--yes")
	if len(run.Entries) != 1 || run.Entries[0].Entry.State != ledger.Done {
		t.Errorf("the run is %+v", run)
	}
}

// TestAddRefusesFiles checks that invalid files are refused before anything is saved.
func TestAddRefusesFiles(t *testing.T) {
	f := newAddFixture(t)
	f.want(1, "cannot be read", "add", filepath.Join(f.dir, "missing.pdf"))
	f.want(1, "is a folder", "add", f.dir)
	f.want(3, "letter.csv cannot be used", "add", f.write("letter.csv", "Met vriendelijke groeten\n"), "--yes")
	f.want(2, "", "add")
	if n := len(f.entries()); n != 0 {
		t.Errorf("%d entries", n)
	}
}
