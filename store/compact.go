package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
)

// A state file is compacted when more than half of it is free and it is large enough for
// that to matter, because bbolt's file never shrinks.
const (
	compactMark = ".compact-"
	compactFrom = 8 << 20 // bytes
)

// compactIfWorth compacts the file if that saves enough space, and returns the open
// file. An error is only logged, because the old file is still complete.
func compactIfWorth(ctx context.Context, b *boltKV, o Options) (*boltKV, error) {
	size, free := b.size(), b.free()
	if size < compactFrom || free <= size/2 {
		return b, nil
	}
	log := o.Log.With().Str("file", o.Path).Int64("size", size).Int64("free", free).Logger()
	if room, known := Space(filepath.Dir(o.Path)); known && room < size-free+size/10 {
		log.Warn().Int64("room", room).Msg("the state file is not compacted: its disk lacks the room")
		return b, nil
	}
	temp, err := compacted(ctx, b, o)
	if err != nil {
		log.Warn().Err(err).Msg("the state file could not be compacted")
		return b, nil
	}
	defer func() { _ = os.Remove(temp) }() // if it was not renamed
	err = swap(temp, o.Path, b.close)
	if err != nil {
		log.Warn().Err(err).Msg("the compacted state file could not be put in place")
	}
	now, openErr := openBolt(o.Path, o.Timeout, false, o.Log)
	if openErr != nil {
		return nil, openErr
	}
	if err == nil {
		log.Info().Int64("size_now", now.size()).Msg("the state file was compacted")
	}
	return now, nil
}

// free returns the number of unused bytes in the file.
func (b *boltKV) free() int64 {
	stats := b.db.Stats()
	return int64(stats.FreePageN+stats.PendingPageN) * int64(b.db.Info().PageSize)
}

// compacted writes the rows of a file to another one beside it, and returns its
// path once it is on disk and verified.
func compacted(ctx context.Context, b *boltKV, o Options) (path string, err error) {
	f, err := os.CreateTemp(filepath.Dir(o.Path), filepath.Base(o.Path)+compactMark+"*")
	if err != nil {
		return "", err
	}
	path = f.Name()
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	if err := f.Close(); err != nil {
		return "", err
	}
	if err := writeCompacted(b, path); err != nil {
		return "", err
	}
	if err := copyOwnerAndMode(path, o.Path); err != nil {
		return "", err
	}
	now, err := openBolt(path, o.Timeout, true, o.Log)
	if err != nil {
		return "", err
	}
	err = now.check(ctx)
	if err == nil {
		err = sameRows(ctx, b, now)
	}
	return path, errors.Join(err, now.close())
}

// copyOwnerAndMode sets the owner and mode of a file that is to replace the state
// file.
func copyOwnerAndMode(path, state string) error {
	info, err := os.Stat(state)
	if err != nil {
		return err
	}
	if err := os.Chmod(path, info.Mode().Perm()); err != nil {
		return err
	}
	return takeOwner(path, state)
}

// writeCompacted copies the rows. It syncs the file once, at the end, since nobody uses it
// before.
func writeCompacted(b *boltKV, path string) (err error) {
	const step = 1 << 20 // bytes a transaction
	defer recoverDamage(b.path, b.log, &err)()
	dst, err := bolt.Open(path, 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType, NoSync: true, PageSize: b.db.Info().PageSize})
	if err != nil {
		return err
	}
	err = bolt.Compact(dst, b.db, step)
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}

// sameRows compares two states row by row.
func sameRows(ctx context.Context, a, b kv) error {
	return a.view(ctx, func(one reader) error {
		return b.view(ctx, func(other reader) error {
			for _, t := range tables {
				rows := 0
				for k, v := range one.walk(t, nil, nil) {
					if w := other.get(t, k); w == nil || !bytes.Equal(v, w) {
						return fmt.Errorf("a row of %s was lost", t)
					}
					rows++
				}
				for range other.walk(t, nil, nil) {
					rows--
				}
				if rows != 0 {
					return fmt.Errorf("%s has other rows", t)
				}
			}
			return nil
		})
	})
}
