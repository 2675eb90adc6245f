package silverfin_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"balansd/balance"
	"balansd/ledger"
	"balansd/sandbox/faults"
	"balansd/sandbox/madeup"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"
)

// answering has calls for a path answered by list, page by page.
func answering(suffix string, list func(page int) string) func(*silverfin.Config) {
	return func(c *silverfin.Config) {
		inner := c.HTTP.Transport
		c.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if !strings.HasSuffix(r.URL.Path, suffix) {
				return inner.RoundTrip(r)
			}
			page := 0
			_, _ = fmt.Sscan(r.URL.Query().Get("page"), &page)
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(list(page))), Request: r}, nil
		})}
	}
}

// onePage is a list of one page.
func onePage(items string) func(int) string {
	return func(page int) string {
		if page > 1 {
			return "[]"
		}
		return items
	}
}

func TestOddCompanies(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{}, answering("/companies", onePage(`[
		{"id":"17","name":"Id as text","vat":"BE 0402.754.886"},
		{"id":"CMP-1","name":"Odd id"}, {"name":"No id"}, {"id":null,"name":{"nl":"Null"}}, null, 7,
		{"id":18,"name":{"nl":"Name as object"},"file_code":12,"vat":["x"]}]`)))
	list, unreadable, err := r.firmClient().Companies(t.Context())
	must(t, err)
	want := []ledger.Company{{ID: 17, Name: "Id as text", EnterpriseNumber: "0402754886", Details: ledger.CompanyDetails{"name": "Id as text"}},
		{ID: 18, Name: "nl Name as object", FileCode: "12", WrongNumber: `["x"]`, Details: ledger.CompanyDetails{"name": "nl Name as object"}}}
	if d := cmp.Diff(want, list); d != "" {
		t.Error(d)
	}
	named := []string{`a company with id "CMP-1" (Odd id)`, `a company with id "none" (No id)`, `a company with id "none" (nl Null)`,
		`a company with id "none"`, `a company with id "none"`}
	if d := cmp.Diff(named, unreadable); d != "" {
		t.Error(d)
	}
}

func TestPeriodsWithATime(t *testing.T) {
	for text, found := range map[string]bool{
		"2024-12-31": true, "2024-12-31T00:00:00.000Z": true, "2024-12-31T00:00:00+01:00": true, "2024-12-31 00:00:00 +0100": true,
		"2024-12-31T23:59:59Z": true, "2024-12-30T23:00:00Z": true, "2024-12-30T23:00:00+01:00": false, "2024-12-31T23:00:00Z": false, "31/12/2024": false,
	} {
		r := newTestEnv(t, fakesilverfin.Options{})
		item := fmt.Sprintf(`{"id":%d,"end_date":%q,"fiscal_year":{"end_date":%q}}`, r.period, text, text)
		odd := `{"id":"P-1","end_date":"2024-12-31"}, {"id":3,"end_date":null,"fiscal_year":"2024"}`
		answering("/periods", onePage("["+odd+","+item+"]"))(&r.cfg)
		p, err := r.restart(r.vault).Firm(r.firm).Locate(t.Context(), r.company, year2024, r.to)
		if found {
			if err != nil || p.PeriodID != r.period {
				t.Errorf("%s: %v, %v", text, p, err)
			}
			continue
		}
		if n := notYet(t, err); n.Reason == ledger.NoPeriod != (text == "31/12/2024") || !strings.Contains(n.Detail, `id "P-1" and end date "2024-12-31"`) {
			t.Errorf("%s: %s", text, n.Detail)
		}
	}
}

func TestListRepeats(t *testing.T) {
	calls := 0
	r := newTestEnv(t, fakesilverfin.Options{}, answering("/companies", func(page int) string {
		calls++
		return fmt.Sprintf(`[{"id":%d},{"id":%d}]`, page%3+1, page%3+11)
	}))
	list, _, err := r.firmClient().Companies(t.Context())
	if err != nil || len(list) != 6 || calls != 8 {
		t.Errorf("%d companies of 6, in %d calls: %v", len(list), calls, err)
	}
}

func TestListKeepsChanging(t *testing.T) {
	calls := 0
	r := newTestEnv(t, fakesilverfin.Options{}, answering("/companies", func(page int) string {
		if calls++; page > 2 {
			return "[]"
		}
		return fmt.Sprintf(`[{"id":%d}]`, calls)
	}))
	if _, _, err := r.firmClient().Companies(t.Context()); err == nil || !strings.Contains(err.Error(), "its list changed each time it was read") {
		t.Errorf("after %d calls: %v", calls, err)
	}
}

// compared returns what a delivery of figures would write where a person's are
// left alone.
func compared(want ledger.Figures, beside func()) ledger.Decide {
	return func(r ledger.Reading) (ledger.Figures, error) {
		write := ledger.Figures{}
		for c, text := range want {
			if r.Have[c] == "" {
				write[c] = text
			}
		}
		if len(write) > 0 {
			beside()
		}
		return write, nil
	}
}

// Whatever holds a write up for more than a second has it begun again with
// reading: here the record of it, on a slow disk.
func TestUpdateRereadsAfterASecond(t *testing.T) {
	for took, want := range map[time.Duration]int{time.Second: 1, time.Second + time.Millisecond: 2, time.Minute: 2} {
		synctest.Test(t, func(t *testing.T) {
			r := newTestEnv(t, fakesilverfin.Options{Now: time.Now})
			p := r.target()
			r.sandbox.Faults().ResetLog()
			looks, once := 0, false
			r.sandbox.Faults().BeforeCall(func(x faults.Call) {
				if x.Method == http.MethodGet && r.posts() == 0 {
					looks++
				}
			})
			must(t, r.firmClient().Update(t.Context(), p, r.to, compared(figures(t, "1003", "1", "1021", "2"), func() {
				if !once {
					once = true
					time.Sleep(took)
				}
			})))
			if looks != want {
				t.Errorf("after %s: %d looks before the write, want %d", took, looks, want)
			}
		})
	}
}

// A person types while one hundred figures go out: the next hundred are
// compared anew.
func TestUpdateRereadsEachChunk(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{})
	want := ledger.FiguresOf(madeup.Balance(1, balance.Full, 2024).Values)
	last := cell(t, "1003")
	for c := range want {
		if balance.CompareCells(c, last) > 0 {
			last = c
		}
	}
	p := r.target()
	r.sandbox.Faults().OnCall(func(x faults.Call) {
		if x.Method == http.MethodPost && r.posts() == 1 {
			must(t, r.sandbox.Set(r.company.ID, r.period, "social_balance_integration", "code_"+last.String(), "99.9"))
		}
	})
	must(t, r.firmClient().Update(t.Context(), p, r.to, compared(want, func() {})))
	if held := r.sandbox.Custom(r.company.ID, r.period)["social_balance_integration.code_"+last.String()]; held != "99.9" || r.posts() != 2 {
		t.Errorf("after %d writes Silverfin holds %s", r.posts(), held)
	}
}

// A write is sent once by net/http, too: its body cannot be had again.
func TestWriteIsNotRepeated(t *testing.T) {
	r := newTestEnv(t, fakesilverfin.Options{}, func(c *silverfin.Config) {
		inner := c.HTTP.Transport
		c.HTTP = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
			if req.Method == http.MethodPost && !isTokenPath(req.URL.Path) && req.GetBody != nil {
				t.Error("the body of a write can be had again")
			}
			body := []byte(nil)
			if req.Body != nil {
				body, _ = io.ReadAll(req.Body)
				req.Body = io.NopCloser(bytes.NewReader(body))
			}
			return inner.RoundTrip(req)
		})}
	})
	must(t, fill(t.Context(), r.firmClient(), r.target(), figures(t, "1003", "1")))
	if r.posts() != 1 {
		t.Errorf("%d writes", r.posts())
	}
}
