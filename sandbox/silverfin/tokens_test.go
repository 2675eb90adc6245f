package silverfin_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"balansd/sandbox/silverfin"
)

func TestRotation(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	first := x.exchange(x.sf.Grant(x.firm)).is(200, `"token_type":"Bearer"`, `"expires_in":7200`)
	x.access = first.text("access_token")
	x.call("GET", "/user/firm", "").is(200, "Kantoor Peeters")

	// Until the new access token is used the old pair stays valid, so that a caller who
	// lost the response can ask again.
	lost := x.refresh(first.text("refresh_token")).is(200)
	x.call("GET", "/user/firm", "").is(200)
	second := x.refresh(first.text("refresh_token")).is(200)
	if lost.text("refresh_token") == second.text("refresh_token") {
		t.Fatal("two refreshes gave the same token")
	}

	// The first use of the new one revokes the old pair, even if that call is refused.
	old := x.access
	x.access = second.text("access_token")
	x.call("GET", "/companies/1", "").is(404)
	x.refresh(first.text("refresh_token")).is(400, `"invalid_grant"`)
	x.access = old
	x.call("GET", "/user/firm", "").is(401, `"invalid_token"`)
	x.access = second.text("access_token")
	x.call("GET", "/user/firm", "").is(200)
}

func TestTokenLifetimes(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	code := x.sf.Grant(x.firm)
	x.clock.Add(10 * time.Minute)
	x.exchange(code).is(400, `"invalid_grant"`)

	code = x.sf.Grant(x.firm)
	pair := x.exchange(code).is(200)
	x.exchange(code).is(400, `"invalid_grant"`)

	x.access = pair.text("access_token")
	x.clock.Add(2*time.Hour - time.Second)
	x.call("GET", "/user/firm", "").is(200)
	x.clock.Add(time.Second)
	if got := x.call("GET", "/user/firm", "").is(401).header.Get("WWW-Authenticate"); !strings.Contains(got, "invalid_token") {
		t.Fatalf("WWW-Authenticate is %q", got)
	}
	x.clock.Add(59 * 24 * time.Hour)
	next := x.refresh(pair.text("refresh_token")).is(200)
	x.clock.Add(60 * 24 * time.Hour)
	x.refresh(next.text("refresh_token")).is(400, `"invalid_grant"`)
}

func TestTokenRefusals(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	x.token(url.Values{"client_id": {clientID}, "client_secret": {"wrong"}, "grant_type": {"refresh_token"}}).
		is(401, `"invalid_client"`)
	x.token(url.Values{"client_id": {"other"}, "client_secret": {clientSecret}}).is(401, `"invalid_client"`)
	x.token(url.Values{"grant_type": {"password"}}).is(400, `"unsupported_grant_type"`)
	x.refresh("nonsense").is(400, `"invalid_grant"`, "error_description")

	// A token is valid for one firm only, at the token endpoint and in the API.
	pair := x.exchange(x.sf.Grant(x.firm))
	x.access = pair.text("access_token")
	other := x.sf.AddFirm("Cabinet Dubois")
	if code := x.sf.Grant(other); code == "" {
		t.Fatal("no code for the second firm")
	} else {
		x.exchange(code).is(400, `"invalid_grant"`)
	}
	mine := x.firm
	x.firm = other
	x.call("GET", "/user/firm", "").is(404, `"error"`)
	x.refresh(pair.text("refresh_token")).is(400)
	x.firm = mine

	x.sf.RevokeTokens(x.firm)
	x.call("GET", "/user/firm", "").is(401)
	x.refresh(pair.text("refresh_token")).is(400, `"invalid_grant"`)
	if x.sf.Grant(1) != "" {
		t.Fatal("a code for a firm that is not there")
	}
}

// Silverfin accepts the parameters in three ways, and a Basic header for the client. Its
// own client sends the address percent-encoded inside JSON.
func TestTokenEncodings(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	path := "/f/" + idText(x.firm) + "/oauth/token"
	query := url.Values{"client_id": {clientID}, "client_secret": {clientSecret}, "grant_type": {"authorization_code"},
		"code": {x.sf.Grant(x.firm)}, "redirect_uri": {silverfin.OutOfBand}}
	refresh := x.send(httptest.NewRequest("POST", path+"?"+query.Encode(), nil)).is(200).text("refresh_token")

	r := httptest.NewRequest("POST", path, strings.NewReader(`{"client_id":"`+clientID+`","client_secret":"`+clientSecret+
		`","grant_type":"refresh_token","refresh_token":"`+refresh+`","redirect_uri":"urn%3Aietf%3Awg%3Aoauth%3A2.0%3Aoob"}`))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer of-no-use-here")
	refresh = x.send(r).is(200).text("refresh_token")

	r = httptest.NewRequest("POST", path, strings.NewReader("grant_type=refresh_token&refresh_token="+refresh))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(clientID, clientSecret)
	x.send(r).is(200)

	r.SetBasicAuth("gate", "keeper")
	x.send(r).is(401, `"invalid_client"`)
	r = httptest.NewRequest("POST", path, strings.NewReader("{"))
	r.Header.Set("Content-Type", "application/json")
	x.send(r).is(400, `"invalid_request"`)
}

func TestScopes(t *testing.T) {
	x := newFixture(t, silverfin.Options{})
	calls := []struct{ method, path, scopes string }{
		{"GET", "/user", "user:profile"},
		{"GET", "/companies", "administration:read"},
		{"GET", "/companies/{c}", "administration:read"},
		{"GET", "/companies/{c}/periods", "financials:read"},
		{"GET", "/companies/{c}/periods", "communication:read"},
		{"GET", "/companies/{c}/periods/{p}/workflows", "workflows:read"},
		{"GET", "/companies/{c}/periods/{p}/reconciliations/{r}/custom", "financials:read"},
		{"POST", "/companies/{c}/periods/{p}/reconciliations/{r}/custom", "financials:write"},
		{"GET", "/companies/{c}/periods/{p}/custom", "administration:read"},
		{"POST", "/companies/{c}/periods/{p}/custom", "administration:write"},
		{"GET", "/reconciliations", "administration:read"},
	}
	for _, c := range calls {
		x.signIn("links")
		x.call(c.method, c.path, "").is(403, "scope")
		x.signIn(c.scopes)
		if got := x.call(c.method, c.path, ""); got.status == 403 || got.status == 404 {
			t.Errorf("%s %s with %s: status %d", c.method, c.path, c.scopes, got.status)
		}
	}
	x.signIn("links")
	x.call("GET", "/user/firm", "").is(200)

	strict := newFixture(t, silverfin.Options{StrictPeriodScopes: true})
	strict.signIn("financials:read")
	strict.call("GET", "/companies/{c}/periods", "").is(403)
	strict.signIn("financials:read", "communication:read")
	strict.call("GET", "/companies/{c}/periods", "").is(200)
}
