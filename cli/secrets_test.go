package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"balansd/balance"
	"balansd/sandbox"
	"balansd/sandbox/faults"
	fakefinbox "balansd/sandbox/finbox"
	"balansd/sandbox/madeup"
	fakesilverfin "balansd/sandbox/silverfin"

	"github.com/shopspring/decimal"
)

// TestOutputHasNoSecrets runs a day with all kinds of faults at the most detailed log
// level, and searches all output and each file for each secret.
func TestOutputHasNoSecrets(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	f := newFixture(t, fixtureOptions{
		sandbox: sandbox.Options{Now: now,
			Finbox:    fakefinbox.Options{ClientSecret: "FinboxClientSecretCanary"},
			Silverfin: fakesilverfin.Options{ClientSecret: "SilverfinClientSecretCanary"}},
		more: "log: {level: trace, format: json}\n",
	})
	f.addDemo()
	said := &bytes.Buffer{}
	secrets := &canaries{found: map[string]bool{"FinboxClientSecretCanary": true, "SilverfinClientSecretCanary": true}}
	environ := secrets.between(t, f)
	do := func(stdin string, args ...string) {
		r := f.runEnv(t.Context(), Env{Args: args, Stdin: strings.NewReader(stdin), Environ: environ})
		fmt.Fprintf(said, "%s\n%s%s", args, r.stdout, r.stderr)
		secrets.collect(t, f)
	}
	fail := func(side *faults.Injector, kinds ...faults.Kind) {
		side.Clear()
		for i, k := range kinds {
			side.Add(faults.Fault{Kind: k, Nth: 1 + 2*i, RetryAfter: "0"})
		}
	}
	fb, sf := f.sandbox.Finbox.Faults(), f.sandbox.Silverfin.Faults()
	connect := []string{"connect", "silverfin", "--oob", "--firm", fmt.Sprint(f.firm)}
	grant := func() string {
		code := f.sandbox.Silverfin.Grant(f.firm)
		secrets.add(code)
		return code + "\n"
	}
	for _, k := range []faults.Kind{faults.Unauthorized, faults.ServerError, faults.NotJSON, faults.Truncated, faults.LostAfter, faults.UnprocessableErrors} {
		fail(fb, k)
		do("", "connect", "finbox", f.conn)
		fail(sf, k)
		do(grant(), connect...)
	}
	fb.Clear()
	sf.Clear()
	do("", "connect", "finbox", f.conn)
	do(grant(), connect...)
	do("a-code-that-a-person-mistyped\n", connect...)
	secrets.add("a-code-that-a-person-mistyped")
	for _, k := range []faults.Kind{faults.Unauthorized, faults.Forbidden, faults.ServerError, faults.NotJSON, faults.Truncated, faults.LostAfter} {
		ahead.Add(int64(3 * time.Hour)) // all tokens have expired
		fail(fb, k)
		fail(sf, k, k)
		do("", "sync")
	}
	fb.Clear()
	sf.Clear()
	do("", "sync", "--json")
	f.sandbox.Silverfin.RevokeTokens(f.firm)
	do("", "sync")
	for _, c := range [][]string{{"status"}, {"status", "--json"}, {"ledger", "list", "--json"}, {"ledger", "show", "1", "--json"},
		{"connections", "list", "--json"}, {"config", "show"}, {"config", "show", "--json"}, {"config", "check", "--json"}} {
		do("", c...)
	}
	if !strings.Contains(said.String(), `"level":"debug"`) {
		t.Error("the log is not noisy")
	}
	if len(secrets.found) < 20 {
		t.Errorf("only %d secrets were looked for", len(secrets.found))
	}
	places := map[string][]byte{"what was said": said.Bytes()}
	files := []string{f.config}
	err := filepath.WalkDir(filepath.Join(f.dir, "data"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path) // the state, its copies and the log
		}
		return err
	})
	if err != nil || len(files) < 4 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, name := range files {
		if places[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range places {
		for secret := range secrets.found {
			if i := bytes.Index(text, []byte(secret)); i >= 0 {
				t.Errorf("%s shows a secret:\n%s", name, text[max(0, i-200):min(len(text), i+100)])
			}
		}
	}
}

// canary is part of each figure of TestLogHasNoFigures. No other number contains it.
const canary = "731946258"

// TestLogHasNoFigures makes everything fail that can fail with figures, at the most
// detailed log level, on the command line and with a daemon, and searches the log for the
// figures.
func TestLogHasNoFigures(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{more: "log: {level: trace, format: json}\n"})
	cast := f.addDemo()
	f.markFigures(cast)
	log := &bytes.Buffer{}
	do := func(environ []string, args ...string) {
		r := f.runEnv(t.Context(), Env{Args: args, Environ: environ, Stdin: strings.NewReader("")})
		log.WriteString(r.stderr)
	}
	f.link()
	do(f.refusing(), "sync")
	do(nil, "sync")
	f.delivers(cast)
	// A correction, and a person who changes its figures meanwhile.
	f.markFigures(cast)
	d := f.daemon()
	do(nil, "sync")
	for _, c := range [][]string{{"ledger", "show", "1"}, {"ledger", "use-finbox", "11"}, {"ledger", "export", "--figures"}, {"ledger", "retry", "12"}} {
		do(nil, c...)
	}
	d.stop(t)
	log.WriteString(d.stderr.String())
	for _, want := range []string{`"level":"debug"`, `"figures_written":`, `"message":"run ends"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not tell %s", want)
		}
	}
	shown := regexp.MustCompile(canary[:3] + `[., '\x{a0}\x{202f}]?` + canary[3:6] + `[., '\x{a0}\x{202f}]?` + canary[6:])
	for line := range strings.Lines(log.String()) {
		if at := shown.FindStringIndex(line); at != nil {
			t.Errorf("a figure is in the log: %s", line[max(0, at[0]-300):min(len(line), at[1]+100)])
		}
	}
}

// markFigures corrects each balance of the demo to recognisable figures, makes one figure
// unreadable, and enters such figures in Silverfin as a person.
func (f *fixture) markFigures(cast *sandbox.Demo) {
	f.t.Helper()
	for _, one := range cast.Dossiers {
		if one.BalanceID == "" {
			continue
		}
		_, err := f.sandbox.Finbox.CorrectFrom(one.BalanceID, func(b *balance.Balance) *balance.Balance {
			n := 10
			for cell := range b.Values {
				b.Values[cell] = decimal.RequireFromString(fmt.Sprintf("%s%d.5", canary, n))
				n++
			}
			return b
		})
		if err == nil && one.Situation == sandbox.SituationUnreadable {
			err = f.spoil(one.BalanceID)
		}
		if err == nil && one.Situation == sandbox.SituationChanged {
			err = f.sandbox.Silverfin.Set(one.CompanyIDs[0], one.PeriodIDs[0], "social_balance_integration", "code_1003", canary+"99")
		}
		if err != nil {
			f.t.Fatal(err)
		}
	}
}

// spoil adds a line with an unreadable figure to a document.
func (f *fixture) spoil(id string) error {
	b, err := f.sandbox.Finbox.Figures(id)
	if err != nil {
		return err
	}
	text, err := madeup.Document(balance.NBBCSV, b)
	if err != nil {
		return err
	}
	return f.sandbox.Finbox.SetContent(id, append(text, "\"1003\",\""+canary+"x\"\n"...))
}

// delivers checks that the figures arrived, so that the test proves something.
func (f *fixture) delivers(cast *sandbox.Demo) {
	f.t.Helper()
	one := cast.Find(sandbox.SituationNew)[0]
	custom := f.sandbox.Silverfin.Custom(one.CompanyIDs[0], one.PeriodIDs[0])
	if len(custom) == 0 {
		f.t.Error("nothing was delivered")
	}
	for name, value := range custom {
		if !strings.Contains(value, canary) {
			f.t.Errorf("%s is %s, which cannot be told from other numbers", name, value)
		}
	}
}

// refusing returns the variables for a Silverfin that refuses each figure and quotes it.
func (f *fixture) refusing() []string {
	f.t.Helper()
	to, err := url.Parse(f.sandbox.Info().Silverfin.URL)
	if err != nil {
		f.t.Fatal(err)
	}
	well := httputil.NewSingleHostReverseProxy(to)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || strings.Contains(r.URL.Path, "oauth") {
			well.ServeHTTP(rw, r)
			return
		}
		said, _ := io.ReadAll(r.Body)
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusUnprocessableEntity)
		_ = json.NewEncoder(rw).Encode(map[string]any{"errors": []string{"this is not accepted: " + string(said)}})
	}))
	f.t.Cleanup(server.Close)
	return []string{"BALANSD_SILVERFIN_BASE_URL=" + server.URL}
}

// canaries are the secrets to search for.
type canaries struct {
	mu    sync.Mutex
	found map[string]bool
}

func (c *canaries) add(secrets ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range secrets {
		if s != "" {
			c.found[s] = true
		}
	}
}

// between records the traffic between balansd and Finbox, whose tokens cannot be found
// otherwise. It returns the variables that direct the calls through it.
func (c *canaries) between(t *testing.T, f *fixture) []string {
	t.Helper()
	to, err := url.Parse(f.sandbox.Finbox.BaseURL())
	if err != nil {
		t.Fatal(err)
	}
	line := &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), // lost replies are expected
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			_, credentials, _ := strings.Cut(r.In.Header.Get("Authorization"), " ")
			c.add(credentials)
		},
	}
	server := httptest.NewServer(line)
	t.Cleanup(server.Close)
	return []string{"BALANSD_FINBOX_BASE_URL=" + server.URL, "BALANSD_FINBOX_TOKEN_URL=" + server.URL + "/oauth2/token"}
}

// collect records each token and code that Silverfin has now.
func (c *canaries) collect(t *testing.T, f *fixture) {
	t.Helper()
	snapshot, err := f.sandbox.Silverfin.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Tokens []struct{ Access, Refresh string }
		Codes  []struct{ Code string }
	}
	if err := json.Unmarshal(snapshot, &state); err != nil {
		t.Fatal(err)
	}
	for _, token := range state.Tokens {
		c.add(token.Access, token.Refresh)
	}
	for _, code := range state.Codes {
		c.add(code.Code)
	}
}
