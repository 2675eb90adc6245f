package cli

import (
	"encoding/csv"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"balansd/balance"
	"balansd/ledger"
)

// exporter writes ledger entries as a CSV file that Excel with Belgian
// settings opens by a double click: a byte-order mark, semicolons, comma
// decimals, CRLF.
type exporter struct {
	csv     *csv.Writer
	zone    *time.Location
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
	x := &exporter{csv: csv.NewWriter(w), zone: zone}
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
	}
	x.csv.Flush()
	return x.csv.Error()
}

func (x *exporter) row(e ledger.Entry) []string {
	reason, company := string(e.Reason), ""
	if e.FailClass != "" {
		reason = string(e.FailClass)
	}
	if e.Place != nil {
		company = e.Place.CompanyName
	}
	number := ""
	if e.Dossier.EnterpriseNumber != "" {
		// With its country, since Excel would take 0443.246.943 for a figure.
		number = "BE " + e.Dossier.EnterpriseNumber.Pretty()
	}
	row := []string{strconv.FormatUint(e.Number, 10), string(e.State), reason, e.Dossier.Name, number, e.Dossier.AffiliationNumber,
		e.FiscalYear.Start.String(), e.FiscalYear.End.String(), string(e.Model), company, e.Connection, e.Revision,
		x.when(e.CreatedAt), x.when(e.FoundAt), x.when(e.UpdatedAt), e.Detail, e.Next}
	for i, text := range row {
		row[i] = harmless(text)
	}
	return row
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
