package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"

	"balansd/problem"
)

// ProxyError is the refusal of a request by the proxy. Status is 407, which only
// a proxy answers, or the proxy's answer to CONNECT.
type ProxyError struct{ Status int }

func (e *ProxyError) Error() string {
	return fmt.Sprintf("the proxy answers %d %s", e.Status, http.StatusText(e.Status))
}

// checkConnect returns a ProxyError when the proxy refused a CONNECT request.
func checkConnect(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode == http.StatusOK {
		return nil
	}
	return &ProxyError{resp.StatusCode}
}

// proxyRefusal turns a 407 response to a plain request, which only a proxy
// sends, into a ProxyError.
type proxyRefusal struct{ next http.RoundTripper }

func (p *proxyRefusal) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.next.RoundTrip(req)
	if err == nil && resp.StatusCode == http.StatusProxyAuthRequired {
		discard(resp)
		return nil, &ProxyError{resp.StatusCode}
	}
	return resp, err
}

// Diagnose returns why a request got no response, and a sentence that says what
// to do about it. Both are empty if it is not known.
func Diagnose(err error) (problem.Reason, string) {
	var dns *net.DNSError
	var other x509.HostnameError
	var expired x509.CertificateInvalidError
	var untrusted x509.UnknownAuthorityError
	var verify *tls.CertificateVerificationError
	proxy, fromProxy := errors.AsType[*ProxyError](err)
	op, _ := errors.AsType[*net.OpError](err)
	switch {
	case fromProxy && proxy.Status == http.StatusProxyAuthRequired:
		return problem.ProxySignIn, "Put the proxy's user name into network.proxy, as http://USER@proxy.example:3128, and its password into the file of network.proxy_password_file."
	case fromProxy:
		return problem.ProxyRefuses, "Ask who runs the proxy to let this server through to that address; `balansd doctor` names all addresses."
	case op != nil && op.Op == "proxyconnect":
		return problem.ProxyDown, "Check network.proxy, and whether the proxy lets this server through."
	case errors.As(err, &other):
		return problem.OtherHost, "The certificate is one of another host: check the address in the configuration (base_url, token_url), and what answers there."
	case errors.As(err, &dns):
		return problem.NameUnknown, fmt.Sprintf("The name %s is not known here: check the DNS servers of this server, or set network.proxy.", dns.Name)
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		return problem.CertificateTime, "Check the clock of this server; if it is right, ask who runs the proxy about its certificate."
	case errors.As(err, &untrusted), errors.As(err, &verify):
		return problem.Untrusted, "A proxy that opens encrypted traffic has an authority of its own: name its certificate in network.ca_file."
	}
	return "", ""
}
