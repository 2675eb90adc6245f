package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"balansd/daemon"
	"balansd/ledger"
)

// keyPEM returns a private key in PEM.
func keyPEM(t *testing.T, kind string, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// certificatePEM returns a certificate for a key in PEM.
func certificatePEM(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func rsaKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// TestConfigCheckKeysAndFolders checks that mistakes in the files and folders that a
// configuration names are reported with their lines, together with its other mistakes.
func TestConfigCheckKeysAndFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key, other := rsaKey(t), rsaKey(t)
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	write("right.key", keyPEM(t, "PRIVATE KEY", key))
	write("encrypted.key", keyPEM(t, "ENCRYPTED PRIVATE KEY", key))
	write("ec.key", keyPEM(t, "PRIVATE KEY", ec))
	write("text.key", "no key at all\n")
	write("open.key", keyPEM(t, "PRIVATE KEY", key))
	if err := os.Chmod(filepath.Join(dir, "open.key"), 0o644); err != nil {
		t.Fatal(err)
	}
	write("right.crt", certificatePEM(t, key))
	write("other.crt", certificatePEM(t, other))
	path := filepath.Join(dir, "balansd.yaml")
	check := func(key, certificate, folder string) result {
		write("balansd.yaml", `finbox:
  base_url: https://finbox.example
  token_url: https://finbox.example/token
  client_id: me
  private_key_file: `+key+`
  certificate_file: `+certificate+`
folders:
- name: payroll
  path: `+folder+"\n")
		return balansd(t, "config", "check", "--config", path)
	}
	if r := check("right.key", "right.crt", "."); r.code != 0 {
		t.Errorf("what is right is refused: %+v", r)
	}
	for _, c := range []struct{ key, certificate, folder, want string }{
		{"encrypted.key", "right.crt", ".", ":5:3: finbox.private_key_file: the private key " + filepath.Join(dir, "encrypted.key") + " is protected with a passphrase"},
		{"absent.key", "right.crt", ".", ":5:3: finbox.private_key_file: "},
		{"text.key", "right.crt", ".", ":5:3: finbox.private_key_file: the file " + filepath.Join(dir, "text.key") + " is not a private key in PEM form; name the PEM file"},
		{"ec.key", "right.crt", ".", "is not an RSA key; make an RSA key"},
		{"open.key", "right.crt", ".", "; run: chmod 600 " + filepath.Join(dir, "open.key")},
		{"right.key", "other.crt", ".", ":6:3: finbox.certificate_file: the certificate " + filepath.Join(dir, "other.crt") + " does not belong to the private key"},
		{"right.key", "right.crt", "absent", ":9:3: folders[0].path: the folder " + filepath.Join(dir, "absent") + " cannot be read: "},
		{"right.key", "right.crt", "right.crt", ":9:3: folders[0].path: " + filepath.Join(dir, "right.crt") + " is no folder"},
	} {
		if runtime.GOOS == "windows" && c.key == "open.key" {
			continue // access lists protect files there, not modes
		}
		r := check(c.key, c.certificate, c.folder)
		r.want(t, 2, c.want, "config", "check")
		if !strings.HasPrefix(r.stderr, "Error: the configuration has 1 mistake\n") {
			t.Errorf("want one mistake:\n%s", r.stderr)
		}
	}
	// All at once, with the mistakes of the settings.
	r := check("encrypted.key", "right.crt", "absent\nlanguage: es")
	r.want(t, 2, "Error: the configuration has 3 mistakes\n", "config", "check")
	if _, err := os.Stat(filepath.Join(dir, "data")); err == nil {
		t.Error("a check made the data folder")
	}
}

// TestCertificatesThatEnd: config check, doctor and status say it of each certificate in a
// file from 30 days before its end; one that has ended is a mistake, with which the service
// works on.
func TestCertificatesThatEnd(t *testing.T) {
	t.Parallel()
	key := rsaKey(t)
	pair := func(end time.Time) string {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: end}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	}
	far, near, over := time.Now().AddDate(1, 0, 0), time.Now().AddDate(0, 0, 20), time.Now().AddDate(0, 0, -1)
	f := newFixture(t, fixtureOptions{finbox: "private_key_file: own.key, certificate_file: finbox.pem",
		more: "network: {ca_file: ca.pem, client_certificate_file: client.pem, client_key_file: own.key}\n" +
			"portal: {listen: \"\", certificate_file: portal.pem, key_file: own.key}\n"})
	f.write("own.key", keyPEM(t, "PRIVATE KEY", key))
	files := map[string]string{"finbox.pem": "finbox.certificate_file", "ca.pem": "network.ca_file",
		"client.pem": "network.client_certificate_file", "portal.pem": "portal.certificate_file"}
	all := func(end time.Time) {
		for name := range files {
			f.write(name, pair(end))
		}
	}
	all(far)
	if r := f.want(0, "is well", "config", "check"); strings.Contains(r.stdout, "ends on") {
		t.Errorf("a year before its end:\n%s", r.stdout)
	}
	f.want(0, "ends on", "doctor")
	d := f.daemon()
	f.want(0, "runs since", "status")
	d.stop(t)
	for name, setting := range files {
		all(far)
		f.write(name, pair(near))
		f.want(0, "Note: "+setting+": ", "config", "check")
		f.want(3, "soon  certificate "+setting, "doctor")
		s := read[daemon.Status](t, f, 3, "status")
		if len(s.Conditions) != 1 || s.Conditions[0].Kind != ledger.CertificateEnds || s.Conditions[0].Subject != setting {
			t.Errorf("%s ends: %+v", setting, s.Conditions)
		}
		f.write(name, pair(over))
		f.want(2, setting+": ", "config", "check")
		f.want(2, "has ended, on", "config", "check")
		f.want(2, "WRONG  certificate "+setting, "doctor")
		s = read[daemon.Status](t, f, 3, "status")
		if len(s.Conditions) != 1 || s.Conditions[0].Kind != ledger.CertificateEnded {
			t.Errorf("%s has ended: %+v", setting, s.Conditions)
		}
	}
	all(over)
	f.daemon() // it starts
	f.want(3, "certificate portal.certificate_file", "status")
}
