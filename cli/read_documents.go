package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"balansd/balance"
	"balansd/config"
	"balansd/documentreader"
	"balansd/problem"
)

// readDocumentCommand is what a process is started with that reads one document,
// see documentreader. People do not call it.
const readDocumentCommand = "read-document"

// newDocumentReader makes the reader of documents that the configuration asks
// for.
func newDocumentReader(cfg *config.Config) (*documentreader.Reader, error) {
	o, err := readerOptions(cfg)
	if err != nil {
		return nil, err
	}
	return isolatedReader(o)
}

// isolatedReader reads documents of formats with large parsers in a process of
// their own.
func isolatedReader(o balance.ReaderOptions) (*documentreader.Reader, error) {
	command, err := documentreader.OwnProgram(readDocumentCommand)
	if err != nil {
		return nil, problem.Wrap(err, problem.Unexpected, "the program file of balansd cannot be found", "Start balansd anew.")
	}
	return documentreader.New(documentreader.Options{Documents: o, Command: command}), nil
}

// commandReader is the reader of a command that needs nothing else of the
// configuration: a mistake in one that was not asked for does not stand in its way.
func (app *App) commandReader() (*documentreader.Reader, error) {
	cfg, err := app.config()
	switch {
	case err == nil:
		return newDocumentReader(cfg)
	case app.configPath != "":
		return nil, err
	}
	return isolatedReader(balance.ReaderOptions{})
}

// reading is what came of reading one document.
type reading struct {
	name    string           // of the file
	path    string           // in the archive that the file is, else empty
	balance *balance.Balance // without values where err is set
	err     error
}

// called is the name by which people know the document.
func (r reading) called() string {
	if r.path == "" {
		return r.name
	}
	return r.name + balance.InArchive + r.path
}

// content is what a file holds.
type content struct {
	archive  bool
	readings []reading         // one, unless it is an archive
	skipped  []balance.Skipped // of an archive
}

// maxArchiveInput bounds an archive that comes by the standard input, in bytes.
const maxArchiveInput = 256 << 20

// readFile reads the documents in a file, or on the standard input for "-". An
// error is about the file as a whole; one about a document is in its reading.
func (app *App) readFile(ctx context.Context, name string) (content, error) {
	reader, err := app.commandReader()
	if err != nil {
		return content{}, err
	}
	src, err := app.open(name)
	if err != nil {
		return content{}, err
	}
	defer func() { _ = src.Close() }()
	itself, documents, skipped, err := listDocuments(src)
	if err != nil {
		return content{}, unreadableFile(name, err)
	}
	if itself != nil {
		b, err := reader.Stream(ctx, itself)
		if err != nil {
			return content{}, unreadableFile(name, err)
		}
		return content{readings: []reading{{name: name, balance: b}}}, nil
	}
	found, others, err := balance.ReadDocuments(documents, func(data []byte) (*balance.Balance, error) { return reader.ReadDocument(ctx, data) })
	if err != nil {
		return content{}, err
	}
	c := content{archive: true, skipped: append(skipped, others...)}
	for _, f := range found {
		r := reading{name: name, path: f.Path, balance: f.Balance}
		if f.Problem != nil {
			r.balance, r.err = &balance.Balance{}, unreadableFile(r.called(), f.Problem)
		}
		c.readings = append(c.readings, r)
	}
	return c, nil
}

// listDocuments lists the documents in an archive. Of anything else it returns
// the document itself, to be read from its start.
func listDocuments(src io.Reader) (itself io.Reader, documents []balance.Document, skipped []balance.Skipped, err error) {
	var at io.ReaderAt
	var size int64
	if f, ok := src.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			at, size, itself = f, info.Size(), f
		}
	}
	if at == nil {
		buffered := bufio.NewReader(src)
		head, _ := buffered.Peek(buffered.Size()) // its error comes again
		if balance.FormatOf(head) != balance.FormatWorkbook {
			return buffered, nil, nil, nil
		}
		data, err := io.ReadAll(io.LimitReader(buffered, maxArchiveInput+1))
		if err == nil && len(data) > maxArchiveInput {
			err = fmt.Errorf("it is larger than %d MiB", maxArchiveInput>>20)
		}
		if err != nil {
			return nil, nil, nil, err
		}
		at, size, itself = bytes.NewReader(data), int64(len(data)), bytes.NewReader(data)
	}
	documents, skipped, err = balance.DocumentsAt(at, size, balance.ArchiveLimits{})
	if err == nil && len(documents) == 1 && documents[0].Path == "" {
		return itself, nil, nil, nil
	}
	return nil, documents, skipped, err
}

// unreadableFile says that a file, or a document in it, cannot be read.
func unreadableFile(name string, err error) error {
	if p, ok := errors.AsType[*problem.Problem](err); ok {
		return p // of this machine, not of the file
	}
	return problem.New(problem.Unreadable, fmt.Sprintf("%s cannot be read: %v", name, cause(err)), "")
}
