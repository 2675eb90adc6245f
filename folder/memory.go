package folder

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"balansd/keyvalue"
	"balansd/ledger"
)

// namespace is where a source saves what it learnt, in Config.Memory.
const namespace = "folder"

// The bounds of what is remembered of a source.
const (
	maxRemembered = 500_000 // files; the others are read at each listing
	maxTold       = 10_000  // problems
	saveRows      = 500     // folders that are saved in one transaction
)

// memory is what a source learnt of its files at earlier listings: by folder, what
// each file is. A file whose fingerprint is unchanged is not read again. It is
// saved in Config.Memory; without that it is kept until the program ends.
type memory struct {
	saved  keyvalue.Store
	prefix string

	mu    sync.Mutex
	local map[string][]byte // without saved
}

// memoryHead is the first row of a source.
type memoryHead struct {
	// Reading is how files were read; what was learnt by another counts no more.
	Reading string `json:"reading"`
	// Told are the problems that people were told of and that still stand, hashed.
	Told []uint64 `json:"told,omitempty"`
}

// folderMemory is what is known of the files of one folder.
type folderMemory struct {
	// Others are those that are no social balance: recordSize bytes each.
	Others   []byte       `json:"others,omitempty"`
	Balances []remembered `json:"balances,omitempty"`
}

// remembered is what is known of a file with social balances.
type remembered struct {
	Print []byte    `json:"print"`
	Day   uint16    `json:"day"`
	Found []learned `json:"found"`
	// Of an archive: what a person should look at, and the other files by kind.
	Notes  []string     `json:"notes,omitempty"`
	Others map[Kind]int `json:"others,omitempty"`
}

// learned is one social balance in a file, or a file that is meant as one.
type learned struct {
	Listing ledger.Listing `json:"listing"` // its dossier's ID is not yet known
	Bad     bool           `json:"bad,omitempty"`
}

// knowledge is what is known of one file.
type knowledge struct {
	day   uint16 // when it was read, in days since 1970
	kind  Kind   // empty for a file with social balances, and for an archive with notes
	found []learned
	// Of an archive: what a person should look at, and the other files by kind.
	notes  []string
	others map[Kind]int
}

// recordSize is the number of bytes that say of a file that it is no social
// balance: its fingerprint, the day, and the kind.
const recordSize = len(fingerprint{}) + 3

func newMemory(cfg Config) *memory {
	return &memory{saved: cfg.Memory, prefix: cfg.Name + "\x00", local: map[string][]byte{}}
}

// headKey is no folder's: the name of a folder has no control character there.
const headKey = "\x00"

func (m *memory) get(ctx context.Context, key string) (text []byte, err error) {
	if m.saved == nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		return m.local[key], nil
	}
	err = m.saved.View(ctx, func(r keyvalue.Reader) error {
		text = bytes.Clone(r.Get(namespace, m.prefix+key))
		return nil
	})
	return text, err
}

// head returns the first row; a damaged one counts as none.
func (m *memory) head(ctx context.Context) memoryHead {
	var h memoryHead
	if text, err := m.get(ctx, headKey); err != nil || json.Unmarshal(text, &h) != nil {
		return memoryHead{}
	}
	return h
}

// folder returns what is known of the files of a folder, and its text as saved.
func (m *memory) folder(ctx context.Context, dir string) (known map[fingerprint]knowledge, text []byte) {
	text, err := m.get(ctx, dir)
	var row folderMemory
	if err != nil || json.Unmarshal(text, &row) != nil {
		return nil, nil
	}
	known = make(map[fingerprint]knowledge, len(row.Others)/recordSize+len(row.Balances))
	kinds := Kinds()
	for o := row.Others; len(o) >= recordSize; o = o[recordSize:] {
		n := len(fingerprint{})
		if kind := int(o[n+2]); kind < len(kinds) {
			known[fingerprint(o[:n])] = knowledge{day: uint16(o[n])<<8 | uint16(o[n+1]), kind: kinds[kind]}
		}
	}
	for _, b := range row.Balances {
		if len(b.Print) == len(fingerprint{}) {
			known[fingerprint(b.Print)] = knowledge{day: b.Day, found: b.Found, notes: b.Notes, others: b.Others}
		}
	}
	return known, text
}

// save replaces what is remembered: the rows of folders that changed, by folder.
// Rows of folders that gone selects are deleted.
func (m *memory) save(ctx context.Context, head memoryHead, changed map[string][]byte, gone func(dir string) bool) error {
	text, err := json.Marshal(head)
	if err != nil {
		return err
	}
	if m.saved == nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		maps.DeleteFunc(m.local, func(dir string, _ []byte) bool { return dir != headKey && gone(dir) })
		maps.Copy(m.local, changed)
		m.local[headKey] = text
		return nil
	}
	part := map[string][]byte{}
	put := func() error {
		rows := part
		part = map[string][]byte{}
		return m.saved.Update(ctx, func(w keyvalue.Writer) error {
			for dir, row := range rows {
				w.Put(namespace, m.prefix+dir, row)
			}
			return nil
		})
	}
	for dir, row := range changed {
		if part[dir] = row; len(part) >= saveRows {
			if err := put(); err != nil {
				return err
			}
		}
	}
	return m.saved.Update(ctx, func(w keyvalue.Writer) error {
		for dir, row := range part {
			w.Put(namespace, m.prefix+dir, row)
		}
		for _, dir := range m.dirs(w) {
			if gone(dir) {
				w.Delete(namespace, m.prefix+dir)
			}
		}
		if bytes.Equal(w.Get(namespace, m.prefix+headKey), text) {
			return nil
		}
		w.Put(namespace, m.prefix+headKey, text)
		return nil
	})
}

// forget has the files of a folder read again. Where that cannot be saved, they are
// after some days.
func (m *memory) forget(ctx context.Context, dir string) {
	if m.saved == nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.local, dir)
		return
	}
	_ = m.saved.Update(ctx, func(w keyvalue.Writer) error {
		w.Delete(namespace, m.prefix+dir)
		return nil
	})
}

// dirs lists the folders that have a row.
func (m *memory) dirs(r keyvalue.Reader) (all []string) {
	for key := range r.Walk(namespace, m.prefix) {
		dir, ours := strings.CutPrefix(key, m.prefix)
		if !ours {
			break
		}
		if dir != headKey {
			all = append(all, dir)
		}
	}
	return all
}

// encode writes what is known of the files of a folder, at most left of them.
func encode(known map[fingerprint]knowledge, order []fingerprint, left int) ([]byte, error) {
	var row folderMemory
	kinds := map[Kind]byte{}
	for i, k := range Kinds() {
		kinds[k] = byte(i)
	}
	for _, print := range order {
		k, ok := known[print]
		if !ok || left <= 0 {
			continue
		}
		left--
		if k.kind != "" {
			row.Others = append(append(row.Others, print[:]...), byte(k.day>>8), byte(k.day), kinds[k.kind])
		} else {
			row.Balances = append(row.Balances, remembered{Print: print[:], Day: k.day, Found: k.found, Notes: k.notes, Others: k.others})
		}
	}
	if len(row.Others)+len(row.Balances) == 0 {
		return nil, nil
	}
	return json.Marshal(row)
}

// ForgetOthers deletes what is remembered of the sources that are not among names:
// those that were removed. A source that comes back reads its files again.
func ForgetOthers(ctx context.Context, saved keyvalue.Store, names []string) error {
	var gone []string
	err := saved.View(ctx, func(r keyvalue.Reader) error {
		for key := range r.Walk(namespace, "") {
			if name, _, _ := strings.Cut(key, "\x00"); !slices.Contains(names, name) {
				gone = append(gone, key)
			}
		}
		return nil
	})
	for err == nil && len(gone) > 0 {
		part := gone[:min(len(gone), saveRows)]
		gone = gone[len(part):]
		err = saved.Update(ctx, func(w keyvalue.Writer) error {
			for _, key := range part {
				w.Delete(namespace, key)
			}
			return nil
		})
	}
	return err
}
