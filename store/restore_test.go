package store_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/ledger"
	"balansd/problem"
	"balansd/store"
)

// restore restores a backup, which must succeed.
func (s *fixture) restore(b ledger.Backup, may store.RestoreOptions) []string {
	s.t.Helper()
	got, notes, err := store.Restore(s.t.Context(), s.o, b.File, may)
	if err != nil || got != b {
		s.t.Fatalf("restored %+v, %v; want %+v", got, err, b)
	}
	return notes
}

func wantNote(t *testing.T, notes []string, want bool, text string) {
	t.Helper()
	if strings.Contains(strings.Join(notes, "\n"), text) != want {
		t.Errorf("that the notes say %q should be %v:\n%s", text, want, strings.Join(notes, "\n"))
	}
}

// wantEntries fails unless the state has n entries and is valid.
func (s *fixture) wantEntries(n int) {
	s.t.Helper()
	s.with(func(st *store.Store) {
		if got := numbers(s.t, st.Entries(s.t.Context(), ledger.Query{})); len(got) != n {
			s.t.Errorf("entries %v, want %d", got, n)
		}
		b := s.backup(st) // reading all its rows
		if _, err := store.VerifyBackup(s.t.Context(), b.File); err != nil {
			s.t.Error(err)
		}
	})
}

// TestRestoreNeedsPermissionToLoseEntries checks that entries which the backup lacks are lost only with a
// person's permission, and that even then the state is kept in a file.
func TestRestoreNeedsPermissionToLoseEntries(t *testing.T) {
	s := newFixture(t)
	var b ledger.Backup
	s.with(func(st *store.Store) {
		s.add(st, 3)
		b = s.backup(st)
		s.Add(time.Hour)
		if _, err := st.BeginRun(t.Context(), ledger.Run{Trigger: ledger.Nightly, Night: balance.DateOf(s.Now())}); err != nil {
			t.Fatal(err) // a run alone is nothing to lose
		}
	})
	wantNote(t, s.restore(b, store.RestoreOptions{}), true, "The state as it was is kept in "+s.o.Backups.Folder)
	s.wantEntries(3)

	s.Add(24 * time.Hour)
	s.with(func(st *store.Store) {
		s.add(st, 2)
		e, err := st.Entry(t.Context(), 2)
		if err != nil {
			t.Fatal(err)
		}
		e, err = e.Retry(s.Now().Add(time.Hour))
		move(t, st, e, err)
	})
	before, err := os.ReadFile(s.o.Path)
	if err != nil {
		t.Fatal(err)
	}
	_, _, err = store.Restore(t.Context(), s.o, b.File, store.RestoreOptions{})
	wantCode(t, err, problem.NotAllowed, "2 entries that the backup lacks", "1 entry that changed since", "2026-03-02 13:00", "--lose-newer")
	asked := errors.New("no")
	_, _, err = store.Restore(t.Context(), s.o, b.File, store.RestoreOptions{LoseNewer: true, Confirm: func(of ledger.Backup, l store.Loss) error {
		if of != b || l.New != 2 || l.Changed != 1 {
			t.Errorf("asked about %+v of %+v", l, of)
		}
		return asked
	}})
	if !errors.Is(err, asked) {
		t.Errorf("a no gave %v", err)
	}
	if after, err := os.ReadFile(s.o.Path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("a restore that was refused changed the state: %v", err)
	}
	s.restore(b, store.RestoreOptions{LoseNewer: true})
	s.wantEntries(3)
	// Restoring the kept state again: it is newer, so nothing is lost.
	aside := newestOf(t, s, "before-restore")
	s.restore(aside, store.RestoreOptions{})
	s.wantEntries(5)
	if left, err := os.ReadDir(filepath.Dir(s.o.Path)); err != nil || len(left) != 1 {
		t.Errorf("the folder of the state holds %v, %v", left, err)
	}
}

// newestOf returns the newest backup of a kind.
func newestOf(t *testing.T, s *fixture, kind string) ledger.Backup {
	t.Helper()
	list, err := store.ListBackups(s.o.Backups.Folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range list {
		if strings.Contains(b.File, kind) {
			return b
		}
	}
	t.Fatalf("there is no backup %s among %+v", kind, list)
	return ledger.Backup{}
}

// TestRestoreKeepsWhatIsNotInTheLedger checks that tokens, links, pauses, dismissals, nights
// and what was written to Silverfin stay as they are now, and that no entry number is
// given twice.
func TestRestoreKeepsWhatIsNotInTheLedger(t *testing.T) {
	ctx := t.Context()
	s := newFixture(t)
	conn := listed(0).Connection
	place := func(n uint64) ledger.Target { return ledger.Target{FirmID: 1, CompanyID: int64(n), PeriodID: 1} }
	write := func(st *store.Store, n, by uint64, figure string) {
		t.Helper()
		e, err := st.Entry(ctx, n)
		must(t, err)
		p := place(n)
		known, err := st.Written(ctx, p)
		must(t, err)
		e.Target = &p
		_, err = st.Move(ctx, ledger.Move{Entry: e, Written: &ledger.Written{Confirmed: ledger.Figures{cell("1003"): figure}, By: by, Version: known.Version}})
		must(t, err)
	}
	var b ledger.Backup
	s.with(func(st *store.Store) {
		s.add(st, 3)
		must(t, st.SaveFirm(ctx, ledger.Firm{ID: 1, Name: "One"}))
		must(t, st.Secrets().Put(ctx, store.FirmSecret(1, "token"), []byte("old")))
		must(t, st.UpdateConnection(ctx, conn, func(c *ledger.Connection) { c.Cursor = "then" }))
		write(st, 1, 1, "100")
		write(st, 2, 2, "200")
		b = s.backup(st)
		s.Add(time.Hour)
		s.add(st, 2)
		must(t, st.Secrets().Put(ctx, store.FirmSecret(1, "token"), []byte("new")))
		must(t, st.SaveFirm(ctx, ledger.Firm{ID: 2, Name: "Two"}))
		must(t, st.SaveLink(ctx, ledger.DossierLink{Connection: conn, DossierID: "D1", CompanyID: 5}))
		must(t, st.UpdateConnection(ctx, conn, func(c *ledger.Connection) { c.Cursor, c.Status = "now", ledger.Paused }))
		must(t, st.SaveConnection(ctx, ledger.Connection{ID: "C2", Status: ledger.Active, Cursor: "now"}))
		_, err := st.BeginRun(ctx, ledger.Run{Trigger: ledger.Nightly, Night: balance.DateOf(s.Now())})
		must(t, err)
		write(st, 1, 1, "150")
		write(st, 2, 5, "250")
		e, err := st.Entry(ctx, 5)
		must(t, err)
		e, err = e.Retry(s.Now())
		e = move(t, st, e, err)
		e, err = e.Ignore(ledger.Dismissed, "dismissed by Els", "", s.Now())
		move(t, st, e, err)
	})
	notes := s.restore(b, store.RestoreOptions{LoseNewer: true})
	wantNote(t, notes, false, "count as a person's")
	wantNote(t, notes, false, "data key")
	s.with(func(st *store.Store) {
		if got, err := st.Secrets().Get(ctx, store.FirmSecret(1, "token")); err != nil || string(got) != "new" {
			t.Errorf("the token is %q, %v", got, err)
		}
		if at, err := st.RestoredAt(ctx); err != nil || !at.IsZero() {
			t.Errorf("the sign-ins, which are the newest, are said to be of a restore at %v, %v", at, err)
		}
		if firms, err := st.Firms(ctx); err != nil || len(firms) != 2 {
			t.Errorf("firms %v, %v", firms, err)
		}
		if links, err := st.Links(ctx); err != nil || len(links) != 1 {
			t.Errorf("links %v, %v", links, err)
		}
		cs, err := st.Connections(ctx)
		if err != nil || len(cs) != 2 || cs[0].Cursor != "then" || cs[0].Status != ledger.Paused || cs[1].Cursor != "" {
			t.Errorf("connections %+v, %v", cs, err)
		}
		if night, err := st.LastNight(ctx); err != nil || night != balance.DateOf(s.Now()) {
			t.Errorf("the last night is %s, %v", night, err)
		}
		if e, err := st.Entry(ctx, 5); err != nil || e.Reason != ledger.Dismissed {
			t.Errorf("the dismissed entry is %+v, %v", e, err)
		}
		if _, err := st.Entry(ctx, 4); !problem.Is(err, problem.NotFound) {
			t.Errorf("entry 4 gave %v", err)
		}
		if w, err := st.Written(ctx, place(1)); err != nil || w.Confirmed[cell("1003")] != "150" {
			t.Errorf("of the place of entry 1 is known %+v, %v", w, err)
		}
		if w, err := st.Written(ctx, place(2)); err != nil || w.Confirmed[cell("1003")] != "250" {
			t.Errorf("of the place that a dismissed entry wrote is known %+v, %v", w, err)
		}
		s.add(st, 1)
		if e, err := st.Entry(ctx, 6); err != nil || e.State != ledger.Done {
			t.Errorf("the next entry is not number 6: %v", err)
		}
	})
	s.wantEntries(5) // 1, 2, 3 of the backup, the dismissed one, and the one recorded since
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func cell(code string) balance.Cell { return balance.Cell{Code: code} }

// TestRestoreOverDamage checks that a state that cannot be read does not prevent a restore
// and is kept byte for byte. What was done after the backup is then unknown, so no figures
// in Silverfin count as balansd's own.
func TestRestoreOverDamage(t *testing.T) {
	ctx := t.Context()
	s := newFixture(t)
	s.o.Backups.Keep = 100
	var b ledger.Backup
	s.with(func(st *store.Store) {
		s.add(st, 30)
		must(t, st.SaveFirm(ctx, ledger.Firm{ID: 7, Name: "Kantoor"}))
		must(t, st.Secrets().Put(ctx, store.FirmSecret(7, "token"), []byte("old")))
		_, err := st.BeginRun(ctx, ledger.Run{Trigger: ledger.Nightly, Night: balance.DateOf(noon)})
		must(t, err)
		b = s.backup(st)
	})
	good, err := os.ReadFile(s.o.Path)
	must(t, err)
	page := os.Getpagesize()
	for name, damage := range map[string]func() []byte{
		"empty":       func() []byte { return nil },
		"half":        func() []byte { return good[:len(good)/2] },
		"pages wiped": func() []byte { return append(bytes.Clone(good[:2*page]), make([]byte, len(good)-2*page)...) },
		"one row": func() []byte { // of the entries: the structure is valid
			bad := bytes.Clone(good)
			key := []byte("\x00\x00\x00\x00\x00\x00\x00\x03\x01") // entry 3, wherever it is, in free pages too
			for at := bytes.Index(bad, key); at >= 0; {
				copy(bad[at+len(key):], "no deflate here")
				next := bytes.Index(bad[at+len(key):], key)
				if next < 0 {
					break
				}
				at += len(key) + next
			}
			return bad
		},
	} {
		t.Run(name, func(t *testing.T) {
			bad := damage()
			s.o.Path = filepath.Join(damagedDir(t), "balansd.db")
			must(t, os.WriteFile(s.o.Path, bad, 0o600))
			s.Add(3 * 24 * time.Hour)
			notes := s.restore(b, store.RestoreOptions{})
			wantNote(t, notes, true, "count as a person's")
			wantNote(t, notes, true, "Kantoor (7)")
			wantNote(t, notes, true, "connect silverfin --take-over")
			aside := newestOf(t, s, "damaged")
			if got, err := os.ReadFile(aside.File); err != nil || !bytes.Equal(got, bad) || aside.Problem == "" {
				t.Errorf("what was damaged is not kept as it was: %v", err)
			}
			s.wantEntries(30)
			s.with(func(st *store.Store) {
				e, err := st.Entry(ctx, 4)
				must(t, err)
				if w, err := st.Written(ctx, *e.Target); err != nil || len(w.Confirmed)+len(w.Intended) > 0 || w.By != 4 {
					t.Errorf("of a place is known %+v, %v", w, err)
				}
				if at, err := st.RestoredAt(ctx); err != nil || !at.Equal(s.Now()) {
					t.Errorf("the sign-ins are said to be of a restore at %v, %v", at, err)
				}
				missed, err := st.Missed(ctx, balance.DateOf(s.Now()), 99)
				if err != nil || len(missed) == 0 || !strings.Contains(missed[0].Why, "restored from the backup of 2026-03-01") {
					t.Errorf("the nights since are %v, %v", missed, err)
				}
			})
		})
	}
}

// TestRestoreLocksADamagedState checks that a service cannot start while a
// person still decides: it would continue in a file that is about to be put aside.
func TestRestoreLocksADamagedState(t *testing.T) {
	s := newFixture(t)
	b := s.addAndBackup(30)
	bad, err := os.ReadFile(s.o.Path)
	must(t, err)
	at := bytes.Index(bad, []byte("\x00\x00\x00\x00\x00\x00\x00\x03\x01"))
	if at < 0 {
		t.Fatal("the state has no entry 3")
	}
	copy(bad[at+9:], "no deflate here")
	s.o.Path = filepath.Join(damagedDir(t), "balansd.db")
	must(t, os.WriteFile(s.o.Path, bad, 0o600))
	s.restore(b, store.RestoreOptions{Confirm: func(ledger.Backup, store.Loss) error {
		if st, err := store.Open(s.o); !problem.Is(err, problem.StateLocked) {
			t.Errorf("meanwhile another process can open the state: %v", err)
			if err == nil {
				_ = st.Close()
			}
		}
		return nil
	}})
	s.wantEntries(30)
}

// TestRestoreOnAnotherServer restores where nothing but the backup exists.
func TestRestoreOnAnotherServer(t *testing.T) {
	s := newFixture(t)
	var b ledger.Backup
	s.with(func(st *store.Store) {
		s.add(st, 3)
		must(t, st.Secrets().Put(t.Context(), "token", []byte("x")))
		b = s.backup(st)
	})
	key := s.o.KeyPath
	s.o.Path = filepath.Join(t.TempDir(), "new", "server", "balansd.db")
	s.o.KeyPath = filepath.Join(t.TempDir(), "data.key")
	notes := s.restore(b, store.RestoreOptions{})
	wantNote(t, notes, true, s.o.KeyPath+" is missing")
	s.wantEntries(3)
	// With its key everything can be used. It is not merged into another installation.
	other := newFixture(t)
	other.Add(time.Hour)
	other.next = 50
	other.with(func(st *store.Store) { other.add(st, 2) })
	other.o.KeyPath = key
	_, _, err := store.Restore(t.Context(), other.o, b.File, store.RestoreOptions{})
	wantCode(t, err, problem.NotAllowed, "2 entries that the backup lacks")
	notes = other.restore(b, store.RestoreOptions{LoseNewer: true})
	wantNote(t, notes, false, "data key")
	other.wantEntries(3)
	other.with(func(st *store.Store) {
		if got, err := st.Secrets().Get(t.Context(), "token"); err != nil || string(got) != "x" {
			t.Errorf("the secret is %q, %v", got, err)
		}
	})
}

func TestRestoreRefuses(t *testing.T) {
	s := newFixture(t)
	var b ledger.Backup
	s.with(func(st *store.Store) {
		s.add(st, 1)
		b = s.backup(st)
		_, _, err := store.Restore(t.Context(), s.o, b.File, store.RestoreOptions{LoseNewer: true})
		wantCode(t, err, problem.StateLocked, "service stop")
	})
	_, _, err := store.Restore(t.Context(), s.o, s.o.Path, store.RestoreOptions{LoseNewer: true})
	wantCode(t, err, problem.Usage, s.o.Path)
	_, _, err = store.Restore(t.Context(), s.o, b.File+".not", store.RestoreOptions{LoseNewer: true})
	wantCode(t, err, problem.NotFound, b.File+".not")
	text := filepath.Join(t.TempDir(), "text.db")
	must(t, os.WriteFile(text, []byte(strings.Repeat("no state ", 2000)), 0o600))
	_, _, err = store.Restore(t.Context(), s.o, text, store.RestoreOptions{LoseNewer: true})
	wantCode(t, err, problem.StateDamaged, text)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err = store.Restore(ended, s.o, b.File, store.RestoreOptions{LoseNewer: true}); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that ended: %v", err)
	}
	s.wantEntries(1)
}

// TestBackupsAfterRestore checks that backups made after a restore over a missing or
// damaged state are the newest.
func TestBackupsAfterRestore(t *testing.T) {
	for _, gone := range []bool{true, false} {
		s := newFixture(t) // keeps 3
		s.with(func(st *store.Store) {
			for range 3 {
				s.add(st, 5)
				s.backup(st)
				s.Add(24 * time.Hour)
			}
		})
		list, err := store.ListBackups(s.o.Backups.Folder)
		must(t, err)
		if gone {
			must(t, os.Remove(s.o.Path))
		} else {
			must(t, os.Truncate(s.o.Path, 9000))
		}
		s.restore(list[len(list)-1], store.RestoreOptions{})
		var made []ledger.Backup
		s.with(func(st *store.Store) {
			for range 3 {
				s.Add(24 * time.Hour)
				s.add(st, 1)
				made = append(made, s.backup(st))
			}
		})
		for _, b := range made {
			if _, err := os.Stat(b.File); err != nil {
				t.Errorf("state gone %v: %s, one of the newest 3, is gone: %v", gone, b.File, s.list())
			}
		}
	}
}
