package silverfin_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"balansd/ledger"
	"balansd/problem"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"
)

// TestRefusalDuringRenewal has Silverfin refuse one call while
// the renewal that another one needs hangs.
func TestRefusalDuringRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		renewing, end := make(chan struct{}), make(chan struct{})
		var r *testEnv
		r = newTestEnv(t, fakesilverfin.Options{}, func(c *silverfin.Config) {
			inner := c.HTTP.Transport
			c.HTTP = &http.Client{Transport: roundTrip(func(req *http.Request) (*http.Response, error) {
				switch {
				case isTokenPath(req.URL.Path) && r != nil:
					close(renewing)
					<-end
				case strings.Contains(req.URL.Path, "/companies/1/"):
					<-renewing
					return refusal(http.StatusForbidden), nil
				case strings.Contains(req.URL.Path, "/companies/2/"):
					return refusal(http.StatusUnauthorized), nil
				}
				return inner.RoundTrip(req)
			})}
		})
		read := func(ctx context.Context, company int64) <-chan error {
			done := make(chan error, 1)
			go func() {
				_, err := read(ctx, r.firmClient(), ledger.Target{FirmID: r.firm, CompanyID: company, PeriodID: 1})
				done <- err
			}()
			return done
		}
		ctx, stop := context.WithCancel(t.Context())
		refused := read(ctx, 1)
		synctest.Wait() // it has its token
		renews := read(ctx, 2)
		synctest.Wait()
		select {
		case err := <-refused:
			if !problem.Is(err, problem.SilverfinRefused) {
				t.Errorf("the refused call gives %v", err)
			}
		default:
			t.Error("the refused call waits for the renewal of another")
		}
		stop()
		synctest.Wait()
		select {
		case err := <-renews:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("the stopped call gives %v", err)
			}
		default:
			t.Error("the stopped call waits for its renewal")
		}
		close(end)
	})
}

func refusal(status int) *http.Response {
	return &http.Response{StatusCode: status, Body: http.NoBody}
}
