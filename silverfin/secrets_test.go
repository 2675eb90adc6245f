package silverfin_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"balansd/ledger"
	"balansd/mapping"
	"balansd/problem"
	"balansd/silverfin"
)

// parrot is a server that says everything it ever heard and gave, in every
// shape, at whatever status it is told.
type parrot struct {
	status int
	shape  string
	token  string // status of the token endpoint, as "", "bad" or "broken"
	posts  int
}

const (
	canaryAccess  = "canary-access-token"
	canaryRefresh = "canary-refresh-token"
	canarySecret  = "canary-client-secret"
	canaryCode    = "canary-code"
	canaryFigure  = "987654.32"
)

func (p *parrot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	all := strings.Join([]string{canaryAccess, canaryRefresh, canarySecret, canaryFigure}, " ")
	long := strings.Repeat("x", 180) + " " + all // so that a bound would cut a secret in two
	if isTokenPath(r.URL.Path) {
		p.posts++
		switch p.token {
		case "bad":
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"error":%q,"error_description":%q}`, all+canaryCode, all)
		case "broken":
			w.WriteHeader(http.StatusOK)
			fmt.Fprint(w, all)
		default:
			fmt.Fprintf(w, `{"access_token":%q,"refresh_token":%q,"expires_in":7200}`, canaryAccess, canaryRefresh)
		}
		return
	}
	if p.status == 0 {
		fmt.Fprint(w, `{"id":1,"name":"Parrot"}`)
		return
	}
	w.WriteHeader(p.status)
	for i, text := range []string{all, long} {
		quoted, _ := json.Marshal(text)
		if i == 0 && strings.Contains(p.shape, "long") {
			continue
		}
		fmt.Fprintf(w, strings.TrimPrefix(p.shape, "long"), quoted)
		return
	}
}

// TestNoSecretsInErrors provokes every failure and looks for the canaries in
// the errors and the log.
func TestNoSecretsInErrors(t *testing.T) {
	var log bytes.Buffer
	tried := 0
	shapes := []string{`{"error":%s}`, `{"error":{"a":%s}}`, `{"errors":[%s]}`, `{"errors":{"a":[%s]}}`,
		`{"error_description":%s}`, `{"message":%s}`, `%s`, `not json %s`, `<html>%s</html>`, `{"other":%s}`, `long{"error":%s}`, `longnot json %s`}
	for _, status := range []int{200, 201, 302, 400, 401, 403, 404, 409, 418, 422, 423, 500, 502, 503} {
		for _, shape := range shapes {
			for _, token := range []string{"", "bad", "broken"} {
				p := &parrot{}
				clock := newClock()
				c, err := silverfin.New(silverfin.Config{BaseURL: "https://silverfin.test", ClientID: "id", ClientSecret: canarySecret,
					HTTP: &http.Client{Transport: handlerTransport{p}}, Vault: newVault(), Now: clock.Now,
					RequestsPerSecond: -1, Log: zerolog.New(&log).Level(zerolog.TraceLevel)})
				must(t, err)
				_, state, err := c.Begin(t.Context(), 1, "")
				must(t, err)
				_, _, err = c.End(t.Context(), state, canaryCode, 0)
				must(t, err)
				p.status, p.shape, p.token = status, shape, token
				if token != "" {
					clock.Add(3 * time.Hour)
				}
				ctx := t.Context()
				place := ledger.Target{FirmID: 1, CompanyID: 2, CompanyName: "D", PeriodID: 3}
				var errs []error
				_, _, err = c.Firm(1).Companies(ctx)
				errs = append(errs, err)
				_, err = read(ctx, c.Firm(1), place)
				errs = append(errs, err)
				_, err = c.Firm(1).Locate(ctx, ledger.Company{ID: 2, Name: "D"}, year2024, mapping.Target{})
				errs = append(errs, err)
				_, err = c.Renew(ctx, 1, 0)
				errs = append(errs, err)
				errs = append(errs, fill(ctx, c.Firm(1), place, ledger.Figures{cell(t, "1003"): canaryFigure}))
				_, state, err = c.Begin(ctx, 1, "")
				must(t, err)
				_, _, err = c.End(ctx, state, canaryCode, 0)
				errs = append(errs, err)
				for _, err := range errs {
					if err == nil {
						continue
					}
					tried++
					text := err.Error()
					if pr := problem.Of(err); pr != nil {
						text += pr.Next
					}
					if strings.Contains(text, "canary") || strings.Contains(text, "987654") && strings.Contains(text, "writing") {
						t.Fatalf("%d %s %s: %s", status, shape, token, text)
					}
				}
			}
		}
	}
	if tried < 1000 {
		t.Errorf("only %d errors were provoked", tried)
	}
	if strings.Contains(log.String(), "canary") || !strings.Contains(log.String(), "silverfin tokens renewed") {
		t.Errorf("log: %.500s", log.String())
	}
}
