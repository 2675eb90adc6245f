package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"balansd/balance"
	"balansd/config"
	"balansd/problem"
)

func newBalanceCommand(app *App) *cobra.Command {
	return group("balance", "Look into social balance files, compare and convert them",
		"  balansd balance inspect FILE\n  balansd balance diff OLD NEW\n  balansd balance convert FILE --to nbb-csv",
		newBalanceInspectCommand(app), newBalanceDiffCommand(app), newBalanceConvertCommand(app))
}

// readerOptions are what the configuration says about the reading of documents.
func readerOptions(cfg *config.Config) (balance.ReaderOptions, error) {
	var o balance.ReaderOptions
	for _, t := range cfg.Documents.Tables {
		o.Tables = append(o.Tables, t.Layout())
	}
	file := cfg.Documents.CBSOTable
	if file == "" {
		return o, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return o, problem.New(problem.ConfigInvalid, fmt.Sprintf("the table %s cannot be read: %v", file, cause(err)), "Correct documents.cbso_table in the configuration.")
	}
	members, wrong := balance.ParseMembers(file, text)
	if len(wrong) > 0 {
		all := make([]string, len(wrong))
		for i, e := range wrong {
			all[i] = e.Error()
		}
		return o, problem.New(problem.ConfigInvalid, "the table of members has mistakes: "+strings.Join(all, "; "), "Correct them in the table that documents.cbso_table names.")
	}
	o.Members = members
	return o, nil
}

// someBalance reads the one balance in a file, or in the only document of an
// archive that holds any.
func (app *App) someBalance(ctx context.Context, name string) (*balance.Balance, error) {
	content, err := app.readFile(ctx, name)
	if err != nil {
		return nil, err
	}
	all := content.readings
	switch {
	case len(all) > 1:
		return nil, problem.New(problem.Usage, fmt.Sprintf("%s holds %d social balances", name, len(all)), "Unpack it, and name the one that is meant.")
	case len(all) == 1 && all[0].err != nil:
		return nil, all[0].err
	case len(all) == 0 || len(all[0].balance.Values)+len(all[0].balance.Doubts) == 0:
		return nil, problem.New(problem.NoSocialBalance, name+" holds no social balance", "")
	}
	return all[0].balance, nil
}

// inDoubt says that a document can be read in more than one way.
func inDoubt(name string, b *balance.Balance) *problem.Problem {
	texts := make([]string, len(b.Doubts))
	for i, d := range b.Doubts {
		texts[i] = d.String()
	}
	return problem.New(problem.NeedsPerson, name+" can be read in more than one way: "+strings.Join(texts, "; "),
		"Get a document that leaves nothing open, or correct this one.")
}

// open opens a file, or the standard input for "-".
func (app *App) open(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(app.env.Stdin), nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, problem.New(problem.NotFound, fmt.Sprintf("there is no file %s", name), "")
	}
	if err != nil {
		return nil, problem.New(problem.Unreadable, fmt.Sprintf("%s cannot be read: %v", name, cause(err)), "")
	}
	return f, nil
}

// cause returns why a file could not be opened or read, without its name.
func cause(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}
