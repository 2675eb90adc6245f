//go:build linux

package service_test

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"strings"
	"testing"

	"balansd/service"
)

// TestLowPortOnSystemd has the pages on port 443: systemd listens there, since the service
// has no right to. While another program has the port, everything else goes on, and who
// asks is told so.
func TestLowPortOnSystemd(t *testing.T) {
	spec := service.PackageSpec()
	o := newOffice(t, spec.Executable, spec.Config, `
portal: {listen: "0.0.0.0:443", hostnames: [balansd.office.example], certificate_file: portal.crt, key_file: secrets/portal.key}
`)
	pair := o.finbox.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	o.Write("/etc/balansd/portal.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]})), 0o644)
	o.Write("/etc/balansd/secrets/portal.key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})), 0o600)
	var other net.Listener
	o.InNetwork(func() (err error) {
		other, err = net.Listen("tcp", "0.0.0.0:443")
		return err
	})
	o.want(0, "/etc/systemd/system/balansd.socket", "service", "install")
	if out := o.Run(o.exe, "service", "status").Stdout; !strings.Contains(out, "running since") || !strings.Contains(out, "another program has the port") {
		t.Errorf("while the port is taken the status is\n%s", out)
	}
	if out := o.Run(o.exe, "doctor").Stdout; !strings.Contains(out, "0.0.0.0:443: another program has the port") {
		t.Errorf("while the port is taken doctor says\n%s", out)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	o.want(0, "", "service", "restart")
	visit := func() string {
		return o.Run("curl", "-sk", "--retry", "9", "--retry-all-errors", "--retry-delay", "1", "-o", "/dev/null", "-w", "%{http_code}", "https://localhost/sign-in").Stdout
	}
	if got := visit(); got != "200" {
		t.Fatalf("the pages give %s\n%s", got, o.journal())
	}
	if out := o.Run(o.exe, "service", "status").Stdout; strings.Contains(out, "not served") {
		t.Errorf("once the port is free the status is\n%s", out)
	}
	if out := o.Must("systemctl", "show", "--property=PrivateUsers,CapabilityBoundingSet,AmbientCapabilities", "balansd"); !strings.Contains(out, "PrivateUsers=yes") || strings.Contains(out, "cap_") {
		t.Errorf("the service has\n%s", out)
	}
	if r := o.Run("systemd-analyze", "verify", "balansd.service", "balansd.socket"); r.Code != 0 || r.Stderr != "" {
		t.Errorf("verify: %d\n%s", r.Code, r.Stderr)
	}

	// A refused sign-in is in the journal as fail2ban reads it.
	o.Must("curl", "-sk", "-d", "name=an@office.example&password=wrong", "-o", "/dev/null", "https://localhost/sign-in")
	if line := o.journal(); !strings.Contains(line, "\na sign-in was refused client=127.0.0.1 account=an@office.example reason=signin.wrong\n") {
		t.Errorf("the journal has\n%s", line)
	}

	// A stopped service stays so, whoever opens the pages.
	o.want(0, "", "service", "stop")
	if r := o.Run("curl", "-sk", "https://localhost/sign-in"); r.Code == 0 {
		t.Error("a stopped service answers")
	}
	if s, _ := o.standing(); s.Service.State != service.Off {
		t.Errorf("after a connection the service is %s", s.Service.State)
	}
	o.want(0, "", "service", "start")
	o.Reboot()
	o.runs()
	if got := visit(); got != "200" {
		t.Errorf("after a reboot the pages give %s\n%s", got, o.journal())
	}

	// Another port needs no socket.
	o.Must("sed", "--in-place=", "s/0.0.0.0:443/0.0.0.0:8443/", o.config)
	o.want(0, "remove /etc/systemd/system/balansd.socket", "service", "install")
	if r := o.Run("systemctl", "cat", "balansd.socket"); r.Code == 0 {
		t.Errorf("the socket is there still:\n%s", r.Stdout)
	}
	o.runs()
	o.Must("sed", "--in-place=", "s/0.0.0.0:8443/0.0.0.0:443/", o.config)
	o.want(0, "", "service", "install")
	o.want(0, "", "service", "uninstall")
	if r := o.Run("systemctl", "cat", "balansd.socket"); r.Code == 0 {
		t.Errorf("after uninstall the socket is there still:\n%s", r.Stdout)
	}
}
