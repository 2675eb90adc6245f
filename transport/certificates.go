package transport

import (
	"crypto/x509"
	"errors"
	"net/http"
)

// certificates reports the certificates of a host: of each response, and of a connection
// that failed because one has ended.
type certificates struct {
	next   http.RoundTripper
	report func(host string, chain []*x509.Certificate)
}

func (c *certificates) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(req)
	if c.report == nil {
		return resp, err
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired && invalid.Cert != nil {
		c.report(req.URL.Hostname(), []*x509.Certificate{invalid.Cert})
	}
	if err == nil && resp.TLS != nil {
		c.report(req.URL.Hostname(), resp.TLS.PeerCertificates)
	}
	return resp, err
}
