package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"balansd/daemon"
	"balansd/ledger"
	"balansd/problem"
)

// employers returns the employers in the ledger that ref fits, by name.
func employers(ctx context.Context, api daemon.API, ref string) ([]ledger.Employer, error) {
	found, err := ledger.FindEmployers(api.Entries(ctx, ledger.Query{Dossier: ref}), ref)
	slices.SortFunc(found, func(a, b ledger.Employer) int {
		return cmp.Or(strings.Compare(ledger.FoldName(a.Dossier.Name), ledger.FoldName(b.Dossier.Name)), strings.Compare(a.Dossier.ID, b.Dossier.ID))
	})
	return found, err
}

// chooseDossier has the person at a terminal choose where several dossiers fit the
// reference of a request. Else the run is refused, with a problem that lists them.
func (app *App) chooseDossier(ctx context.Context, api daemon.API, r *daemon.SyncRequest) error {
	if r.Dossier == "" || !isTerminal(app.env.Stdin) {
		return nil
	}
	found, err := employers(ctx, api, r.Dossier)
	if err != nil || len(found) < 2 {
		return err
	}
	one, err := app.askEmployer(r.Dossier, found)
	if err == nil {
		r.Connection, r.Dossier = one.Reference()
	}
	return err
}

// askEmployer asks which of the employers that a reference fits is meant.
func (app *App) askEmployer(ref string, found []ledger.Employer) (ledger.Employer, error) {
	lines := make([]string, len(found))
	for i, e := range found {
		lines[i] = fmt.Sprintf("%4d  %s", i+1, clean(employerText(e)))
	}
	app.printStderr("%q fits %d dossiers:\n%s\n", clean(ref), len(found), strings.Join(lines, "\n"))
	app.printStderr("Which one? [1-%d] ", len(found))
	line, err := bufio.NewReader(io.LimitReader(app.env.Stdin, 100)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return ledger.Employer{}, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || n < 1 || n > len(found) {
		return ledger.Employer{}, problem.New(problem.Usage, "no dossier was chosen; nothing was done", "")
	}
	return found[n-1], nil
}

// employerText names an employer with what tells it apart from others.
func employerText(e ledger.Employer) string {
	text := dossierText(ledger.Entry{Listing: ledger.Listing{Dossier: e.Dossier}})
	if e.Dossier.AffiliationNumber != "" {
		text += ", " + e.Dossier.AffiliationNumber
	}
	return text + " (" + e.Dossiers[0].Connection + ")"
}
