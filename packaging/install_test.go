//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"balansd/internal/testenv"
)

// server is a machine with systemd on which packages are installed. A simulated Finbox and
// Silverfin listen on its loopback address.
type server struct {
	t         *testing.T
	container *testenv.Container
}

// newServer returns a machine on which balansd was never installed, with the packages of
// an older and a newer version in /packages/0.1.0 and /packages/0.2.0.
func newServer(t *testing.T, older, newer string) *server {
	t.Helper()
	s := &server{t, testenv.NewContainer(t)}
	for version, dir := range map[string]string{"0.1.0": older, "0.2.0": newer} {
		files, err := filepath.Glob(filepath.Join(dir, "*linux-amd64.*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			content, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			s.write("/packages/"+version+"/"+filepath.Base(f), string(content))
		}
	}
	return s
}

func (s *server) write(name, text string) {
	s.t.Helper()
	file := s.container.Path(name)
	err := os.MkdirAll(filepath.Dir(file), 0o755)
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// sh runs a shell script, none of whose commands may fail.
func (s *server) sh(script string) string {
	s.t.Helper()
	return s.container.Must("bash", "-euo", "pipefail", "-c", script)
}

// want runs a shell script and checks that its output contains a text.
func (s *server) want(contains, script string) string {
	s.t.Helper()
	out := s.sh("{ " + script + "; } 2>&1")
	if !strings.Contains(out, contains) {
		s.t.Fatalf("%s: want %q in:\n%s", script, contains, out)
	}
	return out
}

// simulate starts a simulated Finbox and Silverfin that survive a reboot. They run a
// separate copy of the program, since the package may be removed.
func (s *server) simulate() {
	s.t.Helper()
	s.write("/etc/systemd/system/sandbox.service", `[Service]
ExecStart=/opt/sandbox/balansd sandbox --finbox 127.0.0.1:8081 --silverfin 127.0.0.1:8082 --control 127.0.0.1:8083 --data /opt/sandbox/data
[Install]
WantedBy=multi-user.target
`)
	s.sh(`mkdir -p /opt/sandbox && tar -xzf /packages/0.1.0/balansd-linux-amd64.tar.gz -C /opt/sandbox --strip-components=1
systemctl enable --now sandbox && ` + awaitSandbox)
}

const (
	control      = "http://127.0.0.1:8083"
	awaitSandbox = "until curl -sf " + control + "/; do sleep 0.1; done"
)

// configure writes a configuration for the simulators.
func (s *server) configure() {
	s.t.Helper()
	in := s.info()
	s.write("/etc/balansd/secrets/finbox.secret", in.Finbox.ClientSecret)
	s.write("/etc/balansd/secrets/silverfin.secret", in.Silverfin.ClientSecret)
	s.write("/etc/balansd/balansd.yaml", fmt.Sprintf(`language: en
finbox: {base_url: %q, token_url: %q, client_id: %q, client_secret_file: secrets/finbox.secret}
silverfin: {base_url: %q, client_id: %q, client_secret_file: secrets/silverfin.secret}
`, in.Finbox.URL, in.Finbox.TokenURL, in.Finbox.ClientID, in.Silverfin.URL, in.Silverfin.ClientID))
}

// sandboxInfo is the description that the simulators give of themselves.
type sandboxInfo struct {
	Finbox struct {
		URL          string `json:"url"`
		TokenURL     string `json:"token_url"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		ConnectionID string `json:"connection_id"`
	} `json:"finbox"`
	Silverfin struct {
		URL          string `json:"url"`
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
		Firms        []struct {
			ID int64 `json:"id"`
		} `json:"firms"`
	} `json:"silverfin"`
}

func (s *server) info() sandboxInfo {
	s.t.Helper()
	var in sandboxInfo
	if err := json.Unmarshal([]byte(s.sh(awaitSandbox)), &in); err != nil || len(in.Silverfin.Firms) == 0 {
		s.t.Fatal(in, err)
	}
	return in
}

// link links Finbox and a firm, acting as a browser that consents.
func (s *server) link() {
	s.t.Helper()
	in := s.info()
	firm := in.Silverfin.Firms[0].ID
	s.want("Linked", "balansd connect finbox "+in.Finbox.ConnectionID)
	s.want("Linked", fmt.Sprintf(`balansd connect silverfin --firm %[1]d 2>&1 | while read -r line; do
  echo "$line"
  case "$line" in http*) curl -sSfL -o /dev/null -d "decision=allow&authorized_firm_id=%[1]d" "$line" ;; esac
done`, firm))
}

// deliver adds new balances and runs a sync.
func (s *server) deliver(dossiers int) {
	s.t.Helper()
	s.sh(fmt.Sprintf(`curl -sSf -d '{"dossiers": %d}' %s/fill`, dossiers, control))
	s.sh("balansd sync")
}

// done returns the number of delivered balances, according to the running service.
func (s *server) done() int {
	s.t.Helper()
	return countDone(s.t, s.sh("balansd ledger list --json"))
}

// countDone counts the delivered balances of a ledger.
func countDone(t *testing.T, ledger string) int {
	t.Helper()
	var list []struct {
		State string `json:"state"`
	}
	if err := json.Unmarshal([]byte(ledger), &list); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, e := range list {
		if e.State == "done" {
			n++
		}
	}
	return n
}

// pid returns the process id of the service, "0" if it does not run.
func (s *server) pid() string {
	s.t.Helper()
	return strings.TrimSpace(s.sh("systemctl show --property=MainPID --value balansd"))
}

// running checks that the service runs, with that version. It waits until the service
// answers, which takes a moment longer than systemd reports.
func (s *server) running(version string) {
	s.t.Helper()
	s.want("active", "systemctl is-active balansd")
	s.want("balansd "+version+" ", "/proc/"+s.pid()+"/exe version")
	s.sh("until balansd syncs list; do sleep 0.1; done 2>&1")
}
