package cli

import (
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
		newInspectCommand(app), newDiffCommand(app), newConvertCommand(app))
}

// readBalance reads the balance in a file, or on the standard input for "-".
func (app *App) readBalance(name string) (*balance.Balance, error) {
	reader := balance.NewReader(balance.ReaderOptions{})
	cfg, err := app.config()
	if err == nil {
		reader, err = documentReader(cfg)
	} else if app.configPath == "" {
		err = nil // a mistake in what was not asked for does not stand in the way
	}
	if err != nil {
		return nil, err
	}
	src, err := app.open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = src.Close() }()
	b, err := reader.Stream(src)
	if err != nil {
		return nil, problem.New(problem.Unreadable, fmt.Sprintf("%s cannot be read: %v", name, cause(err)), "")
	}
	return b, nil
}

// documentReader makes the reader of documents that the configuration asks for.
func documentReader(cfg *config.Config) (*balance.Reader, error) {
	file := cfg.Documents.CBSOTable
	if file == "" {
		return balance.NewReader(balance.ReaderOptions{}), nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, problem.New(problem.ConfigInvalid, fmt.Sprintf("the table %s cannot be read: %v", file, cause(err)), "Correct documents.cbso_table in the configuration.")
	}
	members, wrong := balance.ParseMembers(file, text)
	if len(wrong) > 0 {
		all := make([]string, len(wrong))
		for i, e := range wrong {
			all[i] = e.Error()
		}
		return nil, problem.New(problem.ConfigInvalid, "the table of members has mistakes: "+strings.Join(all, "; "), "Correct them in the table that documents.cbso_table names.")
	}
	return balance.NewReader(balance.ReaderOptions{Members: members}), nil
}

// someBalance is readBalance for who needs figures.
func (app *App) someBalance(name string) (*balance.Balance, error) {
	b, err := app.readBalance(name)
	if err == nil && len(b.Values) == 0 && len(b.Doubts) == 0 {
		err = problem.New(problem.NoSocialBalance, name+" holds no social balance", "")
	}
	return b, err
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
