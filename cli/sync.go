package cli

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"balansd/balance"
	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/problem"

	"github.com/spf13/cobra"
)

func newSyncCommand(app *App) *cobra.Command {
	var r daemon.SyncRequest
	c := &cobra.Command{
		Use:   "sync",
		Short: "Run a sync now",
		Long: `Ask every source what is new and bring it into Silverfin now, as the nightly
run does. With --dossier, only that dossier, and what is done there is looked
at again: where a person changed a figure since, it says so.

With --full, every connection is listed from the beginning, for balances that
Finbox showed late; the first night of each week does the same.

A whole name, number or id wins over a part of a name; where several dossiers fit,
you are asked which, and without a terminal they are listed and the exit code is 2.
A dossier is done at once, also while a run over everything is under way.

With --dry-run nothing is written anywhere; it says for each balance what would
happen, and why.

Ctrl-C stops the run, and balansd sync stop does it from elsewhere; what is done
stays done. The exit code is 3 when something needs a person; with --fail-on services
only when a service refuses, and not when a dossier waits.`,
		Example: "  balansd sync\n  balansd sync --dry-run\n  balansd sync --dossier 0403.170.701\n  balansd sync stop",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r.By = person()
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				if err := app.chooseDossier(cmd.Context(), api, &r); err != nil {
					return err
				}
				bar := app.newProgress()
				var outcomes []outcome
				p, err := api.Sync(cmd.Context(), r, func(p daemon.Progress) {
					bar.update(p.Done, p.Total, progressText(p.Text, p.Pace))
					if p.Entry != nil {
						outcomes = append(outcomes, outcome{*p.Entry, p.Would})
					}
				})
				bar.close()
				err = app.showRun(p, outcomes, err)
				if len(outcomes) == 0 && r.Dossier != "" && (err == nil || problem.Is(err, problem.NeedsPerson)) {
					if found, listErr := employers(cmd.Context(), api, r.Dossier); listErr != nil || len(found) == 0 {
						err = cmp.Or(listErr, noDossier(r.Dossier))
					}
				}
				return err
			})
		},
	}
	c.Flags().BoolVar(&r.DryRun, "dry-run", false, "say what would happen, and change nothing")
	c.Flags().BoolVar(&r.Full, "full", false, "list every connection from the beginning, not only what is new")
	c.Flags().StringVar(&r.Dossier, "dossier", "", "only this dossier: `ref` is its number, its affiliation number, its id, its name or a part of that")
	c.Flags().Int64Var(&r.FirmID, "firm", 0, "only this Silverfin firm, by its `id`")
	c.AddCommand(newSyncStopCommand(app))
	return app.withFailOn(app.withJSON(c))
}

func noDossier(ref string) error {
	return problem.New(problem.NotFound, fmt.Sprintf("no dossier in the ledger fits %q", ref),
		"See how the dossiers are called: balansd ledger list.")
}

// outcome is what a run did, or would do, with one entry.
type outcome struct {
	Entry ledger.Entry `json:"entry"`
	Would string       `json:"would,omitempty"`
}

// showRun prints what a run did. cause is why it did not complete, or nil.
func (app *App) showRun(p ledger.Run, outcomes []outcome, cause error) error {
	slices.SortFunc(outcomes, func(a, b outcome) int {
		return cmp.Or(strings.Compare(a.Entry.Dossier.Name, b.Entry.Dossier.Name), cmp.Compare(a.Entry.Number, b.Entry.Number))
	})
	a := attention{Services: len(p.Problems) > 0}
	for _, o := range outcomes {
		if c, ok := o.Entry.Condition(); ok {
			a.add(c)
		}
	}
	if app.asJSON {
		if p.Start.IsZero() && cause != nil {
			return cause
		}
		if err := app.print(struct {
			Run     ledger.Run `json:"pass"`
			Entries []outcome  `json:"entries"`
			// Attention is of what this run did.
			Attention attention `json:"attention"`
		}{p, append([]outcome{}, outcomes...), a}); err != nil {
			return err
		}
	} else if !p.Start.IsZero() {
		app.runText(p, outcomes)
	}
	if cause != nil {
		return cause
	}
	return app.attentionError(a)
}

func (app *App) runText(p ledger.Run, outcomes []outcome) {
	if len(outcomes) > 0 {
		app.showOutcomes(outcomes, p.DryRun)
		app.printf("\n")
	}
	app.showProblems(p)
	app.printf("%s\n", runSummary(p))
}

// showProblems prints what was wrong in a run, apart from single balances.
func (app *App) showProblems(p ledger.Run) {
	for _, text := range p.Problems {
		app.printf("! %s\n", clean(text))
	}
}

// showOutcomes prints entries as a table, each followed by indented lines with the reason
// for its state and what a person can do: these are sentences, too long for a column.
func (app *App) showOutcomes(outcomes []outcome, dry bool) {
	heading := "stands"
	if dry {
		heading = "would then be"
	}
	t := newTable("nr", "dossier", "year", heading)
	for _, o := range outcomes {
		t.add(entryNumber(o.Entry), dossierText(o.Entry), yearText(o.Entry.FiscalYear), stateText(o.Entry))
	}
	for i, line := range app.lines(t) {
		app.printf("%s\n", line)
		if i == 0 {
			continue
		}
		o := outcomes[i-1]
		for _, text := range o.explanations(dry) {
			app.printf("      %s\n", clean(text))
		}
	}
}

// explanations returns the reason for the state of an entry, and what a person can do.
func (o outcome) explanations(dry bool) []string {
	var texts []string
	switch e := o.Entry; {
	case dry:
		texts = append(texts, "would "+o.Would)
	case e.Detail != "":
		texts = append(texts, e.Detail)
	case o.Would != "" && e.State == ledger.Done:
		texts = append(texts, strings.Replace(o.Would, "write ", "wrote ", 1))
	}
	if n := o.Entry.CountFindings(); n > 0 && o.Entry.Reason != ledger.HasFindings {
		texts = append(texts, findingsText(n)+" about its figures")
	}
	if o.Entry.Next != "" {
		texts = append(texts, "→ "+o.Entry.Next)
	}
	return texts
}

// findingsText returns the number of findings in words.
func findingsText(n int) string {
	if n == 1 {
		return "1 finding"
	}
	return fmt.Sprintf("%d findings", n)
}

// runSummary returns one line about what a run did.
func runSummary(p ledger.Run) string {
	var parts []string
	for _, s := range slices.Sorted(maps.Keys(p.Outcome)) {
		if n := p.Outcome[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s))
		}
	}
	text := fmt.Sprintf("%d new", p.New)
	if p.DryRun {
		text = fmt.Sprintf("dry run, nothing was changed: %d new", p.New)
	}
	if len(parts) > 0 {
		text += ", " + strings.Join(parts, ", ")
	}
	if p.Findings > 0 {
		text += fmt.Sprintf(", %d with findings", p.Findings)
	}
	if !p.End.IsZero() {
		text += fmt.Sprintf(", in %s", p.End.Sub(p.Start).Round(10*time.Millisecond))
	}
	if p.Stopped != "" {
		text += " — " + p.Stopped
	}
	return text
}

// stateText returns the state of an entry in a few words.
func stateText(e ledger.Entry) string {
	text := string(e.State)
	switch {
	case e.Reason != "":
		text += ": " + string(e.Reason)
	case e.FailClass != "":
		text += ": " + string(e.FailClass)
	case e.SupersededBy != 0 && e.SupersededBy < 1<<62:
		text += fmt.Sprintf(" by %d", e.SupersededBy)
	}
	if e.Parked {
		text += ", parked"
	}
	return text
}

// entryNumber returns the number of an entry as text. One that a dry run found has none.
func entryNumber(e ledger.Entry) string {
	if e.Number >= ledger.FirstDryRunNumber {
		return "new"
	}
	return fmt.Sprint(e.Number)
}

// dossierText returns the name and enterprise number of a dossier.
func dossierText(e ledger.Entry) string {
	d := e.Dossier
	name := d.Name
	if name == "" {
		name = d.ID
	}
	if d.EnterpriseNumber != "" {
		name += " " + d.EnterpriseNumber.Pretty()
	}
	return name
}

// yearText returns a financial year as text: 2025 for a calendar year, else its dates.
func yearText(p balance.Period) string {
	s, e := p.Start, p.End
	switch {
	case e.IsZero():
		return ""
	case s.Year == e.Year && s.Month == 1 && s.Day == 1 && e.Month == 12 && e.Day == 31:
		return fmt.Sprint(e.Year)
	case s.IsZero():
		return "to " + e.String()
	default:
		return s.String() + " to " + e.String()
	}
}
