package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"balansd/balance"
	"balansd/config"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/localapi"

	"github.com/spf13/cobra"
)

func newLedgerCommand(app *App) *cobra.Command {
	return group("ledger", "See what became of every social balance, and decide",
		"  balansd ledger list --state differs\n  balansd ledger show 12",
		newLedgerListCommand(app), newLedgerShowCommand(app),
		newLedgerChangeCommand(app, "retry", "Try an entry again at the next run, parked or not",
			"is tried again at the next run: balansd sync", daemon.API.Retry),
		newLedgerDecideCommand(app, "use-finbox", "Use the data from Finbox where Silverfin has other figures", daemon.UseFinbox),
		newLedgerDecideCommand(app, "keep-silverfin", "Keep Silverfin's figures where they differ from Finbox's", daemon.KeepSilverfin),
		newLedgerAcceptCommand(app),
		newLedgerChangeCommand(app, "dismiss", "Leave an entry aside for good", "is left aside", daemon.API.Dismiss),
		newLedgerExportCommand(app))
}

// queryFlags adds the flags that select entries.
func queryFlags(c *cobra.Command) func() (ledger.Query, error) {
	var q ledger.Query
	var states []string
	var reason string
	c.Flags().StringSliceVar(&states, "state", nil, "only these `states`: found, waiting, failed, sending, done, differs, superseded, ignored")
	c.Flags().StringVar(&reason, "reason", "", "only this `reason` to wait or to be left aside, such as workflow_closed")
	c.Flags().StringVar(&q.Dossier, "dossier", "", "only this dossier: `ref` is its number, its affiliation number, its id or a part of its name")
	c.Flags().StringVar(&q.Connection, "connection", "", "only this connection, by its `id`")
	c.Flags().Int64Var(&q.FirmID, "firm", 0, "only this Silverfin firm, by its `id`")
	c.Flags().IntVar(&q.Limit, "limit", 0, "at most this `many`, the newest; 0 for all")
	return func() (ledger.Query, error) {
		for _, s := range states {
			if !slices.Contains(ledger.States(), ledger.State(s)) {
				return q, usage(fmt.Errorf("there is no state %.30q", s))
			}
			q.States = append(q.States, ledger.State(s))
		}
		if known := reasons(); reason != "" && !slices.Contains(known, reason) {
			return q, usage(fmt.Errorf("there is no reason %.30q; it is one of %s", reason, strings.Join(known, ", ")))
		}
		q.Reason = ledger.Reason(reason)
		return q, nil
	}
}

// reasons lists the reasons that an entry can have.
func reasons() []string {
	var names []string
	for _, r := range append(append(ledger.Reasons(), ledger.IgnoreReasons()...), ledger.InWholeEuros) {
		names = append(names, string(r))
	}
	return names
}

func newLedgerListCommand(app *App) *cobra.Command {
	c := &cobra.Command{
		Use: "list", Short: "List entries, the newest first",
		Example: "  balansd ledger list\n  balansd ledger list --state waiting --reason workflow_closed", Args: cobra.NoArgs,
	}
	query := queryFlags(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		q, err := query()
		if err != nil {
			return err
		}
		empty := func(*config.Config) any { return []ledger.Entry{} }
		return app.withExistingState(cmd.Context(), empty, func(api localapi.API, _ *config.Config) error {
			if app.asJSON {
				return app.listJSON(cmd.Context(), api, q)
			}
			t := newTable("nr", "dossier", "year", "stands")
			for e, err := range api.Entries(cmd.Context(), q) {
				if err != nil {
					return err
				}
				stands := stateText(e)
				if n := e.CountFindings(); n > 0 {
					stands += ", " + findingsText(n)
				}
				t.add(entryNumber(e), dossierText(e), yearText(e.FiscalYear), stands)
			}
			if len(t.rows) == 0 {
				app.printf("Nothing in the ledger matches.\n")
				return nil
			}
			app.show(t)
			return nil
		})
	}
	return app.withJSON(c)
}

// listJSON prints entries as one array, each as it comes: a large ledger would take much
// memory.
func (app *App) listJSON(ctx context.Context, api daemon.API, q ledger.Query) error {
	out := bufio.NewWriter(app.env.Stdout)
	before := "[\n  "
	for e, err := range api.Entries(ctx, q) {
		if err != nil {
			return errors.Join(err, out.Flush()) // what is there is no whole array
		}
		text, err := indentedJSON(e)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s%s", before, text); err != nil {
			return err
		}
		before = ",\n  "
	}
	end := "\n]\n"
	if before == "[\n  " {
		end = "[]\n"
	}
	_, err := out.WriteString(end)
	return errors.Join(err, out.Flush())
}

// indentedJSON returns a value as an element of an array that printJSON prints.
func indentedJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("  ", "  ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

func newLedgerShowCommand(app *App) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use: "show NUMBER", Short: "Show everything about one entry: its story, what differs, its figures",
		Example: "  balansd ledger show 12", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			number, err := entryArg(args[0])
			if err != nil {
				return err
			}
			return app.withExistingState(cmd.Context(), nil, func(api localapi.API, cfg *config.Config) error {
				f, err := api.Show(cmd.Context(), daemon.EntryRequest{Number: number})
				if err != nil {
					return err
				}
				if app.asJSON {
					return app.print(f)
				}
				app.showEntry(f, cfg)
				return nil
			})
		},
	})
}

// finboxText returns the figure of a balance that differs, with what would be written where
// that is another one.
func finboxText(d ledger.Difference) string {
	if d.Writes == "" {
		return d.Finbox
	}
	return d.Finbox + " (as " + d.Writes + ")"
}

// shownText says how far it was seen that the figures of an entry are shown in Silverfin.
func shownText(f daemon.EntryDetail) string {
	switch {
	case f.Entry.State != ledger.Done:
		return "no template of the firm has been seen to use it; balansd mapping learn finds the one that a template uses"
	case f.Shown == nil && !f.Unseen:
		return "read back equal; its firm is not linked any more"
	case f.Unseen:
		return "read back equal, and " + f.Shown.String() + ": balansd mapping learn"
	default:
		return "read back equal, and " + f.Shown.String()
	}
}

func (app *App) showEntry(f daemon.EntryDetail, cfg *config.Config) {
	e := f.Entry
	when := func(t interface{ Format(string) string }) string { return t.Format("2006-01-02 15:04") }
	app.printf("%s\n\n", app.styled(app.env.Stdout, bold, clean(fmt.Sprintf("Entry %d: %s, %s", e.Number, dossierText(e), yearText(e.FiscalYear)))))
	app.printf("stands      %s\n", stateText(e))
	for _, text := range (outcome{Entry: e}).explanations(false) {
		app.printf("            %s\n", clean(text))
	}
	app.printf("source      %s, id %s, revision %s, made %s\n", clean(e.Connection), clean(e.ID), clean(e.Revision), when(e.CreatedAt.In(cfg.TimeZone)))
	ref := "id " + clean(e.Dossier.ID)
	if a := e.Dossier.AffiliationNumber; a != "" && a != e.Dossier.ID {
		ref += ", affiliation number " + clean(a)
	}
	app.printf("dossier     %s\n", ref)
	if e.Target != nil {
		app.printf("Silverfin   %s %s\n", clean(e.Target.CompanyName), clean(e.Target.URL))
	}
	switch {
	case e.Sum != 0:
		app.printf("part of     entry %d, the sum of the employer's dossiers\n", e.Sum)
	case len(e.Parts) > 0:
		app.printf("sum of      entries %s\n", strings.Trim(fmt.Sprint(e.Parts), "[]"))
	}
	if e.State == ledger.Done || f.Unseen {
		app.printf("mapping     %s\n", clean(shownText(f)))
	}
	if e.Stored != nil {
		app.printf("document    %s\n", clean(storedText(*e.Stored)))
	}
	app.showTie(e, cfg)
	if e.Parked {
		app.printf("parked after %d failed nights; balansd ledger retry %d tries it again\n", e.Nights, e.Number)
	}
	app.printf("\n")
	history := newTable("when", "state", "what happened")
	for _, ev := range f.History {
		history.add(when(ev.At.In(cfg.TimeZone)), string(ev.State), ev.Text)
	}
	app.show(history)
	lang := app.language()
	if len(e.Differences) > 0 {
		app.printf("\n")
		t := newTable("rubric", "label", "Finbox", "Silverfin", "balansd wrote").alignRight(2, 3, 4)
		for _, d := range e.Differences {
			r, _ := balance.RubricOf(d.Cell.Code)
			t.add(d.Cell.String(), r.Label(lang), finboxText(d), d.Silverfin, d.Ours)
		}
		app.show(t)
	}
	if len(e.Changes) > 0 {
		app.printf("\nwhat it changed of entry %d\n", e.Replaces)
		app.showChanges(e.Changes, lang)
	}
	app.showDoubts(e.Doubts, lang)
	app.showAccepted(e.Accepted, cfg)
	if len(e.Findings) > 0 {
		app.printf("\n")
		app.showFindings(wordsOf[lang].findings, e.Findings, lang)
	}
	if len(f.Values) > 0 {
		app.printf("\n%d figures; see them with --json\n", len(f.Values))
	}
}

// storedText says what became of the copy of a document for Silverfin.
func storedText(s ledger.StoredDocument) string {
	if s.ID == 0 {
		return "to be stored in the permanent documents of Silverfin as " + s.Name
	}
	return "stored in the permanent documents of Silverfin as " + s.Name
}

// entryArg parses the number of an entry.
func entryArg(text string) (uint64, error) {
	n, err := strconv.ParseUint(strings.TrimPrefix(text, "#"), 10, 64)
	if err != nil || n == 0 {
		return 0, usage(fmt.Errorf("%.40q is not the number of an entry", text))
	}
	return n, nil
}

// newLedgerChangeCommand returns a command that changes entries by calling act, and then prints done
// for each.
func newLedgerChangeCommand(app *App, use, short, done string, act func(daemon.API, context.Context, daemon.EntryRequest) (ledger.Entry, error)) *cobra.Command {
	return app.withJSON(&cobra.Command{
		Use: use + " NUMBER...", Short: short, Example: "  balansd ledger " + use + " 12", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return app.eachEntry(cmd.Context(), args, func(ledger.Entry) string { return " " + done }, func(api daemon.API, n uint64) (ledger.Entry, error) {
				return act(api, cmd.Context(), daemon.EntryRequest{Number: n, By: person()})
			})
		},
	})
}

// newLedgerDecideCommand returns a command that decides on entries that differ.
func newLedgerDecideCommand(app *App, use, short string, choice daemon.Choice) *cobra.Command {
	var codes []string
	c := &cobra.Command{
		Use: use + " NUMBER...", Short: short,
		Long:    short + ".\nThe decision holds for the figures as they are shown now, and is carried out at the next run.",
		Example: "  balansd ledger " + use + " 12\n  balansd ledger " + use + " 12 --rubric 1003,1013P", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var cells []balance.Cell
			for _, code := range codes {
				cell, err := balance.ParseCell(code)
				if err != nil {
					return usage(err)
				}
				cells = append(cells, cell)
			}
			return app.eachEntry(cmd.Context(), args, choiceText(choice), func(api daemon.API, n uint64) (ledger.Entry, error) {
				return api.Decide(cmd.Context(), daemon.Decision{Number: n, Choice: choice, Cells: cells, By: person()})
			})
		},
	}
	c.Flags().StringSliceVar(&codes, "rubric", nil, "only these `rubrics`; without it, all that differ")
	return app.withJSON(c)
}

// choiceText returns a function that says what follows from a decision on an entry.
func choiceText(choice daemon.Choice) func(ledger.Entry) string {
	text := ": decided, the data from Finbox goes in"
	if choice == daemon.KeepSilverfin {
		text = ": decided, Silverfin's figures stay"
	}
	return func(e ledger.Entry) string {
		if e.State == ledger.Differs {
			return fmt.Sprintf("%s for these rubrics; a decision is still needed for %d more: balansd ledger show %d", text, len(e.Differences), e.Number)
		}
		return text + "; it is carried out at the next run: balansd sync"
	}
}

// eachEntry calls act for each entry that the arguments name, and prints what result
// returns for it.
func (app *App) eachEntry(ctx context.Context, args []string, result func(ledger.Entry) string, act func(daemon.API, uint64) (ledger.Entry, error)) error {
	numbers := make([]uint64, len(args))
	for i, a := range args {
		var err error
		if numbers[i], err = entryArg(a); err != nil {
			return err
		}
	}
	return app.withAPI(ctx, func(api localapi.API, _ *config.Config) error {
		moved := make([]ledger.Entry, 0, len(numbers))
		for _, n := range numbers {
			e, err := act(api, n)
			if err != nil {
				return err
			}
			moved = append(moved, e)
			if !app.asJSON {
				app.printf("Entry %d (%s)%s.\n", e.Number, clean(dossierText(e)), result(e))
			}
		}
		if app.asJSON {
			return app.print(moved)
		}
		return nil
	})
}
