package silverfin_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"balansd/ledger"
	"balansd/mapping"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"
)

// slowed makes every call take 20 ms of fake time.
func slowed(c *silverfin.Config) {
	inner := c.HTTP.Transport
	c.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(20 * time.Millisecond):
			return inner.RoundTrip(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	})}
}

func TestOneCallPerCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestEnv(t, fakesilverfin.Options{Now: time.Now}, slowed, func(c *silverfin.Config) { c.Concurrency = 100 })
		p := r.target()
		start := time.Now()
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() {
				if _, err := read(t.Context(), r.firmClient(), p); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if took := time.Since(start); took != 200*time.Millisecond {
			t.Errorf("ten reads of one company took %s, want one after the other", took)
		}
	})
}

func TestConcurrency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestEnv(t, fakesilverfin.Options{Now: time.Now}, slowed, func(c *silverfin.Config) { c.Concurrency = 3 })
		var places []ledger.Target
		for range 9 {
			id := r.sandbox.AddCompany(r.firm, fakesilverfin.Company{Name: "D"})
			places = append(places, ledger.Target{FirmID: r.firm, CompanyID: id, PeriodID: r.sandbox.AddPeriod(id, year2024.Start, year2024.End)})
		}
		start := time.Now()
		var group sync.WaitGroup
		for _, p := range places {
			group.Go(func() {
				if _, err := read(t.Context(), r.firmClient(), p); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if took := time.Since(start); took != 60*time.Millisecond {
			t.Errorf("nine reads, three at once, took %s, want 60ms", took)
		}
	})
}

func TestCancelReleasesSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newTestEnv(t, fakesilverfin.Options{Now: time.Now}, slowed, func(c *silverfin.Config) { c.Concurrency = 1 })
		p := r.target()
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				ctx, cancel := contextWithTimeout(t, 10*time.Millisecond)
				defer cancel()
				if _, err := read(ctx, r.firmClient(), p); err == nil {
					t.Error("a read came before its answer")
				}
			})
		}
		group.Wait()
		_, err := read(t.Context(), r.firmClient(), p)
		must(t, err)
	})
}

func TestRequireStarred(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{}, func(c *silverfin.Config) {
		inner := c.HTTP.Transport
		c.HTTP = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			resp, err := inner.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			body, err := io.ReadAll(resp.Body)
			resp.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte(`"starred":true`), []byte(`"starred":false`))))
			return resp, err
		})}
	})
	r.to = mapping.Target{Level: mapping.LevelReconciliation, Handle: "made_up_social", RequireStarred: true}
	r.sandbox.AddReconciliation(r.company.ID, "made_up_social", workflow)
	_, err := r.firmClient().Locate(t.Context(), r.company, year2024, r.to)
	if n := notYet(t, err); n.Reason != ledger.TemplateMissing || !strings.Contains(n.Detail, "is not starred") {
		t.Error(n.Reason, n.Detail)
	}
}

func TestListNeverEnds(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{}, func(c *silverfin.Config) {
		inner := c.HTTP.Transport
		c.HTTP = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(req.URL.Path, "/companies") {
				return inner.RoundTrip(req)
			}
			list := "[" + strings.Repeat(`{"id":1},`, 199) + `{"id":1}]`
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(list)), Request: req}, nil
		})}
	})
	list, _, err := r.firmClient().Companies(t.Context())
	if err != nil || len(list) != 1 {
		t.Errorf("%d companies, %v", len(list), err)
	}
}
