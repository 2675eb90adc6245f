package finbox

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/sandbox/madeup"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/go-cmp/cmp"
)

// fixture is a Finbox with one connection and one dossier, and a client that validates
// each call against the published contract.
type fixture struct {
	*testing.T
	*Finbox
	now        time.Time
	router     routers.Router
	connection string
	dossier    string
	token      string
	header     http.Header // sent with each call
}

func newFixture(t *testing.T, opt Options) *fixture {
	b := &fixture{T: t, now: time.Date(2026, 1, 15, 9, 0, 0, 0, time.UTC), header: http.Header{}}
	opt.Now, opt.BaseURL = func() time.Time { return b.now }, "http://finbox.test"
	b.Finbox = New(opt)
	b.connection = b.AddConnection(Environment{Name: "Kantoor Proef"})
	var err error
	b.dossier, err = b.AddDossier(b.connection, Dossier{Name: "Bakkerij Proef BV", EnterpriseNumber: madeup.Number(1)})
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromFile("../../finbox/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = nil
	if b.router, err = legacy.NewRouter(doc); err != nil {
		t.Fatal(err)
	}
	for _, media := range mediaTypes {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.FileBodyDecoder)
	}
	b.signIn()
	return b
}

func (b *fixture) signIn() {
	b.Helper()
	status, body := b.askToken(url.Values{"grant_type": {"client_credentials"}}, func(r *http.Request) {
		r.SetBasicAuth(url.QueryEscape(b.ClientID()), url.QueryEscape(b.ClientSecret()))
	})
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != 200 || answer.TokenType != "Bearer" || answer.ExpiresIn != 3600 {
		b.Fatalf("token endpoint: %d, %v", status, err)
	}
	b.token = answer.AccessToken
}

func (b *fixture) askToken(form url.Values, prepare func(*http.Request)) (int, []byte) {
	r := httptest.NewRequest("POST", "http://finbox.test"+tokenPath, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if prepare != nil {
		prepare(r)
	}
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

// call makes an authenticated call and validates request and response.
func (b *fixture) call(target string) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequest("GET", "http://finbox.test"+target, nil)
	r.Header = b.header.Clone()
	r.Header.Set("Authorization", "Bearer "+b.token)
	w := httptest.NewRecorder()
	b.ServeHTTP(w, r)
	route, params, err := b.router.FindRoute(r)
	if err != nil {
		b.Fatalf("%s is not in the contract: %v", target, err)
	}
	options := &openapi3filter.Options{IncludeResponseStatus: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options},
		Status:                 w.Code, Header: w.Header(), Options: options,
		Body: io.NopCloser(bytes.NewReader(w.Body.Bytes())),
	}
	if err := openapi3filter.ValidateResponse(context.Background(), input); err != nil {
		b.Errorf("the answer to %s breaks the contract: %v", target, err)
	}
	return w
}

func (b *fixture) add(n NewBalance) string {
	b.Helper()
	n.ConnectionID, n.DossierID = b.connection, b.dossier
	if n.Balance == nil {
		n.Balance = madeup.Balance(1, balance.Abbreviated, 2025)
	}
	id, _, err := b.AddBalance(n)
	if err != nil {
		b.Fatal(err)
	}
	return id
}

type listingAnswer struct {
	Items []balanceJSON `json:"items"`
	Next  string        `json:"next_page_token"`
}

// list reads all pages and returns "id/revision" of each item.
func (b *fixture) list(query url.Values) (all []balanceJSON, names []string) {
	b.Helper()
	for range 100 {
		w := b.call("/v1/connections/" + b.connection + "/social-balances?" + query.Encode())
		var page listingAnswer
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || w.Code != 200 {
			b.Fatalf("listing: %d, %v", w.Code, err)
		}
		for _, item := range page.Items {
			all = append(all, item)
			names = append(names, item.ID+"/"+item.Revision)
		}
		if page.Next == "" {
			return all, names
		}
		query = url.Values{"page_token": {page.Next}}
	}
	b.Fatal("the listing has no end")
	return nil, nil
}

func TestConnectionStatus(t *testing.T) {
	b := newFixture(t, Options{})
	at := "/v1/connections/" + b.connection
	w := b.call(at)
	var got connectionJSON
	_ = json.Unmarshal(w.Body.Bytes(), &got)
	want := connectionJSON{b.connection, "active", "2026-01-15", environmentJSON{got.Environment.ID, "Kantoor Proef", "nl"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	b.header.Set("If-None-Match", w.Header().Get("ETag"))
	if w := b.call(at); w.Code != 304 || w.Body.Len() != 0 {
		t.Errorf("unchanged: %d with %d bytes", w.Code, w.Body.Len())
	}
	if err := b.Deactivate(b.connection); err != nil {
		t.Fatal(err)
	}
	w = b.call(at)
	if _ = json.Unmarshal(w.Body.Bytes(), &got); w.Code != 200 || got.Status != "inactive" {
		t.Errorf("deactivated: %d %s", w.Code, got.Status)
	}
	b.header.Set("Accept-Language", "nl")
	id := b.add(NewBalance{})
	for _, target := range []string{at + "/dossiers", at + "/social-balances", "/v1/social-balances/" + id + "/revisions/1/content"} {
		w := b.call(target)
		if w.Code != 410 || !strings.Contains(w.Body.String(), "De externe connectie is inactief.") {
			t.Errorf("%s answers %d %s", target, w.Code, w.Body)
		}
	}
	if err := b.Activate(b.connection); err != nil {
		t.Fatal(err)
	}
	if w := b.call(at + "/social-balances"); w.Code != 200 {
		t.Errorf("active again: %d", w.Code)
	}
	if w := b.call("/v1/connections/nobody-has-this"); w.Code != 404 {
		t.Errorf("unknown connection: %d", w.Code)
	}
}

func TestDossiersArePaged(t *testing.T) {
	b := newFixture(t, Options{PageSize: 2})
	for _, id := range []string{"zz", "aa", "mm", "bb"} {
		if _, err := b.AddDossier(b.connection, Dossier{ID: id, Name: "D " + id}); err != nil {
			t.Fatal(err)
		}
	}
	var ids []string
	query := ""
	for range 10 {
		w := b.call("/v1/connections/" + b.connection + "/dossiers" + query)
		var page struct {
			Items []dossierJSON `json:"items"`
			Next  string        `json:"next_page_token"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Items {
			ids = append(ids, d.ID)
		}
		if page.Next == "" {
			break
		}
		query = "?page_token=" + page.Next
	}
	if diff := cmp.Diff([]string{"aa", "bb", b.dossier, "mm", "zz"}, ids); diff != "" {
		t.Error(diff)
	}
	if w := b.call("/v1/connections/" + b.connection + "/dossiers?page_token=xx"); w.Code != 400 {
		t.Errorf("a foreign page token: %d", w.Code)
	}
}

func TestListingOrderAndPages(t *testing.T) {
	b := newFixture(t, Options{PageSize: 2})
	start := b.now
	at := func(minute int) time.Time { return start.Add(time.Duration(minute) * time.Minute) }
	third := b.add(NewBalance{CreatedAt: at(3)})
	first := b.add(NewBalance{CreatedAt: at(1)})
	second := b.add(NewBalance{CreatedAt: at(2)})
	old := b.add(NewBalance{CreatedAt: at(-60 * 24 * 30)})
	b.now = at(4)
	if _, err := b.CorrectFrom(first, func(was *balance.Balance) *balance.Balance { return madeup.Balance(9, was.Model, 2025) }); err != nil {
		t.Fatal(err)
	}
	if err := b.ListTwice(second); err != nil {
		t.Fatal(err)
	}
	all, got := b.list(nil)
	want := []string{first + "/1", second + "/1", second + "/1", third + "/1", first + "/2"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error("without created_after, from the start date on:", diff)
	}
	if all[0].SHA256 == all[4].SHA256 {
		t.Error("a correction has the sum of what it corrects")
	}
	_, got = b.list(url.Values{"created_after": {at(2).Format(time.RFC3339Nano)}})
	if diff := cmp.Diff([]string{third + "/1", first + "/2"}, got); diff != "" {
		t.Error("created_after leaves that instant out:", diff)
	}
	_, got = b.list(url.Values{"created_after": {"2020-01-01T00:00:00Z"}})
	if diff := cmp.Diff(append([]string{old + "/1"}, want...), got); diff != "" {
		t.Error("created_after may reach before the start date:", diff)
	}
	if w := b.call("/v1/connections/" + b.connection + "/social-balances?page_token=%21"); w.Code != 400 {
		t.Errorf("a foreign page token: %d", w.Code)
	}
}

func TestContentMatchesTheListing(t *testing.T) {
	b := newFixture(t, Options{})
	made := madeup.Balance(4, balance.Micro, 2025)
	id := b.add(NewBalance{Balance: made, Layouts: []balance.Layout{balance.NBBCSV, balance.CBSOXBRL, madeup.PDF}})
	all, _ := b.list(nil)
	if diff := cmp.Diff([]string{"text/csv", "application/x.xbrl", "application/pdf"}, all[0].MediaTypes); diff != "" {
		t.Fatal(diff)
	}
	at := "/v1/social-balances/" + id + "/revisions/1/content"
	for accept, want := range map[string]string{
		"":                                     "text/csv",
		"*/*":                                  "text/csv",
		"application/x.xbrl":                   "application/x.xbrl",
		"text/csv;q=0.5, application/x.xbrl":   "application/x.xbrl",
		"application/*":                        "application/x.xbrl",
		"application/x.jsonxbrl, */*;q=0.1":    "text/csv",
		"application/x.jsonxbrl":               "",
		"text/*;q=0, application/pdf;q=0.3":    "application/pdf",
		"text/csv;q=0, */*":                    "application/x.xbrl",
		"application/x.xbrl;q=0, text/csv;q=0": "",
	} {
		b.header.Set("Accept", accept)
		w := b.call(at)
		if want == "" {
			if w.Code != 406 {
				t.Errorf("Accept %q answers %d", accept, w.Code)
			}
			continue
		}
		if got := w.Header().Get("Content-Type"); w.Code != 200 || got != want {
			t.Errorf("Accept %q answers %d %s, want %s", accept, w.Code, got, want)
		}
		if want != "application/pdf" {
			read, err := balance.NewReader(balance.ReaderOptions{}).Read(w.Body.Bytes())
			if err != nil || read.Values.Hash() != made.Values.Hash() {
				t.Errorf("%s: other figures than were added (%v)", want, err)
			}
		}
		sum := sha256Hex(w.Body.Bytes())
		if w.Header().Get("ETag") != `"`+sum+`"` || want == "text/csv" && all[0].SHA256 != sum {
			t.Errorf("%s: the ETag or the listed sum is not that of the document", want)
		}
		b.header.Set("If-None-Match", `"other", W/`+w.Header().Get("ETag"))
		if w := b.call(at); w.Code != 304 || w.Body.Len() > 0 {
			t.Errorf("%s: unchanged answers %d", want, w.Code)
		}
		b.header.Del("If-None-Match")
	}
	b.header.Del("Accept")
	for _, missing := range []string{"/v1/social-balances/none/revisions/1/content", "/v1/social-balances/" + id + "/revisions/9/content"} {
		if w := b.call(missing); w.Code != 404 {
			t.Errorf("%s answers %d", missing, w.Code)
		}
	}
}

func TestDamagedDocuments(t *testing.T) {
	b := newFixture(t, Options{})
	id := b.add(NewBalance{})
	if err := b.SetContent(id, []byte("no balance")); err != nil {
		t.Fatal(err)
	}
	all, _ := b.list(nil)
	w := b.call("/v1/social-balances/" + id + "/revisions/1/content")
	if w.Body.String() != "no balance" || all[0].SHA256 != sha256Hex([]byte("no balance")) {
		t.Errorf("%q, listed as %s", w.Body, all[0].SHA256)
	}
}

func TestTokensExpire(t *testing.T) {
	b := newFixture(t, Options{})
	at := "/v1/connections/" + b.connection
	b.now = b.now.Add(time.Hour - time.Second)
	if w := b.call(at); w.Code != 200 {
		t.Errorf("a second before the end: %d", w.Code)
	}
	b.now = b.now.Add(time.Second)
	if w := b.call(at); w.Code != 401 || !strings.Contains(w.Header().Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("at the end: %d", w.Code)
	}
	b.signIn()
	if w := b.call(at); w.Code != 200 {
		t.Errorf("a new token: %d", w.Code)
	}
	b.ExpireTokens()
	if w := b.call(at); w.Code != 401 {
		t.Errorf("after ExpireTokens: %d", w.Code)
	}
}

func TestFinboxSnapshot(t *testing.T) {
	b := newFixture(t, Options{})
	b.add(NewBalance{CreatedAt: b.now})
	id := b.add(NewBalance{Made: &Recipe{Seed: 5, Model: balance.Full, Year: 2025}, Balance: &balance.Balance{}, CreatedAt: b.now})
	raw := b.add(NewBalance{CreatedAt: b.now.Add(time.Minute)})
	for _, err := range []error{b.ListTwice(id), b.SetContent(raw, []byte("broken"))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Correct(id, madeup.Balance(6, balance.Full, 2025)); err != nil {
		t.Fatal(err)
	}
	want, _ := b.list(nil)
	snapshot, err := b.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	b.Finbox = New(Options{Now: func() time.Time { return b.now }})
	if err := b.Restore(snapshot); err != nil {
		t.Fatal(err)
	}
	b.signIn()
	got, _ := b.list(nil)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	again, err := b.Snapshot()
	if err != nil || !bytes.Equal(snapshot, again) {
		t.Errorf("a second snapshot differs (%v)", err)
	}
	for _, broken := range []string{"{", `{"connections":[null]}`, `{"balances":[{"ID":"a"}]}`, `{"keys":["x"]}`} {
		if b.Restore([]byte(broken)) == nil {
			t.Errorf("%s was restored", broken)
		}
	}
	if after, _ := b.list(nil); len(after) != len(want) {
		t.Error("a refused snapshot changed something")
	}
}

// All layouts in which a balance is offered must have the same content.
func TestLayoutsHaveTheSameContent(t *testing.T) {
	for _, model := range []balance.Model{balance.Full, balance.Abbreviated, balance.Micro} {
		for _, layout := range layoutsFor(model) {
			for c := range madeup.Balance(3, model, 2025).Values {
				if !balance.Carries(layout, c) {
					t.Errorf("%s is offered for the %s model and cannot carry %s", layout, model, c)
				}
			}
		}
	}
}
