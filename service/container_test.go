//go:build linux

package service_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"balansd/balance"
	"balansd/internal/testenv"
	"balansd/sandbox"
	"balansd/service"
)

// built builds balansd as it is delivered, once for the containers of a test run.
func built(t *testing.T) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "balansd")
	c := exec.Command("go", "build", "-trimpath", "-o", exe, "balansd")
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return exe
}

// office is the server of an accounting firm: a container with balansd, and a Finbox and a
// Silverfin that it can reach.
type office struct {
	*testenv.Container
	t      *testing.T
	exe    string // path in the container
	config string // path in the container
	sand   *sandbox.Sandbox
	finbox *httptest.Server // over TLS
}

// newOffice installs balansd at exe, a path in the container, with its configuration,
// extended by more, at config.
func newOffice(t *testing.T, exe, config, more string) *office {
	t.Helper()
	return newOfficeIn(testenv.NewContainer(t), t, exe, config, more)
}

func newOfficeIn(c *testenv.Container, t *testing.T, exe, config, more string) *office {
	t.Helper()
	o := &office{Container: c, t: t, exe: exe, config: config}
	o.Copy(built(t), exe, 0o755)
	var listener net.Listener
	o.InNetwork(func() (err error) {
		if o.sand, err = sandbox.Start(sandbox.Options{}); err == nil {
			listener, err = net.Listen("tcp", "127.0.0.1:0")
		}
		return err
	})
	t.Cleanup(func() { _ = o.sand.Close(t.Context()) })
	o.finbox = &httptest.Server{Listener: listener, Config: &http.Server{Handler: o.sand.Finbox, ReadHeaderTimeout: time.Minute}}
	o.finbox.StartTLS()
	t.Cleanup(o.finbox.Close)
	o.sand.Finbox.SetBaseURL(o.finbox.URL)
	o.Write(filepath.Join(filepath.Dir(config), "ca.pem"),
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.finbox.Certificate().Raw})), 0o644)
	info := o.sand.Info()
	secrets := filepath.Join(filepath.Dir(config), service.SecretsFolder)
	o.Write(filepath.Join(secrets, "finbox"), info.Finbox.ClientSecret, 0o600)
	o.Write(filepath.Join(secrets, "silverfin"), info.Silverfin.ClientSecret, 0o600)
	o.configure(more)
	return o
}

// configure writes the configuration. Finbox is reached over TLS, and the name of
// Silverfin is looked up in DNS.
func (o *office) configure(more string) {
	info := o.sand.Info()
	o.Write(o.config, fmt.Sprintf(`language: en
night: {at: "02:30", spread: 0s}
finbox: {base_url: %q, token_url: %q, client_id: %q, client_secret_file: secrets/finbox}
silverfin: {base_url: %q, client_id: %q, client_secret_file: secrets/silverfin, requests_per_second: 100, burst: 100}
network: {ca_file: ca.pem}
%s`, o.finbox.URL, o.sand.Finbox.TokenURL(), info.Finbox.ClientID,
		strings.Replace(info.Silverfin.URL, "127.0.0.1", "localhost", 1), info.Silverfin.ClientID, more), 0o640)
}

// run runs balansd in the container.
func (o *office) run(args ...string) testenv.Result {
	o.t.Helper()
	return o.Run(append([]string{o.exe}, args...)...)
}

// want runs balansd and checks its exit code and output.
func (o *office) want(code int, contains string, args ...string) string {
	o.t.Helper()
	r := o.run(args...)
	if out := r.Stdout + r.Stderr; r.Code != code || !strings.Contains(out, contains) {
		o.t.Fatalf("balansd %s: exit code %d, want %d and %q in:\n%s%s", strings.Join(args, " "), r.Code, code, contains, out, o.journal())
	}
	return r.Stdout + r.Stderr
}

// link links Finbox and Silverfin, and adds dossiers.
func (o *office) link(dossiers int) {
	o.t.Helper()
	info := o.sand.Info()
	firm := info.Silverfin.Firms[0].ID
	o.want(0, "Linked", "connect", "finbox", info.Finbox.ConnectionID, "--config", o.config)
	r := o.Run("sh", "-c", `printf '%s\n' "$1" | "$0" connect silverfin --oob --firm "$2" --config "$3"`,
		o.exe, o.sand.Silverfin.Grant(firm), strconv.FormatInt(firm, 10), o.config)
	if r.Code != 0 {
		o.t.Fatalf("connect silverfin: %s%s%s", r.Stdout, r.Stderr, o.journal())
	}
	o.fill(dossiers)
}

func (o *office) fill(dossiers int) {
	o.t.Helper()
	err := o.sand.FillWith(sandbox.FillOptions{Companies: dossiers, Dossiers: dossiers, Balances: dossiers, Model: balance.Micro})
	if err != nil {
		o.t.Fatal(err)
	}
}

// standing is the output of "service status --json".
type standing struct {
	Service service.Status `json:"service"`
	Daemon  *struct {
		NextWake time.Time      `json:"next_wake"`
		Counts   map[string]int `json:"counts"`
	} `json:"daemon"`
	Trouble string `json:"trouble"`
	Config  string `json:"config"`
	DataDir string `json:"data_dir"`
}

func (o *office) standing() (s standing, code int) {
	o.t.Helper()
	r := o.run("service", "status", "--json")
	if err := json.Unmarshal([]byte(r.Stdout), &s); err != nil {
		o.t.Fatalf("%v in:\n%s%s", err, r.Stdout, r.Stderr)
	}
	return s, r.Code
}

// runs checks that the service runs, and returns its status.
func (o *office) runs() standing {
	o.t.Helper()
	s, code := o.standing()
	if code != 0 || s.Service.State != service.On || s.Service.PID == 0 {
		o.t.Fatalf("the service does not run (%d): %+v\n%s", code, s, o.journal())
	}
	return s
}

// journal returns the end of the service's log.
func (o *office) journal() string {
	return o.Run("journalctl", "--unit=balansd", "--lines=30", "--output=cat", "--no-pager").Stdout
}

// dropIn changes the unit with a drop-in, to shorten delays of a test.
func (o *office) dropIn(name, lines string) {
	o.t.Helper()
	o.Write("/etc/systemd/system/balansd.service.d/"+name+".conf", lines, 0o644)
	o.Must("systemctl", "daemon-reload")
}

// kill sends a signal to the service's process and waits until it has been replaced or is
// gone.
func (o *office) kill(signal string) {
	o.t.Helper()
	pid := o.runs().Service.PID
	o.Must("kill", "-"+signal, strconv.Itoa(pid))
	o.Until("the process is gone after "+signal, func() bool {
		s, _ := o.standing()
		return s.Service.PID != pid
	})
}

// certify gives the pages a new certificate with its key.
func (o *office) certify(serial int64) {
	o.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		o.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(serial), NotAfter: time.Now().AddDate(1, 0, 0), DNSNames: []string{"balansd.kantoor.example"}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		o.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		o.t.Fatal(err)
	}
	folder := filepath.Dir(o.config)
	o.Write(filepath.Join(folder, "portal.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), 0o644)
	o.Write(filepath.Join(folder, service.SecretsFolder, "portal.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), 0o600)
}

// served returns the serial number of the certificate that the pages show.
func (o *office) served() (serial int64) {
	o.t.Helper()
	o.Until("the pages answer", func() bool {
		o.InNetwork(func() error {
			conn, err := tls.Dial("tcp", "127.0.0.1:8443", &tls.Config{InsecureSkipVerify: true})
			if err == nil {
				serial = conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
				_ = conn.Close()
			}
			return nil
		})
		return serial != 0
	})
	return serial
}
