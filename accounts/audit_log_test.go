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

// TestAuditLogIsBounded keeps the newest records, in order, and none that is too
// old.
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

// TestRefusedSignInsPushOutNothing: whoever tries to sign in without end
// pushes out nothing that people did.
func TestRefusedSignInsPushOutNothing(t *testing.T) {
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
