package folder

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"
	"unicode/utf8"
)

// maxDepth is how many folders deep a file may lie, the dossier's included.
const maxDepth = 16

// candidate is a file that is to be read, since nothing is known of it as it is.
type candidate struct {
	name  string
	print fingerprint
	dir   *folderScan
}

// folderScan is what the listing finds of the files of one folder.
type folderScan struct {
	name   string
	before []byte // its row as it was saved
	known  map[fingerprint]knowledge
	order  []fingerprint // of the files that are there
}

// walk finds all files of a folder: what is known of them is used, the others
// become candidates.
func (s *scan) walk(ctx context.Context, dir string, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	entries, err := fs.ReadDir(s.root.FS(), dir)
	if err != nil {
		if dir == "." {
			return unreadable(s.cfg, err)
		}
		if !errors.Is(err, fs.ErrNotExist) { // it was removed meanwhile
			s.unsure = append(s.unsure, dir+"/")
			s.addProblem("", "The folder %s cannot be read: %s. Let the account that runs balansd read it and what is in it.", s.path(dir), reason(err))
		}
		return nil
	}
	here := &folderScan{name: dir}
	here.known, here.before = s.memory.folder(ctx, dir)
	if s.anew {
		here.known = nil
	}
	s.folders = append(s.folders, here)
	var subfolders []string
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		switch {
		case leftOut(e.Name()) || s.ignore.match(name):
			s.report.LeftOut++
		case e.IsDir():
			subfolders = append(subfolders, e.Name())
		case e.Type().IsRegular():
			s.addFile(here, name, e)
		default:
			// Links are not followed: they could lead out of what a person entrusted.
			s.unsure = append(s.unsure, name, name+"/")
			s.addProblem("", "%s is a link and is not followed. Put the file or folder itself there.", s.path(name))
		}
	}
	if dir == "." {
		s.layout = newLayout(s.cfg.Layout, subfolders, s.now)
	}
	for _, name := range subfolders {
		name := path.Join(dir, name)
		if depth >= maxDepth {
			s.unsure = append(s.unsure, name+"/")
			s.addProblem("", "The folder %s lies too deep and is not read. Put the files of a dossier at most %d folders deep.", s.path(name), maxDepth)
			continue
		}
		if err := s.walk(ctx, name, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// addFile uses what is known of a file, or records it as a candidate.
func (s *scan) addFile(here *folderScan, name string, e fs.DirEntry) {
	info, err := e.Info()
	if err != nil {
		return // it was removed meanwhile
	}
	s.report.Files++
	print := fingerprintOf(info)
	here.order = append(here.order, print)
	if known, ok := here.known[print]; ok && s.isFresh(known, print) {
		s.use(name, known)
		return
	}
	delete(here.known, print)
	if !utf8.ValidString(name) {
		s.report.Postponed++
		s.addProblem("", "The name of the file %s is not readable text. Rename it.", s.path(name))
		return
	}
	s.candidates = append(s.candidates, candidate{name, print, here})
	if s.cfg.Settle <= 0 {
		return
	}
	now := fileState{info.Size(), info.ModTime(), time.Now()}
	if earlier, ok := s.earlier[name]; ok && earlier.same(now) {
		now.since = earlier.since
	}
	s.states[name] = now
}

// trustFor is after how many days a file is read again although nothing says that
// it changed: a disk or a share may keep no better times.
const trustFor = 7

// isFresh reports whether what is known of a file still counts. Files that were
// read on one day are read again on different days.
func (s *scan) isFresh(known knowledge, print fingerprint) bool {
	age := int(dayOf(s.now)) - int(known.day)
	return age >= 0 && age < trustFor+int(print[0])%trustFor
}

// dayOf counts the days since 1970.
func dayOf(t time.Time) uint16 {
	return uint16(max(0, t.Unix()/int64(24*time.Hour/time.Second)))
}

// below reports whether an id is one of the unsure, or lies in one of them.
func below(unsure []string, id string) bool {
	for _, u := range unsure {
		if id == u || strings.HasSuffix(u, "/") && strings.HasPrefix(id, u) {
			return true
		}
	}
	return false
}
