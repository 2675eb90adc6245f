package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"balansd/balance"
)

func newBalanceDiffCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Show what a corrected social balance changed",
		Long: `Show in which rubrics two social balances differ, by section of the form, and
which findings came or went. The two may be of different layouts. An empty cell
is not the same as zero.`,
		Example: "  balansd balance diff first.xbrl corrected.xbrl\n  balansd balance diff filing.csv filing.xbrl --lang fr",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			before, err := app.someBalance(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			after, err := app.someBalance(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			d := difference{
				Changes:      append([]balance.Change{}, balance.Diff(before.Values, after.Values)...),
				NewFindings:  findingsBeside(app.localizedFindings(after), app.localizedFindings(before)),
				GoneFindings: findingsBeside(app.localizedFindings(before), app.localizedFindings(after)),
			}
			if app.asJSON {
				return app.print(d)
			}
			app.showDifference(before, after, d)
			return nil
		},
	})
}

// difference is what changed from one balance to another.
type difference struct {
	Changes      []balance.Change  `json:"changes"`
	NewFindings  []balance.Finding `json:"new_findings"`
	GoneFindings []balance.Finding `json:"gone_findings"`
}

// findingsBeside lists the findings that the others do not have, whatever
// figures they name. Those about no rubric are told apart by what they say,
// wherever in the document it was.
func findingsBeside(findings, others []balance.Finding) []balance.Finding {
	beside := []balance.Finding{}
	for _, f := range findings {
		if !slices.ContainsFunc(others, func(o balance.Finding) bool {
			return o.Rule == f.Rule && slices.Equal(o.Codes, f.Codes) && (len(f.Codes) > 0 || maps.Equal(withoutLine(o.Args), withoutLine(f.Args)))
		}) {
			beside = append(beside, f)
		}
	}
	return beside
}

// withoutLine returns what a finding says but for the line where it was found.
func withoutLine(args map[string]string) map[string]string {
	args = maps.Clone(args)
	delete(args, "line")
	return args
}

// showDifference prints what changed, first what the two say of themselves.
func (app *App) showDifference(before, after *balance.Balance, d difference) {
	lang := app.language()
	w := wordsOf[lang]
	old, now := headOf(before, w), headOf(after, w)
	for i := range old {
		switch was, is := old[i][1], now[i][1]; {
		case was == is && is != "":
			app.printf("%s: %s\n", old[i][0], clean(is))
		case was != is:
			app.printf("%s: %s → %s\n", old[i][0], orDash(clean(was)), orDash(clean(is)))
		}
	}
	if len(d.Changes) == 0 {
		app.printf("\n%s\n", w.same)
	} else {
		app.showChanges(d.Changes, lang)
	}
	for _, part := range []struct {
		heading  string
		findings []balance.Finding
	}{{w.newFindings, d.NewFindings}, {w.goneFindings, d.GoneFindings}} {
		if len(part.findings) > 0 {
			app.printf("\n")
			app.showFindings(part.heading, part.findings, lang)
		}
	}
}

// showChanges prints changed figures by section of the form, then how many.
func (app *App) showChanges(changes []balance.Change, lang balance.Lang) {
	w := wordsOf[lang]
	s := sections{app: app, lang: lang, head: []string{w.code, w.rubric, w.before, w.after, w.difference}, right: []int{2, 3, 4}}
	for _, c := range changes {
		r, _ := balance.RubricOf(c.Cell.Code)
		before, after, by := c.Texts(lang)
		s.add(r, c.Cell.String(), c.Cell.Label(lang), before, after, by)
	}
	s.end()
	app.printf("\n"+w.changed+"\n", len(changes))
}

// orDash stands for what is not said.
func orDash(text string) string {
	if strings.TrimSpace(text) == "" {
		return "–"
	}
	return text
}
