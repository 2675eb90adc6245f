package folder

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"balansd/balance"
	"balansd/ledger"
)

// examine opens a file and finds out what it is. A file that is not meant as a
// social balance, neither by its content nor by its name, is of a kind; whatever
// is meant as one is listed, also where it cannot be read: the ledger then says
// so, with the reason.
//
// A *readerError is not about the file.
func (s *scan) examine(ctx context.Context, name string) (knowledge, error) {
	f, info, err := openFile(s.root, name)
	if err != nil {
		return knowledge{}, err
	}
	defer func() { _ = f.Close() }()
	named := balance.NameSaysBalance(name)
	head, err := readHead(f)
	if err != nil {
		return knowledge{}, err
	}
	kind, foreign := foreignKind(name, head)
	if !named && foreign {
		return knowledge{kind: kind}, nil
	}
	if balance.FormatOf(head) != balance.FormatPDF && info.Size() <= maxArchive {
		documents, skipped, err := balance.DocumentsAt(f, info.Size(), balance.ArchiveLimits{Document: s.cfg.MaxDocument})
		switch {
		case err != nil && !named:
			return knowledge{notes: []string{err.Error()}, others: map[Kind]int{Archive: 1}}, unchanged(f, info)
		case err == nil && (len(documents) != 1 || documents[0].Path != ""):
			return s.examineArchive(ctx, name, f, info, documents, skipped)
		}
	}
	return s.examineDocument(ctx, name, f, info)
}

// examineDocument finds out what a file is that is no archive.
func (s *scan) examineDocument(ctx context.Context, name string, f *os.File, info fs.FileInfo) (knowledge, error) {
	named := balance.NameSaysBalance(name)
	if info.Size() > s.cfg.MaxDocument && !named {
		return knowledge{kind: kindOf(name)}, nil
	}
	whole, err := readOpen(f, info, s.cfg.MaxDocument)
	if err != nil {
		return knowledge{}, err
	}
	b, err := s.cfg.Reader.ReadDocument(ctx, whole.content)
	if wrong := (*balance.ReadError)(nil); err != nil && !errors.As(err, &wrong) {
		return knowledge{}, &readerError{err}
	}
	switch {
	case err != nil && !balance.IsMeantAsBalance(name, err):
		return knowledge{kind: textKind(name)}, nil
	case err == nil && !named && isEmpty(b):
		return knowledge{kind: Accounts}, nil
	}
	return knowledge{found: []learned{describe(name, whole, b, err)}}, nil
}

// readerError says that documents cannot be read now, whatever they are.
type readerError struct{ cause error }

func (e *readerError) Error() string { return e.cause.Error() }

func (e *readerError) Unwrap() error { return e.cause }

// isEmpty reports whether a document has no social balance in it.
func isEmpty(b *balance.Balance) bool { return len(b.Values) == 0 && len(b.Doubts) == 0 }

// textKind returns the kind of a text or a PDF that is of no layout that is read.
func textKind(name string) Kind {
	if kind := kindOf(name); kind != Other {
		return kind
	}
	return Text
}

// describe lists a file by its content.
func describe(name string, f file, b *balance.Balance, err error) learned {
	l := learned{Bad: err != nil || isEmpty(b), Listing: ledger.Listing{
		ID:        name,
		Revision:  f.changed.Format("20060102T150405Z") + "-" + f.sum[:12],
		CreatedAt: f.changed,
		SHA256:    f.sum,
	}}
	if err != nil {
		return l
	}
	l.Listing.Dossier.EnterpriseNumber = b.EnterpriseNumber
	l.Listing.Dossier.Name = b.Name
	l.Listing.Model = b.Model
	if !b.YearInDoubt() { // else it would replace the balance of a year that it may not be of
		l.Listing.FiscalYear = b.FiscalYear
	}
	return l
}
