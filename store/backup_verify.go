package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rs/zerolog"

	"balansd/ledger"
	"balansd/problem"
)

// VerifyBackup reads a copy as a whole: its hash, its structure, and every row. It
// returns a StateDamaged problem if the copy is damaged and a StateNewer problem if
// a newer version wrote it, and changes nothing. A state file that was copied while
// balansd did not run is accepted too; it has no hash.
func VerifyBackup(ctx context.Context, path string) (ledger.Backup, error) {
	return verifyBackup(ctx, path, Options{}.complete())
}

func verifyBackup(ctx context.Context, path string, o Options) (ledger.Backup, error) {
	s, err := verifyFile(ctx, path, o)
	switch {
	case err != nil:
		return ledger.Backup{}, err
	case s.Schema > o.layout():
		return ledger.Backup{}, newer(path, s.Schema, o, s.Version)
	case o.changed(s.Schema):
		// Its rows have another format, so that a migrated copy is checked.
		o.Path = path
		if err := TryMigrate(ctx, o); err != nil {
			return ledger.Backup{}, badBackup(path, err)
		}
	}
	return s.backup(fileOf(path)), nil
}

// fileOf returns the backupFile of a path: the time is that of the name, else that
// of the file.
func fileOf(path string) backupFile {
	f := backupFile{path: path}
	files, _ := backupFiles(filepath.Dir(path))
	for _, have := range files {
		if filepath.Base(have.path) == filepath.Base(path) {
			have.path = path
			return have
		}
	}
	if info, err := os.Stat(path); err == nil {
		f.madeAt = info.ModTime().UTC()
	}
	return f
}

// verifyFile checks a copy's hash, structure and rows, and returns its summary. In
// an older layout with other values only the checksums of the rows are checked.
func verifyFile(ctx context.Context, path string, o Options) (s summary, err error) {
	if err := verifyStamp(ctx, path); err != nil {
		return s, err
	}
	err = withCopy(path, o.Log, func(db *boltKV) error {
		if err := checkAll(ctx, db, o); err != nil {
			return err
		}
		return db.view(ctx, func(r reader) (err error) {
			s, err = summarise(r)
			return err
		})
	})
	return s, err
}

// withCopy opens a copy for reading. Its errors are about a backup, not about the state
// file.
func withCopy(path string, log zerolog.Logger, do func(*boltKV) error) error {
	db, err := openBolt(path, copyTimeout, true, log)
	if err == nil {
		var a about
		if a, err = readAbout(context.Background(), db); err == nil && a.Schema == 0 {
			err = errors.New("it is no state file of balansd")
		}
		if err == nil {
			err = do(db)
		}
		err = errors.Join(err, db.close())
	}
	_, ofAnother := errors.AsType[*copyError](err)
	ofAnother = ofAnother || problem.Is(err, problem.StateUnwritable)
	switch {
	case err == nil:
		return nil
	case ofAnother:
		return err
	case problem.Is(err, problem.NotFound):
		return noSuchBackup(path)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	default:
		return badBackup(path, err)
	}
}

// verifyStamp compares a copy with the hash at its end, if it has one.
func verifyStamp(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return noSuchBackup(path)
	}
	if err != nil {
		return badBackup(path, err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return badBackup(path, err)
	}
	size := info.Size() - int64(stampSize)
	stamp := make([]byte, stampSize)
	if size < 0 {
		return nil // too short to have one; bbolt reports it
	}
	if _, err := f.ReadAt(stamp, size); err != nil {
		return badBackup(path, err)
	}
	if !bytes.HasPrefix(stamp, []byte(stampText)) {
		return nil
	}
	h := sha256.New()
	if _, err := io.Copy(&cancelWriter{ctx, h}, io.LimitReader(f, size)); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return badBackup(path, err)
	}
	if want := fmt.Appendf(nil, "%s%x\n", stampText, h.Sum(nil)); !bytes.Equal(stamp, want) {
		return badBackup(path, errors.New("it was changed since it was made, or its disk is failing"))
	}
	return nil
}
