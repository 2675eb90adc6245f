package cli

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"balansd/balance"
	"balansd/problem"
)

func newBalanceInspectCommand(app *App) *cobra.Command {
	var findingsOnly bool
	c := &cobra.Command{
		Use:   "inspect FILE...",
		Short: "Show the social balance in a file, and what the checks find",
		Long: `Show the social balance in a file, XBRL, the National Bank's CSV, JSON or PDF, or
any table of rubric codes and amounts in a PDF, a CSV or a workbook (.xlsx),
by section of the form, and below it what the National Bank's checks find. The
file "-" is the standard input.

A ZIP is looked into: it gives a line for each social balance in it, with --json
an object a line that begins with its path in the ZIP, and says on the standard
error stream what was skipped. With several files, a folder (and what is below
it) or a pattern such as "2024/*.xbrl", it gives a line for each file.

The exit code is 3 when a file holds no social balance, or one that can be read
in more than one way, or one of several cannot be read; 1 when the only file
cannot be read.`,
		Example: "  balansd balance inspect filing.xbrl\n  balansd balance inspect filing.csv --lang fr --findings-only\n" +
			"  balansd balance inspect filings/ --json",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			names, several, err := files(args)
			if err != nil {
				return err
			}
			if several {
				return app.inspectAll(cmd.Context(), names, findingsOnly)
			}
			return app.inspectOne(cmd.Context(), names[0], findingsOnly)
		},
	}
	c.Flags().BoolVar(&findingsOnly, "findings-only", false, "only what the checks find")
	return app.withJSON(c)
}

// files lists the files that the arguments mean, and tells whether they may be
// several: a folder, a pattern or more than one argument.
func files(args []string) (names []string, several bool, err error) {
	several = len(args) > 1
	for _, arg := range args {
		info, statErr := os.Stat(arg)
		switch {
		case statErr == nil && info.IsDir():
			below, err := filesBelow(arg)
			if err != nil {
				return nil, true, problem.New(problem.Unreadable, fmt.Sprintf("the folder %s cannot be read: %v", arg, cause(err)), "")
			}
			if len(below) == 0 {
				return nil, true, problem.New(problem.NotFound, fmt.Sprintf("there is no file in %s", arg), "")
			}
			names, several = append(names, below...), true
		case statErr != nil && strings.ContainsAny(arg, "*?["):
			fit, err := filepath.Glob(arg)
			if err != nil || len(fit) == 0 {
				return nil, true, problem.New(problem.NotFound, fmt.Sprintf("no file fits %s", arg), "")
			}
			fit = slices.DeleteFunc(fit, isFolder)
			names, several = append(names, fit...), true
		default:
			names = append(names, arg)
		}
	}
	return names, several, nil
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// filesBelow lists the files of a folder and of those in it, without hidden
// ones.
func filesBelow(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != dir && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return filepath.SkipDir
			}
		case d.Type().IsRegular():
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// inspectOne shows all of one balance, or what is in an archive.
func (app *App) inspectOne(ctx context.Context, name string, findingsOnly bool) error {
	content, err := app.readFile(ctx, name)
	if err != nil {
		return err
	}
	if content.archive {
		return app.inspectArchive(name, content, findingsOnly)
	}
	b := content.readings[0].balance
	switch lang := app.language(); {
	case app.asJSON && findingsOnly:
		err = app.print(app.inspected(name, b, nil, true))
	case app.asJSON:
		app.localizedFindings(b)
		err = app.print(b)
	case findingsOnly:
		app.showFindingsOf("", b, lang)
	default:
		app.showBalance(b, lang)
	}
	switch {
	case err != nil:
		return err
	case len(b.Doubts) > 0:
		return shownError{inDoubt(name, b)}
	case len(b.Values) == 0:
		return shownError{holdsNone(name)}
	}
	return nil
}

// inspected is a file of several, as it is printed as JSON.
type inspected struct {
	File     string            `json:"file"`
	Error    string            `json:"error,omitempty"`
	Balance  *balance.Balance  `json:"balance,omitempty"`
	Findings []balance.Finding `json:"findings,omitzero"` // with --findings-only, in place of the balance
}

// inspectAll gives a line for each file and each document in an archive, or the
// findings of each.
func (app *App) inspectAll(ctx context.Context, names []string, findingsOnly bool) error {
	all := make([]reading, 0, len(names))
	for _, name := range names {
		content, err := app.readFile(ctx, name)
		if err == nil && len(content.readings) == 0 {
			err = holdsNone(name)
		}
		if err != nil {
			content.readings = []reading{{name: name, balance: &balance.Balance{}, err: err}}
		}
		all = append(all, content.readings...)
		app.reportSkipped(name, content.skipped)
	}
	bad := countBad(all)
	if app.asJSON {
		printed := make([]inspected, len(all))
		for i, r := range all {
			printed[i] = app.inspected(r.called(), r.balance, r.err, findingsOnly)
		}
		if err := app.print(printed); err != nil {
			return err
		}
	} else {
		app.showReadings(all, findingsOnly)
	}
	if bad > 0 {
		return shownError{problem.New(problem.NeedsPerson, fmt.Sprintf("%d of %d files hold no social balance that can be read in one way", bad, len(all)), "")}
	}
	return nil
}

// showReadings prints a table of files, or the findings of each, and why some
// could not be read.
func (app *App) showReadings(all []reading, findingsOnly bool) {
	lang := app.language()
	w := wordsOf[lang]
	t := newTable(w.file, w.number, w.name, w.year, w.model, w.layout, w.figures, w.findings).alignRight(6, 7)
	silent := true
	for _, r := range all {
		t.add(w.summary(r.called(), r.balance, r.err)...)
		if findingsOnly && r.err == nil && (len(r.balance.Findings) > 0 || len(r.balance.Values) == 0) {
			app.showFindingsOf(r.called(), r.balance, lang)
			app.printf("\n")
			silent = false
		}
	}
	if !findingsOnly {
		app.show(t)
	}
	for _, r := range all {
		if r.err != nil {
			app.printf("! %s\n", clean(problem.Of(r.err).What))
			silent = false
		}
	}
	if findingsOnly && silent {
		app.printf("%s\n", w.noFindings)
	}
}

// inspected returns a file as it is printed as JSON.
func (app *App) inspected(name string, b *balance.Balance, err error, findingsOnly bool) inspected {
	switch {
	case err != nil:
		return inspected{File: name, Error: problem.Of(err).What}
	case findingsOnly && len(b.Values) == 0 && len(b.Doubts) == 0:
		return inspected{File: name, Error: name + " holds no social balance", Findings: app.localizedFindings(b)}
	case findingsOnly:
		return inspected{File: name, Findings: app.localizedFindings(b)}
	default:
		app.localizedFindings(b)
		return inspected{File: name, Balance: b}
	}
}

// summary is the line of a file.
func (w words) summary(name string, b *balance.Balance, err error) []string {
	switch {
	case err != nil:
		return []string{name, "", w.unreadable}
	case len(b.Values) == 0 && len(b.Doubts) == 0:
		return []string{name, b.EnterpriseNumber.Pretty(), b.Name, yearText(b.FiscalYear), w.models[b.Model], string(b.Layout), w.withoutBalance}
	default:
		return []string{name, b.EnterpriseNumber.Pretty(), b.Name, yearText(b.FiscalYear), w.models[b.Model], string(b.Layout),
			fmt.Sprint(len(b.Values)), fmt.Sprint(len(b.Findings) - remarks(b.Findings))}
	}
}

// remarks counts the findings that are none of the figures.
func remarks(findings []balance.Finding) (n int) {
	for _, f := range findings {
		if f.IsRemark() {
			n++
		}
	}
	return n
}

// localizedFindings puts the findings of a balance into the language that the person asked
// for, and into English without one: what reads JSON must not depend on a
// configuration.
func (app *App) localizedFindings(b *balance.Balance) []balance.Finding {
	if app.lang != "" {
		for i := range b.Findings {
			b.Findings[i].Message = b.Findings[i].In(balance.Lang(app.lang))
		}
	}
	return append([]balance.Finding{}, b.Findings...)
}

// showBalance prints a balance by section, with the findings below.
func (app *App) showBalance(b *balance.Balance, lang balance.Lang) {
	w := wordsOf[lang]
	app.showHead(b, w)
	if len(b.Values) == 0 && len(b.Doubts) == 0 {
		app.printf("\n%s\n", w.none)
	}
	s := sections{app: app, lang: lang, head: []string{w.code, w.rubric, w.current, w.previous}, right: []int{2, 3}}
	inferred := false
	for _, r := range balance.Rubrics() {
		current, has := b.Values[balance.Cell{Code: r.Code}]
		previous, had := b.Values[balance.Cell{Code: r.Code, Previous: true}]
		if !has && !had {
			continue
		}
		row := []string{r.Code, r.Label(lang), "", ""}
		if slices.ContainsFunc(b.Inferred, func(c balance.Cell) bool { return c.Code == r.Code }) {
			row[0], inferred = row[0]+"*", true
		}
		if has {
			row[2] = lang.Figure(current, r.Decimals)
		}
		if had {
			row[3] = lang.Figure(previous, r.Decimals)
		}
		s.add(r, row...)
	}
	s.end()
	if inferred {
		app.printf("\n%s\n", w.inferred)
	}
	if len(b.Findings) > 0 {
		app.printf("\n")
		app.showFindings(w.findings, b.Findings, lang)
	}
}

// showFindingsOf prints the findings of a file alone, and says when it holds
// no social balance that could have any.
func (app *App) showFindingsOf(heading string, b *balance.Balance, lang balance.Lang) {
	if len(b.Values) > 0 || len(b.Findings) > 0 {
		app.showFindings(heading, b.Findings, lang)
		heading = ""
	}
	if len(b.Values) == 0 && len(b.Doubts) == 0 {
		if heading != "" {
			app.printf("%s\n", app.styled(app.env.Stdout, bold, clean(heading)))
		}
		app.printf("%s\n", wordsOf[lang].none)
	}
}

// showFindings prints findings below a heading, if there is one.
func (app *App) showFindings(heading string, findings []balance.Finding, lang balance.Lang) {
	if heading != "" {
		app.printf("%s\n", app.styled(app.env.Stdout, bold, clean(heading)))
	}
	if len(findings) == 0 {
		app.printf("%s\n", wordsOf[lang].noFindings)
	}
	for _, f := range findings {
		rule := append([]string{f.Rule}, f.Assertions...)
		app.printf("- %s (%s)\n", clean(f.In(lang)), clean(strings.Join(rule, ", ")))
	}
}

// sections prints rows of rubrics in tables, one for each section of the form.
type sections struct {
	app   *App
	lang  balance.Lang
	head  []string
	right []int // the columns that hold figures
	last  string
	table *table
}

// add adds a row of a rubric. The rows must come in the order of the form.
func (s *sections) add(r balance.Rubric, row ...string) {
	if s.table == nil || r.Section != s.last {
		s.end()
		s.last = r.Section
		s.app.printf("\n%s\n", s.app.styled(s.app.env.Stdout, bold, r.SectionLabel(s.lang)))
		s.table = newTable(s.head...).alignRight(s.right...)
	}
	s.table.add(row...)
}

// end prints the last table.
func (s *sections) end() {
	if s.table != nil {
		s.app.show(s.table)
	}
}

// showHead prints what the document says besides figures.
func (app *App) showHead(b *balance.Balance, w words) {
	for _, line := range headOf(b, w) {
		if line[1] != "" {
			app.printf("%s: %s\n", line[0], clean(line[1]))
		}
	}
}

// headOf lists what a document says besides figures, each with its name.
func headOf(b *balance.Balance, w words) [][2]string {
	year := ""
	if !b.FiscalYear.Start.IsZero() || !b.FiscalYear.End.IsZero() {
		year = b.FiscalYear.Start.String() + " – " + b.FiscalYear.End.String()
	}
	corrects := ""
	if b.Correction {
		corrects = w.yes
	}
	return [][2]string{
		{w.name, b.Name}, {w.number, b.EnterpriseNumber.Pretty()}, {w.model, w.models[b.Model]}, {w.year, year},
		{w.currency, b.Currency}, {w.committees, strings.Join(b.JointCommittees, ", ")}, {w.layout, string(b.Layout)},
		{w.correction, corrects},
	}
}
