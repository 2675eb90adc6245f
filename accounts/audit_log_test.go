package accounts

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"balansd/keyvalue/kvtest"

	"github.com/rs/zerolog"
)

// TestAuditLogIsBounded: the newest records are kept, in order, and none that is too old.
func TestAuditLogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := NewAuditLog(AuditLogConfig{KeyValue: kvtest.New(), Log: zerolog.Nop(), Size: 50, Confirmed: time.Now})
		for i := range 120 {
			log.Record(t.Context(), Record{Who: "An", What: "retry", On: strconv.Itoa(i)})
		}
		var seen []string
		for before := uint64(0); ; {
			list, older, err := log.Page(t.Context(), before, 7)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range list {
				seen = append(seen, r.On)
			}
			if before = older; before == 0 {
				break
			}
		}
		if len(seen) != 50 || seen[0] != "119" || seen[49] != "70" {
			t.Errorf("the log holds %q", seen)
		}
		time.Sleep(maxRecordAge)
		for range 5 {
			log.Record(t.Context(), Record{What: "retry", On: "new"})
		}
		if list, _, _ := log.Page(t.Context(), 0, 100); len(list) != 5 {
			t.Errorf("%d records are left, of which 5 are new", len(list))
		}
	})
}

// TestRefusedSignInsAreBounded: refused sign-ins delete no other records.
func TestRefusedSignInsAreBounded(t *testing.T) {
	log := NewAuditLog(AuditLogConfig{KeyValue: kvtest.New(), Log: zerolog.Nop(), Size: 40})
	for i := range 10 {
		log.Record(t.Context(), Record{Who: "An", What: "retry", On: fmt.Sprint(i)})
	}
	for i := range 200 {
		log.RecordRefused(t.Context(), Record{Who: fmt.Sprint("stranger ", i), What: "sign-in", Outcome: "signin.wrong"})
		if i == 100 {
			log.Record(t.Context(), Record{Who: "An", What: "retry", On: "10"})
		}
	}
	var kept []string
	strangers := 0
	var last Record
	for before := uint64(0); ; {
		list, older, err := log.Page(t.Context(), before, 7)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list {
			if !last.At.IsZero() && r.At.After(last.At) {
				t.Error("the audit log is out of order")
			}
			last = r
			if r.Who == "An" {
				kept = append(kept, r.On)
			} else {
				strangers++
			}
		}
		if before = older; before == 0 {
			break
		}
	}
	if want := []string{"10", "9", "8", "7", "6", "5", "4", "3", "2", "1", "0"}; !slices.Equal(kept, want) {
		t.Errorf("of what An did is left: %q", kept)
	}
	if strangers == 0 || strangers > 40 {
		t.Errorf("%d attempts of strangers are kept", strangers)
	}
}

// fakeClock is a clock that a test sets, and the time that a service confirmed.
type fakeClock struct{ now, confirmed time.Time }

func (c *fakeClock) Now() time.Time { return c.now }

func (c *fakeClock) Confirmed() time.Time { return c.confirmed }

// years is how far the clock is ahead.
const years = 3 * 366 * 24 * time.Hour

// TestAuditLogWhileClockIsAhead: no record is deleted for its age while the clock is
// ahead, whatever time was confirmed before.
func TestAuditLogWhileClockIsAhead(t *testing.T) {
	start := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	for name, said := range map[string]time.Time{"nothing was said": {}, "it was said today": start} {
		t.Run(name, func(t *testing.T) {
			c := &fakeClock{start, said}
			log := NewAuditLog(AuditLogConfig{KeyValue: kvtest.New(), Now: c.Now, Confirmed: c.Confirmed, Log: zerolog.Nop()})
			for i := range 50 {
				log.Record(t.Context(), Record{Who: "An", What: "retry", On: strconv.Itoa(i)})
			}
			c.now = start.Add(years)
			for range 25 {
				log.Record(t.Context(), Record{Who: "An", What: "sign-in"})
			}
			c.now = start
			if list, _, err := log.Page(t.Context(), 0, 100); err != nil || len(list) != 75 {
				t.Errorf("of 75 records %d are left, %v", len(list), err)
			}
			// With a confirmed time they are deleted.
			c.now, c.confirmed = start.Add(years), start.Add(years)
			for range 4 {
				log.Record(t.Context(), Record{Who: "An", What: "sign-in"})
			}
			if list, _, _ := log.Page(t.Context(), 0, 100); len(list) != 29 {
				t.Errorf("%d records are left of 29 that are young", len(list))
			}
		})
	}
}
