package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"balansd/balance"
	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"
	"balansd/problem"

	"github.com/spf13/cobra"
)

func newLedgerAcceptCommand(app *App) *cobra.Command {
	var readings []string
	c := &cobra.Command{
		Use: "accept NUMBER", Short: "Say which reading of a doubtful figure is right, or which of several balances counts",
		Long: `Say which reading of a doubtful figure is right, or which of several balances counts.

An entry that waits for doubtful_figures or two_amounts has a document that can be
read in more than one way. Without --reading its doubtful figures are shown with
their readings, and asked for at a terminal. What is said is kept with who and when,
and holds for this document alone. The balance is delivered at the next run.

Of an entry that waits for which_counts, it says that this one counts; the others of
its year are superseded.`,
		Example: "  balansd ledger accept 12\n  balansd ledger accept 12 --reading 1021=44300 --reading 1003P=4,5\n" +
			"  balansd ledger accept 12 --reading year=2024-01-01/2024-12-31",
		Args: cobra.ExactArgs(1),
	}
	c.Flags().StringArrayVar(&readings, "reading", nil, "what a doubtful figure is: its rubric, or year, and one of its readings or another amount, as `CODE=AMOUNT`; nothing after = for an empty rubric")
	c.RunE = func(cmd *cobra.Command, args []string) error {
		number, err := entryArg(args[0])
		if err != nil {
			return err
		}
		r := daemon.AcceptRequest{Number: number, By: person()}
		for _, text := range readings {
			code, reading, ok := strings.Cut(text, "=")
			if !ok {
				return usage(fmt.Errorf("%.40q is no reading; write it as CODE=AMOUNT", text))
			}
			r.Readings = append(r.Readings, daemon.Answer{Code: strings.TrimSpace(code), Reading: strings.TrimSpace(reading)})
		}
		return app.withAPI(cmd.Context(), func(api localapi.API, _ *config.Config) error { return app.accept(cmd.Context(), api, r) })
	}
	return app.withJSON(c)
}

// accept carries out a person's word, which it asks for where none was given.
func (app *App) accept(ctx context.Context, api localapi.API, r daemon.AcceptRequest) error {
	if len(r.Readings) == 0 {
		f, err := api.Show(ctx, daemon.EntryRequest{Number: r.Number})
		if err != nil {
			return err
		}
		if f.Entry.Reason != ledger.WhichCounts && len(f.Entry.Doubts) > 0 {
			if r.Readings, err = app.askReadings(f.Entry); err != nil {
				return err
			}
			r.Seen = f.Entry.Version
		}
	}
	e, err := api.Accept(ctx, r)
	if err != nil {
		return err
	}
	if app.asJSON {
		if err := app.print(e); err != nil {
			return err
		}
	} else if len(e.Doubts) == 0 {
		app.printf("Entry %d (%s): accepted; it is delivered at the next run: balansd sync.\n", e.Number, clean(dossierText(e)))
	}
	if len(e.Doubts) > 0 {
		return leftOpen(e)
	}
	return nil
}

// askReadings shows the doubtful figures of an entry, and asks for each at a
// terminal.
func (app *App) askReadings(e ledger.Entry) ([]daemon.Answer, error) {
	if app.asJSON {
		if err := app.print(e); err != nil {
			return nil, err
		}
		return nil, leftOpen(e)
	}
	app.printf("Entry %d: %s, %s; document %s\n", e.Number, clean(dossierText(e)), yearText(e.FiscalYear), clean(e.ID))
	app.showDoubts(e.Doubts, app.language())
	if !isTerminal(app.env.Stdin) {
		return nil, leftOpen(e)
	}
	app.printf("\nSee the document, then give the letter of a reading or another amount; Enter leaves the figure open.\n")
	answers, err := readAnswers(app.env.Stdin, e.Doubts, func(text string) { app.printf("%s", text) })
	if err == nil && len(answers) == 0 {
		err = leftOpen(e)
	}
	return answers, err
}

// readAnswers asks for each doubt, and gives what was answered. An answer that cannot
// be is asked for again.
func readAnswers(in io.Reader, doubts []balance.Doubt, show func(string)) (answers []daemon.Answer, err error) {
	lines := bufio.NewReader(io.LimitReader(in, 1<<16))
	for i := 0; i < len(doubts); {
		d := doubts[i]
		show(fmt.Sprintf("%s: %s? ", doubtName(d), letteredReadings(d)))
		line, err := lines.ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		ended := err != nil
		line = strings.TrimSpace(line)
		if line == "" {
			if ended {
				return answers, nil
			}
			i++
			continue
		}
		if n := strings.Index(readingLetters, strings.ToLower(line)); len(line) == 1 && n >= 0 && n < len(d.Readings) {
			line = d.Readings[n]
		} else if _, _, err := d.ReadAnswer(line); err != nil {
			show(err.Error() + "\n")
			if ended {
				return answers, nil
			}
			continue
		}
		answers = append(answers, daemon.Answer{Code: doubtName(d), Reading: line})
		i++
	}
	return answers, nil
}

// readingLetters name the readings of a doubt at a terminal. A number would look like
// an amount.
const readingLetters = "abcdefghijklmnopqrstuvwxyz"

// letteredReadings lists the readings of a doubt, such as "a) 44300 b) 44.3".
func letteredReadings(d balance.Doubt) string {
	var texts []string
	for i, r := range d.Readings[:min(len(d.Readings), len(readingLetters))] {
		texts = append(texts, fmt.Sprintf("%c) %s", readingLetters[i], orEmpty(r)))
	}
	return strings.Join(texts, " ")
}

// leftOpen says that a person's word is still needed.
func leftOpen(e ledger.Entry) error {
	codes := make([]string, len(e.Doubts))
	for i, d := range e.Doubts {
		codes[i] = doubtName(d)
	}
	return problem.New(problem.NeedsPerson, fmt.Sprintf("entry %d leaves open: %s", e.Number, strings.Join(codes, ", ")),
		fmt.Sprintf("Say what each is: balansd ledger accept %d --reading %s=AMOUNT.", e.Number, codes[0]))
}

// showDoubts lists what a document leaves open.
func (app *App) showDoubts(doubts []balance.Doubt, lang balance.Lang) {
	if len(doubts) == 0 {
		return
	}
	app.printf("\n")
	t := newTable("open", "label", "readings", "where")
	for _, d := range doubts {
		readings := make([]string, len(d.Readings))
		for i, r := range d.Readings {
			readings[i] = orEmpty(r)
		}
		t.add(doubtName(d), doubtLabel(d, lang), strings.Join(readings, " or "), d.Where)
	}
	app.show(t)
}

// showAccepted lists what people said of what a document leaves open.
func (app *App) showAccepted(words []ledger.AcceptedReading, cfg *config.Config) {
	if len(words) == 0 {
		return
	}
	app.printf("\n")
	t := newTable("accepted", "as", "of", "where", "by", "when")
	for _, a := range words {
		readings := make([]string, len(a.Readings))
		for i, r := range a.Readings {
			readings[i] = orEmpty(r)
		}
		as := orEmpty(a.Reading)
		if a.Typed {
			as += " (typed)"
		}
		t.add(doubtName(balance.Doubt{Code: a.Code}), as, strings.Join(readings, " or "), a.Where, a.By, a.At.In(cfg.TimeZone).Format("2006-01-02 15:04"))
	}
	app.show(t)
}

// doubtName names what is in doubt as --reading does.
func doubtName(d balance.Doubt) string {
	if d.Code == "" {
		return daemon.YearCode
	}
	return d.Code
}

// doubtLabel names what is in doubt in a language.
func doubtLabel(d balance.Doubt, lang balance.Lang) string {
	c, err := balance.ParseCell(d.Code)
	if err != nil {
		return "the financial year"
	}
	return c.Label(lang)
}

func orEmpty(reading string) string {
	if reading == "" {
		return "empty"
	}
	return reading
}
