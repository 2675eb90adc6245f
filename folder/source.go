package folder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"balansd/balance"
	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/problem"
)

// DefaultMaxDocument is used where Config has none.
const DefaultMaxDocument int64 = 50 << 20

// pageSize is the number of listings on a page: what is recorded at once.
const pageSize = 500

// Reader reads documents of any layout, which it recognises by their content. An
// error that is a *balance.ReadError is about the document; with any other nothing
// is known of it. Implementations are safe for concurrent use.
type Reader interface {
	ReadDocument(ctx context.Context, data []byte) (*balance.Balance, error)
}

// Config is all that a folder source needs.
type Config struct {
	Name string // the connection id
	Path string // of the folder on this server
	// Layout says how the files are sorted by dossier; empty means LayoutAuto.
	Layout Layout
	// Ignore are patterns of files and folders that are left out besides those that
	// always are, with * and ? as in path.Match, in capitals or not. One without a
	// slash is for a name wherever it lies, one with a slash for the path within
	// the source.
	Ignore []string
	// Settle is how long a file must stay as it is before it is read; one that
	// changes meanwhile is still being written. 0 reads every file at once.
	Settle      time.Duration
	MaxDocument int64 // bytes; 0 means DefaultMaxDocument
	// Reader reads the documents; nil is one that knows what balansd knows by
	// itself, and reads all in this process.
	Reader Reader
	// Reading names how documents are read, such as the version of the program and
	// of what Reader is made of. Where it changes, every file is read again.
	Reading string
	// Memory saves what was learnt of the files, so that those that did not change
	// are not read again; nil keeps it until the program ends.
	Memory keyvalue.Store
	// Hint says what lets this account read a folder that it could not, and why it
	// could not; empty where it knows no more than that. It may be nil.
	Hint func(path string, err error) (problem.Reason, string)
	Now  func() time.Time // time.Now when nil
	Log  zerolog.Logger
}

// Source is one folder of dossiers. It is safe for concurrent use.
type Source struct {
	cfg      Config
	memory   *memory
	readOnly bool

	mu     sync.Mutex
	states map[string]fileState // by path: the candidates as the last listing found them
}

// New returns a source. It does not open the folder, which may be on a disk
// that comes and goes. A Config without name or path, with an unknown layout or a
// pattern that cannot be used, is a ConfigInvalid problem.
func New(cfg Config) (*Source, error) {
	if cfg.Name == "" || cfg.Path == "" {
		return nil, problem.New(problem.ConfigInvalid, "a folder source has no name or no path",
			"Give it both in the configuration.")
	}
	if strings.TrimSpace(cfg.Name) != cfg.Name {
		return nil, problem.New(problem.ConfigInvalid, fmt.Sprintf("the folder source %q has blanks around its name", cfg.Name),
			"Write it without them in the configuration.")
	}
	cfg.Layout = cmp.Or(cfg.Layout, LayoutAuto)
	if !slices.Contains(Layouts(), cfg.Layout) {
		return nil, problem.New(problem.ConfigInvalid, fmt.Sprintf("the folder source %s has an unknown layout, %q", cfg.Name, cfg.Layout),
			"Write auto, dossiers or flat.")
	}
	for _, pattern := range cfg.Ignore {
		if err := CheckPattern(pattern); err != nil {
			return nil, problem.Wrap(err, problem.ConfigInvalid, fmt.Sprintf("the folder source %s has a pattern that cannot be used, %q", cfg.Name, pattern),
				"Write a name with * and ? for what may differ.")
		}
	}
	if cfg.MaxDocument <= 0 {
		cfg.MaxDocument = DefaultMaxDocument
	}
	if cfg.Reader == nil {
		cfg.Reader = balance.NewReader(balance.ReaderOptions{})
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Source{cfg: cfg, memory: newMemory(cfg)}, nil
}

// ReadOnly returns the same source for a run that must leave nothing behind: what
// it learns and tells is not remembered.
func (s *Source) ReadOnly() *Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Source{cfg: s.cfg, memory: s.memory, readOnly: true, states: s.states}
}

// Status tells that the source is active, when its folder can be read. A
// folder that cannot is a FolderDown problem: it may come back.
func (s *Source) Status(ctx context.Context) (ledger.SourceStatus, error) {
	if err := ctx.Err(); err != nil {
		return ledger.SourceStatus{}, err
	}
	root, err := s.open()
	if err != nil {
		return ledger.SourceStatus{}, err
	}
	defer func() { _ = root.Close() }()
	return ledger.SourceStatus{Active: true, Environment: s.cfg.Name}, nil
}

// open opens the folder and checks that it can be listed.
func (s *Source) open() (*os.Root, error) {
	root, err := os.OpenRoot(s.cfg.Path)
	if err == nil {
		if err = listable(root); err == nil {
			return root, nil
		}
		_ = root.Close()
	}
	return nil, unreadable(s.cfg, err)
}

// unreadable says that the folder as a whole cannot be read, and what helps.
func unreadable(cfg Config, err error) error {
	next := "See that it is there and that the account of the service may read it; it is tried again at the next run."
	switch info, statErr := os.Stat(cfg.Path); {
	case errors.Is(err, fs.ErrNotExist):
		next = "Make the folder, mount its disk, or correct its path."
	case statErr == nil && !info.IsDir():
		next = "It is a file; name a folder in the configuration."
	case errors.Is(err, fs.ErrPermission):
		next = "Let the account that runs balansd read it and what is in it."
	}
	p := problem.Wrap(err, problem.FolderDown, fmt.Sprintf("the folder %s of source %s cannot be read", cfg.Path, cfg.Name), next)
	if cfg.Hint == nil {
		return p
	}
	return p.Because(cfg.Hint(cfg.Path, err))
}

func listable(root *os.Root) error {
	dir, err := root.Open(".")
	if err != nil {
		return err
	}
	defer func() { _ = dir.Close() }()
	if _, err = dir.Readdirnames(1); errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// List lists each social balance as one revision, oldest first: ID is the path
// within the source with slashes, of a file in a ZIP archive the path of the
// archive, "!/" and the path in it, Revision is the time of its last change with
// the start of its SHA-256, CreatedAt is that time. The dossier's ID is its
// sub-folder's name, or the number inside where it lies in none, and its Name
// what the balance says; of a file that is meant as a social balance and cannot
// be read the Name names the file. Files that are not meant as one are counted.
//
// A file is read when it is new, when something says that it changed, and after
// some days. The cursor holds how many files there were: a folder that held some
// and holds none is a FolderDown problem for the reason NotMounted. What a person
// should hear of for the first time is in the first page's Problems; all that
// stands is in the report of the last.
//
// It waits up to Settle when there are files that the listing before did not
// find as they are.
func (s *Source) List(ctx context.Context, cursor string) iter.Seq2[ledger.Page, error] {
	return func(yield func(ledger.Page, error) bool) {
		w, err := s.scan(ctx)
		if err != nil {
			yield(ledger.Page{}, err)
			return
		}
		now := markerOf(s.cfg, w.report.Files, w.now)
		if err := parseMarker(cursor).lost(s.cfg, now); err != nil {
			yield(ledger.Page{}, err)
			return
		}
		head := s.memory.head(ctx)
		told, fresh := news(w.problems, head)
		s.cfg.Log.Debug().Str("connection", s.cfg.Name).Int("files", w.report.Files).Int("balances", len(w.found)).
			Int("read", len(w.candidates)).Int("problem_count", len(w.problems)).Msg("folder listed")
		page := ledger.Page{Cursor: now.String(), Problems: fresh}
		for {
			n := min(pageSize, len(w.found))
			page.Listings, w.found = w.found[:n], w.found[n:]
			if len(w.found) == 0 {
				page.Folder = &ledger.FolderContent{Report: w.report, Unsure: w.unsure}
			}
			if !yield(page, nil) {
				return
			}
			if len(w.found) == 0 {
				break
			}
			page.Problems = nil
		}
		s.remember(ctx, w, told)
	}
}

// scan scans the folder.
func (s *Source) scan(ctx context.Context) (*scan, error) {
	root, err := s.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	w := &scan{cfg: s.cfg, root: root, memory: s.memory, ignore: newPatterns(s.cfg.Ignore), now: s.cfg.Now(),
		anew:    s.memory.head(ctx).Reading != s.cfg.Reading,
		earlier: s.lastStates(), states: map[string]fileState{}}
	err = w.all(ctx)
	s.saveStates(w.states)
	return w, err
}

// news returns the keys of the problems that stand, and those that people were not
// told of yet.
func news(problems []trouble, head memoryHead) (keys []uint64, fresh []string) {
	known := make(map[uint64]bool, len(head.Told))
	for _, key := range head.Told {
		known[key] = true
	}
	for _, t := range problems {
		if !known[t.key] {
			fresh = append(fresh, t.text)
		}
		if len(keys) < maxTold {
			keys = append(keys, t.key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys), fresh
}

// remember saves what a listing learnt. Where it cannot be saved the next one reads
// the files again.
func (s *Source) remember(ctx context.Context, w *scan, told []uint64) {
	if s.readOnly {
		return
	}
	if err := w.remember(ctx, told); err != nil && ctx.Err() == nil {
		s.cfg.Log.Warn().Err(err).Str("connection", s.cfg.Name).Msg("what was learnt of the files of a folder cannot be saved")
	}
}

// Survey looks at all that is in the folder, reads what is new and remembers
// nothing. It does not wait for files to settle.
func (s *Source) Survey(ctx context.Context) (ledger.FolderReport, error) {
	look := s.ReadOnly()
	look.cfg.Settle = 0
	w, err := look.scan(ctx)
	if err != nil {
		return ledger.FolderReport{}, err
	}
	return w.report, nil
}

func (s *Source) lastStates() map[string]fileState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.states
}

func (s *Source) saveStates(states map[string]fileState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states = states
}

// Content reads the file of a listing again and verifies that it still is what
// was listed. A file that changed meanwhile is a Damaged problem: the next
// run lists it anew. One that is gone is NotFound.
func (s *Source) Content(ctx context.Context, l ledger.Listing) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	root, err := s.open()
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	file, err := readFile(root, l.ID, s.cfg.MaxDocument)
	if (errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoFile)) && strings.Contains(l.ID, balance.InArchive) {
		file, err = readMember(root, l.ID)
	}
	name := fmt.Sprintf("%s of source %s", pathOf(s.cfg, l.ID), s.cfg.Name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoFile):
		return nil, problem.Wrap(err, problem.NotFound, fmt.Sprintf("the file %s is no longer there", name),
			"If it was moved or renamed on purpose, dismiss this entry; else put the file back.")
	case errors.Is(err, errTooLarge):
		return nil, problem.Wrap(err, problem.Unreadable, fmt.Sprintf("the file %s is too large", name),
			"Replace it by the social balance alone, or take it out of the folder if it is none.")
	case errors.Is(err, errChanging):
		return nil, changed(name)
	case err != nil:
		return nil, problem.Wrap(err, problem.Damaged, fmt.Sprintf("the file %s cannot be read", name),
			"See that no program holds it and that the account of the service may read it; it is tried again at the next run.")
	case l.SHA256 != "" && file.sum != l.SHA256:
		if !s.readOnly { // should nothing but its content say that it changed
			for _, dir := range foldersOf(l.ID) {
				s.memory.forget(ctx, dir)
			}
		}
		return nil, changed(name)
	}
	return file.content, nil
}

func changed(name string) error {
	return problem.New(problem.Damaged, fmt.Sprintf("the file %s was changed while it was being read", name),
		"The next run reads what it holds then.")
}
