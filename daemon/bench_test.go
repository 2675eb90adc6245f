package daemon_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/ledger"
	"balansd/sandbox/faults"
	fakefinbox "balansd/sandbox/finbox"
	fakesilverfin "balansd/sandbox/silverfin"
)

// settled adds n clients whose balances were delivered, without the calls that
// took: made gives the moment at which Finbox made each. The connection's
// cursor covers them all.
func (fx *fixture) settled(n int, made func(i int) time.Time) {
	fx.t.Helper()
	ctx := fx.t.Context()
	connections, err := fx.store.Connections(ctx)
	if err != nil {
		fx.t.Fatal(err)
	}
	found := make([]ledger.Entry, n)
	for i := range n {
		found[i] = fx.delivered(fx.client(i), int64(i), made(i))
	}
	connections[0].Cursor = made(n - 1).UTC().Format(time.RFC3339Nano)
	for part := range slices.Chunk(found, 500) {
		fresh, _, err := fx.store.Record(ctx, connections[0], part)
		if err != nil {
			fx.t.Fatal(err)
		}
		steps := make([]ledger.Move, len(fresh))
		for i, e := range fresh {
			done, err := e.Finish(*part[i].Target, fx.clock())
			if err != nil {
				fx.t.Fatal(err)
			}
			steps[i] = ledger.Move{Entry: done, Event: ledger.Event{At: fx.clock(), State: done.State, Text: "delivered"}}
		}
		if _, err := fx.store.Move(ctx, steps...); err != nil {
			fx.t.Fatal(err)
		}
	}
}

// delivered puts a balance into Finbox and gives its entry, to be recorded.
func (fx *fixture) delivered(c client, seed int64, made time.Time) ledger.Entry {
	fx.t.Helper()
	id, rev, err := fx.fb.AddBalance(fakefinbox.NewBalance{ConnectionID: fx.conn, DossierID: c.dossier, CreatedAt: made,
		Made: &fakefinbox.Recipe{Seed: seed, Model: balance.Abbreviated, Year: 2025, EnterpriseNumber: c.number}})
	if err != nil {
		fx.t.Fatal(err)
	}
	year := balance.Period{Start: balance.Date{Year: 2025, Month: 1, Day: 1}, End: balance.Date{Year: 2025, Month: 12, Day: 31}}
	return ledger.Entry{
		Connection: fx.conn, State: ledger.Found, FoundAt: made, UpdatedAt: made,
		Listing: ledger.Listing{ID: id, Revision: rev, FiscalYear: year, Model: balance.Abbreviated, CreatedAt: made,
			Dossier: ledger.Dossier{ID: c.dossier, EnterpriseNumber: c.number}},
		Target: &ledger.Target{FirmID: fx.firm, CompanyID: c.company, PeriodID: c.period, PeriodEnd: year.End},
	}
}

// idleNight runs a night in which nothing is new and counts its calls, tokens
// aside.
func (fx *fixture) idleNight() (finbox, silverfin int) {
	fx.t.Helper()
	fx.fb.Faults().ResetLog()
	fx.sf.Faults().ResetLog()
	if p, err := fx.night(); err != nil || p.New != 0 || len(p.Problems) != 0 {
		fx.t.Fatalf("the night was not idle: %+v, %v", p, err)
	}
	return fx.fb.Faults().Count(notToken), fx.sf.Faults().Count(nil)
}

// spread returns the times of n balances that came one after the other, fourteen
// a day, up to now.
func (fx *fixture) spread(n int) func(i int) time.Time {
	now := fx.clock()
	return func(i int) time.Time { return now.Add(-time.Duration(n-i) * 100 * time.Minute) }
}

// A firm costs one call when nothing is new, whatever it holds already, and also
// when Finbox made it all within one day. The first run lists that day once
// more, for what became visible late. BenchmarkCalls has more dossiers.
func TestIdleNightWithManyDossiers(t *testing.T) {
	const dossiers = 1000
	fx := newFixture(t)
	end := fx.clock()
	fx.settled(dossiers, func(i int) time.Time { return end.Add(time.Duration(i-dossiers) * time.Second) })
	fx.idleNight()
	for range 2 {
		if finbox, silverfin := fx.idleNight(); finbox != 1 || silverfin != 0 {
			t.Errorf("%d calls to Finbox, want 1; %d to Silverfin, want none", finbox, silverfin)
		}
	}
}

// BenchmarkCalls reports how many calls the work costs.
func BenchmarkCalls(b *testing.B) {
	for b.Loop() {
		fx := newFixture(b)
		c := fx.client(1)
		fx.add(c, fx.balance(c, 1))
		fx.sync()
		b.ReportMetric(float64(fx.sf.Faults().Count(func(c faults.Call) bool {
			return !strings.HasSuffix(c.Path, "/companies") && !strings.Contains(c.Path, "/oauth/")
		})), "silverfin-calls/new-balance")

		fx = newFixture(b)
		fx.settled(5000, fx.spread(5000))
		finbox, silverfin := fx.idleNight()
		b.ReportMetric(float64(finbox), "finbox-calls/idle-night")
		b.ReportMetric(float64(silverfin), "silverfin-calls/idle-night")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPass compares a run over 2,000 new balances, with answers that take
// 20 ms, to a loop that makes the same calls and does nothing else.
func BenchmarkRun(b *testing.B) {
	const balances, rounds, latency = 2000, 3, 20 * time.Millisecond
	var ratios []float64
	for b.Loop() {
		for range rounds {
			fx := newFixture(b)
			clients := map[string]client{}
			bodies := map[string][]byte{}
			for i := range balances {
				c := fx.client(i)
				figures := fx.balance(c, int64(i))
				id := fx.add(c, figures)
				clients[id], bodies[id] = c, propertiesOf(b, figures)
			}
			l := newBareLoop(fx, clients, bodies)
			l.list() // so that the simulator has made up what it lists

			fx.fb.Faults().SetLatency(latency)
			fx.sf.Faults().SetLatency(latency)
			runtime.GC()
			full := elapsed(func() {
				if p := fx.sync(); p.Outcome[ledger.Done] != balances {
					b.Fatalf("the run did not go through: %+v", p)
				}
			})
			runtime.GC()
			bare := elapsed(func() { l.walk(8) })
			ratios = append(ratios, bare.Seconds()/full.Seconds())
			b.Logf("a run takes %.2fs, a bare loop %.2fs", full.Seconds(), bare.Seconds())
		}
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "of-bare-rate")
	b.ReportMetric(ratios[0], "of-bare-rate-min")
	b.ReportMetric(ratios[len(ratios)-1], "of-bare-rate-max")
	b.ReportMetric(0, "ns/op")
}

func elapsed(do func()) time.Duration {
	start := time.Now()
	do()
	return time.Since(start)
}

// propertiesOf is the body that writes a balance to Silverfin.
func propertiesOf(tb testing.TB, figures *balance.Balance) []byte {
	tb.Helper()
	type property struct {
		Namespace string `json:"namespace"`
		Key       string `json:"key"`
		Value     string `json:"value"`
	}
	var all []property
	for cell, v := range figures.Values {
		all = append(all, property{namespace, "code_" + cell.String(), balance.Canonical(v)})
	}
	body, err := json.Marshal(map[string][]property{"properties": all})
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

// bareLoop makes the calls that a run makes, reads each answer to its end, and
// does nothing with it but find the documents and companies.
type bareLoop struct {
	fx                *fixture
	http              *http.Client
	finbox, silverfin string // tokens
	clients           map[string]client
	bodies            map[string][]byte
}

func newBareLoop(fx *fixture, clients map[string]client, bodies map[string][]byte) *bareLoop {
	fx.t.Helper()
	l := &bareLoop{fx: fx, clients: clients, bodies: bodies,
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	fx.t.Cleanup(l.http.CloseIdleConnections)
	l.finbox = l.token(fx.fb.TokenURL(), url.Values{"grant_type": {"client_credentials"}}, fx.fb.ClientID(), fx.fb.ClientSecret())
	l.silverfin = l.token(fmt.Sprintf("%s/f/%d/oauth/token", fx.sfURL, fx.firm), url.Values{
		"grant_type": {"authorization_code"}, "code": {fx.sf.Grant(fx.firm)}, "redirect_uri": {fakesilverfin.OutOfBand},
		"client_id": {fx.sf.Options().ClientID}, "client_secret": {fx.sf.Options().ClientSecret}}, "", "")
	return l
}

func (l *bareLoop) token(address string, form url.Values, user, password string) string {
	l.fx.t.Helper()
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		l.fx.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if user != "" {
		req.SetBasicAuth(user, password)
	}
	var reply struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal(l.do(req), &reply); err != nil || reply.AccessToken == "" {
		l.fx.t.Fatalf("no token: %v", err)
	}
	return reply.AccessToken
}

// do returns the answer's body; anything but a good answer ends the run.
func (l *bareLoop) do(req *http.Request) []byte {
	resp, err := l.http.Do(req)
	if err != nil {
		panic(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode > 299 {
		panic(fmt.Sprintf("%s: %d %v", req.URL.Path, resp.StatusCode, err))
	}
	return body
}

func (l *bareLoop) call(method, address, token string, body []byte) []byte {
	req, err := http.NewRequest(method, address, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return l.do(req)
}

// walk lists, reads the companies, and then takes the balances, several at
// once.
func (l *bareLoop) walk(atOnce int) {
	work := make(chan string)
	var wg sync.WaitGroup
	for range atOnce {
		wg.Go(func() {
			for id := range work {
				l.deliver(id)
			}
		})
	}
	ids := l.list()
	for page := 1; ; page++ {
		address := fmt.Sprintf("%s/api/v4/f/%d/companies?page=%d&per_page=200", l.fx.sfURL, l.fx.firm, page)
		if string(bytes.TrimSpace(l.call(http.MethodGet, address, l.silverfin, nil))) == "[]" {
			break
		}
	}
	for _, id := range ids {
		work <- id
	}
	close(work)
	wg.Wait()
}

func (l *bareLoop) list() (ids []string) {
	next := ""
	for {
		var page struct {
			Items []struct {
				ID string `json:"id"`
			} `json:"items"`
			Next string `json:"next_page_token"`
		}
		address := fmt.Sprintf("%s/v1/connections/%s/social-balances?page_token=%s", l.fx.fbURL, l.fx.conn, url.QueryEscape(next))
		if err := json.Unmarshal(l.call(http.MethodGet, address, l.finbox, nil), &page); err != nil {
			panic(err)
		}
		for _, it := range page.Items {
			ids = append(ids, it.ID)
		}
		if next = page.Next; next == "" {
			return ids
		}
	}
}

func (l *bareLoop) deliver(id string) {
	c := l.clients[id]
	l.call(http.MethodGet, l.fx.fbURL+"/v1/social-balances/"+id+"/revisions/1/content", l.finbox, nil)
	company := fmt.Sprintf("%s/api/v4/f/%d/companies/%d/periods", l.fx.sfURL, l.fx.firm, c.company)
	period, page := fmt.Sprintf("%s/%d", company, c.period), "?page=1&per_page=200"
	l.call(http.MethodGet, company+page, l.silverfin, nil)
	l.call(http.MethodGet, period+"/workflows"+page, l.silverfin, nil)
	l.call(http.MethodGet, period+"/custom"+page, l.silverfin, nil)
	l.call(http.MethodPost, period+"/custom", l.silverfin, l.bodies[id])
	l.call(http.MethodGet, period+"/custom"+page, l.silverfin, nil)
}

// BenchmarkNewDossier is the sync of one new dossier of a firm with 3,000 companies, with
// answers that take 20 ms: when the companies are not known yet, and when they are.
func BenchmarkNewDossier(b *testing.B) {
	const companies = 3000
	for b.Loop() {
		fx := newFixture(b)
		var clients []client
		for i := range companies {
			clients = append(clients, fx.client(i))
		}
		fx.sf.Faults().SetLatency(20 * time.Millisecond)
		for i, name := range []string{"s/list-read-anew", "s/list-known"} {
			c := clients[i]
			fx.add(c, fx.balance(c, int64(i)))
			began := time.Now()
			p, err := fx.d.Sync(b.Context(), daemon.SyncRequest{Dossier: string(c.number)}, nil)
			if err != nil || p.Outcome[ledger.Done] != 1 {
				b.Fatalf("%+v, %v", p, err)
			}
			b.ReportMetric(time.Since(began).Seconds(), name)
		}
	}
	b.ReportMetric(0, "ns/op")
}
