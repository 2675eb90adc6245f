package source_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/administration"
	"balansd/administration/source"
	"balansd/balance"
	"balansd/problem"
	sandbox "balansd/sandbox/administration"
	"balansd/sandbox/faults"
	"balansd/sandbox/madeup"
	"balansd/transport"

	"github.com/google/go-cmp/cmp"
)

// fixture is the simulated services and what is needed to ask them.
type fixture struct {
	*sandbox.Services
	url    string
	http   *http.Client
	waits  []time.Duration
	tokens *memoryTokens
	now    time.Time
}

func (f *fixture) wait(ctx context.Context, d time.Duration) error {
	f.waits = append(f.waits, d)
	f.now = f.now.Add(d)
	return ctx.Err()
}

func newFixture(t testing.TB, o sandbox.Options) *fixture {
	t.Helper()
	f := &fixture{tokens: &memoryTokens{}, now: time.Date(2026, 3, 1, 2, 30, 0, 0, time.UTC)}
	o.Now = func() time.Time { return f.now }
	f.Services = sandbox.New(o)
	server := httptest.NewServer(f.Services)
	t.Cleanup(server.Close)
	f.url = server.URL
	client, err := transport.New(transport.Config{AllowedHosts: []string{server.URL}, Retries: -1, UserAgent: "balansd/test"})
	if err != nil {
		t.Fatal(err)
	}
	f.http = client
	return f
}

// memoryTokens is a store of tokens in memory, which can fail.
type memoryTokens struct {
	mu    sync.Mutex
	value []byte
	fail  error
	saved int
}

func (m *memoryTokens) Get(context.Context, string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bytes.Clone(m.value), nil
}

func (m *memoryTokens) Update(_ context.Context, _ string, change func([]byte) ([]byte, error)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	value, err := change(bytes.Clone(m.value))
	if err == nil {
		m.value = value
		m.saved++
	}
	return err
}

// kinds are the three sources that ask a service.
func (f *fixture) kinds(t testing.TB) map[string]administration.Source {
	t.Helper()
	return map[string]administration.Source{"adminpulse": f.adminPulse(nil), "adsolut": f.adsolut(t), "national bank": f.nationalBank()}
}

func (f *fixture) adminPulse(fields map[string]string) administration.Source {
	return source.NewAdminPulse(source.AdminPulseConfig{Name: "adminpulse", BaseURL: f.url, Key: sandbox.AdminPulseKey, Fields: fields, HTTP: f.http, Wait: f.wait})
}

func (f *fixture) nationalBank() administration.Source {
	return source.NewNationalBank(source.NationalBankConfig{Name: "national_bank", BaseURL: f.url, Key: sandbox.NationalBankKey, HTTP: f.http, Wait: f.wait})
}

func (f *fixture) newAdsolut() *source.Adsolut {
	return source.NewAdsolut(source.AdsolutConfig{Name: "adsolut", BaseURL: f.url, AuthorizeURL: f.url + "/connect/authorize", TokenURL: f.url + "/connect/token",
		ClientID: sandbox.AdsolutClient, ClientSecret: sandbox.AdsolutSecret, Redirect: "http://127.0.0.1:8418/adsolut", HTTP: f.http, Tokens: f.tokens,
		Now: func() time.Time { return f.now }, Wait: f.wait})
}

// adsolut returns the source, signed in.
func (f *fixture) adsolut(t testing.TB) *source.Adsolut {
	t.Helper()
	a := f.newAdsolut()
	s := a.BeginSignIn()
	if err := a.FinishSignIn(t.Context(), s, f.browse(t, s.URL)); err != nil {
		t.Fatal(err)
	}
	return a
}

// browse opens an address as a browser does, and returns where it is sent to.
func (f *fixture) browse(t testing.TB, address string) string {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.Header.Get("Location")
}

// bakery is a client of the services, and what they state of it.
func bakery() sandbox.Client {
	year := func(y int) balance.Period {
		return balance.Period{Start: balance.Date{Year: y, Month: 1, Day: 1}, End: balance.Date{Year: y, Month: 12, Day: 31}}
	}
	filed := func(y int, n string) *balance.Balance {
		v, err := balance.ParseDecimal(n)
		if err != nil {
			panic(err)
		}
		return &balance.Balance{EnterpriseNumber: madeup.Number(7), Name: "Bakkerij Ué NV", Model: balance.Full, FiscalYear: year(y), Currency: "EUR",
			Values: balance.Values{{Code: "1003"}: v, {Code: "1003", Previous: true}: v.Sub(v)}}
	}
	return sandbox.Client{Reference: "k1", Number: madeup.Number(7), Name: "Bakkerij Ué NV", Street: "Kerkstraat", House: "12", PostalCode: "9000", City: "Gent", LegalForm: "NV",
		Meeting: "2026-06-15", Directors: []sandbox.Director{{FirstName: "An", LastName: "Peeters", Function: "fct:m13", From: "2024-05-01", Until: "2030-05-01"}},
		Deposits: []sandbox.Deposit{{Reference: "2025-00000007", Filed: "2025-06-30", Balance: filed(2024, "12.5")},
			{Reference: "2024-00000003", Filed: "2025-07-30", Balance: filed(2023, "11")}, {Reference: "2025-00000009", Filed: "2025-09-01", Balance: filed(2024, "13.5")}}}
}

func TestServices(t *testing.T) {
	f := newFixture(t, sandbox.Options{})
	f.SetClients(bakery())
	text := func(s string) administration.Text { return administration.Text{"": s} }
	base := administration.Record{EnterpriseNumber: madeup.Number(7), Names: text("Bakkerij Ué NV"), Streets: text("Kerkstraat"), Number: "12", PostalCode: "9000", Cities: text("Gent"), Country: "BE"}
	address := []administration.Field{"name", "street", "number", "box", "postal_code", "city", "country"}
	pulse, adsolut, bank := base, base, base
	pulse.Reference, pulse.LegalForms, pulse.GeneralMeeting, pulse.Known = "k1", text("NV"), "06-15", append(slices.Clone(address), "legal_form", "general_meeting", "directors")
	pulse.Directors = []administration.Person{{Name: "Peeters", FirstName: "An", Function: "fct:m13"}}
	adsolut.Reference, adsolut.Known = "6f1c0000-0000-4000-8000-k1", address
	bank.Reference, bank.LegalForms, bank.Known = string(madeup.Number(7)), text("NV"), []administration.Field{"name", "street", "number", "box", "postal_code", "city", "country", "legal_form", "directors"}
	bank.Directors = []administration.Person{{Name: "Peeters", FirstName: "An", Function: "fct:m13", From: balance.Date{Year: 2024, Month: 5, Day: 1}, Until: balance.Date{Year: 2030, Month: 5, Day: 1}}}
	for kind, s := range f.kinds(t) {
		got, _, err := listed(t, s, administration.Query{Numbers: []balance.EnterpriseNumber{madeup.Number(7)}})
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %+v, %v", kind, got, err)
			continue
		}
		filed := got[0].Filed
		got[0].Filed = nil
		slices.Sort(got[0].Known)
		want := map[string]administration.Record{"adminpulse": pulse, "adsolut": adsolut, "national bank": bank}[kind]
		slices.Sort(want.Known)
		if diff := cmp.Diff(want, got[0]); diff != "" {
			t.Errorf("%s: %s", kind, diff)
		}
		for _, field := range got[0].Known {
			if !slices.Contains(s.Info().Fields, field) {
				t.Errorf("%s states %s, which it says it cannot know", kind, field)
			}
		}
		if kind == "national bank" && (filed == nil || filed.Values[balance.Cell{Code: "1003"}].String() != "13.5" || filed.FiscalYear.End.Year != 2024) {
			t.Errorf("the filed balance is %+v", filed)
		}
	}
	if n := f.Integrations(); n != 0 {
		t.Errorf("%d integrations were switched", n)
	}
}

// TestServicesFail checks that each source says what is wrong, and lists nothing then.
func TestServicesFail(t *testing.T) {
	for _, c := range []struct {
		fault  faults.Fault
		code   problem.Code
		waited time.Duration // the first wait; 0 for none
	}{
		{faults.Fault{Kind: faults.Forbidden, Times: -1}, problem.AdministrationSignIn, 0},
		{faults.Fault{Kind: faults.Unauthorized, Times: -1}, problem.AdministrationSignIn, 0},
		{faults.Fault{Kind: faults.TooManyRetryAfter, RetryAfter: "7"}, "", 7 * time.Second},
		{faults.Fault{Kind: faults.TooManyRetryAfter, RetryAfter: "600"}, problem.AdministrationDown, 0},
		{faults.Fault{Kind: faults.TooMany, Times: -1}, problem.AdministrationDown, time.Minute},
		{faults.Fault{Kind: faults.ServerError}, problem.AdministrationDown, 0},
		{faults.Fault{Kind: faults.LostBefore, Times: -1}, problem.AdministrationDown, 0},
		{faults.Fault{Kind: faults.Truncated}, problem.AdministrationDown, 0},
		{faults.Fault{Kind: faults.NotJSON}, problem.AdministrationDown, 0},
	} {
		f := newFixture(t, sandbox.Options{})
		f.SetClients(bakery())
		for kind, s := range f.kinds(t) {
			f.waits = nil
			f.Faults().Clear()
			order := c.fault
			order.Method = "GET"
			f.Faults().Add(order)
			got, _, err := listed(t, s, administration.Query{Numbers: []balance.EnterpriseNumber{madeup.Number(7)}})
			switch {
			case c.code == "" && (err != nil || len(got) != 1):
				t.Errorf("%s with %s: %d clients, %v", kind, c.fault.Kind, len(got), err)
			case c.code != "" && (!problem.Is(err, c.code) || problem.Of(err).Next == ""):
				t.Errorf("%s with %s: %v, want %s", kind, c.fault.Kind, err, c.code)
			case err != nil && (strings.Contains(err.Error(), sandbox.AdminPulseKey) || strings.Contains(err.Error(), sandbox.NationalBankKey) || strings.Contains(err.Error(), "Bearer")):
				t.Errorf("%s with %s tells a secret: %v", kind, c.fault.Kind, err)
			}
			if c.waited > 0 && len(f.waits) == 0 || c.waited == 0 && len(f.waits) > 0 {
				t.Errorf("%s with %s waited %v", kind, c.fault.Kind, f.waits)
			} else if c.waited == 7*time.Second && f.waits[0] != c.waited {
				t.Errorf("%s waited %v", kind, f.waits)
			}
		}
	}
}

func TestAdminPulsePages(t *testing.T) {
	f := newFixture(t, sandbox.Options{})
	var clients []sandbox.Client
	for i := range 950 {
		clients = append(clients, sandbox.Client{Reference: fmt.Sprint(i), Number: madeup.Number(int64(i)), Name: fmt.Sprintf("Klant %d", i)})
	}
	clients[400] = clients[0] // a list that grows shows one twice
	clients[5].Number = "0123456789"
	clients[6] = sandbox.Client{Reference: "6"}
	f.SetClients(clients...)
	got, report, err := listed(t, f.adminPulse(nil), administration.Query{})
	want := map[administration.Reason]int{administration.Doubled: 1, administration.DamagedNumber: 1, administration.Nameless: 1}
	if diff := cmp.Diff(want, report.Left); err != nil || len(got) != 947 || report.Read != 950 || diff != "" {
		t.Errorf("%d clients of %d, %v %s", len(got), report.Read, err, diff)
	}
	if n := len(f.Faults().Log()); n != 3 {
		t.Errorf("%d calls", n)
	}
	// The last page fails: nothing is listed.
	f.Faults().Add(faults.Fault{Kind: faults.ServerError, Nth: 3})
	if _, _, err := listed(t, f.adminPulse(nil), administration.Query{}); !problem.Is(err, problem.AdministrationDown) {
		t.Errorf("%v", err)
	}
}

func TestAdminPulseFields(t *testing.T) {
	f := newFixture(t, sandbox.Options{})
	f.SetClients(bakery())
	got, _, err := listed(t, f.adminPulse(map[string]string{"reference": "code", "street": "address.city", "directors": "address"}), administration.Query{})
	if err != nil || got[0].Reference != "K1" || got[0].Streets.In("") != "Gent" || got[0].Knows(administration.Directors) {
		t.Errorf("%+v, %v", got, err)
	}
	var all []string
	for _, m := range source.FieldMistakes(map[string]string{"street": "address..x", "nam": "x", "city": "ok"}) {
		all = append(all, m.Setting+" "+m.What+"; "+m.Right)
	}
	want := []string{"fields.nam is nothing that a path can be given for; did you mean name?", `fields.street "address..x" is no path; write it as address.street`}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

func TestNationalBankDeposits(t *testing.T) {
	f := newFixture(t, sandbox.Options{FalseEmpty: true})
	old := bakery()
	old.Number, old.Name = madeup.Number(8), "Oud"
	for i := range old.Deposits {
		old.Deposits[i].Reference = "old" + old.Deposits[i].Reference
		old.Deposits[i].Gone = true
	}
	none := sandbox.Client{Number: madeup.Number(9), Name: "Nooit neergelegd"}
	f.SetClients(bakery(), old, none)
	q := administration.Query{Numbers: []balance.EnterpriseNumber{madeup.Number(7), madeup.Number(8), madeup.Number(9), madeup.Number(10)}}
	got, report, err := listed(t, f.nationalBank(), q)
	if err != nil || len(got) != 2 || got[0].Filed == nil || got[1].Filed != nil || got[1].Knows(administration.Directors) || got[1].Names.In("") != "Oud" {
		t.Errorf("%+v, %v", got, err)
	}
	if report.Left[administration.NoDeposit] != 2 || len(f.waits) != 2 || f.waits[0] != 5*time.Second {
		t.Errorf("%+v, waited %v", report, f.waits)
	}
	// One that fails is counted; when all fail, the service is down.
	f.Faults().Add(faults.Fault{Kind: faults.ServerError, Path: "/authentic/legalEntity/" + string(madeup.Number(8))})
	got, report, err = listed(t, f.nationalBank(), q)
	if err != nil || len(got) != 1 || report.Left[administration.Unavailable] != 1 {
		t.Errorf("%d clients, %+v, %v", len(got), report, err)
	}
}

func TestAdsolutTokens(t *testing.T) {
	f := newFixture(t, sandbox.Options{})
	f.SetClients(bakery())
	if _, _, err := listed(t, f.newAdsolut(), administration.Query{}); !problem.Is(err, problem.AdministrationSignIn) || !strings.Contains(err.Error(), "nobody has signed in") {
		t.Fatalf("without a sign-in: %v", err)
	}
	a := f.adsolut(t)
	list := func(what string, code problem.Code) {
		t.Helper()
		if got, _, err := listed(t, a, administration.Query{}); code == "" && (err != nil || len(got) != 1) || code != "" && !problem.Is(err, code) {
			t.Errorf("%s: %d clients, %v", what, len(got), err)
		}
	}
	list("at first", "")
	f.now = f.now.Add(2 * time.Hour)
	list("after two hours", "")
	f.RevokeAccess(false)
	list("with a token that is refused", "")
	saved := f.tokens.saved
	// What cannot be stored is not used.
	f.now = f.now.Add(2 * time.Hour)
	before := f.Faults().Count(func(c faults.Call) bool { return c.Path == "/adm/v1/administrations" })
	f.tokens.fail = errors.New("the disk is full")
	list("with a full disk", problem.StateUnwritable)
	if n := f.Faults().Count(func(c faults.Call) bool { return c.Path == "/adm/v1/administrations" }); n != before || f.tokens.saved != saved {
		t.Errorf("a token that was not stored was used")
	}
	f.tokens.fail = nil
	// Its refresh token was spent by then, and is posted once more alone.
	list("with a refresh token that is spent", problem.AdministrationSignIn)
	calls := f.Faults().Total()
	list("once more", problem.AdministrationSignIn)
	if f.Faults().Total() != calls {
		t.Error("a refresh token that was refused is posted again")
	}
	a = f.adsolut(t)
	list("after a new sign-in", "")
}

func TestAdsolutLostAnswer(t *testing.T) {
	for kind, code := range map[faults.Kind]problem.Code{faults.ServerError: problem.AdministrationDown, faults.NotJSON: problem.AdministrationDown, faults.LostBefore: problem.AdministrationDown} {
		f := newFixture(t, sandbox.Options{KeepRefresh: true})
		f.SetClients(bakery())
		a := f.adsolut(t)
		f.now = f.now.Add(2 * time.Hour)
		f.Faults().Add(faults.Fault{Kind: kind, Path: "/connect/token", Times: 1})
		if _, _, err := listed(t, a, administration.Query{}); !problem.Is(err, code) {
			t.Errorf("%s: %v", kind, err)
		}
		if got, _, err := listed(t, a, administration.Query{}); err != nil || len(got) != 1 {
			t.Errorf("%s, the next time: %v", kind, err)
		}
	}
}

func TestAdsolutSignIn(t *testing.T) {
	f := newFixture(t, sandbox.Options{})
	a := f.newAdsolut()
	s := a.BeginSignIn()
	u, err := url.Parse(s.URL)
	if err != nil || u.Query().Get("scope") != "openid offline_access WK.BE.Administrations" || u.Query().Get("code_challenge_method") != "S256" {
		t.Fatalf("%s, %v", s.URL, err)
	}
	back := f.browse(t, s.URL)
	for address, want := range map[string]string{
		"http://127.0.0.1:8418/adsolut":                     "has no code",
		"http://127.0.0.1:8418/adsolut?error=access_denied": "did not allow",
		back + "x": "belongs to another sign-in",
		strings.Replace(back, "code=", "code=x", 1):                "does not take the code",
		"http://127.0.0.1:8418/adsolut?code=a&state=" + s.Verifier: "belongs to another sign-in",
	} {
		if err := a.FinishSignIn(t.Context(), s, address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
	if err := a.FinishSignIn(t.Context(), s, " "+back+"\n"); err != nil || f.tokens.value == nil {
		t.Errorf("%v", err)
	}
}

// oneAnswer is a transport that gives the same answer to every call.
type oneAnswer struct{ body []byte }

func (o oneAnswer) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(o.body))}, nil
}

func FuzzAdminPulse(f *testing.F) {
	f.Add([]byte(`{"results": [{"id": 7, "name": "Acme", "vatNumber": "BE0402754886", "address": {"street": "Kerkstraat 12"}, "directors": [{"name": "An"}]}], "pageCount": 1}`))
	f.Add([]byte(`{"results": [null, 1, {"id": {}}], "pageCount": 0}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var page struct{ PageCount int }
		if json.Unmarshal(body, &page) == nil && page.PageCount > 1 {
			return // the same page again, up to the most there may be
		}
		s := source.NewAdminPulse(source.AdminPulseConfig{Name: "a", BaseURL: "https://a.example", HTTP: &http.Client{Transport: oneAnswer{body}}})
		got, report, _ := listed(t, s, administration.Query{})
		if len(got) > report.Read {
			t.Errorf("%d clients of %d", len(got), report.Read)
		}
	})
}

func FuzzAdsolut(f *testing.F) {
	f.Add([]byte(`{"items": [{"id": "a", "name": "Acme", "address": [1]}], "currentPage": 1, "totalPages": 1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		tokens := &memoryTokens{value: []byte(`{"refresh_token": "a", "access_token": "b", "expires": "2999-01-01T00:00:00Z"}`)}
		s := source.NewAdsolut(source.AdsolutConfig{Name: "a", BaseURL: "https://a.example", HTTP: &http.Client{Transport: oneAnswer{body}}, Tokens: tokens})
		got, report, _ := listed(t, s, administration.Query{})
		if len(got) > report.Read {
			t.Errorf("%d clients of %d", len(got), report.Read)
		}
	})
}

func FuzzNationalBank(f *testing.F) {
	f.Add([]byte(`[{"ReferenceNumber": "1", "EnterpriseName": "Acme", "ExerciseDates": {"endDate": "2024-12-31"}}]`))
	f.Add([]byte(`{"Administrators": {"NaturalPersons": [{}]}, "Rubrics": []}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := source.NewNationalBank(source.NationalBankConfig{Name: "a", BaseURL: "https://a.example", HTTP: &http.Client{Transport: oneAnswer{body}},
			Wait: func(context.Context, time.Duration) error { return nil }})
		if got, _, err := listed(t, s, administration.Query{Numbers: []balance.EnterpriseNumber{"0402754886"}}); err == nil && len(got) > 1 {
			t.Errorf("%+v", got)
		}
	})
}
