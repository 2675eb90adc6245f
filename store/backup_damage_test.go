package store_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"balansd/problem"
	"balansd/store"
)

// TestFlippedBytes flips bytes of each kind in a state file: in page headers, in the
// position of a row in its page, in keys, row headers and values, and in free pages.
// Damage that Check finds must also be found by Backup, which then makes no copy and keeps
// the older ones. Damage that Check does not find must not change any answer.
func TestFlippedBytes(t *testing.T) {
	s := newFixture(t)
	s.with(func(st *store.Store) {
		makeLayout(t, st)
		s.backup(st)
	})
	good, err := os.ReadFile(s.o.Path)
	must(t, err)
	kept := s.list()
	var want []byte
	s.with(func(st *store.Store) { want, err = json.Marshal(answers(t, st)); must(t, err) })
	o := s.o
	o.Path = filepath.Join(damagedDir(t), "flipped.db")
	told, silent := 0, 0
	var names []int // last letters of table names; they stay in order
	for _, name := range []string{"nights", "firms", "shelf", "by_state"} {
		for from := 0; ; {
			at := bytes.Index(good[from:], []byte(name))
			if at < 0 {
				break
			}
			from += at + len(name)
			names = append(names, from-1)
		}
	}
	for _, at := range append(interesting(good), names...) {
		bad := bytes.Clone(good)
		bad[at] ^= 0x20
		must(t, os.WriteFile(o.Path, bad, 0o600))
		what := fmt.Sprintf("byte %d, page %d+%d", at, at/os.Getpagesize(), at%os.Getpagesize())
		st, err := store.Open(o)
		if err != nil {
			wantCode(t, err, problem.StateDamaged)
			told++
			continue
		}
		checkErr := st.Check(t.Context())
		b, backupErr := st.Backup(t.Context())
		switch {
		case checkErr != nil:
			told++
			wantCode(t, checkErr, problem.StateDamaged, o.Path)
			if !problem.Is(backupErr, problem.StateDamaged) {
				t.Errorf("%s: Check says %v, and Backup %v", what, checkErr, backupErr)
			}
			if now := s.list(); !slices.Equal(now, kept) {
				t.Errorf("%s: the copies are %v, were %v", what, now, kept)
			}
		case backupErr != nil:
			t.Errorf("%s: Check is content, and Backup says %v", what, backupErr)
		default:
			silent++
			if have, err := json.Marshal(answers(t, st)); err != nil || !bytes.Equal(have, want) {
				t.Errorf("%s changes an answer, and nothing tells it: %v", what, err)
			}
			must(t, os.Remove(b.File))
		}
		must(t, st.Close())
	}
	t.Logf("%d told, %d changed nothing", told, silent)
	if told < 100 || silent < 10 {
		t.Errorf("%d were told and %d changed nothing: the test looks at too little", told, silent)
	}
}

// interesting lists the offsets in a bbolt file at which a flip is tried: all headers, and
// a sample of the rest.
func interesting(file []byte) (list []int) {
	const header, element = 16, 16
	size := os.Getpagesize()
	for page := 0; page < len(file); page += size {
		for i := range header {
			list = append(list, page+i)
		}
		count := int(binary.LittleEndian.Uint16(file[page+10:]))
		elements := min(page+header+count*element, page+size)
		for at := page + header; at < elements; at += 23 { // a different field of each element
			list = append(list, at)
		}
		for at := elements; at < page+size; at += 499 {
			list = append(list, at)
		}
	}
	return list
}
