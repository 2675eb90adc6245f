package sandbox_test

import (
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"balansd/sandbox"
)

// The calls that Silverfin's public command-line client makes, as read from
// its published source of several versions up to 1.58.0, in its order and with
// its five scopes. It stands in for TestSilverfinCLI where the client itself
// is not at hand, and proves less: these are the calls as we read them.
func TestSilverfinCallsOfItsOwnClient(t *testing.T) {
	x := newOffice(t, sandbox.SilverfinOptions{})
	workflow := x.sf.OpenWorkflow(x.company, x.period, sfWorkflow)
	const asked = "administration:read administration:write financials:read financials:write workflows:read"
	address := x.address(url.Values{"redirect_uri": {sandbox.OutOfBand}, "scope": {asked}, "state": {""}})
	page := x.send(httptest.NewRequest("GET", address, nil)).is(200)
	shown := x.submit(address, page.body, "allow", x.firm).is(200)
	code := regexp.MustCompile(`<code id="authorization_code">([^<]+)<`).FindStringSubmatch(shown.body)[1]

	// The code goes out in the query of a POST without a body.
	token := "/f/" + sfID(x.firm) + "/oauth/token"
	pair := x.send(httptest.NewRequest("POST", token+"?client_id="+sfClientID+"&client_secret="+sfSecret+
		"&redirect_uri="+url.QueryEscape(sandbox.OutOfBand)+"&grant_type=authorization_code&code="+code, nil)).is(200)
	x.access = pair.text("access_token")
	x.call("GET", "/user/firm", "").is(200, `"name"`)

	// import-reconciliation: the firm's own template, not the marketplace's.
	own := int64(0)
	for _, item := range x.call("GET", "/reconciliations?page=1&per_page=200", "").is(200).list() {
		if _, text := item["text"]; text && item["handle"] == "social_balance" && item["marketplace_template_id"] == nil {
			own = int64(item["id"].(float64))
		}
	}
	x.call("GET", "/reconciliations?page=2&per_page=200", "").is(200, "[]")
	x.call("GET", "/reconciliations/"+sfID(own), "").is(200, `"text_parts"`)
	x.call("POST", "/reconciliations/"+sfID(own), `{"handle":"social_balance","name_nl":"sociale balans","text":"{{ 1 }}","text_parts":[],"version_comment":"Updated using the API"}`).is(200)
	if got := x.sf.TemplateText(x.firm, own); got != "{{ 1 }}" {
		t.Fatalf("the template is %q", got)
	}

	// A 401 makes it refresh with JSON, the old access token in it, and repeat.
	x.clock.forward(3 * time.Hour)
	x.call("GET", "/companies/{c}", "").is(401)
	r := httptest.NewRequest("POST", token, strings.NewReader(`{"client_id":"`+sfClientID+`","client_secret":"`+sfSecret+
		`","redirect_uri":"urn%3Aietf%3Awg%3Aoauth%3A2.0%3Aoob","grant_type":"refresh_token","refresh_token":"`+
		pair.text("refresh_token")+`","access_token":"`+x.access+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Firm-ID", sfID(x.firm))
	x.access = x.send(r).is(200).text("access_token")
	x.call("GET", "/companies/{c}", "").is(200)

	// create-test reads what a file holds.
	const period = "/companies/{c}/periods/{p}"
	for _, path := range []string{
		period + "/reconciliations/{r}", period + "/workflows", period + "/workflows/" + sfID(workflow) + "/reconciliations?page=1&per_page=200",
		"/companies/{c}/periods?page=1&per_page=200", period + "/custom?page=1&per_page=200",
		period + "/reconciliations/{r}/custom?page=1&per_page=200", period + "/reconciliations/{r}/results", "/companies/{c}/custom",
	} {
		x.call("GET", path, "").is(200)
	}
}
