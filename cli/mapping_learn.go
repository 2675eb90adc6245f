package cli

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"balansd/balance"
	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
	"balansd/mapping"
	"balansd/problem"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"
)

func newMappingLearnCommand(app *App) *cobra.Command {
	var dossiers []string
	var firm int64
	var o learnOptions
	c := app.withJSON(&cobra.Command{
		Use: "learn --dossier REF [--dossier REF]...", Short: "Find the mapping in dossiers that were filled in by hand",
		Long: `Find where a firm's template has the figures of the social balance, in one to three
dossiers in which someone filled in the social balance by hand in Silverfin, and whose
balance balansd has: from a connection, or uploaded. It compares the figures, and reads
the templates' texts where Silverfin shows them. It changes nothing in Silverfin.

It prints each place that it found, with each rubric: how sure it is, and why. Last come
the lines for the configuration. With --save they are not needed: the mapping is saved
for this firm, after a question.

REF is a dossier as balansd ledger list names it, its enterprise number, or #N for the
balance with that number. A second and third dossier help: many figures of one dossier
are equal. The exit code is 3 when nothing was found that can be used.`,
		Example: "  balansd mapping learn --dossier 0403.170.701\n  balansd mapping learn --dossier 0403.170.701 --dossier '#12' --save",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r := daemon.LearnRequest{FirmID: firm}
			for _, ref := range dossiers {
				if number, ok := strings.CutPrefix(ref, "#"); ok {
					n, err := strconv.ParseUint(number, 10, 64)
					if err != nil {
						return problem.New(problem.Usage, fmt.Sprintf("%q is no number of a balance", clean(ref)), "balansd ledger list shows the numbers.")
					}
					r.Entries = append(r.Entries, n)
					continue
				}
				r.Dossiers = append(r.Dossiers, ref)
			}
			return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error {
				learnt, err := api.LearnMapping(cmd.Context(), r)
				if err != nil {
					return err
				}
				return app.learnt(cmd.Context(), api, learnt, o)
			})
		},
	})
	c.Flags().StringArrayVar(&dossiers, "dossier", nil, "a `dossier` that was filled in by hand; may be given several times")
	c.Flags().Int64Var(&firm, "firm", 0, "the `id` of the Silverfin firm that they must be in")
	c.Flags().BoolVar(&o.save, "save", false, "save the mapping for the firm")
	c.Flags().IntVar(&o.candidate, "candidate", 1, "the `number` of the place to save, and to print in full")
	c.Flags().BoolVar(&o.yes, "yes", false, "save it without asking")
	return c
}

// learnOptions say what to do with what was learnt.
type learnOptions struct {
	candidate int
	save, yes bool
}

// learnt shows what was learnt, and saves it where asked.
func (app *App) learnt(ctx context.Context, api localapi.API, l daemon.LearntMapping, o learnOptions) error {
	n := o.candidate - 1
	if len(l.Candidates) > 0 && (n < 0 || n >= len(l.Candidates)) {
		return problem.New(problem.Usage, fmt.Sprintf("there is no place %d, only 1 to %d", o.candidate, len(l.Candidates)), "")
	}
	if app.asJSON {
		if err := app.print(l); err != nil {
			return err
		}
	} else if err := app.showLearnt(l, n); err != nil {
		return err
	}
	if len(l.Candidates) == 0 || !l.Candidates[n].Telling {
		next := "Name other dossiers whose social balance is filled in by hand in Silverfin, for the year of the balance that balansd has; or ask who makes the firm's templates."
		return problem.New(problem.NeedsPerson, "no place was found that surely takes the social balance", next)
	}
	if !o.save {
		return nil
	}
	if !o.yes {
		question := fmt.Sprintf("Write the social balances of %s there from now on?", clean(l.FirmName))
		if err := app.askOrRefuse(question, "the mapping of "+clean(l.FirmName)+" would be changed"); err != nil {
			return err
		}
	}
	saved, err := api.SetMapping(ctx, l.Change(n, person()))
	if err != nil {
		return err
	}
	if !app.asJSON {
		app.printf("Saved for %s; deliveries use it from now on. What is in Silverfin already stays where it is:\n"+
			"balansd sync --dossier REF brings the balance of a dossier to the new place too.\n", clean(l.FirmName))
	}
	if len(saved.Lacks) > 0 {
		return problem.New(problem.NeedsPerson, fmt.Sprintf("to write there, Silverfin firm %d must grant more: %s", l.FirmID, strings.Join(saved.Lacks, ", ")),
			fmt.Sprintf("Link it again: balansd connect silverfin --firm %d.", l.FirmID))
	}
	return nil
}

// showLearnt prints the places that were found, the chosen one in full.
func (app *App) showLearnt(l daemon.LearntMapping, chosen int) error {
	names := make([]string, len(l.Dossiers))
	for i, d := range l.Dossiers {
		names[i] = clean(d)
	}
	app.printf("%s (Silverfin firm %d), learnt from %s\n", clean(l.FirmName), l.FirmID, strings.Join(names, ", "))
	if l.Own > 0 {
		app.printf("%d values that balansd wrote itself were left out.\n", l.Own)
	}
	for i, c := range l.Candidates {
		app.printf("\n%s\n", app.styled(app.env.Stdout, bold, fmt.Sprintf("%d. %s", i+1, placeOf(c))))
		app.printf("   %s\n", countsOf(c))
		for _, line := range usesOf(c) {
			app.printf("   %s\n", line)
		}
	}
	for _, s := range l.Similar {
		if len(l.Candidates) > 0 && l.Candidates[0].Telling {
			break
		}
		app.printf("\nThe template %s (%s) is called a social balance, but the figures of these dossiers are not in it.\n", clean(s.Handle), clean(cmp.Or(s.Name, s.Handle)))
	}
	if len(l.Candidates) == 0 {
		app.printf("\nThe figures of these dossiers were not found in Silverfin.\n")
		return nil
	}
	c := l.Candidates[chosen]
	app.printf("\nThe rubrics of place %d:\n", chosen+1)
	app.showRubrics(c)
	text, err := targetYAML(l.FirmID, c.Target)
	if err != nil {
		return err
	}
	app.printf("\nSave it with --save, or paste this into the configuration:\n\n%s", text)
	return nil
}

// placeOf names a place for people.
func placeOf(c mapping.Candidate) string {
	if c.Target.Level == mapping.LevelPeriod {
		return fmt.Sprintf("Data of the period, which templates can show (namespace %s)", clean(c.Target.Namespace))
	}
	return fmt.Sprintf("The fields of the template %s (handle %s)", clean(cmp.Or(c.Name, c.Target.Handle)), clean(c.Target.Handle))
}

// countsOf says how many rubrics were found.
func countsOf(c mapping.Candidate) string {
	text := fmt.Sprintf("%d rubrics certain, %d likely", c.Certain, c.Likely)
	if c.Ambiguous > 0 {
		text += fmt.Sprintf(", %d that stay open", c.Ambiguous)
	}
	if !c.Telling {
		text += ": too little to go by"
	}
	return text + "."
}

// usesOf says which templates use a place, and how figures are written there.
func usesOf(c mapping.Candidate) []string {
	var lines []string
	names := func(handles []string) string { return clean(strings.Join(handles, ", ")) }
	own := []string{c.Target.Handle}
	switch {
	case slices.Equal(c.ReadBy, own):
		lines = append(lines, "The template's text names these fields.")
	case len(c.ReadBy) > 0:
		lines = append(lines, "The texts of these templates name the fields: "+names(c.ReadBy)+".")
	}
	switch {
	case slices.Equal(c.ShownBy, own):
		lines = append(lines, "The template shows these figures in its results.")
	case len(c.ShownBy) > 0:
		lines = append(lines, "These templates show the figures in their results: "+names(c.ShownBy)+".")
	}
	if len(c.ReadBy)+len(c.ShownBy) == 0 && c.Target.Level == mapping.LevelPeriod {
		lines = append(lines, "No template was seen to use it.")
	}
	if c.Doubled {
		line := "The workflow has several templates with this handle."
		if c.Target.RequireStarred {
			line = "The workflow has several templates with this handle; the one with a star is filled in."
		}
		lines = append(lines, line)
	}
	v := c.Target.Values
	var how []string
	if v.Comma() {
		how = append(how, "with a decimal comma")
	}
	if v.BlankZero() {
		how = append(how, "zero left empty")
	}
	if v.WholeEuros() {
		how = append(how, "amounts in whole euros")
	}
	if len(v.Negative) > 0 {
		how = append(how, "the other sign for "+strings.Join(v.Negative, ", "))
	}
	if len(how) > 0 {
		lines = append(lines, "Figures are written "+strings.Join(how, ", ")+".")
	}
	return lines
}

// showRubrics prints where each rubric was found, and those that stay open.
func (app *App) showRubrics(c mapping.Candidate) {
	t := newTable("rubric", "meaning", "field", "sure", "why")
	byPattern := 0
	for _, r := range c.Rubrics {
		if r.Absent && r.Confidence == mapping.Likely {
			byPattern++
			continue
		}
		label := []rune(r.Cell.Label(app.language()))
		if len(label) > 60 {
			label = append(label[:59], '…')
		}
		sure := string(r.Confidence)
		if r.Confidence == mapping.Ambiguous {
			sure = "open"
		}
		t.add(r.Cell.String(), string(label), r.Property, sure, whyOf(r))
	}
	app.show(t)
	if byPattern > 0 {
		app.printf("%d more rubrics, which these dossiers do not have, follow the same pattern of keys.\n", byPattern)
	}
	out := 0
	for _, at := range c.Target.Map {
		if at == mapping.LeftOut {
			out++
		}
	}
	if out > 0 {
		app.printf("%d rubrics have no field, or it stays open which: they are not written (- in the map).\n"+
			"Another dossier may settle what is open, or a person writes its field into the map.\n", out)
	}
}

// whyOf gives the evidence of a rubric in words.
func whyOf(r mapping.LearntRubric) string {
	var why []string
	switch {
	case r.Equal == 1:
		why = append(why, "same figure in 1 dossier")
	case r.Equal > 1:
		why = append(why, fmt.Sprintf("same figure in %d dossiers", r.Equal))
	case r.Unseen:
		why = append(why, "no figure to compare")
	}
	if len(r.Differs) > 0 {
		why = append(why, "another figure in "+strings.Join(r.Differs, ", "))
	}
	if r.Turned {
		why = append(why, "with the other sign")
	}
	if r.Pattern {
		why = append(why, "its code is in the key")
	}
	switch {
	case r.Named:
		why = append(why, "the template's text names the rubric beside it")
	case r.InText:
		why = append(why, "named in the template's text")
	}
	if r.Words {
		why = append(why, "the words of the key fit")
	}
	if len(r.Cells) > 0 {
		why = append(why, "the figure is also that of "+cellsText(r.Cells))
	}
	if len(r.Others) > 0 {
		at := "also at "
		if r.Property == "" {
			at = "it may be "
		}
		why = append(why, at+strings.Join(r.Others[:min(3, len(r.Others))], ", "))
	}
	return strings.Join(why, "; ")
}

// cellsText lists some cells.
func cellsText(cells []balance.Cell) string {
	var texts []string
	for _, c := range cells[:min(4, len(cells))] {
		texts = append(texts, c.String())
	}
	if len(cells) > 4 {
		texts = append(texts, "…")
	}
	return strings.Join(texts, ", ")
}

// targetYAML writes a target as an item of silverfin.firms.
func targetYAML(firm int64, t mapping.Target) (string, error) {
	type values struct {
		Decimal  string   `yaml:"decimal,omitempty"`
		Zero     string   `yaml:"zero,omitempty"`
		Amounts  string   `yaml:"amounts,omitempty"`
		Negative []string `yaml:"negative,omitempty,flow"`
	}
	type target struct {
		Level          string            `yaml:"level"`
		Handle         string            `yaml:"handle,omitempty"`
		RequireStarred bool              `yaml:"require_starred,omitempty"`
		Namespace      string            `yaml:"namespace,omitempty"`
		Key            string            `yaml:"key,omitempty"`
		KeyPrevious    string            `yaml:"key_previous,omitempty"`
		Map            map[string]string `yaml:"map,omitempty"`
		Values         values            `yaml:"values,omitempty"`
	}
	type firmTarget struct {
		ID     int64  `yaml:"id"`
		Target target `yaml:"target"`
	}
	item := firmTarget{firm, target{t.Level, t.Handle, t.RequireStarred, t.Namespace, t.Key, t.KeyPrevious, t.Map, values(t.Values)}}
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	err := e.Encode(map[string]any{"silverfin": map[string]any{"firms": []firmTarget{item}}})
	return text.String(), err
}
