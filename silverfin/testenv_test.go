package silverfin_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"balansd/balance"
	"balansd/daemon"
	"balansd/internal/testenv"
	"balansd/ledger"
	"balansd/mapping"
	"balansd/sandbox/faults"
	fakesilverfin "balansd/sandbox/silverfin"
	"balansd/silverfin"
)

var _ daemon.Destination = (*silverfin.Firm)(nil)

const workflow = "Jaarrekening"

func newClock() *testenv.Clock { return testenv.NewClock(time.Date(2025, 3, 1, 2, 0, 0, 0, time.UTC)) }

var errDisk = errors.New("no space left on device")

// vault keeps values in memory, and can fail: on the calls that fails names,
// before or after it acted, and for ever once dead.
type vault struct {
	mu     sync.Mutex
	values map[string][]byte
	calls  int
	fails  func(call int) (before, after bool)
	dies   bool // a failure is the end of the process: every later call fails too
	dead   bool
}

func newVault() *vault { return &vault{values: map[string][]byte{}} }

func (v *vault) do(act func()) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.dead {
		return errDisk
	}
	v.calls++
	var before, after bool
	if v.fails != nil {
		before, after = v.fails(v.calls)
	}
	if !before {
		act()
	}
	if before || after {
		v.dead = v.dies
		return errDisk
	}
	return nil
}

func (v *vault) Get(_ context.Context, name string) (value []byte, err error) {
	err = v.do(func() { value = bytes.Clone(v.values[name]) })
	return value, err
}

func (v *vault) Put(_ context.Context, name string, value []byte) error {
	return v.do(func() { v.values[name] = bytes.Clone(value) })
}

func (v *vault) Update(_ context.Context, name string, change func([]byte) ([]byte, error)) (err error) {
	failed := v.do(func() {
		var value []byte
		switch value, err = change(bytes.Clone(v.values[name])); {
		case err != nil:
		case value == nil:
			delete(v.values, name)
		default:
			v.values[name] = value
		}
	})
	return cmp.Or(failed, err)
}

func (v *vault) Delete(_ context.Context, name string) error {
	return v.do(func() { delete(v.values, name) })
}

// restart is the vault after the process died and started again.
func (v *vault) restart() *vault {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &vault{values: maps.Clone(v.values)}
}

// handlerTransport carries requests to a handler without a network, so that time can be
// faked. A handler that gives up cuts the connection.
type handlerTransport struct{ handler http.Handler }

func (d handlerTransport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	rec := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	cut := func() (cut bool) {
		defer func() { cut = recover() != nil }()
		d.handler.ServeHTTP(rec, in)
		return false
	}()
	if cut && rec.Body.Len() == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	resp = rec.Result()
	resp.Request = r
	if cut {
		resp.Body = io.NopCloser(io.MultiReader(resp.Body, brokenReader{}))
	}
	return resp, nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// testEnv is a test environment: a simulated Silverfin with one linked firm that has one dossier,
// ready to take the balance of 2024.
type testEnv struct {
	t       *testing.T
	sandbox *fakesilverfin.Silverfin
	clock   *testenv.Clock
	vault   *vault
	cfg     silverfin.Config
	client  *silverfin.Client
	firm    int64
	to      mapping.Target
	company ledger.Company
	period  int64
}

var year2024 = balance.Period{Start: balance.Date{Year: 2024, Month: 1, Day: 1}, End: balance.Date{Year: 2024, Month: 12, Day: 31}}

// newTestEnv makes a test environment; set changes the configuration before the client is made.
func newTestEnv(t *testing.T, options fakesilverfin.Options, set ...func(*silverfin.Config)) *testEnv {
	t.Helper()
	r := &testEnv{t: t, clock: newClock(), vault: newVault()}
	if options.Now == nil {
		options.Now = r.clock.Now
	}
	r.sandbox = fakesilverfin.New(options)
	r.firm = r.sandbox.AddFirm("Kantoor Peeters")
	r.company = ledger.Company{Name: "Bakkerij Maes"}
	r.company.ID = r.sandbox.AddCompany(r.firm, fakesilverfin.Company{Name: "Bakkerij Maes", VAT: "BE 0402.754.886"})
	r.period = r.sandbox.AddPeriod(r.company.ID, year2024.Start, year2024.End)
	r.sandbox.OpenWorkflow(r.company.ID, r.period, workflow)
	r.cfg = silverfin.Config{
		BaseURL: "https://silverfin.test", ClientID: "sandbox-client", ClientSecret: "sandbox-secret",
		HTTP: &http.Client{Transport: handlerTransport{r.sandbox}}, RequestsPerSecond: -1, Now: options.Now,
	}
	for _, f := range set {
		f(&r.cfg)
	}
	r.client = r.restart(r.vault)
	r.link()
	return r
}

// restart makes a client as a new process would.
func (r *testEnv) restart(v *vault) *silverfin.Client {
	r.t.Helper()
	cfg := r.cfg
	cfg.Vault = v
	c, err := silverfin.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// link signs in, as a person does who pastes the code.
func (r *testEnv) link() {
	r.t.Helper()
	ctx := r.t.Context()
	_, state, err := r.client.Begin(ctx, r.firm, "")
	if err != nil {
		r.t.Fatal(err)
	}
	if _, _, err := r.client.End(ctx, state, r.sandbox.Grant(r.firm), 0); err != nil {
		r.t.Fatal(err)
	}
	r.sandbox.Faults().ResetLog()
}

func (r *testEnv) firmClient() *silverfin.Firm { return r.client.Firm(r.firm) }

// target finds the place of 2024.
func (r *testEnv) target() ledger.Target {
	r.t.Helper()
	p, err := r.firmClient().Locate(r.t.Context(), r.company, year2024, r.to)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// tokenPosts counts the posts to the token endpoint.
func (r *testEnv) tokenPosts() int {
	return r.sandbox.Faults().Count(func(c faults.Call) bool { return c.Method == http.MethodPost && isTokenPath(c.Path) })
}

func isTokenPath(path string) bool {
	return len(path) > 12 && path[len(path)-12:] == "/oauth/token"
}

func cell(t *testing.T, s string) balance.Cell {
	t.Helper()
	c, err := balance.ParseCell(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func figures(t *testing.T, pairs ...string) ledger.Figures {
	t.Helper()
	f := ledger.Figures{}
	for i := 0; i < len(pairs); i += 2 {
		f[cell(t, pairs[i])] = pairs[i+1]
	}
	return f
}

// read returns the figures that a place holds, by the default mapping or another one.
func read(ctx context.Context, f *silverfin.Firm, p ledger.Target, to ...mapping.Target) (have ledger.Figures, err error) {
	err = f.Update(ctx, p, append(to, mapping.Target{})[0], func(r ledger.Reading) (ledger.Figures, error) { have = r.Have; return nil, nil })
	return have, err
}

// fill has a place hold figures, whatever it holds.
func fill(ctx context.Context, f *silverfin.Firm, p ledger.Target, want ledger.Figures, to ...mapping.Target) error {
	return f.Update(ctx, p, append(to, mapping.Target{})[0], func(ledger.Reading) (ledger.Figures, error) { return want, nil })
}

// posts counts the writes that reached Silverfin.
func (r *testEnv) posts() int {
	return r.sandbox.Faults().Count(func(c faults.Call) bool { return c.Method == http.MethodPost && !isTokenPath(c.Path) })
}

func notYet(t *testing.T, err error) *ledger.WaitingError {
	t.Helper()
	n, ok := errors.AsType[*ledger.WaitingError](err)
	if !ok {
		t.Fatalf("error is %v, want a WaitingError", err)
	}
	return n
}
