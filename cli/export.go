package cli

import (
	"bufio"
	"encoding/csv"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"balansd/balance"
	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"

	"github.com/spf13/cobra"
)

func (app *App) ledgerExport() *cobra.Command {
	var out string
	var figures bool
	c := &cobra.Command{
		Use: "export", Short: "Write the ledger as a CSV file for Excel",
		Long: `Write the entries as a CSV file that Excel with Belgian settings opens by a
double click: semicolons, comma decimals. With --figures every rubric has a
column. The language is that of --lang or of the configuration.`,
		Example: "  balansd ledger export --out balansd.csv\n  balansd ledger export --state done --figures --out figures.csv", Args: cobra.NoArgs,
	}
	query := queryFlags(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		q, err := query()
		if err != nil {
			return err
		}
		return app.withState(cmd.Context(), nil, func(api daemon.API, cfg *config.Config) error {
			rows := 0
			write := func(w io.Writer) error {
				x, err := newExporter(w, app.language(), cfg.TimeZone, figures)
				if err != nil {
					return err
				}
				defer func() { rows = x.rows }()
				return x.all(api.Entries(cmd.Context(), q), func(number uint64) (map[string]string, error) {
					f, err := api.Show(cmd.Context(), number)
					return f.Values, err
				})
			}
			if out == "" || out == "-" {
				return write(app.env.Stdout)
			}
			if err := writeFile(out, write); err != nil {
				return err
			}
			noun := "entries"
			if rows == 1 {
				noun = "entry"
			}
			app.tell("Wrote %d %s to %s.\n", rows, noun, out)
			return nil
		})
	}
	c.Flags().StringVar(&out, "out", "", "the `file` to write; standard output when absent")
	c.Flags().BoolVar(&figures, "figures", false, "with the figures, a column a rubric")
	return c
}

// writeFile writes a file that only its owner reads; a file that could not be
// written whole is said to be so.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return problem.Wrap(err, problem.NotAllowed, "the file "+path+" cannot be written", "Choose another place with --out.")
	}
	defer func() {
		if closed := f.Close(); err == nil {
			err = closed
		}
	}()
	buffered := bufio.NewWriter(f)
	if err := write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// exporter writes ledger entries as a CSV file that Excel with Belgian
// settings opens by a double click: a byte-order mark, semicolons, comma
// decimals, CRLF.
type exporter struct {
	csv     *csv.Writer
	lang    balance.Lang
	zone    *time.Location
	rows    int            // entries written so far
	figures []balance.Cell // one column each, after the others; nil for none
}

// exportColumns are the headings, by language.
var exportColumns = map[balance.Lang][]string{
	"en": {"number", "state", "reason", "dossier", "enterprise number", "affiliation number", "year start", "year end", "model",
		"company in Silverfin", "connection", "revision", "made on", "found on", "changed on", "detail", "what to do"},
	"nl": {"nummer", "toestand", "reden", "dossier", "ondernemingsnummer", "aansluitingsnummer", "begin boekjaar", "einde boekjaar", "model",
		"dossier in Silverfin", "koppeling", "revisie", "aangemaakt op", "gevonden op", "gewijzigd op", "detail", "wat te doen"},
	"fr": {"numéro", "état", "raison", "dossier", "numéro d'entreprise", "numéro d'affiliation", "début d'exercice", "fin d'exercice", "modèle",
		"dossier dans Silverfin", "connexion", "révision", "créé le", "trouvé le", "modifié le", "détail", "que faire"},
	"de": {"Nummer", "Zustand", "Grund", "Dossier", "Unternehmensnummer", "Anschlussnummer", "Beginn Geschäftsjahr", "Ende Geschäftsjahr", "Modell",
		"Dossier in Silverfin", "Verbindung", "Revision", "erstellt am", "gefunden am", "geändert am", "Detail", "was zu tun ist"},
}

// newExporter writes the byte-order mark and the headings.
func newExporter(w io.Writer, lang balance.Lang, zone *time.Location, withFigures bool) (*exporter, error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil, err
	}
	x := &exporter{csv: csv.NewWriter(w), lang: lang, zone: zone}
	x.csv.Comma, x.csv.UseCRLF = ';', true
	head := slices.Clone(exportColumns[lang])
	if withFigures {
		for _, r := range balance.Rubrics() {
			x.figures = append(x.figures, balance.Cell{Code: r.Code})
			if r.HasPrevious() {
				x.figures = append(x.figures, balance.Cell{Code: r.Code, Previous: true})
			}
		}
		for _, c := range x.figures {
			head = append(head, c.String())
		}
	}
	return x, x.csv.Write(head)
}

// all writes every entry; figures gives those of one entry, by cell text.
func (x *exporter) all(entries iter.Seq2[ledger.Entry, error], figures func(number uint64) (map[string]string, error)) error {
	for e, err := range entries {
		if err != nil {
			return err
		}
		row := x.row(e)
		if len(x.figures) > 0 {
			held, err := figures(e.Number)
			if err != nil {
				return err
			}
			for _, c := range x.figures {
				row = append(row, strings.Replace(held[c.String()], ".", ",", 1))
			}
		}
		if err := x.csv.Write(row); err != nil {
			return err
		}
		x.rows++
	}
	x.csv.Flush()
	return x.csv.Error()
}

func (x *exporter) row(e ledger.Entry) []string {
	reason, company := x.word(string(e.Reason)), ""
	if e.FailClass != "" {
		reason = x.word(string(e.FailClass))
	}
	if e.Place != nil {
		company = e.Place.CompanyName
	}
	number := ""
	if e.Dossier.EnterpriseNumber != "" {
		// With its country, since Excel would take 0443.246.943 for a figure.
		number = "BE " + e.Dossier.EnterpriseNumber.Pretty()
	}
	row := []string{strconv.FormatUint(e.Number, 10), x.word(string(e.State)), reason, e.Dossier.Name, number, e.Dossier.AffiliationNumber,
		e.FiscalYear.Start.String(), e.FiscalYear.End.String(), x.model(e.Model), company, e.Connection, e.Revision,
		x.when(e.CreatedAt), x.when(e.FoundAt), x.when(e.UpdatedAt), e.Detail, e.Next}
	for i, text := range row {
		row[i] = harmless(text)
	}
	return row
}

// word gives a state, a reason or a kind of failure in the language of the
// export. In English it is the word that the flags take.
func (x *exporter) word(code string) string {
	if text, ok := exportWords[x.lang][code]; ok {
		return text
	}
	return code
}

// model names a model in the language of the export.
func (x *exporter) model(m balance.Model) string {
	if text, ok := wordsOf[x.lang].models[m]; ok {
		return text
	}
	return string(m)
}

// when writes an instant as Excel reads it.
func (x *exporter) when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(x.zone).Format("2006-01-02 15:04:05")
}

// harmless keeps a spreadsheet from taking a text for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
