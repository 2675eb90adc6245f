package folder

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"balansd/internal/sleep"
	"balansd/ledger"
)

// maxNamed is how many names a sentence lists before it counts the rest.
const maxNamed = 5

// maxProblems is how many standing problems a report has.
const maxProblems = 20

// scan is one listing of the source: first the names, sizes and times of all
// files, then the content of those of which nothing is known as they are.
type scan struct {
	cfg    Config
	root   *os.Root
	memory *memory
	ignore patterns
	now    time.Time
	anew   bool // what is remembered was read in another way

	earlier map[string]fileState // what the listing before found of its candidates; read only
	states  map[string]fileState // what this one finds

	layout     layout
	folders    []*folderScan
	candidates []candidate
	loose      int      // files that are in no dossier's folder and may be balances
	stray      []string // those of them that the layout has no place for
	found      []ledger.Listing
	numbers    map[string][]string // of enterprises, for people, by dossier's folder
	report     ledger.FolderReport
	unsure     []string
	problems   []trouble
}

// trouble is a sentence for people. It is told again when its key is another.
type trouble struct {
	key  uint64
	text string
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

// addProblem adds a sentence. state is what it is about besides: where that is
// another the sentence is told again.
func (s *scan) addProblem(state string, format string, args ...any) {
	t := trouble{text: fmt.Sprintf(format, args...)}
	h := fnv.New64a()
	_, _ = h.Write([]byte(t.text + "\x00" + state))
	t.key = h.Sum64()
	s.problems = append(s.problems, t)
}

// path returns the whole path of a file or folder, for people.
func (s *scan) path(name string) string { return pathOf(s.cfg, name) }

// all scans the source. Only an error with the folder itself, or the end of ctx,
// ends the scan; whatever is wrong with a file is a problem of the page.
func (s *scan) all(ctx context.Context) error {
	s.numbers = map[string][]string{}
	s.report.Others = map[string]int{}
	if err := s.walk(ctx, ".", 0); err != nil {
		return err
	}
	if err := s.readAll(ctx); err != nil {
		return err
	}
	if len(s.stray) > 0 {
		slices.Sort(s.stray)
		s.addProblem(strings.Join(s.stray, "\x00"), "In %s there are files outside any dossier's folder, which are not used: %s. Move each into the folder of its dossier, or set layout: auto.",
			s.cfg.Path, firstNames(s.stray))
	}
	for _, reference := range slices.Sorted(maps.Keys(s.numbers)) {
		if list := s.numbers[reference]; len(list) > 1 {
			slices.Sort(list)
			// Each is delivered by its own number all the same.
			s.addProblem("", "The folder %s holds balances of %d enterprises: %s. Give each its own sub-folder.",
				s.path(reference), len(list), firstNames(list))
		}
	}
	slices.SortFunc(s.found, func(a, b ledger.Listing) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	s.report.Layout, s.report.Taken, s.report.Dossiers = string(s.cfg.Layout), s.layout.taken(s.loose), len(s.layout.references)
	for i, t := range s.problems {
		if i >= maxProblems {
			s.report.More = len(s.problems) - maxProblems
			break
		}
		s.report.Problems = append(s.report.Problems, t.text)
	}
	return nil
}

// readAll reads the candidates, once the youngest of them had the time to settle.
func (s *scan) readAll(ctx context.Context) error {
	if err := s.waitUntilSettled(ctx); err != nil {
		return err
	}
	for _, c := range s.candidates {
		if err := ctx.Err(); err != nil {
			return err
		}
		if s.cfg.Settle > 0 && !s.settled(c.name) {
			s.postpone(c, "The file %s is being written. The next run reads it.", s.path(c.name))
			continue
		}
		if err := s.read(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// waitUntilSettled waits until every candidate was first found at least Settle ago.
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
	info, err := s.root.Lstat(filepath.FromSlash(name))
	if err != nil || !ok {
		return true // reading it says what is wrong
	}
	return earlier.same(fileState{size: info.Size(), changed: info.ModTime()})
}

// settleFor is how long a file must have been as it is before what was read of it
// is remembered: some disks keep times of two seconds.
const settleFor = 2 * time.Second

// read reads a candidate and uses what it is, or reports why it is left for another
// run. An error is not about the file.
func (s *scan) read(ctx context.Context, c candidate) error {
	known, err := s.examine(ctx, c.name)
	var unread *readerError
	switch {
	case errors.As(err, &unread):
		return unread.cause
	case err == nil:
		s.use(c.name, known)
		if since := s.states[c.name].since; s.cfg.Settle > 0 && time.Since(since) >= settleFor {
			if c.dir.known == nil {
				c.dir.known = map[fingerprint]knowledge{}
			}
			known.day = dayOf(s.now)
			c.dir.known[c.print] = known
		}
	case errors.Is(err, fs.ErrNotExist):
		s.report.Files--
	case errors.Is(err, errChanging) || inUse(err):
		s.postpone(c, "The file %s is being written. The next run reads it.", s.path(c.name))
	case errors.Is(err, errTooLarge):
		s.postpone(c, "The file %s is larger than %d bytes and is not read. Put the social balance alone there, or rename the file if it is none.", s.path(c.name), s.cfg.MaxDocument)
	default:
		s.postpone(c, "The file %s cannot be read: %s. Let the account that runs balansd read it.", s.path(c.name), reason(err))
	}
	return nil
}

// postpone reports why a candidate is left for another run.
func (s *scan) postpone(c candidate, format string, args ...any) {
	s.report.Postponed++
	s.unsure = append(s.unsure, c.name)
	s.addProblem(string(c.print[:]), format, args...)
}

// use lists or counts a file by what is known of it.
func (s *scan) use(name string, known knowledge) {
	if known.kind != "" {
		s.report.Others[string(known.kind)]++
		return
	}
	for kind, n := range known.others {
		s.report.Others[string(kind)] += n
	}
	for _, note := range known.notes {
		s.addProblem("", "In %s: %s.", s.path(name), printable(note))
	}
	if len(known.found) == 0 {
		return
	}
	reference := s.layout.reference(name)
	if reference == "" {
		s.loose++
		if s.cfg.Layout == LayoutDossiers {
			s.report.Postponed++
			s.unsure = append(s.unsure, name)
			s.stray = append(s.stray, printable(name))
			return
		}
	}
	several := clientsIn(known.found) > 1
	for _, l := range known.found {
		of := reference
		if several && l.Listing.Dossier.EnterpriseNumber != "" { // an archive of several clients
			of = ""
		}
		s.found = append(s.found, s.place(l.Listing.ID, of, l))
	}
}

// place completes what was learnt of a file by the dossier that it lies with. Where
// that is none, the number inside is the reference, else the path of the file.
func (s *scan) place(name, reference string, l learned) ledger.Listing {
	out := l.Listing
	number := out.Dossier.EnterpriseNumber
	out.Dossier.ID = cmp.Or(reference, number.String(), out.ID)
	if l.Bad {
		s.report.Unusable++
	} else {
		s.report.Balances++
	}
	switch {
	case reference == "":
		s.report.ByNumber++
		out.Dossier.Name = cmp.Or(out.Dossier.Name, printable(name))
	case l.Bad: // so that a person finds the file
		first, rest, _ := strings.Cut(name, "/")
		if first != reference {
			rest = name
		}
		out.Dossier.Name = reference + " (" + printable(rest) + ")"
	default:
		out.Dossier.Name = cmp.Or(out.Dossier.Name, reference)
		if pretty := number.Pretty(); number != "" && !slices.Contains(s.numbers[reference], pretty) {
			s.numbers[reference] = append(s.numbers[reference], pretty)
		}
	}
	return out
}

// remember saves what this listing learnt, and which problems people were told of.
func (s *scan) remember(ctx context.Context, told []uint64) error {
	changed, there, left := map[string][]byte{}, map[string]bool{}, maxRemembered
	for _, f := range s.folders {
		row, err := encode(f.known, f.order, left)
		if err != nil {
			return err
		}
		left -= len(f.order)
		if row == nil {
			continue
		}
		there[f.name] = true
		if !slices.Equal(row, f.before) {
			changed[f.name] = row
		}
	}
	head := memoryHead{Reading: s.cfg.Reading, Told: told}
	return s.memory.save(ctx, head, changed, func(dir string) bool {
		return !there[dir] && !below(s.unsure, dir+"/")
	})
}
