package config

import (
	"crypto/x509"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// secrets reads the secrets that stand in files of their own. A variable goes
// before the file.
func (r *reader) secrets(c *Config) {
	for _, s := range []struct {
		key  string
		file string
		into *Secret
	}{
		{"finbox.client_secret", c.Finbox.ClientSecretFile, &c.Finbox.ClientSecret},
		{"silverfin.client_secret", c.Silverfin.ClientSecretFile, &c.Silverfin.ClientSecret},
		{"portal.metrics_token", c.Portal.MetricsTokenFile, &c.Portal.MetricsToken},
		{"portal.oidc.client_secret", c.Portal.OIDC.ClientSecretFile, &c.Portal.OIDC.ClientSecret},
	} {
		if s.file == "" || !s.into.IsZero() {
			continue
		}
		text := strings.TrimRight(string(r.private(s.key+"_file", s.file)), "\r\n")
		if text != "" {
			*s.into = NewSecret(text)
			r.origins[s.key] = Origin{Secret: s.file}
		}
	}
}

// private reads a file that only the service may read; nil when it cannot.
// Windows keeps other rights than these, which the installer sets.
func (r *reader) private(key, path string) []byte {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		r.wrong(key, fmt.Sprintf("the file %s cannot be read: %s", path, reason(err)), "check its name, and who may read it")
		return nil
	case !info.Mode().IsRegular():
		r.wrong(key, fmt.Sprintf("%s is no file", path), "name the file itself")
		return nil
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o007 != 0:
		r.wrong(key, fmt.Sprintf("the file %s can be read by everyone on this machine", path), "run: chmod 600 "+path)
		return nil
	}
	text, err := readBounded(path, 1<<16)
	switch {
	case err != nil:
		r.wrong(key, fmt.Sprintf("the file %s cannot be read: %s", path, reason(err)), "check who may read it")
	case strings.TrimSpace(string(text)) == "":
		r.wrong(key, fmt.Sprintf("the file %s is empty", path), "put the secret in it")
	}
	return text
}

// certificates tries a PEM file with certificates.
func (r *reader) certificates(key, path string) {
	text, err := readBounded(path, maxFile)
	if err != nil {
		r.wrong(key, fmt.Sprintf("the file %s cannot be read: %s", path, reason(err)), "check its name, and who may read it")
	} else if !x509.NewCertPool().AppendCertsFromPEM(text) {
		r.wrong(key, fmt.Sprintf("the file %s holds no certificate", path),
			"give it in PEM form, which starts with -----BEGIN CERTIFICATE-----")
	}
}
