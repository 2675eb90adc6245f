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

// TestDoctor tries the way out of a server on which all is well, and then with
// what goes wrong at an accounting firm: each answer names whose task it is.
func TestDoctor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, worldOptions{})
	w.want(0, "agrees with that of the services", "doctor")

	other := httptest.NewUnstartedServer(http.NotFoundHandler())
	other.Config.ErrorLog = log.New(io.Discard, "", 0)
	other.StartTLS()
	t.Cleanup(other.Close)
	w.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})))
	right := w.box.Info().Finbox.URL
	_, port, _ := strings.Cut(strings.TrimPrefix(other.URL, "https://"), ":")
	for name, c := range map[string]struct{ url, more, says, next string }{
		"not trusted":    {other.URL, "", "unknown authority", "network.ca_file"},
		"another's name": {"https://localhost:" + port, "network: {ca_file: ca.pem}\n", "certificate is valid for", "base_url"},
		"proxy down":     {right, "network: {proxy: \"http://127.0.0.1:1\"}\n", "through the proxy", "network.proxy"},
		"nobody there":   {"http://127.0.0.1:1", "", "cannot be reached directly", "firewall"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, worldOptions{more: c.more})
			w.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Certificate().Raw})))
			w.rewrite(w.box.Info().Finbox.URL, c.url)
			r := w.run("doctor")
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
