package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/accounts"
	"balansd/balance"
	"balansd/internal/testenv"
	"balansd/ledger"
	"balansd/sandbox/madeup"

	"github.com/rs/zerolog"
)

// The size of the load: the dossiers of a large group, and people who work at the same
// time.
const (
	benchEntries = 100_000
	benchReaders = 20
	benchVisits  = 10 // of each reader, one after the other
)

// BenchmarkPages has twenty concurrent readers request each page ten times, over a hundred
// thousand dossiers. It reports the 95th percentile of the time to the first byte and the
// size of each page over loopback.
func BenchmarkPages(b *testing.B) {
	base, client := benchPages(b)
	paths := map[string]string{
		"home": "/", "dossiers": "/dossiers", "search": "/dossiers?q=onderneming+7&sort=state", "state": "/dossiers?state=waiting&sort=updated",
		"last": "/dossiers?page=1999", "dossier": "/dossiers/500", "decisions": "/decisions", "nights": "/nights", "connection": "/connection",
	}
	for name, path := range paths {
		b.Run(name, func(b *testing.B) {
			visit(b, client, base+path) // the first request builds the dossier index
			var mu sync.Mutex
			var first []time.Duration
			weight := 0
			for b.Loop() {
				var wg sync.WaitGroup
				for range benchReaders {
					wg.Go(func() {
						for range benchVisits {
							took, size := visit(b, client, base+path)
							mu.Lock()
							first, weight = append(first, took), size
							mu.Unlock()
						}
					})
				}
				wg.Wait()
			}
			slices.Sort(first)
			b.ReportMetric(float64(first[len(first)*95/100].Microseconds())/1000, "ms-p95-first-byte")
			b.ReportMetric(float64(weight)/1024, "KiB/page")
		})
	}
}

// visit requests a page, and returns the time to its first byte and its size.
func visit(b *testing.B, client *http.Client, address string) (first time.Duration, size int) {
	begun := time.Now()
	ctx := httptrace.WithClientTrace(b.Context(), &httptrace.ClientTrace{GotFirstResponseByte: func() { first = time.Since(begun) }})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		b.Error(err)
		return first, 0
	}
	resp, err := client.Do(req)
	if err != nil {
		b.Error(err)
		return first, 0
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || strings.Contains(string(text), `id="password"`) {
		b.Errorf("%s gives %d, %v", address, resp.StatusCode, err)
	}
	return first, len(text)
}

// benchPages serves the pages over a full ledger to a signed-in person.
func benchPages(b *testing.B) (base string, client *http.Client) {
	b.Helper()
	f := newFixture(b, fixtureOptions{more: fmt.Sprintf("portal: {listen: %q}\n", testenv.UnusedAddress(b))})
	app := &App{env: Env{Stdout: io.Discard, Stderr: newOutput(), Version: "test"}, configPath: f.config}
	cfg, err := app.config()
	if err != nil {
		b.Fatal(err)
	}
	n, err := newNode(b.Context(), cfg, nodeOptions{version: "test", log: zerolog.Nop()})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = n.Close() })
	c := ledger.Connection{ID: "bench", Kind: ledger.Finbox, Name: "Kantoor Zandbank", Status: ledger.Active, ActivatedAt: time.Now()}
	if err := n.store.SaveConnection(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	year := balance.Period{Start: balance.Date{Year: 2025, Month: 1, Day: 1}, End: balance.Date{Year: 2025, Month: 12, Day: 31}}
	numbers := make([]ledger.Entry, benchEntries)
	for i := range numbers {
		number := balance.EnterpriseNumber(fmt.Sprintf("09%06d%02d", i, i%97))
		numbers[i] = ledger.Entry{Connection: c.ID, State: ledger.Found, FoundAt: time.Now(), UpdatedAt: time.Now(), Listing: ledger.Listing{
			ID: fmt.Sprint("sb-", i), Revision: "1", FiscalYear: year, CreatedAt: time.Now(), Model: balance.Abbreviated,
			Dossier: ledger.Dossier{ID: fmt.Sprint("D", i), Name: fmt.Sprintf("Onderneming %d BV", i), EnterpriseNumber: number}}}
	}
	for part := range slices.Chunk(numbers, 2000) {
		if err := settle(b, n, c, part); err != nil {
			b.Fatal(err)
		}
	}
	n.Begin(b.Context()) // else each status reads the whole state
	p, err := n.newPages(cfg, nil)
	if err != nil {
		b.Fatal(err)
	}
	i, err := p.people.Invite(b.Context(), "an", accounts.Admin, "")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = p.serve(b.Context()) }()
	jar, _ := cookiejar.New(nil)
	client = &http.Client{Jar: jar, Transport: &http.Transport{MaxIdleConnsPerHost: benchReaders}}
	for {
		resp, err := client.PostForm(i.Link, url.Values{"password": {"vier paarden eten soep"}, "again": {"vier paarden eten soep"}})
		if err == nil {
			_ = resp.Body.Close()
			return p.url, client
		}
	}
}

// settle records entries: most are done, one in ten waits, one in a hundred differs.
func settle(b *testing.B, n *node, c ledger.Connection, part []ledger.Entry) error {
	now := time.Now()
	fresh, _, err := n.store.Record(b.Context(), c, part)
	if err != nil {
		return err
	}
	values := madeup.Balance(1, balance.Abbreviated, 2025).Values
	steps := make([]ledger.Move, len(fresh))
	for i, e := range fresh {
		place := ledger.Target{FirmID: 1001, CompanyID: int64(e.Number), CompanyName: e.Dossier.Name, PeriodID: int64(e.Number), PeriodEnd: e.FiscalYear.End}
		var next ledger.Entry
		switch {
		case e.Number%100 == 0:
			next, err = e.Differ(place, []ledger.Difference{{Cell: balance.Cell{Code: "1003"}, Finbox: "3", Silverfin: "4"}}, "differs", "Decide.", now)
		case e.Number%10 == 0:
			next, err = e.Wait(ledger.WorkflowClosed, "the workflow is closed", "Open it.", now)
		default:
			next, err = e.Finish(place, now)
		}
		if err != nil {
			return err
		}
		steps[i] = ledger.Move{Entry: next, Values: values, Event: ledger.Event{At: now, State: next.State, Text: "as it stands"}}
	}
	_, err = n.store.Move(b.Context(), steps...)
	return err
}
