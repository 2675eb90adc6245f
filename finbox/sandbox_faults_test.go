package finbox_test

import (
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/finbox"
	"balansd/ledger"
	"balansd/problem"
	"balansd/sandbox/faults"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
	"balansd/transport"
)

// TestEveryFaultAtEveryCall makes each call of a run fail in each way, token call
// included. A person gets a problem of Finbox that says what to do, and the next run is
// not affected.
func TestEveryFaultAtEveryCall(t *testing.T) {
	kinds := []faults.Kind{faults.Unauthorized, faults.Forbidden, faults.NotFound, faults.Conflict,
		faults.UnprocessableError, faults.TooMany, faults.TooManyRetryAfter, faults.ServerError,
		faults.LostBefore, faults.LostAfter, faults.Truncated, faults.NotJSON}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			box := newSandboxServer(t, fakefinbox.Options{})
			box.add(t, madeup.Balance(1, balance.Micro, 2024), box.start.Add(time.Minute), balance.NBBCSV)
			for nth := 1; ; nth++ {
				// A new client each time, so that the token call is the first.
				http, err := transport.New(transport.Config{AllowedHosts: []string{box.server.URL}, Retries: -1})
				if err != nil {
					t.Fatal(err)
				}
				c := box.client(t, finbox.Config{HTTP: http}).Connection(box.connection)
				box.Faults().ResetLog()
				box.Faults().Add(faults.Fault{Nth: nth, Kind: kind})
				_, err = night(t, c)
				reached := box.Faults().Count(nil) >= nth
				box.Faults().Clear()
				if err != nil {
					p := problem.Of(err)
					finboxs := strings.HasPrefix(string(p.Code), "finbox_") || p.Code == problem.ConnectionID || p.Code == problem.NotFound || p.Code == problem.Damaged
					if !finboxs || p.Next == "" || strings.Contains(err.Error(), "<html") {
						t.Errorf("call %d: got %v (%s), want a problem of Finbox's", nth, err, p.Code)
					}
				}
				if doc, err := night(t, c); err != nil || len(doc) == 0 {
					t.Errorf("the night after a fault at call %d: %d bytes, %v", nth, len(doc), err)
				}
				http.CloseIdleConnections()
				if !reached {
					if nth < 4 {
						t.Errorf("a night has only %d calls", nth-1)
					}
					return
				}
			}
		})
	}
}

// night makes each call of a nightly run.
func night(t *testing.T, c *finbox.Connection) ([]byte, error) {
	t.Helper()
	if _, err := c.Status(t.Context()); err != nil {
		return nil, err
	}
	var found []ledger.Listing
	for p, err := range c.List(t.Context(), "") {
		if err != nil {
			return nil, err
		}
		found = append(found, p.Listings...)
	}
	if len(found) != 1 {
		t.Errorf("%d social balances listed, want 1", len(found))
	}
	return c.Content(t.Context(), found[0])
}
