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

// maxNamed is how many names a sentence gives before it counts the rest.
const maxNamed = 5

// walk is one look at everything in the folder: first at the names, sizes and
// times of all files, then at what is in those that stay as they are.
type walk struct {
	cfg      Config
	root     *os.Root
	before   map[string]look // what the walk before saw; not to be changed
	seen     map[string]look // what this one sees
	dossiers []*dossier
	files    []candidate
	found    []ledger.Listing
	problems []string
}

// look is how a file was found at some time. Whether a file is still being
// written is told by two looks that are apart, for the clock that stamps the
// files of a share need not be ours.
type look struct {
	size    int64
	changed time.Time
	since   time.Time // by our clock, when it was first found like this
}

func (l look) same(o look) bool { return l.size == o.size && l.changed.Equal(o.changed) }

// candidate is a file of a dossier that is to be read.
type candidate struct {
	dossier *dossier
	name    string
}

func (w *walk) tell(format string, args ...any) {
	w.problems = append(w.problems, fmt.Sprintf(format, args...))
}

// path returns the whole path of a file or folder, for people.
func (w *walk) path(name string) string {
	return pathOf(w.cfg, name)
}

// all walks the dossiers. Only an error with the folder itself, or the end of
// ctx, ends the walk; whatever is wrong with a dossier or a file is told.
func (w *walk) all(ctx context.Context) error {
	entries, err := fs.ReadDir(w.root.FS(), ".")
	if err != nil {
		return unreadable(w.cfg, err)
	}
	var stray []string
	for _, e := range entries {
		switch {
		case ignored(e.Name()):
		case e.IsDir():
			if err := w.dossier(ctx, e.Name()); err != nil {
				return err
			}
		case e.Type().IsRegular():
			if !isPDF(e.Name()) {
				stray = append(stray, shown(e.Name()))
			}
		default:
			w.tellLink(e.Name())
		}
	}
	if len(stray) > 0 {
		w.tell("In %s there are files outside any dossier's folder, which are not looked at: %s. Move each into the folder of its dossier.",
			w.cfg.Path, some(stray))
	}
	if err := w.readAll(ctx); err != nil {
		return err
	}
	slices.SortFunc(w.found, func(a, b ledger.Listing) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return nil
}

// some names the first few and counts the rest.
func some(names []string) string {
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}

// dossier looks at one dossier's folder. PDF files beside the others are for
// people and pass unmentioned; a dossier with nothing else is told.
func (w *walk) dossier(ctx context.Context, name string) error {
	d := &dossier{reference: name}
	w.dossiers = append(w.dossiers, d)
	if err := w.dir(ctx, d, name, 1); err != nil {
		return err
	}
	if d.files == 0 && d.pdfs > 0 {
		w.tell("The folder %s has only PDF files, which cannot be read. Put the XBRL, CSV or JSON file of the social balance beside them.",
			w.path(name))
	}
	if d.tooDeep != "" {
		w.tell("The folder %s lies too deep and is not looked at. Put the files of a dossier at most %d folders deep.",
			w.path(d.tooDeep), maxDepth)
	}
	return nil
}

// dossier is what is seen of one while walking through its folder.
type dossier struct {
	reference   string
	files, pdfs int
	tooDeep     string   // the first folder that was not looked at
	enterprises []string // the numbers of which there are balances, for people
}

// holds notes an enterprise number of which the dossier has a balance.
func (d *dossier) holds(n balance.EnterpriseNumber) {
	if n != "" && !slices.Contains(d.enterprises, n.Pretty()) {
		d.enterprises = append(d.enterprises, n.Pretty())
	}
}

func (w *walk) dir(ctx context.Context, d *dossier, dir string, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > maxDepth {
		d.tooDeep = cmp.Or(d.tooDeep, dir)
		return nil
	}
	entries, err := fs.ReadDir(w.root.FS(), dir)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) { // gone since: nothing to say
			w.tell("The folder %s cannot be read: %s. Let the account that runs balansd read it and what is in it.", w.path(dir), reason(err))
		}
		return nil
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case ignored(e.Name()):
		case e.IsDir():
			if err := w.dir(ctx, d, name, depth+1); err != nil {
				return err
			}
		case !e.Type().IsRegular():
			w.tellLink(name)
		case isPDF(e.Name()):
			d.pdfs++
		default:
			d.files++
			if err := ctx.Err(); err != nil {
				return err
			}
			w.lookAt(d, name)
		}
	}
	return nil
}

// lookAt notes a file that is to be read, and how it is now.
func (w *walk) lookAt(d *dossier, name string) {
	if !utf8.ValidString(name) {
		w.tell("The name of the file %s is not readable text. Rename it.", w.path(name))
		return
	}
	w.files = append(w.files, candidate{d, name})
	if w.cfg.Settle <= 0 {
		return
	}
	now, err := w.lstat(name)
	if err != nil {
		return // reading it says what is wrong
	}
	if before, ok := w.before[name]; ok && before.same(now) {
		now.since = before.since
	}
	w.seen[name] = now
}

func (w *walk) lstat(name string) (look, error) {
	info, err := w.root.Lstat(filepath.FromSlash(name))
	if err != nil {
		return look{}, err
	}
	return look{info.Size(), info.ModTime(), time.Now()}, nil
}

// readAll reads the files, once the youngest of them had the time to settle.
func (w *walk) readAll(ctx context.Context) error {
	if err := w.rest(ctx); err != nil {
		return err
	}
	for _, c := range w.files {
		if err := ctx.Err(); err != nil {
			return err
		}
		if w.cfg.Settle > 0 && !w.settled(c.name) {
			w.tell("The file %s is being written. The next pass takes it.", w.path(c.name))
			continue
		}
		w.file(c.dossier, c.name)
	}
	for _, d := range w.dossiers {
		if len(d.enterprises) > 1 {
			// Each is delivered by its own number all the same.
			w.tell("The folder %s holds balances of %d enterprises: %s. Give each its own sub-folder.",
				w.path(d.reference), len(d.enterprises), some(d.enterprises))
		}
	}
	return nil
}

// rest waits until every file was first found at least Settle ago.
func (w *walk) rest(ctx context.Context) error {
	var youngest time.Time
	for _, l := range w.seen {
		if l.since.After(youngest) {
			youngest = l.since
		}
	}
	left := w.cfg.Settle - time.Since(youngest)
	if len(w.seen) == 0 || left <= 0 {
		return nil
	}
	return sleep.For(ctx, left)
}

// settled reports whether a file still is as it was at the first look.
func (w *walk) settled(name string) bool {
	before, ok := w.seen[name]
	now, err := w.lstat(name)
	if err != nil || !ok {
		return true // reading it says what is wrong
	}
	return before.same(now)
}

// file lists one file, or tells why it is left for another pass.
func (w *walk) file(d *dossier, name string) {
	f, err := readFile(w.root, name, w.cfg.MaxDocument)
	switch {
	case err == nil:
		l := listing(w.cfg.Reader, d.reference, name, f)
		d.holds(l.Dossier.EnterpriseNumber)
		w.found = append(w.found, l)
	case errors.Is(err, fs.ErrNotExist):
	case errors.Is(err, errChanging) || inUse(err):
		w.tell("The file %s is being written. The next pass takes it.", w.path(name))
	case errors.Is(err, errTooLarge):
		w.tell("The file %s is larger than %d bytes and is not read. Move it elsewhere if it is no social balance.", w.path(name), w.cfg.MaxDocument)
	default:
		w.tell("The file %s cannot be read: %s. Let the account that runs balansd read it.", w.path(name), reason(err))
	}
}

// listing describes a file by its content. A file that cannot be read as a
// social balance is listed too, so that the ledger says so, with the reason.
func listing(reader *balance.Reader, reference, name string, f file) ledger.Listing {
	l := ledger.Listing{
		ID:        name,
		Revision:  f.changed.Format("20060102T150405Z") + "-" + f.sum[:12],
		Dossier:   ledger.Dossier{ID: reference, Name: reference},
		CreatedAt: f.changed,
		SHA256:    f.sum,
	}
	b, err := reader.Read(f.content)
	if err == nil {
		l.Dossier.EnterpriseNumber = b.EnterpriseNumber
		l.Dossier.Name = cmp.Or(b.Name, reference)
		l.Model = b.Model
		if !b.YearInDoubt() { // else it would replace the balance of a year that it may not be of
			l.FiscalYear = b.FiscalYear
		}
	}
	if err != nil || len(b.Values) == 0 && len(b.Doubts) == 0 { // a person looks for the file then
		l.Dossier.Name += " (" + shown(strings.TrimPrefix(name, reference+"/")) + ")"
	}
	return l
}

// tellLink tells of a link or another thing that is neither file nor folder.
// Links are not followed: they could lead out of what a person entrusted.
func (w *walk) tellLink(name string) {
	w.tell("%s is a link and is not followed. Put the file or folder itself there.", w.path(name))
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
