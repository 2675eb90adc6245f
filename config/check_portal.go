package config

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"
	"time"

	"balansd/internal/clip"
	"balansd/internal/loopback"
)

// checkPortal requires the web pages to be on loopback, or to have a name and a
// certificate.
func (r *reader) checkPortal(p Portal) {
	if p.Listen == "" {
		return
	}
	host, port, err := net.SplitHostPort(p.Listen)
	switch {
	case err != nil || port == "":
		r.reject("portal.listen", fmt.Sprintf("%q is no address", clip.Text(p.Listen)), "write host and port, as 127.0.0.1:8417")
	case !loopback.IsHost(host) && p.CertificateFile == "":
		r.reject("portal.listen", fmt.Sprintf("%s can be reached over the network, and no certificate is set", p.Listen),
			"set certificate_file and key_file, or write 127.0.0.1 as the host")
	case !loopback.IsHost(host) && len(p.Hostnames) == 0 && p.URL == "":
		r.reject("portal.hostnames", "no name is set by which browsers reach the pages", "give the server's name, as balansd.kantoor.example")
	}
	for i, name := range p.Hostnames {
		if name == "" || strings.ContainsAny(name, "/:* ") {
			r.reject(fmt.Sprintf("portal.hostnames[%d]", i), fmt.Sprintf("%q is no host name", clip.Text(name)),
				"write the name alone, without https:// and port")
		}
	}
	r.checkPortalURL(p)
	r.checkKeyPair("portal.certificate_file", p.CertificateFile, "portal.key_file", p.KeyFile)
	checkRange(r, "portal.session_time", p.SessionTime, 5*time.Minute, 30*24*time.Hour, formatDuration)
	if t := p.MetricsToken; !t.IsZero() && len(t.Reveal()) < 16 {
		r.reject("portal.metrics_token", "it is shorter than 16 characters", "make a longer one, at random")
	}
	r.checkOIDC(p.OIDC)
}

// pagesPath matches the path of the pages' address.
var pagesPath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*/?$`)

// checkPortalURL requires the address of the pages to be one that browsers can use. One
// under TLS without a certificate is that of a proxy: without its address all people would
// share the proxy's, and a stranger's wrong passwords would keep them all out.
func (r *reader) checkPortalURL(p Portal) {
	if p.URL == "" {
		return
	}
	r.checkURL("portal.url", p.URL)
	u, err := url.Parse(p.URL)
	switch {
	case err != nil:
	case u.RawQuery != "" || u.ForceQuery:
		r.reject("portal.url", "the address holds a ? part", "leave that part out")
	case !pagesPath.MatchString(u.EscapedPath()):
		r.reject("portal.url", fmt.Sprintf("the path %q has other characters than letters, digits and - . _ ~", clip.Text(u.Path)),
			"write a path as /balansd/, or none")
	case u.Scheme == "https" && p.CertificateFile == "" && len(p.TrustedProxies) == 0:
		r.reject("portal.trusted_proxies", "portal.url is that of a reverse proxy, and it is not known from which address that calls",
			"give it, as [127.0.0.1, \"::1\"] for one on this server")
	}
}

// checkKeyPair requires a certificate and its key, PEM files, to be set both or
// neither, and to belong together.
func (r *reader) checkKeyPair(certificateKey, certificate, keyKey, key string) {
	before := len(r.mistakes)
	if certificate != "" {
		r.checkCertificates(certificateKey, certificate)
	}
	if key != "" {
		r.readPrivate(keyKey, key)
	}
	switch {
	case certificate != "" && key == "":
		r.reject(keyKey, "a certificate is set without its key", "name the file with its private key")
	case certificate == "" && key != "":
		r.reject(certificateKey, "a key is set without its certificate", "name the file with the certificate")
	case certificate != "" && len(r.mistakes) == before:
		// The cause names what is wrong with the files, never what is in them.
		if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
			r.reject(keyKey, fmt.Sprintf("the key cannot be used with the certificate %s: %s", certificate, strings.TrimPrefix(err.Error(), "tls: ")),
				"give both in PEM form, the key without a passphrase, and check that they belong together")
		}
	}
}

func (r *reader) checkOIDC(o OIDC) {
	if !r.isSet("portal.oidc") {
		return
	}
	r.checkURL("portal.oidc.issuer", o.Issuer)
	r.require("portal.oidc.client_id", o.ClientID, "the provider gives it when the application is registered")
	r.require("portal.oidc.groups_claim", o.GroupsClaim, "the claim that lists a person's groups, as groups or roles")
	if o.ClientSecret.IsZero() && o.ClientSecretFile == "" {
		r.reject("portal.oidc.client_secret_file", "no client secret is set", "name the file that holds it")
	}
	if len(o.AdminGroups)+len(o.AdminUsers) == 0 {
		r.reject("portal.oidc.admin_groups", "no group is set whose members are admins",
			"give the id or name of one, as the claim has it; or mail addresses in admin_users")
	}
	for key, users := range map[string][]string{"portal.oidc.admin_users": o.AdminUsers, "portal.oidc.staff_users": o.StaffUsers} {
		for i, u := range users {
			if name, domain, ok := strings.Cut(u, "@"); !ok || name == "" || !isDomain(domain) {
				r.reject(fmt.Sprintf("%s[%d]", key, i), fmt.Sprintf("%q is no mail address", clip.Text(u)), "write one as an@kantoor.example")
			}
		}
	}
	if o.HostedDomain != "" && !isDomain(o.HostedDomain) {
		r.reject("portal.oidc.hosted_domain", fmt.Sprintf("%q is no domain", clip.Text(o.HostedDomain)), "write it as kantoor.example")
	}
	checkRange(r, "portal.oidc.recheck", o.Recheck, time.Minute, 30*24*time.Hour, formatDuration)
}

// isDomain reports whether a text is a domain, as kantoor.example.
func isDomain(text string) bool {
	return strings.Contains(text, ".") && !strings.HasPrefix(text, ".") && !strings.HasSuffix(text, ".") && !strings.ContainsAny(text, "@/:* ")
}
