package cli

import (
	"encoding/csv"
	"fmt"
	"time"

	"balansd/balance"
	"balansd/config"
	"balansd/daemon"
	"balansd/localapi"
	"balansd/mapping"

	"github.com/spf13/cobra"
)

// mappingRow is where one rubric lands in one firm.
type mappingRow struct {
	FirmID    int64                   `json:"firm_id"`
	Rubric    balance.Cell            `json:"rubric"`
	Labels    map[balance.Lang]string `json:"labels"`
	Level     string                  `json:"level"`
	Handle    string                  `json:"handle,omitempty"`
	Namespace string                  `json:"namespace,omitempty"` // empty where the rubric has no place
	Key       string                  `json:"key,omitempty"`
	Origin    mapping.Origin          `json:"origin"`
	SeenAt    time.Time               `json:"seen_at,omitzero"` // that a template uses it
}

func newMappingShowCommand(app *App) *cobra.Command {
	var firm int64
	var asCSV bool
	c := app.withJSON(&cobra.Command{
		Use: "show", Short: "Show where each rubric lands in Silverfin, and who decided it",
		Long: `Show where each rubric lands in Silverfin: at which level, in which template, under
which key. The configuration decides (silverfin.firms, else silverfin.target), else
what was learnt and saved for the firm, else the default. The last column is the day
on which a template was seen to use the key.`,
		Example: "  balansd mapping show\n  balansd mapping show --firm 100 --lang nl\n  balansd mapping show --csv > mapping.csv", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return app.withExistingState(cmd.Context(), nil, func(api localapi.API, cfg *config.Config) error {
				all, err := api.Mappings(cmd.Context(), daemon.FirmRequest{FirmID: firm})
				if err != nil {
					return err
				}
				var rows []mappingRow
				for _, m := range all {
					rows = append(rows, mappingRows(m)...)
				}
				switch {
				case app.asJSON:
					return app.print(rows)
				case asCSV:
					return app.writeMappingCSV(rows)
				}
				for i, m := range all {
					if i > 0 {
						app.printf("\n")
					}
					app.showMapping(m, cfg)
				}
				return nil
			})
		},
	})
	c.Flags().Int64Var(&firm, "firm", 0, "only this Silverfin firm, by its id")
	c.Flags().BoolVar(&asCSV, "csv", false, "as CSV for Excel, with the labels in four languages")
	return c
}

// labelLanguages are the languages of the labels.
var labelLanguages = []balance.Lang{"nl", "fr", "en", "de"}

// mappingRows lists all cells of the form with their places.
func mappingRows(m daemon.FirmMapping) []mappingRow {
	var rows []mappingRow
	for _, c := range balance.FormCells() {
		row := mappingRow{FirmID: m.FirmID, Rubric: c, Labels: map[balance.Lang]string{}, Level: m.Target.Level, Handle: m.Target.Handle, Origin: m.Origin}
		for _, l := range labelLanguages {
			row.Labels[l] = c.Label(l)
		}
		if p, ok := m.Target.Property(c); ok {
			row.Namespace, row.Key = p.Namespace, p.Key
		}
		if m.Use.Uses(c) {
			row.SeenAt = m.Use.SeenAt
		}
		rows = append(rows, row)
	}
	return rows
}

// writeMappingCSV writes rows as a file that Excel with Belgian settings opens by a double
// click.
func (app *App) writeMappingCSV(rows []mappingRow) error {
	app.printf("\ufeff")
	w := csv.NewWriter(app.env.Stdout)
	w.Comma, w.UseCRLF = ';', true
	head := []string{"firm", "rubric", "label nl", "label fr", "label en", "label de", "level", "handle", "namespace", "key", "from", "last seen in use"}
	if err := w.Write(head); err != nil {
		return err
	}
	for _, r := range rows {
		line := []string{orNothing(r.FirmID), r.Rubric.String()}
		for _, l := range labelLanguages {
			line = append(line, r.Labels[l])
		}
		if err := w.Write(append(line, r.Level, r.Handle, r.Namespace, r.Key, string(r.Origin), dayOf(r.SeenAt))); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// dayOf writes the day of a time; empty for none.
func dayOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.DateOnly)
}

func (app *App) showMapping(m daemon.FirmMapping, cfg *config.Config) {
	app.printf("%s\n", app.styled(app.env.Stdout, bold, mappingTitle(m)))
	app.printf("from        %s\n", originText(m))
	place := "the custom properties of the period"
	if m.Target.Level == mapping.LevelReconciliation {
		place = "the template " + clean(m.Target.Handle)
	}
	app.printf("lands in    %s\n", place)
	if text := formatText(m.Target.Values); text != "" {
		app.printf("written     %s\n", text)
	}
	app.printf("seen        %s\n", clean(seenText(m, cfg)))
	if len(m.Lacks) > 0 {
		app.printf("rights      link the firm again, it lacks %v: balansd connect silverfin --firm %d\n", m.Lacks, m.FirmID)
	}
	app.printf("\n")
	t := newTable("rubric", "label", "namespace", "key", "seen")
	for _, r := range mappingRows(m) {
		if r.Namespace == "" {
			r.Namespace = "nowhere"
		}
		t.add(r.Rubric.String(), r.Labels[app.language()], r.Namespace, r.Key, dayOf(r.SeenAt))
	}
	app.show(t)
}

// mappingTitle names the firm of a mapping.
func mappingTitle(m daemon.FirmMapping) string {
	if m.FirmID == 0 {
		return "No firm is linked yet; of the next one:"
	}
	return clean(fmt.Sprintf("%s (firm %d)", m.FirmName, m.FirmID))
}

// originText says who decided a mapping.
func originText(m daemon.FirmMapping) string {
	switch m.Origin {
	case mapping.FromConfig:
		text := "the configuration, " + m.Where
		if m.Learnt != nil {
			text += "; one was learnt too, and does not hold"
		}
		return text
	case mapping.FromLearnt:
		by := ""
		if m.Learnt.By != "" {
			by = " by " + clean(m.Learnt.By)
		}
		return fmt.Sprintf("learnt, saved on %s%s", dayOf(m.Learnt.At), by)
	default:
		return "the default, since nobody chose one"
	}
}

// formatText says how figures are written; empty for as they are.
func formatText(f mapping.Format) string {
	text := ""
	add := func(is bool, what string) {
		if is {
			if text != "" {
				text += ", "
			}
			text += what
		}
	}
	add(f.Comma(), "with a decimal comma")
	add(f.BlankZero(), "zero as an empty text")
	add(f.WholeEuros(), "amounts in whole euros")
	add(len(f.Negative) > 0, fmt.Sprintf("with the other sign: %v", f.Negative))
	return text
}

// seenText says which template was seen to use a mapping.
func seenText(m daemon.FirmMapping, cfg *config.Config) string {
	if !m.Seen() {
		return "no template has been seen to use it; balansd mapping learn finds the one that a template uses"
	}
	how := map[string]string{"text": "its text names the keys", "custom": "a person filled them in", "results": "its results have the figures"}[string(m.Use.Evidence)]
	return fmt.Sprintf("%s: %s, on %s", m.Use, how, dayOf(m.Use.SeenAt.In(cfg.TimeZone)))
}
