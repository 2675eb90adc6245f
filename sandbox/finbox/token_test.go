package finbox

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

func TestClientSecrets(t *testing.T) {
	b := newFixture(t, Options{ClientSecret: "s:e c+r%t"})
	grant := url.Values{"grant_type": {"client_credentials"}}
	with := func(more url.Values) url.Values {
		form := url.Values{"grant_type": {"client_credentials"}}
		for k, v := range more {
			form[k] = v
		}
		return form
	}
	basic := func(id, secret string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
	}
	for name, c := range map[string]struct {
		form    url.Values
		prepare func(*http.Request)
		status  int
	}{
		"basic":          {grant, basic(b.ClientID(), b.ClientSecret()), 200},
		"basic wrong":    {grant, basic(b.ClientID(), "other"), 401},
		"basic other id": {grant, basic("other", b.ClientSecret()), 401},
		"form":           {with(url.Values{"client_id": {b.ClientID()}, "client_secret": {b.ClientSecret()}}), nil, 200},
		"form wrong":     {with(url.Values{"client_id": {b.ClientID()}, "client_secret": {"other"}}), nil, 401},
		"both":           {with(url.Values{"client_id": {b.ClientID()}, "client_secret": {b.ClientSecret()}}), basic(b.ClientID(), b.ClientSecret()), 401},
		"none":           {grant, nil, 401},
		"other grant":    {url.Values{"grant_type": {"password"}}, basic(b.ClientID(), b.ClientSecret()), 400},
	} {
		status, body := b.askToken(c.form, c.prepare)
		if status != c.status || bytes.Contains(body, []byte(b.ClientSecret())) {
			t.Errorf("%s answers %d, want %d", name, status, c.status)
		}
	}
}

func TestAssertions(t *testing.T) {
	b := newFixture(t, Options{})
	key, other := newKey(t), newKey(t)
	if err := b.RegisterKey(certificate(t, other)); err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.RegisterKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})); err != nil {
		t.Fatal(err)
	}
	good := func() jwt.Claims {
		return jwt.Claims{Issuer: b.ClientID(), Subject: b.ClientID(), Audience: jwt.Audience{b.TokenURL()}, ID: rand.Text(),
			IssuedAt: jwt.NewNumericDate(b.now), Expiry: jwt.NewNumericDate(b.now.Add(2 * time.Minute))}
	}
	try := func(claims jwt.Claims, key *rsa.PrivateKey, alg jose.SignatureAlgorithm) int {
		t.Helper()
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		status, _ := b.askToken(url.Values{"grant_type": {"client_credentials"}, "client_id": {b.ClientID()},
			"client_assertion_type": {assertionType}, "client_assertion": {text}}, nil)
		return status
	}
	if got := try(good(), key, jose.RS256); got != 200 {
		t.Errorf("a good assertion: %d", got)
	}
	if got := try(good(), other, jose.RS256); got != 200 {
		t.Errorf("a good assertion of a certificate: %d", got)
	}
	used := good()
	if first, second := try(used, key, jose.RS256), try(used, key, jose.RS256); first != 200 || second != 401 {
		t.Errorf("the same assertion twice: %d, %d", first, second)
	}
	for name, spoil := range map[string]func(*jwt.Claims){
		"other issuer":   func(c *jwt.Claims) { c.Issuer = "other" },
		"other subject":  func(c *jwt.Claims) { c.Subject = "other" },
		"other audience": func(c *jwt.Claims) { c.Audience = jwt.Audience{"https://elsewhere.test/token"} },
		"no id":          func(c *jwt.Claims) { c.ID = "" },
		"no end":         func(c *jwt.Claims) { c.Expiry = nil },
		"ended":          func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(b.now.Add(-2 * time.Minute)) },
		"ends too late":  func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(b.now.Add(time.Hour)) },
		"not yet":        func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(b.now.Add(2 * time.Minute)) },
	} {
		claims := good()
		spoil(&claims)
		if got := try(claims, key, jose.RS256); got != 401 {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := try(good(), newKey(t), jose.RS256); got != 401 {
		t.Errorf("a key that nobody registered: %d", got)
	}
	if got := try(good(), key, jose.PS256); got != 401 {
		t.Errorf("another algorithm: %d", got)
	}
	for _, bad := range []string{"", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if b.RegisterKey([]byte(bad)) == nil {
			t.Errorf("%q was taken as a key", bad)
		}
	}
}

// TestEndedCertificate: the key of a certificate signs in until the certificate ends.
func TestEndedCertificate(t *testing.T) {
	key := newKey(t)
	k, err := parsePublicKey(certificate(t, key))
	if err != nil {
		t.Fatal(err)
	}
	at := k.end
	f := New(Options{Now: func() time.Time { return at }})
	if err := f.RegisterKey(certificate(t, key)); err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const host = "finbox.test"
	try := func() bool {
		claims := jwt.Claims{Issuer: f.ClientID(), Subject: f.ClientID(), ID: rand.Text(), Expiry: jwt.NewNumericDate(at.Add(time.Minute)),
			Audience: jwt.Audience{"http://" + host + tokenPath}}
		text, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return f.validAssertion(text, host)
	}
	if at = k.end.Add(-time.Second); !try() {
		t.Error("it is refused a second before its end")
	}
	if at = k.end; try() {
		t.Error("it is accepted at its end")
	}
}

func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certificate(t *testing.T, key *rsa.PrivateKey) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
