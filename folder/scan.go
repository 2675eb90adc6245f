package folder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"balansd/balance"
	"balansd/internal/sleep"
	"balansd/ledger"
)

// maxDepth is how many folders deep a file may lie, the dossier's included.
const maxDepth = 5

// maxNamed is how many names a sentence lists before it counts the rest.
const maxNamed = 5

// scan reads everything in the folder once: first the names, sizes and times of
// all files, then the content of those that do not change.
type scan struct {
	cfg      Config
	root     *os.Root
	earlier  map[string]fileState // what the scan before found; read only
	states   map[string]fileState // what this one finds
	dossiers []*dossier
	files    []candidate
	found    []ledger.Listing
	problems []string
}

// fileState is how a file was found at some time. Whether a file is still being
// written is decided by comparing two states, for the clock that stamps the
// files of a share need not be ours.
type fileState struct {
	size    int64
	changed time.Time
	since   time.Time // by our clock, when it was first found like this
}

func (l fileState) same(o fileState) bool { return l.size == o.size && l.changed.Equal(o.changed) }

// candidate is a file of a dossier that is to be read.
type candidate struct {
	dossier *dossier
	name    string
}

func (s *scan) addProblem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// path returns the whole path of a file or folder, for people.
func (s *scan) path(name string) string {
	return pathOf(s.cfg, name)
}

// all scans the dossiers. Only an error with the folder itself, or the end of
// ctx, ends the scan; whatever is wrong with a dossier or a file is a problem of
// the page.
func (s *scan) all(ctx context.Context) error {
	entries, err := fs.ReadDir(s.root.FS(), ".")
	if err != nil {
		return unreadable(s.cfg, err)
	}
	var stray []string
	for _, e := range entries {
		switch {
		case ignored(e.Name()):
		case e.IsDir():
			if err := s.dossier(ctx, e.Name()); err != nil {
				return err
			}
		case e.Type().IsRegular():
			if !isPDF(e.Name()) {
				stray = append(stray, printable(e.Name()))
			}
		default:
			s.addLinkProblem(e.Name())
		}
	}
	if len(stray) > 0 {
		s.addProblem("In %s there are files outside any dossier's folder, which are not read: %s. Move each into the folder of its dossier.",
			s.cfg.Path, firstNames(stray))
	}
	if err := s.readAll(ctx); err != nil {
		return err
	}
	slices.SortFunc(s.found, func(a, b ledger.Listing) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return nil
}

// firstNames names the first few and counts the rest.
func firstNames(names []string) string {
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}

// dossier scans one dossier's folder. PDF files beside the others are ignored,
// because people keep them there; a dossier with nothing else is a problem.
func (s *scan) dossier(ctx context.Context, name string) error {
	d := &dossier{reference: name}
	s.dossiers = append(s.dossiers, d)
	if err := s.dir(ctx, d, name, 1); err != nil {
		return err
	}
	if d.files == 0 && d.pdfs > 0 {
		s.addProblem("The folder %s has only PDF files, which cannot be read. Put the XBRL, CSV or JSON file of the social balance beside them.",
			s.path(name))
	}
	if d.tooDeep != "" {
		s.addProblem("The folder %s lies too deep and is not read. Put the files of a dossier at most %d folders deep.",
			s.path(d.tooDeep), maxDepth)
	}
	return nil
}

// dossier is what the scan found of one dossier.
type dossier struct {
	reference   string
	files, pdfs int
	tooDeep     string   // the first folder that was not read
	enterprises []string // the numbers of which there are balances, for people
}

// addEnterprise records an enterprise number of which the dossier has a balance.
func (d *dossier) addEnterprise(n balance.EnterpriseNumber) {
	if n != "" && !slices.Contains(d.enterprises, n.Pretty()) {
		d.enterprises = append(d.enterprises, n.Pretty())
	}
}

func (s *scan) dir(ctx context.Context, d *dossier, dir string, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		d.tooDeep = cmp.Or(d.tooDeep, dir)
		return nil
	}
	entries, err := fs.ReadDir(s.root.FS(), dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // it was removed meanwhile
			s.addProblem("The folder %s cannot be read: %s. Let the account that runs balansd read it and what is in it.", s.path(dir), reason(err))
		}
		return nil
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case ignored(e.Name()):
		case e.IsDir():
			if err := s.dir(ctx, d, name, depth+1); err != nil {
				return err
			}
		case !e.Type().IsRegular():
			s.addLinkProblem(name)
		case isPDF(e.Name()):
			d.pdfs++
		default:
			d.files++
			if err := ctx.Err(); err != nil {
				return err
			}
			s.addFile(d, name)
		}
	}
	return nil
}

// addFile records a file that is to be read, and its state.
func (s *scan) addFile(d *dossier, name string) {
	if !utf8.ValidString(name) {
		s.addProblem("The name of the file %s is not readable text. Rename it.", s.path(name))
		return
	}
	s.files = append(s.files, candidate{d, name})
	if s.cfg.Settle <= 0 {
		return
	}
	now, err := s.lstat(name)
	if err != nil {
		return // reading it says what is wrong
	}
	if earlier, ok := s.earlier[name]; ok && earlier.same(now) {
		now.since = earlier.since
	}
	s.states[name] = now
}

func (s *scan) lstat(name string) (fileState, error) {
	info, err := s.root.Lstat(filepath.FromSlash(name))
	if err != nil {
		return fileState{}, err
	}
	return fileState{info.Size(), info.ModTime(), time.Now()}, nil
}

// readAll reads the files, once the youngest of them had the time to settle.
func (s *scan) readAll(ctx context.Context) error {
	if err := s.waitUntilSettled(ctx); err != nil {
		return err
	}
	for _, c := range s.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.cfg.Settle > 0 && !s.settled(c.name) {
			s.addProblem("The file %s is being written. The next run reads it.", s.path(c.name))
			continue
		}
		if err := s.file(ctx, c.dossier, c.name); err != nil {
			return err
		}
	}
	for _, d := range s.dossiers {
		if len(d.enterprises) > 1 {
			// Each is delivered by its own number all the same.
			s.addProblem("The folder %s holds balances of %d enterprises: %s. Give each its own sub-folder.",
				s.path(d.reference), len(d.enterprises), firstNames(d.enterprises))
		}
	}
	return nil
}

// waitUntilSettled waits until every file was first found at least Settle ago.
func (s *scan) waitUntilSettled(ctx context.Context) error {
	var youngest time.Time
	for _, l := range s.states {
		if l.since.After(youngest) {
			youngest = l.since
		}
	}
	left := s.cfg.Settle - time.Since(youngest)
	if len(s.states) == 0 || left <= 0 {
		return nil
	}
	return sleep.For(ctx, left)
}

// settled reports whether a file is unchanged since it was found.
func (s *scan) settled(name string) bool {
	earlier, ok := s.states[name]
	now, err := s.lstat(name)
	if err != nil || !ok {
		return true // reading it says what is wrong
	}
	return earlier.same(now)
}

// file lists one file, or reports why it is left for another run. An error is
// not about the file.
func (s *scan) file(ctx context.Context, d *dossier, name string) error {
	f, err := readFile(s.root, name, s.cfg.MaxDocument)
	switch {
	case err == nil:
		l, err := listing(ctx, s.cfg.Reader, d.reference, name, f)
		if err != nil {
			return err
		}
		d.addEnterprise(l.Dossier.EnterpriseNumber)
		s.found = append(s.found, l)
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, errChanging) || inUse(err):
		s.addProblem("The file %s is being written. The next run reads it.", s.path(name))
	case errors.Is(err, errTooLarge):
		s.addProblem("The file %s is larger than %d bytes and is not read. Move it elsewhere if it is no social balance.", s.path(name), s.cfg.MaxDocument)
	default:
		s.addProblem("The file %s cannot be read: %s. Let the account that runs balansd read it.", s.path(name), reason(err))
	}
	return nil
}

// listing describes a file by its content. A file that cannot be read as a
// social balance is listed too, so that the ledger says so, with the reason.
// An error is not about the file.
func listing(ctx context.Context, reader Reader, reference, name string, f file) (ledger.Listing, error) {
	l := ledger.Listing{
		ID:        name,
		Revision:  f.changed.Format("20060102T150405Z") + "-" + f.sum[:12],
		Dossier:   ledger.Dossier{ID: reference, Name: reference},
		CreatedAt: f.changed,
		SHA256:    f.sum,
	}
	b, err := reader.ReadDocument(ctx, f.content)
	if wrong := (*balance.ReadError)(nil); err != nil && !errors.As(err, &wrong) {
		return l, err
	}
	if err == nil {
		l.Dossier.EnterpriseNumber = b.EnterpriseNumber
		l.Dossier.Name = cmp.Or(b.Name, reference)
		l.Model = b.Model
		if !b.YearInDoubt() { // else it would replace the balance of a year that it may not be of
			l.FiscalYear = b.FiscalYear
		}
	}
	if err != nil || len(b.Values) == 0 && len(b.Doubts) == 0 { // so that a person finds the file
		l.Dossier.Name += " (" + printable(strings.TrimPrefix(name, reference+"/")) + ")"
	}
	return l, nil
}

// addLinkProblem reports a link or another thing that is neither file nor folder.
// Links are not followed: they could lead out of what a person entrusted.
func (s *scan) addLinkProblem(name string) {
	s.addProblem("%s is a link and is not followed. Put the file or folder itself there.", s.path(name))
}

// ignored are names that are certainly nothing of ours: hidden files, what
// Windows and Office leave behind, and downloads that are not finished.
func ignored(name string) bool {
	lower := strings.ToLower(name)
	switch lower {
	case "thumbs.db", "desktop.ini", "$recycle.bin", "system volume information", "lost+found":
		return true
	}
	switch path.Ext(lower) {
	case ".tmp", ".part", ".crdownload":
		return true
	}
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "~$")
}

func isPDF(name string) bool { return strings.EqualFold(path.Ext(name), ".pdf") }

// reason returns the cause without the path, which the sentence names already.
func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return err.Error()
}

// inUse reports whether another program holds the file, which only Windows
// knows: ERROR_SHARING_VIOLATION and ERROR_LOCK_VIOLATION.
func inUse(err error) bool {
	code, ok := errors.AsType[syscall.Errno](err)
	return ok && runtime.GOOS == "windows" && (code == 32 || code == 33)
}
