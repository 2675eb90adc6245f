package daemon_test

import (
	"fmt"
	"strings"
	"testing"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// importLinks imports a table with these rows.
func (fx *fixture) importLinks(apply bool, seen string, rows ...string) (daemon.LinkImported, error) {
	fx.t.Helper()
	head := "connection;dossier;firm;company;from;paused;note;number_differs;dossier_name;company_name;company_number"
	table := head
	for _, r := range rows {
		table += "\n" + r + strings.Repeat(";", strings.Count(head, ";")-strings.Count(r, ";"))
	}
	return fx.d.ImportLinks(fx.t.Context(), daemon.LinkImport{Data: []byte(table), Apply: apply, Seen: seen, By: "Els"})
}

func TestImportLinks(t *testing.T) {
	fx, c, a, b := twoCompanies(t)
	made := fx.balance(c, 1)
	fx.add(c, made)
	fx.sync()
	fx.saveLink(fx.linkTo(a))
	row := fmt.Sprintf("%s;%s;%d;%d", fx.conn, c.dossier, fx.firm, b.company)

	shown, err := fx.importLinks(false, "", row)
	if err != nil || len(shown.Effects) != 1 || len(shown.Wrong) != 0 || shown.Applied {
		t.Fatalf("%+v, %v", shown, err)
	}
	if e := shown.Effects[0]; e.Line != 2 || e.Kind != daemon.LinkMoved || e.Before.CompanyID != a.company || e.Company.Name != "Client B" ||
		len(e.Balances) != 1 || e.Balances[0].Outlook.Writes != len(made.Values) {
		t.Errorf("the effect is %+v", e)
	}
	if links, err := fx.d.Links(t.Context()); err != nil || links[0].CompanyID != a.company {
		t.Errorf("the dry run changed %+v, %v", links, err)
	}
	done, err := fx.importLinks(true, shown.Seen, row)
	if err != nil || !done.Applied {
		t.Fatalf("%+v, %v", done, err)
	}
	fx.nights(1)
	fx.wantHeld(b, made)

	// What is exported changes nothing when it is imported, and an empty row removes.
	table, err := fx.d.ExportLinks(t.Context())
	fx.must(err)
	again, err := fx.d.ImportLinks(t.Context(), daemon.LinkImport{Data: table.Data, Apply: true})
	if err != nil || len(again.Effects) != 0 || len(again.Wrong) != 0 || again.Unchanged != table.Rows {
		t.Errorf("the export %s gives %+v, %v", table.Data, again, err)
	}
	gone, err := fx.importLinks(true, "", fmt.Sprintf("%s;%s", fx.conn, c.dossier))
	if err != nil || len(gone.Effects) != 1 || gone.Effects[0].Kind != daemon.LinkRemoved {
		t.Errorf("%+v, %v", gone, err)
	}
	if links, err := fx.d.Links(t.Context()); err != nil || len(links) != 0 {
		t.Errorf("links %+v, %v", links, err)
	}
}

// A table with one wrong row changes nothing, and every wrong row is named. None of them
// puts figures into another client's company.
func TestImportRefusesAsAWhole(t *testing.T) {
	fx, c, other := unmatched(t)
	good := fx.client(4)
	fx.add(good, fx.balance(good, 4))
	fx.sync()
	name := fx.companyName(other)
	to := fmt.Sprintf("%d;%d", fx.firm, other.company)
	for why, row := range map[string]string{
		"has enterprise number":     fmt.Sprintf("%s;%s;%s", fx.conn, c.dossier, to),
		"is not the company's":      fmt.Sprintf("%s;%s;%s;;;;Somebody Else", fx.conn, c.dossier, to),
		"in Silverfin it is":        fmt.Sprintf("%s;%s;%s;;;;%s;;Somebody Else", fx.conn, c.dossier, to, name),
		"of company":                fmt.Sprintf("%s;%s;%s;;;;%s;;;%s", fx.conn, c.dossier, to, name, fx.client(8).number),
		"the row calls dossier":     fmt.Sprintf("%s;%s;%s;;;;%s;Another Client BV", fx.conn, c.dossier, to, name),
		"has no dossier":            fmt.Sprintf("%s;417;%s", fx.conn, to),
		"has no company 1":          fmt.Sprintf("%s;%s;%d;1", fx.conn, c.dossier, fx.firm),
		"Silverfin firm 9999":       fmt.Sprintf("%s;%s;9999;%d", fx.conn, c.dossier, other.company),
		"connection \"payrol\" has": fmt.Sprintf("payrol;%s;%s", c.dossier, to),
	} {
		got, err := fx.importLinks(true, "", fmt.Sprintf("%s;%s;;;all", fx.conn, good.dossier), row, "x;y;z;")
		if err != nil || got.Applied || len(got.Wrong) != 2 || got.Wrong[0].Line != 3 || got.Wrong[1].Line != 4 || !strings.Contains(got.Wrong[0].What, why) {
			t.Errorf("%s: %+v, %v", why, got.Wrong, err)
		}
	}
	if links, err := fx.d.Links(t.Context()); err != nil || len(links) != 0 {
		t.Errorf("links %+v, %v", links, err)
	}
	fx.sync()
	fx.nothingIn(other)

	// With the word of an administrator it is meant.
	if got, err := fx.importLinks(true, "", fmt.Sprintf("%s;%s;%s;;;;%s", fx.conn, c.dossier, to, name)); err != nil || !got.Applied {
		t.Errorf("with the word: %+v, %v", got, err)
	}
	fx.sync()
	fx.wantState(fx.entries()[0], ledger.Done, "")
}

// What was shown and is no longer so is not imported.
func TestImportOfWhatChangedSince(t *testing.T) {
	fx, c, _, b := twoCompanies(t)
	fx.add(c, fx.balance(c, 1))
	fx.sync()
	row := fmt.Sprintf("%s;%s;%d;%d;;;;Client B", fx.conn, c.dossier, fx.firm, b.company)
	shown, err := fx.importLinks(false, "", row)
	fx.must(err)
	fx.must(fx.sf.SetVAT(b.company, string(fx.client(9).number)))
	if got, err := fx.importLinks(true, shown.Seen, row); !problem.Is(err, problem.Conflict) || got.Applied {
		t.Errorf("%+v, %v", got, err)
	}
	fx.sync()
	fx.nothingIn(b)
}

// Links of the configuration are not changed by a table.
func TestImportLeavesTheConfigurationAlone(t *testing.T) {
	fx, c, a, b := twoCompanies(t)
	fx.links = []ledger.DossierLink{fx.linkTo(a)}
	fx.again()
	row := fmt.Sprintf("%s;%s;%d;", fx.conn, c.dossier, fx.firm)
	if got, err := fx.importLinks(true, "", row+fmt.Sprint(a.company)); err != nil || got.Unchanged != 1 || len(got.Wrong) != 0 {
		t.Errorf("as it is: %+v, %v", got, err)
	}
	for _, r := range []string{row + fmt.Sprint(b.company), fmt.Sprintf("%s;%s", fx.conn, c.dossier)} {
		if got, err := fx.importLinks(true, "", r); err != nil || got.Applied || len(got.Wrong) != 1 || !strings.Contains(got.Wrong[0].What, "in the configuration") {
			t.Errorf("%s: %+v, %v", r, got, err)
		}
	}
}
