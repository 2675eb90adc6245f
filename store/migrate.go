package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"balansd/problem"
)

// migration brings the state from the previous layout to its own. A released migration is
// never changed, nor is the dictionary of codec.go.
type migration struct {
	to   int // the layout afterwards: 1, 2, 3 and so on
	what string
	run  func(w writer) error
	// sameValues says that the previous layout has the same values, so that it can be read
	// without a migration where nothing may be written.
	sameValues bool
}

// migrations lists all layouts, oldest first.
func migrations() []migration {
	return []migration{
		{to: 1, what: "the first layout", run: func(writer) error { return nil }},
		{to: 2, what: "a checksum in each row", run: addHeaders, sameValues: true},
		// Rows are converted when they are written next. Layout 2 does not know the new ones.
		{to: 3, what: "rows that are quicker to read and write", run: func(writer) error { return nil }, sameValues: true},
	}
}

// Layout is the newest layout of a state file that this version knows.
func Layout() int { return Options{}.complete().layout() }

// about describes the file, in tMeta under keyAbout.
type about struct {
	Schema  int       `json:"schema"`
	Version string    `json:"version,omitempty"` // of the balansd that wrote last
	Created time.Time `json:"created"`
}

var keyAbout = []byte("about")

// readAbout reads the description of the file, the zero about if there is none. If the
// layout is known, it checks the tables too.
func readAbout(ctx context.Context, db kv) (a about, err error) {
	err = db.view(ctx, func(r reader) error {
		if a, err = getAbout(r); err != nil || a.Schema > Layout() {
			return err
		}
		return checkTables(r)
	})
	return a, err
}

// initialise gives an empty file the newest layout.
func initialise(ctx context.Context, db kv, o Options) error {
	return advance(ctx, db, about{Created: o.Now().UTC().Truncate(time.Second)}, o)
}

// migrate brings a file to the newest layout, in one transaction. It first adds a copy of
// the old state to the backups.
func migrate(ctx context.Context, db kv, o Options) error {
	a, err := readAbout(ctx, db)
	if err != nil {
		return damageProblem(o.Path, err)
	}
	latest := o.layout()
	switch {
	case a.Schema == 0:
		return damaged(o.Path, fmt.Errorf("it is no state file of balansd"))
	case a.Schema > latest:
		return newer(o.Path, a.Schema, o, a.Version)
	case o.ReadOnly && o.changed(a.Schema):
		return problem.New(problem.NotAllowed,
			fmt.Sprintf("the state file %s is of an older version and must be brought up to date first", o.Path),
			"Start balansd once, or run `balansd sync --dry-run`.")
	case o.ReadOnly, a.Schema == latest && a.Version == o.Version:
		return nil
	case a.Schema < latest && !o.scratch:
		kept, err := makeBackup(ctx, db, o, fmt.Sprintf(forMigration, latest))
		if err != nil {
			return err
		}
		o.Log.Info().Int("schema_from", a.Schema).Int("schema_to", latest).Str("file", o.Path).Str("backup", kept.File).
			Msg("the state file is migrated")
	case a.Version != "" && !o.scratch:
		// Nothing is migrated, so that a copy that fails does not stop the update.
		if kept, err := makeBackup(ctx, db, o, ""); err != nil {
			o.Log.Warn().Err(err).Str("version", o.Version).Msg("no backup could be made before the update")
		} else {
			o.Log.Info().Str("version_from", a.Version).Str("version", o.Version).Str("backup", kept.File).Msg("the state is used by another version")
		}
	}
	return advance(ctx, db, a, o)
}

// changed reports whether the rows of a layout have other values than the newest.
func (o Options) changed(layout int) bool {
	return slices.ContainsFunc(o.migrations, func(m migration) bool { return m.to > layout && !m.sameValues })
}

// advance runs the pending migrations and records the new layout in the file.
func advance(ctx context.Context, db kv, a about, o Options) error {
	return db.update(ctx, func(w writer) error {
		now := a
		for _, m := range o.migrations {
			if m.to <= now.Schema {
				continue
			}
			if err := m.run(w); err != nil {
				return fmt.Errorf("bring the state to layout %d (%s): %w", m.to, m.what, err)
			}
			now.Schema = m.to
		}
		now.Version = o.Version
		return putAbout(w, now)
	})
}
