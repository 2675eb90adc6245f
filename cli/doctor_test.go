package cli

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestDoctor checks a server without faults, and then with each fault that occurs at an
// accounting firm: the result says who can solve it.
func TestDoctor(t *testing.T) {
	t.Parallel()
	f := newFixture(t, fixtureOptions{})
	f.want(0, "agrees with that of the services", "doctor")

	other := httptest.NewUnstartedServer(http.NotFoundHandler())
	other.Config.ErrorLog = log.New(io.Discard, "", 0)
	other.StartTLS()
	t.Cleanup(other.Close)
	f.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})))
	right := f.sandbox.Info().Finbox.URL
	_, port, _ := strings.Cut(strings.TrimPrefix(other.URL, "https://"), ":")
	for name, c := range map[string]struct{ url, more, says, next string }{
		"not trusted":    {other.URL, "", "unknown authority", "network.ca_file"},
		"another's name": {"https://localhost:" + port, "network: {ca_file: ca.pem}\n", "certificate is valid for", "base_url"},
		"proxy down":     {right, "network: {proxy: \"http://127.0.0.1:1\"}\n", "through the proxy", "network.proxy"},
		"nobody there":   {"http://127.0.0.1:1", "", "cannot be reached directly", "firewall"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, fixtureOptions{more: c.more})
			f.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})))
			f.rewrite(f.sandbox.Info().Finbox.URL, c.url)
			r := f.run("doctor")
			if r.code != 1 || !strings.Contains(r.stdout, c.says) || !strings.Contains(r.stdout, c.next) {
				t.Errorf("%d, want %q and %q in:\n%s%s", r.code, c.says, c.next, r.stdout, r.stderr)
			}
		})
	}
}

func TestDoctorOfTheClock(t *testing.T) {
	t.Parallel()
	for skew, want := range map[time.Duration]string{
		time.Minute: "agrees", -time.Hour: "1h0m0s ahead", 3 * time.Hour: "3h0m0s behind",
	} {
		if c := checkClock(skew); !strings.Contains(c.Text, want) || c.Well != (want == "agrees") {
			t.Errorf("%s: %+v", skew, c)
		}
	}
}

// TestConnectSaysWhatIsInTheWay checks that the problem of a failed link to Finbox says
// how to solve it, rather than to try again later.
func TestConnectSaysWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	refusing := func(status int) string {
		s := httptest.NewServer(http.HandlerFunc(func(f http.ResponseWriter, _ *http.Request) {
			f.Header().Set("Content-Type", "text/html")
			f.WriteHeader(status)
			_, _ = io.WriteString(f, "<html>no</html>")
		}))
		t.Cleanup(s.Close)
		return "network: {proxy: \"" + s.URL + "\"}\n"
	}
	other := httptest.NewUnstartedServer(http.NotFoundHandler())
	other.Config.ErrorLog = log.New(io.Discard, "", 0)
	other.StartTLS()
	t.Cleanup(other.Close)
	for name, c := range map[string]struct{ url, more, secret, next string }{
		"password":         {"https://finbox.example", refusing(407), "", "Put the proxy's user name into network.proxy"},
		"password, plain":  {"http://127.0.0.1:1", refusing(407), "", "Put the proxy's user name into network.proxy"},
		"forbidden":        {"https://finbox.example", refusing(403), "", "Ask who runs the proxy to let this server through"},
		"forbidden, plain": {"http://127.0.0.1:1", refusing(403), "", "Ask who runs the proxy to let this server through"},
		"proxy down":       {"https://finbox.example", "network: {proxy: \"http://127.0.0.1:1\"}\n", "", "Check network.proxy"},
		"untrusted":        {other.URL, "", "", "A proxy that opens encrypted traffic has an authority of its own"},
		"refused":          {"", "", "wrong", "Check Finbox's client id and its key or secret"},
		"nobody":           {"http://127.0.0.1:1", "", "", "Try again in a while; nothing was linked."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, fixtureOptions{more: c.more})
			if c.url != "" {
				f.rewrite(f.sandbox.Info().Finbox.URL, c.url)
			}
			if c.secret != "" {
				f.write("finbox.secret", c.secret)
			}
			f.want(1, "What to do: "+c.next, "connect", "finbox", "6f1c0a52-8d3e-4b7a-9c55-0f2f8f6f1a11")
		})
	}
}
