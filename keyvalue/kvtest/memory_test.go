package kvtest

import (
	"errors"
	"testing"

	"balansd/keyvalue"
)

func TestFailedUpdateChangesNothing(t *testing.T) {
	m := New()
	failed := errors.New("no")
	err := m.Update(t.Context(), func(w keyvalue.Writer) error {
		w.Put("a", "b", []byte("c"))
		return failed
	})
	if !errors.Is(err, failed) || m.Contains("c") {
		t.Errorf("the update gave %v and left %v", err, m.rows)
	}
}
