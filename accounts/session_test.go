package accounts

import (
	"strconv"
	"testing"
	"time"

	"balansd/keyvalue"
	"balansd/keyvalue/kvtest"
)

// TestSessionsAreBounded: sessions are bounded even without a confirmed time.
func TestSessionsAreBounded(t *testing.T) {
	kv := kvtest.New()
	end := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	err := kv.Update(t.Context(), func(w keyvalue.Writer) error {
		for i := range maxSessions + 7 {
			text, err := sessionCodec{}.Encode(end.Add(time.Duration(i)*time.Second), map[string]any{})
			if err != nil {
				return err
			}
			w.Put(sessionsNamespace, strconv.Itoa(i), text)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := deleteOldSessions(t.Context(), kv, time.Time{}); err != nil {
		t.Fatal(err)
	}
	left := kv.Rows(sessionsNamespace)
	if n := len(left); n != maxSessions {
		t.Errorf("%d sessions are left", n)
	}
	if left["6"] != nil || left["7"] == nil {
		t.Error("others than those that end first were deleted")
	}
}
