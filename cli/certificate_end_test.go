package cli

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"slices"
	"testing"
	"time"
)

func TestCertificateEnd(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	day := func(n int) time.Time { return time.Date(2026, 3, n, 12, 0, 0, 0, time.UTC) }
	der := func(name string, end time.Time) []byte {
		c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: day(1), NotAfter: end}
		der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	block := func(name string, end time.Time) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der(name, end)})
	}
	other := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})
	for name, c := range map[string]struct {
		file []byte
		want time.Time
	}{
		"one":                      {block("a", day(9)), day(9)},
		"DER":                      {der("a", day(9)), day(9)},
		"between other blocks":     {slices.Concat(other, block("a", day(9)), other), day(9)},
		"a chain":                  {slices.Concat(block("leaf", day(20)), block("between", day(9))), day(9)},
		"a successor after it":     {slices.Concat(block("root", day(2)), block("root", day(20))), day(20)},
		"a successor before it":    {slices.Concat(block("root", day(20)), block("root", day(2))), day(20)},
		"a text":                   {[]byte("no certificate"), time.Time{}},
		"a key and no certificate": {other, time.Time{}},
	} {
		if got, ok := certificateEnd(c.file); !got.Equal(c.want) || ok == c.want.IsZero() {
			t.Errorf("%s: %s, %v, want %s", name, got, ok, c.want)
		}
	}
}
