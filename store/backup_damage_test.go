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

// TestFlippedBytes flips bytes of every kind in a state file: those of each header
// of a page, of a row's place in its page, of keys, heads and values, of free
// pages. Whatever Check finds is found by Backup, which then makes no copy and
// keeps the older ones; what Check does not find changes no answer.
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
	var names []int // last letters of names of tables, which stay in order
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

// interesting lists the bytes of a bbolt file that a flip is worth: each header,
// and some of all else.
func interesting(file []byte) (list []int) {
	const header, element = 16, 16
	size := os.Getpagesize()
	for page := 0; page < len(file); page += size {
		for i := range header {
			list = append(list, page+i)
		}
		count := int(binary.LittleEndian.Uint16(file[page+10:]))
		elements := min(page+header+count*element, page+size)
		for at := page + header; at < elements; at += 23 { // of one element after another, another field
			list = append(list, at)
		}
		for at := elements; at < page+size; at += 499 {
			list = append(list, at)
		}
	}
	return list
}
