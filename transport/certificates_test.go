package transport_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"balansd/transport"
)

// TestCertificates reports the certificate of a server, also one that has ended and is
// refused.
func TestCertificates(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, end := range map[string]time.Time{"valid": time.Now().Add(time.Hour), "ended": time.Now().Add(-time.Hour)} {
		end = end.UTC().Truncate(time.Second)
		c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: end, IsCA: true,
			BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
		der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		s := httptest.NewUnstartedServer(http.NotFoundHandler())
		s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
		s.StartTLS()
		t.Cleanup(s.Close)
		ca := filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		got := map[string]time.Time{}
		client := newClient(t, transport.Config{AllowedHosts: []string{s.URL}, CAFile: ca, Retries: -1,
			Certificates: func(host string, chain []*x509.Certificate) { got[host] = chain[0].NotAfter }})
		if _, err := get(t, client, s.URL); (err == nil) != (name == "valid") {
			t.Errorf("%s: %v", name, err)
		}
		if !got["127.0.0.1"].Equal(end) {
			t.Errorf("%s: reported %v, want %s", name, got, end)
		}
	}
}
