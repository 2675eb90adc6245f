package silverfin_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"balansd/sandbox/silverfin"
)

// TestCallsOfSilverfinCLI makes the calls of Silverfin's public command-line client, from
// its published source of several versions up to 1.58.0, in its order and with its five
// scopes. It is for machines without the client and proves less than TestSilverfinCLI,
// which runs it.
func TestCallsOfSilverfinCLI(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	workflow := x.sf.OpenWorkflow(x.company, x.period, workflowName)
	const asked = "administration:read administration:write financials:read financials:write workflows:read"
	address := x.address(url.Values{"redirect_uri": {silverfin.OutOfBand}, "scope": {asked}, "state": {""}})
	page := x.send(httptest.NewRequest("GET", address, nil)).is(200)
	shown := x.submit(address, page.body, "allow", x.firm).is(200)
	code := regexp.MustCompile(`<code id="authorization_code">([^<]+)<`).FindStringSubmatch(shown.body)[1]

	// The code is sent in the query of a POST without a body.
	token := "/f/" + idText(x.firm) + "/oauth/token"
	pair := x.send(httptest.NewRequest("POST", token+"?client_id="+clientID+"&client_secret="+clientSecret+
		"&redirect_uri="+url.QueryEscape(silverfin.OutOfBand)+"&grant_type=authorization_code&code="+code, nil)).is(200)
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
	x.call("GET", "/reconciliations/"+idText(own), "").is(200, `"text_parts"`)
	x.call("POST", "/reconciliations/"+idText(own), cliTemplate("social_balance", "{{ 1 }}")).is(200, `"handle":"social_balance"`)
	x.call("GET", "/reconciliations/"+idText(own), "").is(200, `"text":"{{ 1 }}"`)

	// create-reconciliation reads all pages first, and keeps the new id.
	made := x.call("POST", "/reconciliations", cliTemplate("made_by_client", "{{ 2 }}")).is(201).object()["id"]
	x.call("GET", fmt.Sprintf("/reconciliations/%.0f", made), "").is(200, `"handle":"made_by_client"`, `"text":"{{ 2 }}"`)

	// After a 401 it refreshes with JSON that has the old access token, and repeats the
	// call.
	x.clock.Add(3 * time.Hour)
	x.call("GET", "/companies/{c}", "").is(401)
	r := httptest.NewRequest("POST", token, strings.NewReader(`{"client_id":"`+clientID+`","client_secret":"`+clientSecret+
		`","redirect_uri":"urn%3Aietf%3Awg%3Aoauth%3A2.0%3Aoob","grant_type":"refresh_token","refresh_token":"`+
		pair.text("refresh_token")+`","access_token":"`+x.access+`"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Firm-ID", idText(x.firm))
	x.access = x.send(r).is(200).text("access_token")
	x.call("GET", "/companies/{c}", "").is(200)

	// create-test reads the content of a file.
	const period = "/companies/{c}/periods/{p}"
	for _, path := range []string{
		period + "/reconciliations/{r}", period + "/workflows", period + "/workflows/" + idText(workflow) + "/reconciliations?page=1&per_page=200",
		"/companies/{c}/periods?page=1&per_page=200", period + "/custom?page=1&per_page=200",
		period + "/reconciliations/{r}/custom?page=1&per_page=200", period + "/reconciliations/{r}/results", "/companies/{c}/custom",
	} {
		x.call("GET", path, "").is(200)
	}
	// An account in the template's text may be missing: the client prints the error and
	// continues.
	x.call("GET", period+"/accounts/12", "").is(404, `"error"`)
}

// The writes of custom properties in the newest source of the client: a list for a period
// or a reconciliation, with numbers as such, and one at a time for a company, because
// Silverfin answered a list there with 400.
func TestCustomPropertiesOfSilverfinCLI(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	const many = `{"properties":[{"namespace":"ns","key":"k","value":1},{"namespace":"ns","key":"l","value":"two"}]}`
	x.call("POST", "/companies/{c}/periods/{p}/custom", many).is(201)
	x.call("POST", "/companies/{c}/periods/{p}/reconciliations/{r}/custom", many).is(201)
	x.call("POST", "/companies/{c}/custom", many).is(400, `"error"`)
	x.call("GET", "/companies/{c}/custom", "").is(200, "[]")
	x.call("POST", "/companies/{c}/custom", `{"namespace":"ns","key":"k","value":1}`).is(201)
	x.call("GET", "/companies/{c}/custom", "").is(200, `{"namespace":"ns","key":"k","value":"1"}`)
	x.call("GET", "/companies/{c}/periods/{p}/custom?page=1&per_page=200", "").is(200, `"value":"1"`, `"value":"two"`)
}

// cliTemplate returns a template as the client sends it: with each attribute of its
// config.json, changed or not.
func cliTemplate(handle, text string) string {
	return fmt.Sprintf(`{"handle":%[1]q,"name_en":"","name_nl":%[1]q,"name_fr":"","description_en":"","description_nl":"","description_fr":"",
		"auto_hide_formula":"","virtual_account_number":"","reconciliation_type":"only_reconciled_with_data","public":false,
		"allow_duplicate_reconciliations":false,"is_active":true,"externally_managed":true,"published":true,"hide_code":true,
		"use_full_width":true,"downloadable_as_docx":false,"test_firm_id":null,"text":%[2]q,"text_parts":[],
		"version_comment":"Updated with the Silverfin CLI"}`, handle, text)
}
