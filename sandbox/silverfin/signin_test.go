package silverfin_test

import (
	"html"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"balansd/sandbox/silverfin"
)

// submit submits the form of a page as a browser does, with the button and the firm that
// were chosen.
func (x *fixture) submit(address, page, decision string, firm int64) reply {
	x.t.Helper()
	form := url.Values{"decision": {decision}, "authorized_firm_id": {idText(firm)}}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`).FindAllStringSubmatch(page, -1) {
		form.Set(html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	r := httptest.NewRequest("POST", address, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return x.send(r)
}

func (x *fixture) address(values url.Values) string {
	for key, value := range map[string]string{"client_id": clientID, "response_type": "code",
		"redirect_uri": "http://127.0.0.1:8123/callback?a=b", "scope": "administration:read financials:read", "state": "s&<\"1"} {
		if !values.Has(key) {
			values.Set(key, value)
		}
	}
	return "/f/" + idText(x.firm) + "/oauth/authorize?" + values.Encode()
}

func TestSignInCallback(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	other := x.sf.AddFirm("Cabinet Dubois")
	address := x.address(url.Values{})
	page := x.send(httptest.NewRequest("GET", address, nil)).is(200, `<select name="authorized_firm_id"`,
		`<option value="`+idText(x.firm)+`" selected>Kantoor Peeters`, "Cabinet Dubois", "Allow", "Deny", "financials:read")

	// The person chooses another firm than the one in the address.
	to, err := url.Parse(x.submit(address, page.body, "allow", other).is(302).header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	got := to.Query()
	if to.Host != "127.0.0.1:8123" || got.Get("a") != "b" || got.Get("state") != "s&<\"1" || got.Get("authorized_firm_id") != idText(other) {
		t.Fatalf("sent back to %s", to)
	}
	// The code is valid only for the granted firm and the redirect address.
	form := url.Values{"grant_type": {"authorization_code"}, "code": {got.Get("code")}, "redirect_uri": {"http://127.0.0.1:8123/other"}}
	x.firm = other
	x.token(form).is(400, `"invalid_grant"`)
	form.Set("redirect_uri", "http://127.0.0.1:8123/callback?a=b")
	x.token(form).is(200, `"scope":"administration:read financials:read"`)

	denied := x.submit(address, page.body, "deny", x.firm).is(302).header.Get("Location")
	if !strings.Contains(denied, "error=access_denied") || strings.Contains(denied, "code=") || !strings.Contains(denied, "state=") {
		t.Fatalf("a refusal sent back to %s", denied)
	}
	x.submit(address, page.body, "allow", 1).is(400, "Choose a firm")
}

func TestSignInOutOfBand(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	address := x.address(url.Values{"redirect_uri": {silverfin.OutOfBand}})
	page := x.send(httptest.NewRequest("GET", address, nil)).is(200)
	shown := x.submit(address, page.body, "allow", x.firm).is(200, `<code id="authorization_code">`)
	code := regexp.MustCompile(`<code id="authorization_code">([^<]+)<`).FindStringSubmatch(shown.body)[1]
	x.exchange(code).is(200)
	x.submit(address, page.body, "deny", x.firm).is(200, "You denied the access")
}

func TestSignInRefusals(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	for name, c := range map[string]struct {
		change url.Values
		says   string
	}{
		"client":      {url.Values{"client_id": {"unknown"}}, "unknown"},
		"far address": {url.Values{"redirect_uri": {"https://example.com/callback"}}, "not registered"},
		"no address":  {url.Values{"redirect_uri": {""}}, "not registered"},
		"type":        {url.Values{"response_type": {"token"}}, "response_type=code"},
	} {
		got := x.send(httptest.NewRequest("GET", x.address(c.change), nil)).is(400, c.says)
		if got.header.Get("Location") != "" {
			t.Errorf("%s: sent to %s", name, got.header.Get("Location"))
		}
	}
	to := x.send(httptest.NewRequest("GET", x.address(url.Values{"scope": {"everything"}}), nil)).is(302).header.Get("Location")
	if !strings.Contains(to, "error=invalid_scope") {
		t.Fatalf("sent to %s", to)
	}
}

func TestSignInLanguages(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	for lang, word := range map[string]string{"nl-BE,nl;q=0.9": "Toestaan", "fr": "Autoriser", "de, en;q=0.5": "Allow", "": "Allow"} {
		r := httptest.NewRequest("GET", x.address(url.Values{}), nil)
		r.Header.Set("Accept-Language", lang)
		x.send(r).is(200, ">"+word+"</button>")
	}
	x.send(httptest.NewRequest("GET", x.address(url.Values{"lang": {"fr"}}), nil)).is(200, `<html lang="fr">`, "Refuser")
	// Without a firm in the address the page has none preselected.
	plain := strings.TrimPrefix(x.address(url.Values{}), "/f/"+idText(x.firm))
	x.send(httptest.NewRequest("GET", plain, nil)).is(200, "Kantoor Peeters")
}
