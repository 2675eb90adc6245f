package balance

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// A FoundDocument is a file of an archive that holds a social balance, or that is
// meant as one and cannot be read.
type FoundDocument struct {
	Document
	SHA256  string     // of the content, in hex
	Balance *Balance   // nil where Problem is set
	Problem *ReadError // why the document cannot be read
}

// ReadDocuments reads what Documents listed, one document after the other, and
// sorts out what is no social balance. An error of read that is no *ReadError
// ends it and is returned: then nothing is known.
func ReadDocuments(documents []Document, read func(data []byte) (*Balance, error)) (found []FoundDocument, others []Skipped, err error) {
	for _, d := range documents {
		f := FoundDocument{Document: d}
		data, err := d.Content()
		if err == nil {
			sum := sha256.Sum256(data)
			f.SHA256 = hex.EncodeToString(sum[:])
			f.Balance, err = read(data)
		}
		if err != nil && !errors.As(err, &f.Problem) {
			return nil, nil, err
		}
		named := NameSaysBalance(d.Path)
		switch {
		case f.Problem != nil && f.SHA256 == "":
			others = append(others, Skipped{Path: d.Path, Reason: SkippedDamaged, What: f.Problem.What})
		case f.Problem != nil && !IsMeantAsBalance(d.Path, f.Problem):
			others = append(others, Skipped{Path: d.Path, Reason: SkippedOther, What: strings.TrimSuffix(f.Problem.What, readableLayouts)})
		case f.Problem == nil && !named && len(f.Balance.Values)+len(f.Balance.Doubts) == 0:
			others = append(others, Skipped{Path: d.Path, Reason: SkippedOther, What: "a document without a social balance"})
		default:
			found = append(found, f)
		}
	}
	return found, others, nil
}

// ReadSingle reads with read the social balance in a document that is expected to
// hold one: the document itself, or the only one in it when it is a ZIP. An error
// that is no *ReadError comes from read.
func ReadSingle(data []byte, read func(data []byte) (*Balance, error)) (*Balance, error) {
	documents, _, err := Documents(data, ArchiveLimits{})
	if err != nil {
		return nil, err
	}
	if len(documents) == 1 && documents[0].Path == "" {
		return read(data)
	}
	found, _, err := ReadDocuments(documents, read)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, &ReadError{Kind: CauseNoBalance, What: "this is a ZIP without a social balance"}
	case len(found) > 1:
		return nil, &ReadError{What: fmt.Sprintf("this is a ZIP with %d social balances, where one is expected", len(found))}
	case found[0].Problem != nil:
		wrong := *found[0].Problem
		wrong.What = "in the ZIP " + clip(found[0].Path) + ": " + wrong.What
		return nil, &wrong
	}
	return found[0].Balance, nil
}
