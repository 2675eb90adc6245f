package folder

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
)

// DefaultMaxDocument is used where Config has none.
const DefaultMaxDocument int64 = 50 << 20

// pageSize is the number of listings on a page: what is recorded at once.
const pageSize = 500

// Config is all that a folder source needs.
type Config struct {
	Name string // the connection id
	Path string // of the folder on this server
	// Settle is how long a file must stay as it is before it is read; one that
	// changes meanwhile is still being written. 0 reads every file at once.
	Settle      time.Duration
	MaxDocument int64 // bytes; 0 means DefaultMaxDocument
	// Reader reads the documents; nil is one that knows what balansd knows by
	// itself, and reads all in this process.
	Reader Reader
	Log    zerolog.Logger
}

// Reader reads documents. An error that is a *balance.ReadError is about the
// document; with any other nothing is known of it.
type Reader interface {
	ReadDocument(ctx context.Context, data []byte) (*balance.Balance, error)
}

// Source is one folder of dossiers. It is safe for concurrent use.
type Source struct {
	cfg    Config
	mu     sync.Mutex
	states map[string]fileState // by path: the files as the last listing found them
}

// New returns a source. It does not open the folder, which may be on a disk
// that comes and goes. A Config without name or path is a ConfigInvalid
// problem.
func New(cfg Config) (*Source, error) {
	if cfg.Name == "" || cfg.Path == "" {
		return nil, problem.New(problem.ConfigInvalid, "a folder source has no name or no path",
			"Give it both in the configuration.")
	}
	if strings.TrimSpace(cfg.Name) != cfg.Name {
		return nil, problem.New(problem.ConfigInvalid, fmt.Sprintf("the folder source %q has blanks around its name", cfg.Name),
			"Write it without them in the configuration.")
	}
	if cfg.MaxDocument <= 0 {
		cfg.MaxDocument = DefaultMaxDocument
	}
	if cfg.Reader == nil {
		cfg.Reader = balance.NewReader(balance.ReaderOptions{})
	}
	return &Source{cfg: cfg}, nil
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
		next = "Make the folder, mount its disk, or correct the path in the configuration."
	case statErr == nil && !info.IsDir():
		next = "It is a file; name a folder in the configuration."
	case errors.Is(err, fs.ErrPermission):
		next = "Let the account that runs balansd read it and what is in it."
	}
	return problem.Wrap(err, problem.FolderDown, fmt.Sprintf("the folder %s of source %s cannot be read", cfg.Path, cfg.Name), next)
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

// List reads every file and lists each as one revision, oldest first: ID is
// the path within the source with slashes, Revision is the time of its last
// change with the start of its SHA-256, CreatedAt is that time. The dossier's
// ID is the sub-folder's name, and its Name what the balance says; of a file
// that holds none the Name names the file. The cursor has
// no meaning and stays as it is. Files that are left for the next run, and
// whatever else a person should know, are in the first page's Problems.
//
// It waits up to Settle when there are files that the listing before did not
// find as they are.
func (s *Source) List(ctx context.Context, cursor string) iter.Seq2[ledger.Page, error] {
	return func(yield func(ledger.Page, error) bool) {
		root, err := s.open()
		if err != nil {
			yield(ledger.Page{}, err)
			return
		}
		defer func() { _ = root.Close() }()
		w := scan{cfg: s.cfg, root: root, earlier: s.lastStates(), states: map[string]fileState{}}
		err = w.all(ctx)
		s.saveStates(w.states)
		if err != nil {
			yield(ledger.Page{}, err)
			return
		}
		s.cfg.Log.Debug().Str("connection", s.cfg.Name).Int("files", len(w.found)).Int("problem_count", len(w.problems)).
			Msg("folder listed")
		page := ledger.Page{Cursor: cursor, Problems: w.problems}
		for {
			n := min(pageSize, len(w.found))
			page.Listings, w.found = w.found[:n], w.found[n:]
			if !yield(page, nil) || len(w.found) == 0 {
				return
			}
			page.Problems = nil
		}
	}
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
		return nil, changed(name)
	}
	return file.content, nil
}

func changed(name string) error {
	return problem.New(problem.Damaged, fmt.Sprintf("the file %s was changed while it was being read", name),
		"The next run reads what it holds then.")
}

// What can be wrong with a file that is there.
var (
	errNoFile   = errors.New("it is not a file")
	errTooLarge = errors.New("it is larger than a document may be")
	errChanging = errors.New("it is being changed")
)

// file is one file, read whole.
type file struct {
	content []byte
	sum     string // SHA-256, hex
	changed time.Time
}

// readFile reads a file of at most limit bytes, and refuses one that changes
// while it is read.
func readFile(root *os.Root, name string, limit int64) (file, error) {
	if !fs.ValidPath(name) {
		return file{}, errNoFile
	}
	local := filepath.FromSlash(name)
	if info, err := root.Lstat(local); err != nil {
		return file{}, err
	} else if !info.Mode().IsRegular() { // a link too: what it points to is not ours
		return file{}, errNoFile
	}
	f, err := root.Open(local)
	if err != nil {
		return file{}, err
	}
	defer func() { _ = f.Close() }()
	before, err := f.Stat()
	switch {
	case err != nil:
		return file{}, err
	case !before.Mode().IsRegular():
		return file{}, errNoFile
	case before.Size() > limit:
		return file{}, errTooLarge
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return file{}, err
	}
	after, err := f.Stat()
	if err != nil {
		return file{}, err
	}
	if after.Size() != int64(len(content)) || before.Size() != after.Size() || !before.ModTime().Equal(after.ModTime()) {
		return file{}, errChanging
	}
	sum := sha256.Sum256(content)
	return file{content: content, sum: hex.EncodeToString(sum[:]), changed: after.ModTime().UTC()}, nil
}

// pathOf returns the whole path of a file or folder of the source, for people.
func pathOf(cfg Config, name string) string {
	return filepath.Join(cfg.Path, filepath.FromSlash(printable(name)))
}

// printable escapes the control characters of a name, for a sentence.
func printable(name string) string {
	q := fmt.Sprintf("%q", name)
	if q == `"`+name+`"` {
		return name
	}
	return strings.Trim(q, `"`)
}
