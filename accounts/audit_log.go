package accounts

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"balansd/keyvalue"

	"github.com/rs/zerolog"
)

// The newest 20,000 records are saved, none older than two years. A firm of
// twenty people makes some thousands a year.
const (
	maxRecords   = 20_000
	maxRecordAge = 2 * 366 * 24 * time.Hour
	// maxDropped bounds how many old records are deleted with each new one.
	maxDropped = 20
	// refusedShare is which part of the size failed attempts to sign in have.
	refusedShare = 10
)

// Record is one thing that somebody did, or tried to.
type Record struct {
	At   time.Time `json:"at"`
	Who  string    `json:"who,omitempty"`  // as they are called; empty where nobody was signed in
	Key  string    `json:"key,omitempty"`  // the key of the person, which no change of name changes
	What string    `json:"what"`           // which kind, as "decide"; the messages audit.* name them
	On   string    `json:"on,omitempty"`   // to what: an entry, a connection, a person
	From string    `json:"from,omitempty"` // an address, or FromCommandLine
	// Outcome is empty when it succeeded, else why not: a problem's code or a
	// message.
	Outcome string `json:"outcome,omitempty"`
}

// FromCommandLine is the From of what came through the local API.
const FromCommandLine = "local"

// AuditLogConfig is all that an AuditLog needs.
type AuditLogConfig struct {
	KeyValue keyvalue.Store
	Now      func() time.Time // time.Now when nil
	Log      zerolog.Logger
	// Size bounds the records; 0 for 20,000.
	Size int
	// Confirmed returns the time that a service last said it is; nil, or the zero
	// time, where none has. No record is deleted for its age without it.
	Confirmed func() time.Time
}

// AuditLog records who did what, when and from where. It is safe for concurrent
// use.
type AuditLog struct{ AuditLogConfig }

// NewAuditLog returns an AuditLog.
func NewAuditLog(cfg AuditLogConfig) *AuditLog {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Size <= 0 {
		cfg.Size = maxRecords
	}
	return &AuditLog{cfg}
}

// Record saves a record. Its time is now; its address and key are those of the
// Caller of ctx, unless r has its own. A record that cannot be saved is logged:
// what it describes has happened already.
func (l *AuditLog) Record(ctx context.Context, r Record) { l.save(ctx, recordsNamespace, l.Size, r) }

// RecordRefused is Record for a failed attempt to sign in. Anybody can make as
// many as they like: such records have a small namespace of their own, so that
// they push out nothing that people did.
func (l *AuditLog) RecordRefused(ctx context.Context, r Record) {
	l.save(ctx, refusedNamespace, max(1, l.Size/refusedShare), r)
}

// savedRecord is a record as it is saved.
type savedRecord struct {
	Record

	// Nth counts the records of its namespace; 0 in one from when there was one
	// namespace alone, where it is the record's number.
	Nth uint64 `json:"nth,omitempty"`
}

func readRecord(key string, text []byte) (s savedRecord, number uint64, err error) {
	number = binary.BigEndian.Uint64([]byte(key))
	err = json.Unmarshal(text, &s)
	s.Nth = cmp.Or(s.Nth, number)
	return s, number, err
}

// save adds a record to a namespace. It deletes those that are too many there, or
// too old by a confirmed time: a clock that is ahead must not delete the audit
// log. The numbers are unique across both namespaces.
func (l *AuditLog) save(ctx context.Context, namespace string, size int, r Record) {
	r.At = l.Now().UTC()
	if c := callerOf(ctx); c != nil {
		r.From, r.Key = cmp.Or(r.From, c.Address), cmp.Or(r.Key, c.Key)
	}
	r.From = cmp.Or(r.From, FromCommandLine)
	// The request may be cancelled by now; what was done is recorded all the same.
	err := l.KeyValue.Update(context.WithoutCancel(ctx), func(w keyvalue.Writer) error {
		next, added := uint64(1), savedRecord{Record: r, Nth: 1}
		for _, n := range []string{recordsNamespace, refusedNamespace} {
			for key, text := range w.WalkBack(n, "") {
				newest, number, _ := readRecord(key, text)
				next = max(next, number+1)
				if n == namespace {
					added.Nth = newest.Nth + 1
				}
				break
			}
		}
		if err := keyvalue.Put(w, namespace, recordKey(next), added); err != nil {
			return err
		}
		var old []string
		for key, text := range w.Walk(namespace, "") {
			first, _, _ := readRecord(key, text)
			fresh := first.Nth+uint64(size) > added.Nth && confirmedTime(r.At, l.Confirmed).Sub(first.At) < maxRecordAge
			if fresh || len(old) == maxDropped {
				break
			}
			old = append(old, key)
		}
		for _, key := range old {
			w.Delete(namespace, key)
		}
		return nil
	})
	if err != nil {
		l.Log.Error().Err(err).Str("what", r.What).Str("who", r.Who).Msg("the audit log cannot be written")
	}
}

// Page returns records, newest first: at most n of those before a number, 0 for
// the newest. older is the number of the next page, 0 at the end.
func (l *AuditLog) Page(ctx context.Context, before uint64, n int) (list []Record, older uint64, err error) {
	return l.Find(ctx, before, n, func(Record) bool { return true })
}

// Find is Page for the records that are wanted.
func (l *AuditLog) Find(ctx context.Context, before uint64, n int, wanted func(Record) bool) (list []Record, older uint64, err error) {
	type row struct {
		number uint64
		record Record
	}
	err = l.KeyValue.View(ctx, func(r keyvalue.Reader) error {
		list, older = nil, 0
		from := ""
		if before > 0 {
			from = recordKey(before)
		}
		var rows []row
		for _, namespace := range []string{recordsNamespace, refusedNamespace} {
			count := 0
			for key, text := range r.WalkBack(namespace, from) {
				saved, number, err := readRecord(key, text)
				if err != nil {
					return fmt.Errorf("a record of the audit log cannot be read: %w", err)
				}
				if !wanted(saved.Record) {
					continue
				}
				rows = append(rows, row{number, saved.Record})
				if count++; count > n {
					break
				}
			}
		}
		slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(b.number, a.number) })
		if len(rows) > n {
			rows, older = rows[:n], rows[n-1].number
		}
		for _, r := range rows {
			list = append(list, r.record)
		}
		return nil
	})
	return list, older, err
}

func recordKey(n uint64) string { return string(binary.BigEndian.AppendUint64(nil, n)) }
