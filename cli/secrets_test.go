package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"balansd/sandbox"
)

// TestNoSecretIsEverShown goes through a day full of trouble at the noisiest
// log level, and looks for every secret that there was in all that was said
// and in every file that was written.
func TestNoSecretIsEverShown(t *testing.T) {
	t.Parallel()
	var ahead atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	w := newWorld(t, worldOptions{
		box: sandbox.Options{Now: now,
			Finbox:    sandbox.FinboxOptions{ClientSecret: "FinboxClientSecretCanary"},
			Silverfin: sandbox.SilverfinOptions{ClientSecret: "SilverfinClientSecretCanary"}},
		more: "log: {level: trace, format: json}\n",
	})
	w.demo()
	said := &bytes.Buffer{}
	secrets := &canaries{found: map[string]bool{"FinboxClientSecretCanary": true, "SilverfinClientSecretCanary": true}}
	environ := secrets.between(t, w)
	do := func(stdin string, args ...string) {
		r := w.runEnv(t.Context(), Env{Args: args, Stdin: strings.NewReader(stdin), Environ: environ})
		fmt.Fprintf(said, "%s\n%s%s", args, r.stdout, r.stderr)
		secrets.look(t, w)
	}
	faults := func(side *sandbox.Faults, kinds ...sandbox.FaultKind) {
		side.Clear()
		for i, k := range kinds {
			side.Add(sandbox.Fault{Kind: k, Nth: 1 + 2*i, RetryAfter: "0"})
		}
	}
	fb, sf := w.box.Finbox.Faults(), w.box.Silverfin.Faults()
	connect := []string{"connect", "silverfin", "--oob", "--firm", fmt.Sprint(w.firm)}
	grant := func() string {
		code := w.box.Silverfin.Grant(w.firm)
		secrets.add(code)
		return code + "\n"
	}
	for _, k := range []sandbox.FaultKind{sandbox.Unauthorized, sandbox.ServerError, sandbox.NotJSON, sandbox.Truncated, sandbox.LostAfter, sandbox.UnprocessableErrors} {
		faults(fb, k)
		do("", "connect", "finbox", w.conn)
		faults(sf, k)
		do(grant(), connect...)
	}
	fb.Clear()
	sf.Clear()
	do("", "connect", "finbox", w.conn)
	do(grant(), connect...)
	do("a-code-that-a-person-mistyped\n", connect...)
	secrets.add("a-code-that-a-person-mistyped")
	for _, k := range []sandbox.FaultKind{sandbox.Unauthorized, sandbox.Forbidden, sandbox.ServerError, sandbox.NotJSON, sandbox.Truncated, sandbox.LostAfter} {
		ahead.Add(int64(3 * time.Hour)) // every token has ended
		faults(fb, k)
		faults(sf, k, k)
		do("", "sync")
	}
	fb.Clear()
	sf.Clear()
	do("", "sync", "--json")
	w.box.Silverfin.RevokeTokens(w.firm)
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
	files, err := filepath.Glob(filepath.Join(w.dir, "data", "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, name := range append(files, w.config) {
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

// canaries are the secrets that there were.
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

// between listens between balansd and Finbox, which keeps its tokens to
// itself, for what goes over the line. It gives the variables that send
// balansd's calls that way.
func (c *canaries) between(t *testing.T, w *world) []string {
	t.Helper()
	to, err := url.Parse(w.box.Finbox.BaseURL())
	if err != nil {
		t.Fatal(err)
	}
	line := &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), // a lost reply is no news here
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

// look takes every token and code that Silverfin holds now.
func (c *canaries) look(t *testing.T, w *world) {
	t.Helper()
	snapshot, err := w.box.Silverfin.Snapshot()
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
