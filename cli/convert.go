package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"balansd/balance"
	"balansd/problem"

	"github.com/spf13/cobra"
)

// layoutNames are the layouts that convert writes, by the names that --to
// takes.
var layoutNames = map[string]balance.Layout{
	"nbb-csv": balance.NBBCSV, "json": balance.NBBJSON, "nbb-json": balance.NBBJSON,
	"pfs-xbrl": balance.PFSXBRL, "cbso-xbrl": balance.CBSOXBRL,
}

// known is what a person says of a balance whose document does not.
type known struct{ number, start, end, model string }

func newBalanceConvertCommand(app *App) *cobra.Command {
	var to, out string
	var k known
	c := &cobra.Command{
		Use:   "convert FILE",
		Short: "Write a social balance in another layout",
		Long: `Read a social balance and write it as the National Bank's CSV or JSON, or as XBRL
of its older (pfs) or present (CBSO) taxonomy. What comes out is the social
balance alone: it can be read again, and is no filing of annual accounts.

JSON does not say whose balance it is nor of which year; say it with
--enterprise-number, --year-start and --year-end where XBRL is to be made of it.

It says what the layout cannot carry. The exit code is 3 when figures are among
that.`,
		Example: "  balansd balance convert filing.xbrl --to nbb-csv --out filing.csv\n  balansd balance convert filing.csv --to json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			layout, ok := layoutNames[to]
			if !ok {
				return usage(fmt.Errorf("--to %.20q is no layout; it is one of nbb-csv, json, pfs-xbrl, cbso-xbrl", to))
			}
			b, err := app.someBalance(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if len(b.Doubts) > 0 {
				return inDoubt(args[0], b)
			}
			if err := k.complete(b); err != nil {
				return err
			}
			return app.convert(b, layout, out)
		},
	}
	f := c.Flags()
	f.StringVar(&to, "to", "", "the `layout`: nbb-csv, json, pfs-xbrl or cbso-xbrl")
	f.StringVar(&out, "out", "", "the `file` to write; standard output when absent")
	f.StringVar(&k.number, "enterprise-number", "", "whose balance it is, where the document does not say")
	f.StringVar(&k.start, "year-start", "", "the first `day` of its financial year, such as 2024-01-01")
	f.StringVar(&k.end, "year-end", "", "the last `day` of its financial year")
	f.StringVar(&k.model, "model", "", "its `model`: full, abbreviated or micro")
	return c
}

// complete puts what the person says into a balance that does not say it. What
// the document says stands.
func (k known) complete(b *balance.Balance) error {
	if k.number != "" && b.EnterpriseNumber == "" {
		n, err := balance.ParseEnterpriseNumber(k.number)
		if err != nil {
			return usage(fmt.Errorf("--enterprise-number: %w", err))
		}
		b.EnterpriseNumber = n
	}
	for _, day := range []struct {
		flag, text string
		date       *balance.Date
	}{{"--year-start", k.start, &b.FiscalYear.Start}, {"--year-end", k.end, &b.FiscalYear.End}} {
		if day.text == "" || !day.date.IsZero() {
			continue
		}
		d, err := balance.ParseDate(day.text)
		if err != nil {
			return usage(fmt.Errorf("%s: %w", day.flag, err))
		}
		*day.date = d
	}
	models := []balance.Model{balance.Full, balance.Abbreviated, balance.Micro}
	if m := balance.Model(k.model); m != "" && !slices.Contains(models, m) {
		return usage(fmt.Errorf("--model %.20q is no model; it is full, abbreviated or micro", k.model))
	} else if b.Model == "" {
		b.Model = m
	}
	return nil
}

// convert writes a balance, and tells what the layout leaves out.
func (app *App) convert(b *balance.Balance, layout balance.Layout, out string) error {
	doc, err := balance.Write(layout, b)
	if err != nil {
		return problem.New(problem.Usage, "this cannot be written: "+err.Error(),
			"Say them with --enterprise-number, --year-start and --year-end.")
	}
	write := func(w io.Writer) error {
		_, err := w.Write(doc)
		return err
	}
	if out == "" || out == "-" {
		err = write(app.env.Stdout)
	} else {
		err = writeFile(out, write)
	}
	if err != nil {
		return err
	}
	cells, about := balance.Left(layout, b)
	if len(about) > 0 {
		app.printStderr("%s does not carry the %s.\n", layout, strings.ReplaceAll(strings.Join(about, ", "), "_", " "))
	}
	if len(cells) == 0 {
		return nil
	}
	codes := make([]string, len(cells))
	for i, c := range cells {
		codes[i] = c.String()
	}
	app.printStderr("%s cannot carry %d of the %d figures: %s.\n", layout, len(cells), len(b.Values), strings.Join(codes, ", "))
	return shownError{problem.New(problem.NeedsPerson, "figures were left out", "")}
}
