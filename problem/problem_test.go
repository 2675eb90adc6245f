package problem_test

import (
	"errors"
	"fmt"
	"testing"

	"balansd/problem"
)

// Scripts and alerts rely on the numbers: each event id belongs to one code, and each exit
// code is one of the four in the manual.
func TestTableOfCodes(t *testing.T) {
	byEvent := map[uint32]problem.Code{}
	for _, c := range problem.Codes() {
		if other, taken := byEvent[c.EventID()]; taken {
			t.Errorf("%s and %s share event id %d", c, other, c.EventID())
		}
		byEvent[c.EventID()] = c
		if c.EventID() < 1 || c.EventID() > 1000 {
			t.Errorf("%s: event id %d is outside what an event source takes", c, c.EventID())
		}
		if c.ExitCode() < 1 || c.ExitCode() > 3 {
			t.Errorf("%s: exit code %d", c, c.ExitCode())
		}
		if c.HTTPStatus() < 200 || c.HTTPStatus() > 599 {
			t.Errorf("%s: HTTP status %d", c, c.HTTPStatus())
		}
	}
	for _, n := range problem.Notices() {
		if other, taken := byEvent[uint32(n)]; taken {
			t.Errorf("notice %d has the event id of %s", n, other)
		}
		if n < 1 || n > 1000 || n.String() == "" {
			t.Errorf("notice %d is outside what an event source takes, or says nothing", n)
		}
	}
	if unknown := problem.Code("never heard of"); unknown.ExitCode() != problem.Unexpected.ExitCode() {
		t.Errorf("an unknown code exits with %d", unknown.ExitCode())
	}
}

func TestOf(t *testing.T) {
	full := problem.New(problem.StateUnwritable, "the disk is full", "Make room.")
	wrapped := fmt.Errorf("recording: %w", full)
	if problem.Of(wrapped) != full || !problem.Is(wrapped, problem.StateUnwritable) {
		t.Error("a problem is not found in the chain")
	}
	cause := errors.New("boom")
	if p := problem.Of(cause); p.Code != problem.Unexpected || !errors.Is(p, cause) || p.Next == "" {
		t.Errorf("an error without a problem became %+v", p)
	}
	if problem.Of(nil) != nil {
		t.Error("no error is a problem")
	}
}
