package ledger

import (
	"cmp"
	"encoding/csv"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"balansd/balance"
)

// Export writes entries as a CSV file that Excel with Belgian settings opens by
// a double click: a byte-order mark, semicolons, comma decimals, CRLF.
type Export struct {
	csv     *csv.Writer
	lang    balance.Lang
	zone    *time.Location
	rows    int            // written so far
	figures []balance.Cell // one column each, after the others; nil for none
}

// exportColumns are the headings, by language.
var exportColumns = map[balance.Lang][]string{
	"en": {"number", "state", "reason", "dossier", "enterprise number", "affiliation number", "year start", "year end", "model",
		"company in Silverfin", "connection", "revision", "made on", "found on", "changed on", "detail", "what to do", "accepted readings"},
	"nl": {"nummer", "toestand", "reden", "dossier", "ondernemingsnummer", "aansluitingsnummer", "begin boekjaar", "einde boekjaar", "model",
		"dossier in Silverfin", "koppeling", "revisie", "aangemaakt op", "gevonden op", "gewijzigd op", "detail", "wat te doen", "gekozen lezingen"},
	"fr": {"numéro", "état", "raison", "dossier", "numéro d'entreprise", "numéro d'affiliation", "début d'exercice", "fin d'exercice", "modèle",
		"dossier dans Silverfin", "connexion", "révision", "créé le", "trouvé le", "modifié le", "détail", "que faire", "lectures choisies"},
	"de": {"Nummer", "Zustand", "Grund", "Dossier", "Unternehmensnummer", "Anschlussnummer", "Beginn Geschäftsjahr", "Ende Geschäftsjahr", "Modell",
		"Dossier in Silverfin", "Verbindung", "Revision", "erstellt am", "gefunden am", "geändert am", "Detail", "was zu tun ist", "gewählte Lesarten"},
}

// NewExport writes the byte-order mark and the headings, with a column for every
// rubric if withFigures is set. Times are in zone.
func NewExport(w io.Writer, lang balance.Lang, zone *time.Location, withFigures bool) (*Export, error) {
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil, err
	}
	x := &Export{csv: csv.NewWriter(w), lang: lang, zone: zone}
	x.csv.Comma, x.csv.UseCRLF = ';', true
	head := slices.Clone(exportColumns[lang])
	if withFigures {
		x.figures = balance.FormCells()
		for _, c := range x.figures {
			head = append(head, c.String())
		}
	}
	return x, x.csv.Write(head)
}

// Rows counts the entries written so far.
func (x *Export) Rows() int { return x.rows }

// All writes every entry and flushes. figures returns those of one entry, by the
// cell's text; it is only called if the export has figures.
func (x *Export) All(entries iter.Seq2[Entry, error], figures func(number uint64) (map[string]string, error)) error {
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

func (x *Export) row(e Entry) []string {
	reason, company := x.word(string(e.Reason)), ""
	if e.FailClass != "" {
		reason = x.word(string(e.FailClass))
	}
	if e.Target != nil {
		company = e.Target.CompanyName
	}
	number := ""
	if e.Dossier.EnterpriseNumber != "" {
		// With its country, since Excel would take 0443.246.943 for a figure.
		number = "BE " + e.Dossier.EnterpriseNumber.Pretty()
	}
	row := []string{strconv.FormatUint(e.Number, 10), x.word(string(e.State)), reason, e.Dossier.Name, number, e.Dossier.AffiliationNumber,
		e.FiscalYear.Start.String(), e.FiscalYear.End.String(), x.model(e.Model), company, e.Connection, e.Revision,
		x.when(e.CreatedAt), x.when(e.FoundAt), x.when(e.UpdatedAt), e.Detail, e.Next, acceptedText(e.Accepted)}
	for i, text := range row {
		row[i] = Harmless(text)
	}
	return row
}

// acceptedText lists what people said of what a document leaves open, such as
// "1021=44300,5 (Els)". A typed amount has an asterisk.
func acceptedText(words []AcceptedReading) string {
	texts := make([]string, len(words))
	for i, a := range words {
		reading, who := strings.Replace(a.Reading, ".", ",", 1), ""
		if a.Typed {
			reading += "*"
		}
		if a.By != "" {
			who = " (" + a.By + ")"
		}
		texts[i] = cmp.Or(a.Code, "year") + "=" + reading + who
	}
	return strings.Join(texts, "; ")
}

// word returns a state, a reason or a kind of failure in the language of the
// export. In English it is the value of the flags of ledger list.
func (x *Export) word(code string) string {
	if text, ok := exportWords[x.lang][code]; ok {
		return text
	}
	return code
}

// model names a model in the language of the export.
func (x *Export) model(m balance.Model) string {
	if text, ok := exportModels[x.lang][m]; ok {
		return text
	}
	return string(m)
}

// when writes an instant as Excel reads it.
func (x *Export) when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(x.zone).Format("2006-01-02 15:04:05")
}

// Harmless escapes a text that a spreadsheet would read as a formula.
func Harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
