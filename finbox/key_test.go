package finbox_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"balansd/finbox"
	"balansd/problem"
)

// The two keys of the tests; making one takes a while.
var (
	ourKey   = sync.OnceValue(func() *rsa.PrivateKey { return makeKey(2048) })
	otherKey = sync.OnceValue(func() *rsa.PrivateKey { return makeKey(2048) })
)

func makeKey(bits int) *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return k
}

func pkcs1(k *rsa.PrivateKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})
}

func pkcs8(t *testing.T, k any) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// certificate returns a self-signed certificate of the key, as DER.
func certificate(t *testing.T, k *rsa.PrivateKey) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Kantoor De Smet"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func certificatePEM(t *testing.T, k *rsa.PrivateKey) []byte {
	t.Helper()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate(t, k)})
}

// file writes a file that only its owner can read.
func file(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadKey(t *testing.T) {
	both := append([]byte("Bag Attributes\n    friendlyName: finbox\n"), certificatePEM(t, ourKey())...)
	tests := map[string]struct{ key, cert []byte }{
		"PKCS #1":                {pkcs1(ourKey()), nil},
		"PKCS #8":                {pkcs8(t, ourKey()), nil},
		"with a PEM certificate": {pkcs8(t, ourKey()), certificatePEM(t, ourKey())},
		"with a DER certificate": {pkcs8(t, ourKey()), certificate(t, ourKey())},
		"after a certificate":    {append(both, pkcs8(t, ourKey())...), nil},
		"Windows line ends":      {bytes.ReplaceAll(pkcs8(t, ourKey()), []byte("\n"), []byte("\r\n")), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cert := ""
			if tt.cert != nil {
				cert = file(t, "finbox.crt", tt.cert)
			}
			k, err := finbox.LoadKey(file(t, "finbox.key", tt.key), cert)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range []string{fmt.Sprint(k), fmt.Sprintf("%+v", k), fmt.Sprintf("%#v", k)} {
				if s != "RSA key of 2048 bits" {
					t.Errorf("the key prints as %q", s)
				}
			}
		})
	}
}

func TestLoadInvalidKey(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	oldStyle := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("sealed"),
		Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}})
	newStyle := pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte("sealed")})
	good := pkcs8(t, ourKey())
	tests := map[string]struct {
		key, cert  []byte
		what, next string
	}{
		"missing":               {nil, nil, "cannot be read", "Check the path"},
		"encrypted, old style":  {oldStyle, nil, "passphrase", "openssl pkey -in"},
		"encrypted, PKCS #8":    {newStyle, nil, "passphrase", "openssl pkey -in"},
		"certificate instead":   {certificatePEM(t, ourKey()), nil, "no RSA private key but: certificate", "private key that was made together"},
		"elliptic curve":        {pkcs8(t, ec), nil, "not an RSA key", "RS256"},
		"no PEM":                {[]byte{0x30, 0x82, 0x0a}, nil, "not a private key in PEM form", "openssl pkcs12"},
		"empty":                 {[]byte{}, nil, "not a private key in PEM form", ""},
		"damaged":               {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")}), nil, "damaged", "again"},
		"too short":             {pkcs1(makeKey(1024)), nil, "too short: 1024 bits", "2048 bits"},
		"another's certificate": {good, certificatePEM(t, otherKey()), "does not belong", "made together"},
		"no certificate":        {good, []byte("hello"), "is not a certificate", ".crt"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			key, cert := filepath.Join(t.TempDir(), "missing.key"), ""
			if tt.key != nil {
				key = file(t, "finbox.key", tt.key)
			}
			if tt.cert != nil {
				cert = file(t, "finbox.crt", tt.cert)
			}
			_, err := finbox.LoadKey(key, cert)
			wantKeyProblem(t, err, tt.what, tt.next)
			if err != nil && !strings.Contains(err.Error(), key) && (cert == "" || !strings.Contains(err.Error(), cert)) {
				t.Errorf("the message names no file: %v", err)
			}
		})
	}
	t.Run("missing certificate", func(t *testing.T) {
		_, err := finbox.LoadKey(file(t, "finbox.key", good), filepath.Join(t.TempDir(), "missing.crt"))
		wantKeyProblem(t, err, "certificate file", "Check the path")
	})
	t.Run("a folder", func(t *testing.T) {
		_, err := finbox.LoadKey(t.TempDir(), "")
		wantKeyProblem(t, err, "", "key file itself")
	})
}

func TestKeyReadableByOthers(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has access lists instead of mode bits")
	}
	for _, mode := range []os.FileMode{0o644, 0o602, 0o604} {
		path := file(t, "finbox.key", pkcs8(t, ourKey()))
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := finbox.LoadKey(path, "")
		wantKeyProblem(t, err, fmt.Sprintf("mode %04o", mode), "chmod 600")
	}
}

func wantKeyProblem(t *testing.T, err error, what, next string) {
	t.Helper()
	p := problem.Of(err)
	if p == nil || p.Code != problem.KeyInvalid || !strings.Contains(p.Error(), what) || !strings.Contains(p.Next, next) {
		t.Errorf("got %v (%+v), want a KeyInvalid problem with %q and next %q", err, p, what, next)
	}
}
