package transport_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"balansd/problem"
	"balansd/transport"
)

// newCertificate writes a new certificate and its key as PEM files.
func newCertificate(t *testing.T, name string) (certificate, key string, parsed *x509.Certificate) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	if parsed, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	file := func(name, kind string, der []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return file("client.crt", "CERTIFICATE", der), file("client.key", "PRIVATE KEY", pkcs8), parsed
}

func TestClientCertificate(t *testing.T) {
	certificate, key, parsed := newCertificate(t, "kantoor")
	who := ""
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		who = r.TLS.PeerCertificates[0].Subject.CommonName
	}))
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	s.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12}
	s.StartTLS()
	t.Cleanup(s.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}

	c := newClient(t, transport.Config{AllowedHosts: []string{s.URL}, CAFile: ca, ClientCertificateFile: certificate, ClientKeyFile: key})
	if _, err := get(t, c, s.URL); err != nil || who != "kantoor" {
		t.Errorf("the server saw %q, error %v", who, err)
	}
	without := newClient(t, transport.Config{AllowedHosts: []string{s.URL}, CAFile: ca, Retries: -1})
	if _, err := get(t, without, s.URL); err == nil {
		t.Error("the server accepted a client without a certificate")
	}
}

func TestUnusableClientCertificate(t *testing.T) {
	certificate, _, _ := newCertificate(t, "one")
	_, key, _ := newCertificate(t, "two")
	_, err := transport.New(transport.Config{AllowedHosts: []string{"https://a.example"}, ClientCertificateFile: certificate, ClientKeyFile: key})
	if !problem.Is(err, problem.KeyInvalid) {
		t.Errorf("a key of another certificate gives %v", err)
	}
}
