package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"balansd/administration"
	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/problem"

	"github.com/spf13/cobra"
)

// newAdministrationCommand returns the command of names and addresses.
func newAdministrationCommand(app *App) *cobra.Command {
	return group("administration", "Compare names and addresses with registers and administration packages",
		"  balansd administration sync\n  balansd administration list --open\n  balansd administration use 0402.754.886",
		newAdministrationListCommand(app), newAdministrationShowCommand(app), newAdministrationReferencesCommand(app), newAdministrationPickCommand(app),
		newAdministrationSyncCommand(app, false), newAdministrationSyncCommand(app, true),
		newAdministrationDecideCommand(app, daemon.UseSource), newAdministrationDecideCommand(app, daemon.KeepCompanies), newAdministrationNumbersCommand(app))
}

func newAdministrationListCommand(app *App) *cobra.Command {
	var q daemon.AdministrationQuery
	empty := func(*config.Config) any {
		return daemon.AdministrationPage{Sources: []daemon.AdministrationSource{}, Companies: []ledger.Administration{}}
	}
	c := app.withJSON(&cobra.Command{
		Use: "list", Short: "List companies with what a source states otherwise", Example: "  balansd administration list --open", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.withExistingState(cmd.Context(), empty, func(api localapi.API, _ *config.Config) error {
				page, err := api.ListAdministration(cmd.Context(), q)
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(page)
				}
				app.sourcesText(page.Sources)
				t := newTable("company", "name", "number", "source", "reference", "differs in")
				for _, a := range page.Companies {
					t.add(a.Key(), a.Company, a.EnterpriseNumber.Pretty(), a.Source, a.Reference, fieldList(a.Open()))
				}
				app.show(t)
				app.printf("%d of %d companies; %d have something that nobody decided about.\n", len(page.Companies), page.Total, page.Open)
				return nil
			})
		},
	})
	c.Flags().BoolVar(&q.Open, "open", false, "only those that nobody decided about")
	c.Flags().StringVar(&q.Search, "search", "", "`words` that are in the name, number, id or reference")
	c.Flags().Int64Var(&q.FirmID, "firm", 0, "only companies of the Silverfin firm with this `id`")
	c.Flags().IntVar(&q.Limit, "limit", 100, "at most this many; 0 for all")
	return c
}

// sourcesText says how the sources stand.
func (app *App) sourcesText(sources []daemon.AdministrationSource) {
	for _, s := range sources {
		when := "not listed yet"
		if !s.ListedAt.IsZero() {
			when = fmt.Sprintf("%d clients, listed %s", s.Report.Found, s.ListedAt.Format("2006-01-02 15:04"))
		}
		app.printf("%s (%s): %s\n", clean(s.Name), s.Kind, when)
		if s.Problem != "" {
			app.printf("  %s\n", clean(s.Problem))
		}
	}
}

// fieldList lists the fields of differences.
func fieldList(list []administration.Difference) string {
	names := make([]string, len(list))
	for i, d := range list {
		names[i] = string(d.Field)
	}
	return strings.Join(names, ", ")
}

func newAdministrationShowCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use: "show COMPANY", Short: "Show what sources and Silverfin have of one company", Args: cobra.ExactArgs(1),
		Long:    "Show what sources and Silverfin have of one company, named by its enterprise\nnumber, its name or its id in Silverfin.",
		Example: "  balansd administration show 0402.754.886",
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				a, err := api.ShowAdministration(cmd.Context(), daemon.AdministrationRequest{Search: args[0]})
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(a)
				}
				app.administrationText(a)
				return nil
			})
		},
	})
}

// administrationText shows a company, field by field.
func (app *App) administrationText(a daemon.AdministrationDetail) {
	app.printf("%s, %s, company %s of %s\n", clean(a.Company), a.EnterpriseNumber.Pretty(), a.Key(), clean(a.Firm))
	if a.Source == "" {
		app.printf("No source has it.\n")
	} else {
		app.printf("Source: %s, %s, listed %s\n", clean(a.Source), clean(a.Reference), a.ListedAt.Format("2006-01-02 15:04"))
	}
	t := newTable("field", "source", "Silverfin", "")
	for _, f := range administration.Fields() {
		stated, states := a.Stated[f]
		held, has := a.Held[f]
		if !states && !has {
			continue
		}
		t.add(string(f), stated, held, standing(a.Administration, f))
	}
	app.show(t)
	for _, o := range a.Others {
		app.printf("%s (%s) has: %s\n", clean(o.Source), clean(o.Reference), clean(valuesText(o.Values)))
	}
	app.printf("Not available from any source: %s\n", strings.Join(a.Unavailable, ", "))
	for _, e := range a.History {
		app.printf("%s  %s  %s  %s\n", e.At.Format("2006-01-02 15:04"), e.Act, clean(e.By), clean(changesText(e)))
	}
}

// standing says how a field stands.
func standing(a ledger.Administration, f administration.Field) string {
	d, differs := a.Difference(f)
	switch {
	case !differs:
		return ""
	case !slices.Contains(a.Open(), d):
		return "kept by " + a.Kept[f].By
	case !daemon.CanUse(d):
		return "differs; copy it by hand"
	}
	return "differs"
}

func valuesText(v administration.Values) string {
	var parts []string
	for _, f := range administration.Fields() {
		if v[f] != "" {
			parts = append(parts, fmt.Sprintf("%s %s", f, v[f]))
		}
	}
	return strings.Join(parts, ", ")
}

func changesText(e ledger.AdministrationEvent) string {
	parts := []string{e.Source}
	for _, d := range e.Changes {
		parts = append(parts, fmt.Sprintf("%s: %q, %q in Silverfin", d.Field, d.Source, d.Silverfin))
	}
	return strings.Join(parts, "; ")
}

func newAdministrationSyncCommand(app *App, known bool) *cobra.Command {
	r := daemon.AdministrationSync{Known: known}
	var company string
	c := &cobra.Command{Use: "sync", Short: "List the sources and compare names and addresses now", Args: cobra.NoArgs,
		Long: `List the sources and compare names and addresses with Silverfin now, as the
nightly run does. Nothing is written but the name of a company that has none of its
own. The exit code is 3 when a source could not be listed.`,
		Example: "  balansd administration sync\n  balansd administration sync --company 0402.754.886"}
	if known {
		c.Use, c.Short, c.Long = "compare", "Compare names and addresses with what was listed last", "Compare names and addresses in Silverfin with what the sources listed last. No\nsource is asked."
		c.Example = "  balansd administration compare"
	}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
			r.By = person()
			if company != "" {
				a, err := api.ShowAdministration(cmd.Context(), daemon.AdministrationRequest{Search: company})
				if err != nil {
					return err
				}
				r.FirmID, r.CompanyID = a.FirmID, a.CompanyID
			}
			out, err := api.SyncAdministration(cmd.Context(), r)
			if err != nil {
				return err
			}
			return app.showSynced(out)
		})
	}
	c.Flags().StringVar(&company, "company", "", "only this `company`: its enterprise number, name or id")
	return app.withJSON(c)
}

// showSynced shows the outcome of a comparison.
func (app *App) showSynced(out daemon.AdministrationSynced) error {
	var failed error
	if len(out.Problems) > 0 {
		failed = shownError{problem.New(problem.NeedsPerson, "not everything could be compared", "")}
	}
	if app.asJSON {
		if err := app.print(out); err != nil {
			return err
		}
		return failed
	}
	app.sourcesText(out.Sources)
	app.printf("%d companies were compared, %d of which a source has; %d differ in something that nobody decided about.\n", out.Companies, out.Matched, out.Open)
	if out.Named+out.Written > 0 {
		app.printf("%d without a name got one, %d recorded changes were carried out.\n", out.Named, out.Written)
	}
	for _, p := range out.Problems {
		app.printf("%s\n", clean(p))
	}
	return failed
}

func newAdministrationDecideCommand(app *App, choice daemon.AdministrationChoice) *cobra.Command {
	var names []string
	c := &cobra.Command{Use: "use COMPANY...", Short: "Write the source's values into Silverfin, and read them back", Args: cobra.MinimumNArgs(1),
		Long: `Write what the source states of companies into Silverfin, and read it back. Without
--field all that differs is written, as far as Silverfin lets it be written: the name
and the address.`,
		Example: "  balansd administration use 0402.754.886\n  balansd administration use 0402.754.886 --field street,number"}
	if choice == daemon.KeepCompanies {
		c.Use, c.Short = "keep COMPANY...", "Keep what Silverfin has, until one of the sides changes"
		c.Long = "Keep what Silverfin has of companies. The difference is shown again once the source\nor Silverfin has another value."
		c.Example = "  balansd administration keep 0402.754.886\n  balansd administration keep 0402.754.886 --field name"
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
			r, err := administrationDecision(cmd.Context(), api, args, names)
			if err != nil {
				return err
			}
			r.Choice = choice
			out, err := api.DecideAdministration(cmd.Context(), r)
			if err != nil {
				return err
			}
			return app.showDecided(out)
		})
	}
	c.Flags().StringSliceVar(&names, "field", nil, "only these `fields`: "+fieldNames())
	return app.withJSON(c)
}

func fieldNames() string {
	names := make([]string, 0, len(administration.Fields()))
	for _, f := range administration.Fields() {
		names = append(names, string(f))
	}
	return strings.Join(names, ", ")
}

// administrationDecision returns the decision about companies that a command names.
func administrationDecision(ctx context.Context, api localapi.API, companies, fields []string) (daemon.AdministrationDecision, error) {
	r := daemon.AdministrationDecision{By: person()}
	for _, name := range fields {
		f := administration.Field(name)
		if !slices.Contains(administration.Fields(), f) {
			return r, problem.New(problem.Usage, fmt.Sprintf("--field %.40q is no field", name), "Name one of "+fieldNames()+".")
		}
		r.Fields = append(r.Fields, f)
	}
	for _, company := range companies {
		a, err := api.ShowAdministration(ctx, daemon.AdministrationRequest{Search: company})
		if err != nil {
			return r, err
		}
		r.Companies = append(r.Companies, daemon.SeenAdministration{FirmID: a.FirmID, CompanyID: a.CompanyID, Version: a.Version})
	}
	return r, nil
}

// showDecided shows the outcome of a decision.
func (app *App) showDecided(out daemon.AdministrationDecided) error {
	var failed error
	if len(out.Problems) > 0 {
		failed = shownError{problem.New(problem.NeedsPerson, "not every decision could be carried out", "")}
	}
	if app.asJSON {
		if err := app.print(out); err != nil {
			return err
		}
		return failed
	}
	for _, a := range out.Done {
		left := fieldList(a.Open())
		if left != "" {
			left = "; left: " + left
		}
		app.printf("%s (%s): done%s\n", clean(a.Company), a.Key(), left)
	}
	for _, p := range out.Problems {
		app.printf("%s (%d/%d): %s. %s\n", clean(p.Company), p.FirmID, p.CompanyID, clean(p.What), clean(p.Next))
	}
	return failed
}
