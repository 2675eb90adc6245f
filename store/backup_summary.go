package store

import (
	"context"
	"os"
	"time"

	"github.com/rs/zerolog"

	"balansd/ledger"
)

// summary describes a state. Two copies of one state have the same.
type summary struct {
	about
	entries         int
	newest, changes uint64
}

func summarise(r reader) (s summary, err error) {
	if s.about, err = getAbout(r); err != nil {
		return s, err
	}
	counts, err := readCounts(r)
	for _, n := range counts {
		s.entries += n
	}
	s.newest, s.changes = lastNumber(r, keyNumber), lastNumber(r, keyChanges)
	return s, err
}

// backup describes the file that holds it.
func (s summary) backup(f backupFile) ledger.Backup {
	b := ledger.Backup{File: f.path, MadeAt: f.madeAt, Version: s.Version, Layout: s.Schema,
		Entries: s.entries, Newest: s.newest, Changes: s.changes}
	if info, err := os.Stat(f.path); err == nil {
		b.Size = info.Size()
	}
	return b
}

// copyTimeout is how long to wait for a copy that another process holds; none
// does for long.
const copyTimeout = 2 * time.Second

// readSummary reads the summary of a copy, without reading all of it.
func readSummary(path string, log zerolog.Logger) (s summary, err error) {
	err = withCopy(path, log, func(db *boltKV) error {
		return db.view(context.Background(), func(r reader) (err error) {
			s, err = summarise(r)
			return err
		})
	})
	return s, err
}
