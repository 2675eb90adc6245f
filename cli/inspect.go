package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/shopspring/decimal"
	"github.com/spf13/cobra"

	"balansd/balance"
	"balansd/problem"
)

// maxDocument bounds the file that inspect reads, in bytes. Filed annual
// accounts are some hundred KiB.
const maxDocument = 50 << 20

func newBalanceCommand(app *App) *cobra.Command {
	return group("balance", "Look into social balance files",
		"  balansd balance inspect FILE", newInspectCommand(app))
}

func newInspectCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use:   "inspect FILE",
		Short: "Show the social balance in a file, and what the checks find",
		Long: `Show the social balance in a file, XBRL or the National Bank's CSV or JSON, by
section of the form, and below it what the National Bank's checks find. The
file "-" is the standard input.

The exit code is 3 when the file holds no social balance, and 1 when it cannot
be read.`,
		Example: "  balansd balance inspect filing.xbrl\n  balansd balance inspect filing.csv --lang fr\n  balansd balance inspect filing.xbrl --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			data, err := app.readDocument(args[0])
			if err != nil {
				return err
			}
			b, err := balance.Read(data)
			if err != nil {
				return problem.New(problem.Unreadable, fmt.Sprintf("%s cannot be read: %v", args[0], err), "")
			}
			if app.asJSON {
				err = app.print(b)
			} else {
				app.showBalance(b, app.language())
			}
			if err == nil && len(b.Values) == 0 {
				err = told{problem.New(problem.NoSocialBalance, args[0]+" holds no social balance", "")}
			}
			return err
		},
	})
}

// readDocument reads a file, or the standard input for "-", up to maxDocument.
func (app *App) readDocument(name string) ([]byte, error) {
	r := app.env.Stdin
	if name != "-" {
		f, err := os.Open(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, problem.New(problem.NotFound, fmt.Sprintf("there is no file %s", name), "")
		}
		if err != nil {
			return nil, problem.New(problem.Unreadable, fmt.Sprintf("%s cannot be read: %v", name, cause(err)), "")
		}
		defer func() { _ = f.Close() }()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, maxDocument+1))
	if err != nil {
		return nil, problem.New(problem.Unreadable, fmt.Sprintf("%s cannot be read: %v", name, cause(err)), "")
	}
	if len(data) > maxDocument {
		return nil, problem.New(problem.Unreadable, fmt.Sprintf("%s is larger than %d MiB and no social balance", name, maxDocument>>20), "")
	}
	return data, nil
}

// cause gives why a file could not be opened or read, without its name.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// words are the words around the figures, in one language.
type words struct {
	name, number, model, year, currency, committees, layout string
	code, rubric, current, previous                         string
	models                                                  map[balance.Model]string
	none, findings                                          string
	decimal, thousands                                      string // as the language writes figures, in Belgium
}

// wordsOf holds the words by language. It is never changed.
var wordsOf = map[balance.Lang]words{
	balance.Dutch: {"Naam", "Ondernemingsnummer", "Model", "Boekjaar", "Munt", "Paritaire comités", "Formaat",
		"Code", "Rubriek", "Boekjaar", "Vorig boekjaar",
		map[balance.Model]string{balance.Full: "volledig", balance.Abbreviated: "verkort", balance.Micro: "micro"},
		"Dit bestand bevat geen sociale balans.", "Vaststellingen", ",", "."},
	balance.French: {"Nom", "Numéro d'entreprise", "Modèle", "Exercice", "Devise", "Commissions paritaires", "Format",
		"Code", "Rubrique", "Exercice", "Exercice précédent",
		map[balance.Model]string{balance.Full: "complet", balance.Abbreviated: "abrégé", balance.Micro: "micro"},
		"Ce fichier ne contient pas de bilan social.", "Constatations", ",", "\u00a0"},
	balance.English: {"Name", "Enterprise number", "Model", "Financial year", "Currency", "Joint committees", "Layout",
		"Code", "Rubric", "Year", "Previous year",
		map[balance.Model]string{balance.Full: "full", balance.Abbreviated: "abbreviated", balance.Micro: "micro"},
		"This file holds no social balance.", "Findings", ".", ","},
	balance.German: {"Name", "Unternehmensnummer", "Modell", "Geschäftsjahr", "Währung", "Paritätische Kommissionen", "Format",
		"Code", "Rubrik", "Geschäftsjahr", "Vorjahr",
		map[balance.Model]string{balance.Full: "vollständig", balance.Abbreviated: "verkürzt", balance.Micro: "Mikro"},
		"Diese Datei enthält keine Sozialbilanz.", "Feststellungen", ",", "."},
}

// showBalance prints a balance by section, with the findings below.
func (app *App) showBalance(b *balance.Balance, lang balance.Lang) {
	w := wordsOf[lang]
	app.showHead(b, w)
	if len(b.Values) == 0 {
		app.printf("\n%s\n", w.none)
	}
	var section string
	var t *table
	for _, r := range balance.Rubrics() {
		current, has := b.Values[balance.Cell{Code: r.Code}]
		previous, had := b.Values[balance.Cell{Code: r.Code, Previous: true}]
		if !has && !had {
			continue
		}
		if t == nil || r.Section != section {
			app.showSection(t)
			section = r.Section
			app.printf("\n%s\n", app.styled(app.env.Stdout, bold, r.SectionLabel(lang)))
			t = newTable(w.code, w.rubric, w.current, w.previous).alignRight(2, 3)
		}
		row := []string{r.Code, r.Label(lang), "", ""}
		if has {
			row[2] = w.figure(current, r.Decimals)
		}
		if had {
			row[3] = w.figure(previous, r.Decimals)
		}
		t.add(row...)
	}
	app.showSection(t)
	if len(b.Findings) > 0 {
		app.printf("\n%s\n", app.styled(app.env.Stdout, bold, w.findings))
	}
	for _, f := range b.Findings {
		app.printf("- %s (%s)\n", clean(f.Message), clean(f.Rule))
	}
}

func (app *App) showSection(t *table) {
	if t != nil {
		app.show(t)
	}
}

// showHead prints what the document says besides figures.
func (app *App) showHead(b *balance.Balance, w words) {
	year := ""
	if !b.FiscalYear.Start.IsZero() || !b.FiscalYear.End.IsZero() {
		year = b.FiscalYear.Start.String() + " – " + b.FiscalYear.End.String()
	}
	for _, line := range [][2]string{
		{w.name, b.Name}, {w.number, b.EnterpriseNumber.Pretty()}, {w.model, w.models[b.Model]}, {w.year, year},
		{w.currency, b.Currency}, {w.committees, strings.Join(b.JointCommittees, ", ")}, {w.layout, string(b.Layout)},
	} {
		if line[1] != "" {
			app.printf("%s: %s\n", line[0], clean(line[1]))
		}
	}
}

// figure writes a figure as the language does, with at least the decimals of
// its rubric, so that points stand below one another. No digit is dropped.
func (w words) figure(d decimal.Decimal, decimals int) string {
	whole, fraction, _ := strings.Cut(balance.Canonical(d), ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + w.thousands + whole[i:]
	}
	if missing := decimals - len(fraction); missing > 0 {
		fraction += strings.Repeat("0", missing)
	}
	if fraction != "" {
		fraction = w.decimal + fraction
	}
	return sign + whole + fraction
}
