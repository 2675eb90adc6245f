package cli

import (
	"context"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox"
)

// showNames tells what a night found of names and addresses.
func (d *demoRun) showNames(ctx context.Context) error {
	page, err := d.node.ListAdministration(ctx, daemon.AdministrationQuery{})
	if err != nil {
		return err
	}
	d.printf("%s\n", d.styled(d.env.Stdout, bold, "Names and addresses, compared with AdminPulse:"))
	for _, a := range page.Companies {
		for _, e := range a.History {
			if e.Act == ledger.AdministrationNamed {
				d.printf("  %-30s had no name in Silverfin, and got this one.\n", clean(a.Company))
			}
		}
		for i, x := range a.Open() {
			name, hint := "", ""
			if i == 0 {
				name = clean(a.Company)
			}
			if !daemon.CanUse(x) {
				hint = " (to be copied by hand)"
			}
			d.printf("  %-30s %s: %s, in Silverfin %s%s\n", name, fieldList(a.Open()[i:i+1]), clean(x.Source), clean(x.Silverfin), hint)
		}
	}
	d.printf("\n")
	return nil
}

// useAddress uses what AdminPulse states of a dossier that moved, as a person does on the
// yellow bar.
func (d *demoRun) useAddress(ctx context.Context, one sandbox.DemoDossier) error {
	c := daemon.SeenAdministration{FirmID: d.made.FirmID, CompanyID: one.CompanyIDs[0]}
	_, err := d.node.DecideAdministration(ctx, daemon.AdministrationDecision{Companies: []daemon.SeenAdministration{c}, Choice: daemon.UseSource, By: "Els"})
	if err != nil {
		return err
	}
	d.printf("%s has moved: Els clicks, on the yellow bar, on using the data from AdminPulse.\n", one.Name)
	return nil
}
