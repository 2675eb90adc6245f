package folder

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"balansd/balance"
)

// maxArchive bounds a ZIP archive in a folder, in bytes: that of a payroll bureau
// holds the documents of all clients.
const maxArchive = 256 << 20

// examineArchive finds out what is in a ZIP archive: each social balance in it is
// listed by itself. What a person should look at, such as a file that wants a
// password, becomes a note; whatever else is no social balance is counted.
func (s *scan) examineArchive(ctx context.Context, name string, f *os.File, info fs.FileInfo, documents []balance.Document, skipped []balance.Skipped) (knowledge, error) {
	found, others, err := balance.ReadDocuments(documents, func(data []byte) (*balance.Balance, error) {
		return s.cfg.Reader.ReadDocument(ctx, data)
	})
	if err != nil {
		return knowledge{}, &readerError{err}
	}
	if err := unchanged(f, info); err != nil {
		return knowledge{}, err
	}
	known := knowledge{others: map[Kind]int{}}
	for _, d := range found {
		l := describe(name+balance.InArchive+d.Path, file{sum: d.SHA256, changed: info.ModTime().UTC()}, d.Balance, errorOf(d.Problem))
		known.found = append(known.found, l)
	}
	skipped = append(skipped, others...)
	known.notes, _ = balance.DescribeSkipped(skipped)
	for _, o := range skipped {
		if o.Reason == balance.SkippedOther {
			known.others[textKind(o.Path)]++
		}
	}
	if len(known.found)+len(known.notes) == 0 {
		return knowledge{kind: Archive}, nil
	}
	return known, nil
}

// errorOf returns a problem as an error, which is nil without one.
func errorOf(p *balance.ReadError) error {
	if p == nil {
		return nil
	}
	return p
}

// unchanged reports with errChanging whether an open file is another than it was.
func unchanged(f *os.File, before fs.FileInfo) error {
	after, err := f.Stat()
	if err == nil && (after.Size() != before.Size() || !after.ModTime().Equal(before.ModTime())) {
		err = errChanging
	}
	return err
}

// clientsIn counts the enterprises of which there are balances in an archive.
func clientsIn(found []learned) int {
	numbers := map[balance.EnterpriseNumber]bool{}
	for _, l := range found {
		if n := l.Listing.Dossier.EnterpriseNumber; n != "" {
			numbers[n] = true
		}
	}
	return len(numbers)
}

// readMember reads a file in an archive by its id, name!/path. The name of a
// folder or of a file may have the same two characters in it.
func readMember(root *os.Root, id string) (file, error) {
	for at := 0; ; {
		i := strings.Index(id[at:], balance.InArchive)
		if i < 0 {
			return file{}, fs.ErrNotExist
		}
		at += i
		f, info, err := openFile(root, id[:at])
		at += len(balance.InArchive)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoFile) {
			continue
		}
		if err != nil {
			return file{}, err
		}
		member, err := memberOf(f, info, id[at:])
		_ = f.Close()
		return member, err
	}
}

// memberOf reads a file in an open archive.
func memberOf(f *os.File, info fs.FileInfo, member string) (file, error) {
	documents, _, err := balance.DocumentsAt(f, info.Size(), balance.ArchiveLimits{})
	if err != nil {
		return file{}, err
	}
	for _, d := range documents {
		if d.Path != member {
			continue
		}
		content, err := d.Content()
		if err == nil {
			err = unchanged(f, info)
		}
		return newFile(content, info), err
	}
	return file{}, fs.ErrNotExist
}

// foldersOf lists the folders that the file of an id can lie in: more than one
// where the id may be that of a file in an archive.
func foldersOf(id string) []string {
	dirs := []string{path.Dir(id)}
	for i := range id {
		if strings.HasPrefix(id[i:], balance.InArchive) {
			dirs = append(dirs, path.Dir(id[:i]))
		}
	}
	return dirs
}
