package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"balansd/administration"
	"balansd/config"
	services "balansd/sandbox/administration"
	"balansd/sandbox/madeup"
)

// browsingPerson opens the address that a command prints, and types the one to which the browser is
// sent.
type browsingPerson struct {
	shown chan string
	typed io.Reader
}

var shownAddress = regexp.MustCompile(`(?m)^  (http\S+)$`)

// Write takes what the command prints.
func (b *browsingPerson) Write(p []byte) (int, error) {
	if m := shownAddress.FindSubmatch(p); m != nil {
		b.shown <- string(m[1])
	}
	return len(p), nil
}

// Read waits for the address, and types the other one.
func (b *browsingPerson) Read(p []byte) (int, error) {
	if b.typed == nil {
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		resp, err := client.Get(<-b.shown)
		if err != nil {
			return 0, err
		}
		_ = resp.Body.Close()
		typed, w := io.Pipe()
		go func() { _, _ = fmt.Fprintln(w, resp.Header.Get("Location")) }()
		b.typed = typed
	}
	return b.typed.Read(p)
}

// TestConnectAdsolut signs in to Adsolut, without and with a daemon, and lists with the
// stored sign-in.
func TestConnectAdsolut(t *testing.T) {
	t.Parallel()
	s := services.New(services.Options{})
	s.SetClients(services.Client{Reference: "k1", Number: madeup.Number(7), Name: "Bakkerij"})
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	f := newFixture(t, fixtureOptions{more: fmt.Sprintf(
		"administration: {adsolut: {base_url: %q, authorize_url: %q, token_url: %q, client_id: %s, client_secret_file: adsolut.secret}}\n",
		server.URL, server.URL+"/connect/authorize", server.URL+"/connect/token", services.AdsolutClient)})
	if err := os.WriteFile(filepath.Join(f.dir, "adsolut.secret"), []byte(services.AdsolutSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	signIn := func() result {
		b := &browsingPerson{shown: make(chan string, 1)}
		return f.runEnv(t.Context(), Env{Args: []string{"connect", "adsolut"}, Stdin: b, Stderr: b})
	}
	signIn().want(t, 0, "Signed in to Adsolut")
	f.runWith("http://127.0.0.1:8418/adsolut\n", "connect", "adsolut").want(t, 2, "this address has no code")

	cfg, err := config.Load(config.LoadOptions{Path: f.config})
	if err != nil {
		t.Fatal(err)
	}
	n, err := newNode(t.Context(), cfg, nodeOptions{version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	sources, err := n.administrationSources(cfg, nil)
	if err != nil || len(sources) != 1 {
		t.Fatalf("%d sources, %v", len(sources), err)
	}
	report, err := sources[0].List(t.Context(), administration.Query{}, func(administration.Record) error { return nil })
	if err != nil || report.Found != 1 {
		t.Errorf("%+v, %v", report, err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}

	f.daemon()
	signIn().want(t, 0, "Signed in to Adsolut")
}
