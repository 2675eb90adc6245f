package store_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"balansd/balance"
	"balansd/keyvalue"
	"balansd/ledger"
	"balansd/store"

	"github.com/google/go-cmp/cmp"
)

// TestLayouts opens a data folder of each earlier layout. It is backed up and migrated,
// and both the state and the old backup return the same answers as they did then.
func TestLayouts(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join("testdata", "v*"))
	must(t, err)
	if len(dirs) == 0 {
		t.Fatal("there is no data folder in testdata")
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			ctx, data := t.Context(), unpackFolder(t, dir)
			o := store.Options{Path: filepath.Join(data, "balansd.db"), KeyPath: filepath.Join(data, "data.key"), Version: "new",
				Backups: store.Backups{Folder: filepath.Join(data, "backups")}}
			old, err := store.ListBackups(o.Backups.Folder)
			must(t, err)
			about, err := store.ReadAbout(ctx, o)
			must(t, err)
			must(t, store.TryMigrate(ctx, o))

			for range 2 { // the second time it has the current layout
				s, err := store.Open(o)
				must(t, err)
				wantAnswers(t, dir, s)
				must(t, s.Check(ctx))
				must(t, s.Close())
			}

			now, err := store.ListBackups(o.Backups.Folder)
			must(t, err)
			made := slices.DeleteFunc(slices.Clone(now), func(b ledger.Backup) bool { return slices.Contains(old, b) })
			if about.Layout == about.Known {
				if len(made) != 0 {
					t.Errorf("a state of this layout was copied: %v", made)
				}
			} else if len(made) != 1 || made[0].Layout != about.Layout || !strings.Contains(made[0].File, fmt.Sprintf("before-layout-%d", about.Known)) {
				t.Errorf("before the migration was made %+v", made)
			}
			for _, b := range now { // the old backup too
				if _, err := store.VerifyBackup(ctx, b.File); err != nil {
					t.Errorf("%s: %v", b.File, err)
				}
				if b.Layout != about.Layout {
					t.Errorf("%s has layout %d", b.File, b.Layout)
				}
				asState := o
				asState.Path, asState.Backups.Folder = b.File, t.TempDir()
				s, err := store.Open(asState)
				must(t, err)
				wantAnswers(t, dir, s)
				must(t, s.Close())
			}
		})
	}
}

// unpackFolder copies a data folder to one that only this account can read.
func unpackFolder(t *testing.T, dir string) string {
	t.Helper()
	data := t.TempDir()
	for _, pattern := range []string{"*", "backups/*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		must(t, err)
		for _, file := range files {
			rel, err := filepath.Rel(dir, file)
			must(t, err)
			if info, err := os.Stat(file); err != nil || info.IsDir() {
				continue
			}
			text, err := os.ReadFile(file)
			must(t, err)
			must(t, os.MkdirAll(filepath.Dir(filepath.Join(data, rel)), 0o700))
			must(t, os.WriteFile(filepath.Join(data, rel), text, 0o600))
		}
	}
	return data
}

// answers returns everything that a state has, as JSON values.
func answers(t *testing.T, s *store.Store) map[string]any {
	t.Helper()
	ctx, all := t.Context(), map[string]any{}
	put := func(name string, v any, err error) {
		t.Helper()
		must(t, err)
		all[name] = v
	}
	created, err := s.Created(ctx)
	put("created", created, err)
	connections, err := s.Connections(ctx)
	put("connections", connections, err)
	firms, err := s.Firms(ctx)
	put("firms", firms, err)
	links, err := s.Links(ctx)
	slices.SortFunc(links, func(a, b ledger.DossierLink) int { return strings.Compare(a.DossierID, b.DossierID) })
	put("links", links, err)
	runs, err := s.Runs(ctx, 99)
	put("passes", runs, err)
	night, err := s.LastNight(ctx)
	put("last_night", night, err)
	missed, err := s.Missed(ctx, balance.Date{Year: 2027, Month: 1, Day: 1}, 99)
	put("missed", missed, err)
	alive, err := s.LastAlive(ctx)
	put("alive", alive, err)
	counts, err := s.Counts(ctx)
	put("counts", counts, err)
	put("open", numbers(t, s.OpenEntries(ctx)), nil)
	for _, state := range ledger.States() {
		put("in "+string(state), numbers(t, s.Entries(ctx, ledger.Query{States: []ledger.State{state}})), nil)
	}
	for e, err := range s.Entries(ctx, ledger.Query{}) {
		name := fmt.Sprintf("entry %d", e.Number)
		put(name, e, err)
		told, err := s.History(ctx, e.Number)
		put(name+" history", told, err)
		v, err := s.Values(ctx, e.Number)
		put(name+" values", ledger.FiguresOf(v), err)
		d, err := s.Document(ctx, e.Number)
		put(name+" document", string(d), err)
		siblings, err := s.Siblings(ctx, e)
		put(name+" siblings", len(siblings), err)
		if e.Target != nil {
			known, err := s.Written(ctx, *e.Target)
			put(name+" written", known, err)
		}
	}
	if runtime.GOOS != "windows" { // on Windows the key is bound to its machine
		for name := range layoutSecrets {
			text, err := s.Secrets().Get(ctx, name)
			put("secret "+name, string(text), err)
		}
	}
	err = s.KeyValue().View(ctx, func(r keyvalue.Reader) error {
		for _, namespace := range []string{"people", "invites", "sessions", "trail", "refused"} {
			rows := map[string]string{}
			for k, v := range r.Walk(namespace, "") {
				rows[fmt.Sprintf("%q", k)] = string(v)
			}
			put("pages "+namespace, rows, nil)
		}
		return nil
	})
	must(t, err)
	return all
}

// wantAnswers compares a state with the golden answers. It may have more fields than they.
func wantAnswers(t *testing.T, dir string, s *store.Store) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "golden.json"))
	must(t, err)
	var want, have any
	must(t, json.Unmarshal(text, &want))
	now, err := json.Marshal(answers(t, s))
	must(t, err)
	must(t, json.Unmarshal(now, &have))
	if runtime.GOOS == "windows" {
		for name := range layoutSecrets {
			delete(want.(map[string]any), "secret "+name)
		}
	}
	if diff := cmp.Diff(want, onlyAsked(want, have)); diff != "" {
		t.Errorf("%s is read differently (- then, + now):\n%s", dir, diff)
	}
}

// onlyAsked removes from an answer the fields that the golden one lacks, as later versions
// may add some.
func onlyAsked(want, have any) any {
	switch want := want.(type) {
	case map[string]any:
		have, ok := have.(map[string]any)
		if !ok {
			return have
		}
		kept := map[string]any{}
		for k, w := range want {
			if h, ok := have[k]; ok {
				kept[k] = onlyAsked(w, h)
			} else if w == "0001-01-01T00:00:00Z" {
				kept[k] = w // no retention is left out now
			}
		}
		return kept
	case []any:
		have, ok := have.([]any)
		if !ok || len(have) != len(want) {
			return have
		}
		kept := make([]any, len(want))
		for i := range want {
			kept[i] = onlyAsked(want[i], have[i])
		}
		return kept
	default:
		return have
	}
}
